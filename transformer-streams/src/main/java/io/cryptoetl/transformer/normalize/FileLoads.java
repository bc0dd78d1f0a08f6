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
import java.util.List;
import java.util.Objects;
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
 * <p>Keys of the store are a letter and the number of a file: {@code f} for its counts, {@code c}
 * if they have changed since they went out.
 */
final class FileLoads {
  /** The number of a file that is not known: copies of before files were told have it. */
  static final long UNKNOWN = 0;

  private static final byte COUNTS = 'f';
  private static final byte CHANGED = 'c';
  private static final byte[] NONE = {};
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final KeyValueStore<byte[], byte[]> store;
  private final int partition;
  private final MessageDigest digest;

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
      FileLoad load = counts(file);
      FileLoadKey key =
          new FileLoadKey(
              load.getFile(),
              load.getFileVersion(),
              load.getDataset(),
              load.getFetchedAt(),
              load.getPart(),
              load.getPartition());
      boolean gone = load.getRows() == 0;
      context.forward(new Record<>(key, gone ? null : load, now), node);
      if (gone) {
        store.delete(key(COUNTS, file));
      }
      store.delete(mark);
    }
  }

  /** The number of the file that a copy is of. Two files do not share one. */
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
    return ByteBuffer.wrap(digest.digest()).getLong();
  }

  /**
   * Counts copies of a file that have come, or were taken back.
   *
   * @param file number of the file that the copy is of
   */
  void held(FileRow copy, long file, int rows) {
    if (file == UNKNOWN || rows == 0) {
      return;
    }
    byte[] known = store.get(key(COUNTS, file));
    FileLoad load =
        known == null
            ? new FileLoad(
                copy.getFile(),
                copy.getFileVersion(),
                copy.getDataset(),
                copy.getFetchedAt(),
                copy.getPart(),
                partition,
                0L,
                0L)
            : decode(known);
    load.setRows(load.getRows() + rows);
    put(file, load);
  }

  /** Counts rows of files that stood in a table, and those that do now. */
  void moved(List<Long> before, List<Long> after) {
    if (!before.equals(after)) {
      before.forEach(file -> loaded(file, -1));
      after.forEach(file -> loaded(file, 1));
    }
  }

  private void loaded(long file, int rows) {
    if (file != UNKNOWN) {
      FileLoad load = counts(file);
      load.setLoaded(load.getLoaded() + rows);
      put(file, load);
    }
  }

  /** What is known of the file whose copies are held. */
  FileLoad counts(long file) {
    return decode(Objects.requireNonNull(store.get(key(COUNTS, file)), "a file without counts"));
  }

  private void put(long file, FileLoad load) {
    store.put(key(COUNTS, file), MadeRows.encode(load));
    store.put(key(CHANGED, file), NONE);
  }

  private static FileLoad decode(byte[] bytes) {
    try {
      return FileLoad.fromByteBuffer(ByteBuffer.wrap(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  private static byte[] key(byte letter, long file) {
    return ByteBuffer.allocate(1 + Long.BYTES).put(letter).putLong(file).array();
  }
}
