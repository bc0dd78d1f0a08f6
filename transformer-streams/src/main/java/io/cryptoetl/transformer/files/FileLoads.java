package io.cryptoetl.transformer.files;

import io.cryptoetl.chain.Block;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.market.Candle;
import io.cryptoetl.ops.FileLoad;
import io.cryptoetl.ops.FileLoadKey;
import io.cryptoetl.transformer.state.Kept;
import io.cryptoetl.transformer.state.Marks;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Which files the copies of rows are of, and how many rows of each file stand in the tables. The
 * counts follow from the copies that are held, so that they are the same in whatever order these
 * came. They are in the store with the copies, and go out within a second.
 *
 * <p>Keys of the store are a letter and the number of a file: {@code f} for its counts, {@code n}
 * for its name, {@code c} if the counts have changed since they went out.
 */
public final class FileLoads {
  private static final byte COUNTS = 'f';
  private static final byte NAME = 'n';
  private static final char CHANGED = 'c';
  private static final int NAMES = 100;

  private final ProcessorContext<SpecificRecord, SpecificRecord> context;
  private final KeyValueStore<byte[], byte[]> store;
  private final String node;
  private final int partition;
  private final MessageDigest digest;

  private final Marks changed;

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
  public FileLoads(
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
    this.changed = new Marks(context, store, CHANGED, this::report);
  }

  private void report(byte[] number, long now) {
    long file = ByteBuffer.wrap(number).getLong();
    FileLoadKey name = name(file);
    Load counted = load(file);
    boolean gone = counted.rows() == 0;
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
                counted.rows(),
                counted.loaded());
    context.forward(new Record<>(name, load, now), node);
    if (gone) {
      store.delete(key(COUNTS, file));
      store.delete(key(NAME, file));
    }
  }

  /** The number of the file that a chunk is of, read at a time. Two files do not share one. */
  long fileOf(FileRows chunk, Instant fetchedAt) {
    for (String name :
        List.of(chunk.getFile(), chunk.getFileVersion(), chunk.getDataset(), chunk.getPart())) {
      digest.update(name.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    digest.update(ByteBuffer.allocate(Long.BYTES).putLong(fetchedAt.toEpochMilli()).flip());
    long file = ByteBuffer.wrap(digest.digest()).getLong();
    names.computeIfAbsent(
        file,
        _ ->
            new FileLoadKey(
                chunk.getFile(),
                chunk.getFileVersion(),
                chunk.getDataset(),
                fetchedAt,
                chunk.getPart(),
                partition));
    return file;
  }

  /** Takes counts. */
  public Counts count() {
    return new Counts();
  }

  /** Counts of some files, which are kept by {@link #commit}. */
  public final class Counts {
    private final Map<Long, long[]> changes = new LinkedHashMap<>();

    private Counts() {}

    /** Copies have come, or were taken back. */
    void held(long file, int rows) {
      of(file)[0] += rows;
    }

    /** What stands in the place of a row is of other files. */
    public void moved(List<Long> before, List<Long> now) {
      before.forEach(file -> of(file)[1]--);
      now.forEach(file -> of(file)[1]++);
    }

    private long[] of(long file) {
      return changes.computeIfAbsent(file, _ -> new long[2]);
    }

    /** Keeps them: the last thing to do for what was counted. */
    public void commit() {
      changes.forEach(
          (file, change) -> {
            if (change[0] != 0 || change[1] != 0) {
              add(file, change[0], change[1]);
            }
          });
    }
  }

  private void add(long file, long rows, long loaded) {
    Load load = load(file);
    if (load.rows() == 0 && store.get(key(NAME, file)) == null) {
      store.put(key(NAME, file), Kept.toBytes(name(file)));
    }
    store.put(
        key(COUNTS, file),
        ByteBuffer.allocate(2 * Long.BYTES)
            .putLong(load.rows() + rows)
            .putLong(load.loaded() + loaded)
            .array());
    changed.mark(ByteBuffer.allocate(Long.BYTES).putLong(file).array());
  }

  private record Load(long rows, long loaded) {}

  private Load load(long file) {
    byte[] stored = store.get(key(COUNTS, file));
    if (stored == null) {
      return new Load(0, 0);
    }
    ByteBuffer counts = ByteBuffer.wrap(stored);
    return new Load(counts.getLong(), counts.getLong());
  }

  /** Says in a row of which file it is. */
  public <T extends SpecificRecord> T from(long file, T row) {
    FileLoadKey name = name(file);
    switch (row) {
      case Candle candle -> {
        candle.setSource(name.getDataset());
        candle.setEndpoint(name.getFile());
        candle.setFetchedAt(name.getFetchedAt());
      }
      case Block block -> {
        block.setSource(name.getDataset());
        block.setEndpoint(name.getFile());
        block.setFetchedAt(name.getFetchedAt());
      }
      default -> {
        // Other rows do not say where they are from.
      }
    }
    return row;
  }

  private FileLoadKey name(long file) {
    return names.computeIfAbsent(
        file,
        number -> {
          byte[] stored = store.get(key(NAME, number));
          return Kept.fromBytes(FileLoadKey.class, stored);
        });
  }

  private static byte[] key(byte letter, long file) {
    return ByteBuffer.allocate(1 + Long.BYTES).put(letter).putLong(file).array();
  }
}
