package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.Block;
import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.Candle;
import io.cryptoetl.ops.FileLoad;
import io.cryptoetl.ops.FileLoadKey;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Which files the copies of rows are of, and how many rows of each file stand in the tables. The
 * counts follow from the copies that are held, so that they are the same in whatever order these
 * came. They are in the store with each row, and go out within a second.
 *
 * <p>Keys of the store are a letter and the number of a file: {@code f} for its counts, {@code n}
 * for its name, {@code c} if the counts have changed since they went out.
 */
final class FileLoads {
  private static final byte COUNTS = 'f';
  private static final byte NAME = 'n';
  private static final byte CHANGED = 'c';
  private static final int NAMES = 100;
  private static final byte[] NONE = {};
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final ProcessorContext<SpecificRecord, SpecificRecord> context;
  private final KeyValueStore<byte[], byte[]> store;
  private final String node;
  private final int partition;
  private final MessageDigest digest;

  private Cancellable scheduled;

  /** Names of some files. A number is made of its name, so that it never means another one. */
  private final Map<Long, FileLoadKey> names =
      new LinkedHashMap<>() {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Long, FileLoadKey> eldest) {
          return size() > NAMES;
        }
      };

  /**
   * The files that one task counts.
   *
   * @param node that writes the counts out
   */
  FileLoads(
      ProcessorContext<SpecificRecord, SpecificRecord> context, String storeName, String node) {
    this.context = context;
    this.store = context.getStateStore(storeName);
    this.node = node;
    this.partition = context.taskId().partition();
    try {
      this.digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
    // What an instance before this one has counted and not written out.
    if (!changed().isEmpty()) {
      schedule();
    }
  }

  /** Only if there is something to write: each call makes its task commit, an idle one, too. */
  private void schedule() {
    if (scheduled == null) {
      scheduled = context.schedule(PAUSE, PunctuationType.WALL_CLOCK_TIME, this::report);
    }
  }

  private List<byte[]> changed() {
    List<byte[]> changed = new ArrayList<>();
    try (KeyValueIterator<byte[], byte[]> found = store.range(key(CHANGED, 0), key(CHANGED, -1))) {
      while (found.hasNext()) {
        KeyValue<byte[], byte[]> each = found.next();
        changed.add(each.key);
      }
    }
    return changed;
  }

  private void report(long now) {
    scheduled.cancel();
    scheduled = null;
    for (byte[] mark : changed()) {
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

  /** Counts copies that have come, or were taken back. */
  void held(FileCopies.Taken taken) {
    if (!taken.heldBefore().equals(taken.held())) {
      taken.heldBefore().forEach(file -> add(file, -1, 0));
      taken.held().forEach(file -> add(file, 1, 0));
    }
  }

  /** Counts rows that stood in a table, and those that do now. */
  void moved(List<Long> before, List<Long> now) {
    if (!before.equals(now)) {
      before.forEach(file -> add(file, 0, -1));
      now.forEach(file -> add(file, 0, 1));
    }
  }

  private void add(long file, int rows, int loaded) {
    Counts counts = counts(file);
    store.put(
        key(COUNTS, file),
        ByteBuffer.allocate(2 * Long.BYTES)
            .putLong(counts.rows() + rows)
            .putLong(counts.loaded() + loaded)
            .array());
    store.put(key(CHANGED, file), NONE);
    schedule();
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

  /** Says in a row of which file it is. */
  <T extends SpecificRecord> T from(long file, T row) {
    FileLoadKey name = name(file);
    setProvenance(row, name.getDataset(), name.getFile(), name.getFetchedAt());
    return row;
  }

  /** A row that does not say of which file it is: copies that say the same have the same bytes. */
  static SpecificRecord fromNowhere(SpecificRecord row) {
    setProvenance(row, "", "", Instant.EPOCH);
    return row;
  }

  private static void setProvenance(
      SpecificRecord row, String source, String endpoint, Instant fetchedAt) {
    switch (row) {
      case Candle candle -> {
        candle.setSource(source);
        candle.setEndpoint(endpoint);
        candle.setFetchedAt(fetchedAt);
      }
      case Block block -> {
        block.setSource(source);
        block.setEndpoint(endpoint);
        block.setFetchedAt(fetchedAt);
      }
      default -> {
        // Other rows do not say where they are from.
      }
    }
  }

  private FileLoadKey name(long file) {
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
