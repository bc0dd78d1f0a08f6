package io.cryptoetl.transformer.normalize;

import io.cryptoetl.files.FileRow;
import io.cryptoetl.ops.FileLoad;
import io.cryptoetl.ops.FileLoadKey;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Which files the copies of rows are of, and how many rows of each file stand in the tables. The
 * counts follow from the copies that are held, so that they are the same in whatever order these
 * came. They are in the store with each row, and go out every second.
 *
 * <p>Keys of the store are a letter and the number of a file: {@code f} for its counts, {@code n}
 * for its name, {@code c} if the counts have changed since they went out.
 */
final class FileLoads {
  /** The number of a file that is not known: copies of before files were told have it. */
  static final long UNKNOWN = 0;

  private static final byte COUNTS = 'f';
  private static final byte NAME = 'n';
  private static final byte CHANGED = 'c';
  private static final int NAMES = 100;
  private static final byte[] NONE = {};
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final KeyValueStore<byte[], byte[]> store;
  private final int partition;
  private final MessageDigest digest;

  /** Names of some files. A number is made of its name, so that it never means another one. */
  private final Map<Long, FileLoadKey> names =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, FileLoadKey> eldest) {
          return size() > NAMES;
        }
      };

  FileLoads(ProcessorContext<SpecificRecord, SpecificRecord> context, String store) {
    this.store = context.getStateStore(store);
    this.partition = context.taskId().partition();
    try {
      this.digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  /** Has the counts that changed written out from now on. */
  void report(
      ProcessorContext<SpecificRecord, SpecificRecord> context, UnaryOperator<String> sink) {
    String node = sink.apply(Topics.OPS_FILE_LOADS.name());
    context.schedule(PAUSE, PunctuationType.WALL_CLOCK_TIME, now -> report(context, node, now));
  }

  private void report(
      ProcessorContext<SpecificRecord, SpecificRecord> context, String node, long now) {
    List<byte[]> changed = new ArrayList<>();
    try (KeyValueIterator<byte[], byte[]> found = store.range(key(CHANGED, 0), key(CHANGED, -1))) {
      while (found.hasNext()) {
        KeyValue<byte[], byte[]> each = found.next();
        changed.add(each.key);
      }
    }
    for (byte[] mark : changed) {
      long file = ByteBuffer.wrap(mark, 1, Long.BYTES).getLong();
      FileLoadKey name = name(file);
      Counts counts = counts(file);
      boolean gone = counts.rows() == 0;
      FileLoad load =
          gone
              ? null
              : new FileLoad(
                  name.getFile(),
                  name.getFileVersion(),
                  name.getDataset(),
                  name.getFetchedAt(),
                  name.getPart(),
                  name.getPartition(),
                  counts.rows(),
                  counts.loaded());
      context.forward(new Record<>(name, load, now), node);
      if (gone) {
        store.delete(key(COUNTS, file));
        store.delete(key(NAME, file));
      }
      store.delete(mark);
    }
  }

  /**
   * The number of the file that a copy is of. Two files do not share one. The name of a file that
   * makes a copy is known from now on.
   */
  long fileOf(FileRow copy) {
    if (copy.getFile() == null) {
      return UNKNOWN;
    }
    for (String name :
        List.of(copy.getFile(), copy.getFileVersion(), copy.getDataset(), copy.getPart())) {
      digest.update(name.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    digest.update(
        ByteBuffer.allocate(Long.BYTES).putLong(copy.getFetchedAt().toEpochMilli()).flip());
    long file = ByteBuffer.wrap(digest.digest()).getLong();
    byte[] key = key(NAME, file);
    if (copy.getRow() != null && store.get(key) == null) {
      store.put(
          key,
          MadeRows.encode(
              new FileLoadKey(
                  copy.getFile(),
                  copy.getFileVersion(),
                  copy.getDataset(),
                  copy.getFetchedAt(),
                  copy.getPart(),
                  partition)));
    }
    return file;
  }

  /**
   * Counts what taking a copy has changed.
   *
   * @param file that the copy is of
   * @param held by how many the copies of that file became more
   * @param before files of what stood in the table
   * @param after files of what stands there now
   */
  void taken(long file, int held, List<Long> before, List<Long> after) {
    Set<Long> touched = new HashSet<>(before);
    touched.addAll(after);
    touched.add(file);
    for (long each : touched) {
      int loaded = Collections.frequency(after, each) - Collections.frequency(before, each);
      add(each, each == file ? held : 0, loaded);
    }
  }

  /** Counts rows of files that are hidden by something else from now on. */
  void hidden(List<Long> files) {
    files.forEach(file -> add(file, 0, -1));
  }

  /** Counts rows of files that are hidden no more. */
  void shown(List<Long> files) {
    files.forEach(file -> add(file, 0, 1));
  }

  private void add(long file, int rows, int loaded) {
    if (file != UNKNOWN && (rows != 0 || loaded != 0)) {
      Counts counts = counts(file);
      store.put(
          key(COUNTS, file),
          ByteBuffer.allocate(2 * Long.BYTES)
              .putLong(counts.rows() + rows)
              .putLong(counts.loaded() + loaded)
              .array());
      store.put(key(CHANGED, file), NONE);
    }
  }

  private record Counts(long rows, long loaded) {}

  private Counts counts(long file) {
    byte[] stored = store.get(key(COUNTS, file));
    if (stored == null) {
      return new Counts(0, 0);
    }
    ByteBuffer counts = ByteBuffer.wrap(stored);
    return new Counts(counts.getLong(), counts.getLong());
  }

  /** Which file has a number. A copy of it must be held. */
  FileLoadKey name(long file) {
    return names.computeIfAbsent(
        file,
        number -> {
          try {
            return FileLoadKey.fromByteBuffer(ByteBuffer.wrap(store.get(key(NAME, number))));
          } catch (IOException e) {
            throw new UncheckedIOException("reading from memory", e);
          }
        });
  }

  private static byte[] key(byte letter, long file) {
    return ByteBuffer.allocate(1 + Long.BYTES).put(letter).putLong(file).array();
  }
}
