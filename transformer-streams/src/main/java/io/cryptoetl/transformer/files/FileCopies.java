package io.cryptoetl.transformer.files;

import io.cryptoetl.datasets.Target;
import io.cryptoetl.files.FileBucket;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.transformer.state.Buckets;
import io.cryptoetl.transformer.state.ChunkRows;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * All copies of rows that files make now, so that taking back the best one brings the next one. Of
 * the copies of a row the greatest by (time read, file, line) is the best: the file that was read
 * last, and in it the later line; files that were read in the same millisecond are told apart by
 * their number. The order is total. Of copies that say the same as the best one, with none between
 * them that does not, the first stands in the table: a file that repeats what is known changes
 * nothing.
 *
 * <p>An entry of the store holds the {@link ChunkRows rows} that one chunk makes of one {@link
 * Buckets bucket}: a chunk writes an entry for many rows, and changes no other one's. Keys are the
 * bucket, the time read, the number of the {@link FileLoads file} and the first line of the chunk,
 * in eight bytes each.
 */
public final class FileCopies {
  private static final int PLACE = 3 * Long.BYTES;

  private static final Comparator<Copy> ORDER =
      Comparator.comparingLong(Copy::fetchedAtMs)
          .thenComparing(Copy::file, Long::compareUnsigned)
          .thenComparingLong(Copy::line)
          .thenComparingLong(Copy::firstLine);

  private final KeyValueStore<byte[], byte[]> store;
  private final FileLoads loads;

  /**
   * A copy of a row.
   *
   * @param fetchedAtMs when its file was read, in milliseconds since 1970
   * @param file its number
   * @param firstLine of its chunk
   * @param entry that holds it
   * @param from where its body begins in the entry
   * @param to the first byte behind it
   */
  public record Copy(
      long fetchedAtMs, long file, long firstLine, long line, byte[] entry, int from, int to) {
    /** The row. */
    public <T extends SpecificRecord> T read(Class<T> type) {
      return AvroSerdes.fromBody(type, entry, from, to);
    }

    private boolean saysTheSameAs(Copy other) {
      return Arrays.equals(entry, from, to, other.entry, other.from, other.to);
    }

    /** The file of what stands in a table; none if nothing does. */
    public static List<Long> files(Copy standing) {
      return standing == null ? List.of() : List.of(standing.file());
    }
  }

  /**
   * What stands of the copies of a row, before and after a chunk has come.
   *
   * @param before null if there was none
   * @param now null if there is none
   */
  public record Change(long slot, Copy before, Copy now) {}

  /** A table that shows what stands, unless something better hides it. */
  public interface Table {
    /**
     * Takes what has changed in a bucket, and what a chunk that comes again says again.
     *
     * @param counts takes the files of what is shown
     */
    void change(Target part, byte[] bucket, List<Change> changes, FileLoads.Counts counts);
  }

  /** Copies of one row. */
  private static final class Copies {
    private final List<Copy> before = new ArrayList<>(1);
    private final List<Copy> now = new ArrayList<>(1);
  }

  /** Copies in a store. */
  public FileCopies(KeyValueStore<byte[], byte[]> store, FileLoads loads) {
    this.store = store;
    this.loads = loads;
  }

  /** Takes what a chunk makes now in place of what it made before. */
  public void take(FileRows chunk, Table table) {
    try (FileLoads.Counts counts = loads.count()) {
      Target part = Target.of(chunk.getPart()).orElseThrow();
      long now = loads.fileOf(chunk, chunk.getFetchedAt());
      Long before = chunk.getReplaces() == null ? null : loads.fileOf(chunk, chunk.getReplaces());
      for (FileBucket each : chunk.getBuckets()) {
        byte[] bucket = bytes(each.getBucket());
        List<Change> changes =
            take(
                part,
                bucket,
                key(bucket, chunk.getFetchedAt(), now, chunk.getFirstLine()),
                each.getRows() == null ? null : bytes(each.getRows()),
                before == null
                    ? null
                    : key(bucket, chunk.getReplaces(), before, chunk.getFirstLine()),
                counts);
        if (!changes.isEmpty()) {
          table.change(part, bucket, changes, counts);
        }
      }
    }
  }

  private List<Change> take(
      Target part,
      byte[] bucket,
      byte[] key,
      byte[] rows,
      byte[] keyBefore,
      FileLoads.Counts counts) {
    byte[] rowsBefore = keyBefore == null ? null : store.get(keyBefore);
    List<Change> changes = new ArrayList<>();
    if (rows != null) {
      counts.held(
          fileIn(key),
          visit(part, key, rows, (slot, copy) -> changes.add(new Change(slot, null, copy))));
    }
    try (KeyValueIterator<byte[], byte[]> others = entries(bucket)) {
      if (rowsBefore != null || others.hasNext() || !areAscending(changes)) {
        Map<Long, Copies> copies = new LinkedHashMap<>();
        changes.forEach(change -> of(copies, change.slot()).now.add(change.now()));
        if (rowsBefore != null) {
          int count =
              visit(part, keyBefore, rowsBefore, (slot, copy) -> of(copies, slot).before.add(copy));
          counts.held(fileIn(keyBefore), -count);
        }
        compete(part, copies, key, keyBefore, others);
        boolean again = Arrays.equals(key, keyBefore);
        changes.clear();
        copies.forEach(
            (slot, found) -> {
              Copy before = standing(found.before);
              Copy now = standing(found.now);
              if (again || !isSame(before, now)) {
                changes.add(new Change(slot, before, now));
              }
            });
      }
    }
    if (rowsBefore != null && !Arrays.equals(key, keyBefore)) {
      store.delete(keyBefore);
    }
    if (rows != null) {
      store.put(key, rows);
    } else if (rowsBefore != null) {
      store.delete(key);
    }
    return changes;
  }

  /** Whether no row stands there twice. */
  private static boolean areAscending(List<Change> changes) {
    for (int i = 1; i < changes.size(); i++) {
      if (changes.get(i - 1).slot() >= changes.get(i).slot()) {
        return false;
      }
    }
    return true;
  }

  /** Adds the copies that other chunks have made. */
  private static void compete(
      Target part,
      Map<Long, Copies> copies,
      byte[] key,
      byte[] keyBefore,
      KeyValueIterator<byte[], byte[]> entries) {
    while (entries.hasNext()) {
      KeyValue<byte[], byte[]> entry = entries.next();
      if (!Arrays.equals(entry.key, key) && !Arrays.equals(entry.key, keyBefore)) {
        visit(
            part,
            entry.key,
            entry.value,
            (slot, copy) -> {
              Copies found = copies.get(slot);
              if (found != null) {
                found.before.add(copy);
                found.now.add(copy);
              }
            });
      }
    }
  }

  private static Copies of(Map<Long, Copies> copies, long slot) {
    return copies.computeIfAbsent(slot, _ -> new Copies());
  }

  private static boolean isSame(Copy one, Copy other) {
    if (one == null || other == null) {
      return one == null && other == null;
    }
    return one.file() == other.file() && one.saysTheSameAs(other);
  }

  /** What stands of the copies of each row of a bucket, if no node or venue says what does. */
  public Map<Long, Copy> standing(Target part, byte[] bucket) {
    Map<Long, List<Copy>> copies = new HashMap<>();
    try (KeyValueIterator<byte[], byte[]> entries = entries(bucket)) {
      while (entries.hasNext()) {
        KeyValue<byte[], byte[]> entry = entries.next();
        visit(
            part,
            entry.key,
            entry.value,
            (slot, copy) -> copies.computeIfAbsent(slot, _ -> new ArrayList<>(1)).add(copy));
      }
    }
    Map<Long, Copy> standing = new HashMap<>();
    copies.forEach((slot, found) -> standing.put(slot, standing(found)));
    return standing;
  }

  /** The first one of the copies that say the same as the best one; null if there are none. */
  private static Copy standing(List<Copy> copies) {
    if (copies.size() > 1) {
      copies.sort(ORDER);
    }
    Copy first = copies.isEmpty() ? null : copies.getLast();
    for (int i = copies.size() - 2; i >= 0 && copies.get(i).saysTheSameAs(first); i--) {
      first = copies.get(i);
    }
    return first;
  }

  private interface Visitor {
    void copy(long slot, Copy copy);
  }

  private static int visit(Target part, byte[] key, byte[] rows, Visitor to) {
    ByteBuffer place = ByteBuffer.wrap(key, key.length - PLACE, PLACE);
    long fetchedAt = place.getLong();
    long file = place.getLong();
    long firstLine = place.getLong();
    return ChunkRows.forEach(
        part,
        rows,
        (slot, line, from, behind) ->
            to.copy(slot, new Copy(fetchedAt, file, firstLine, line, rows, from, behind)));
  }

  private static long fileIn(byte[] key) {
    return ByteBuffer.wrap(key).getLong(key.length - PLACE + Long.BYTES);
  }

  private KeyValueIterator<byte[], byte[]> entries(byte[] bucket) {
    byte[] from = Arrays.copyOf(bucket, bucket.length + PLACE);
    byte[] to = from.clone();
    Arrays.fill(to, bucket.length, to.length, (byte) 0xFF);
    return store.range(from, to);
  }

  private static byte[] key(byte[] bucket, Instant fetchedAt, long file, long firstLine) {
    return ByteBuffer.allocate(bucket.length + PLACE)
        .put(bucket)
        .putLong(fetchedAt.toEpochMilli())
        .putLong(file)
        .putLong(firstLine)
        .array();
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
