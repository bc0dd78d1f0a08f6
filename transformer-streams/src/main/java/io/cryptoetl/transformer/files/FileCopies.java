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
import java.util.function.LongPredicate;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.utils.Utils;
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

  /** Copies of one row, those of other chunks from the best one on. */
  private static final class Copies {
    private final List<Copy> before = new ArrayList<>(1);
    private final List<Copy> now = new ArrayList<>(1);
    private final List<Copy> others = new ArrayList<>(1);

    /** Whether copies that are worse than all these make no difference. */
    private boolean isDecided;

    /** Whether the chunk's copy says what stands already. */
    private boolean repeats;

    void decide(boolean again) {
      if (others.isEmpty() || isDecided) {
        return;
      }
      others.sort(ORDER);
      Copy best = others.getLast();
      boolean adds = before.size() == others.size() && now.size() > others.size();
      if (!again && adds) {
        now.sort(ORDER);
        // All copies of the chunk are better, and say the same as the best of the others.
        List<Copy> ofChunk = now.subList(others.size(), now.size());
        repeats =
            now.get(others.size() - 1).equals(best)
                && ofChunk.stream().allMatch(best::saysTheSameAs);
      }
      isDecided = repeats || (endsRun(before) && endsRun(now));
    }

    /** Whether a copy says something else than the best one, and none that is not seen is above. */
    private boolean endsRun(List<Copy> copies) {
      copies.sort(ORDER);
      Copy best = copies.getLast();
      for (Copy each : copies.reversed()) {
        if (!each.saysTheSameAs(best)) {
          return true;
        }
        if (each.equals(others.getFirst())) {
          return false;
        }
      }
      return false;
    }
  }

  /** Copies in a store. */
  public FileCopies(KeyValueStore<byte[], byte[]> store, FileLoads loads) {
    this.store = store;
    this.loads = loads;
  }

  /** Takes what a chunk makes now in place of what it made before. */
  public void take(FileRows chunk, Table table) {
    Target part = Target.of(chunk.getPart()).orElseThrow();
    long now = loads.fileOf(chunk, chunk.getFetchedAt());
    Long before = chunk.getReplaces() == null ? null : loads.fileOf(chunk, chunk.getReplaces());
    for (FileBucket each : chunk.getBuckets()) {
      byte[] bucket = Utils.toArray(each.getBucket());
      take(
          part,
          bucket,
          key(bucket, chunk.getFetchedAt(), now, chunk.getFirstLine()),
          each.getRows() == null ? null : Utils.toArray(each.getRows()),
          before == null ? null : key(bucket, chunk.getReplaces(), before, chunk.getFirstLine()),
          table);
    }
  }

  /** Writes at last: what fails half-way has not been. */
  private void take(
      Target part, byte[] bucket, byte[] key, byte[] rows, byte[] keyBefore, Table table) {
    FileLoads.Counts counts = loads.count();
    boolean moves = keyBefore != null && !Arrays.equals(key, keyBefore);
    Map<Long, Copies> copies = new LinkedHashMap<>();
    // Under its own key there is something, too, if the chunk has failed half-way before.
    boolean replaces = add(part, key, copies, counts);
    replaces |= moves && add(part, keyBefore, copies, counts);
    List<Change> changes = new ArrayList<>();
    if (rows != null) {
      counts.held(
          fileIn(key),
          visit(part, key, rows, (slot, copy) -> changes.add(new Change(slot, null, copy))));
    }
    try (KeyValueIterator<byte[], byte[]> others = entries(bucket)) {
      if (replaces || others.hasNext() || !areAscending(changes)) {
        changes.forEach(change -> of(copies, change.slot()).now.add(change.now()));
        changes.clear();
        boolean again = keyBefore != null && !moves;
        compete(part, copies, key, keyBefore, others, again);
        copies.forEach(
            (slot, found) -> {
              if (!found.repeats) {
                Copy before = standing(found.before);
                Copy now = standing(found.now);
                if (again || !isSame(before, now)) {
                  changes.add(new Change(slot, before, now));
                }
              }
            });
      }
    }
    if (!changes.isEmpty()) {
      table.change(part, bucket, changes, counts);
    }
    if (moves) {
      store.delete(keyBefore);
    }
    if (rows != null) {
      store.put(key, rows);
    } else if (replaces) {
      store.delete(key);
    }
    counts.commit();
  }

  /** Adds what the chunk has made before. */
  private boolean add(Target part, byte[] key, Map<Long, Copies> copies, FileLoads.Counts counts) {
    byte[] rows = store.get(key);
    if (rows == null) {
      return false;
    }
    int count = visit(part, key, rows, (slot, copy) -> of(copies, slot).before.add(copy));
    counts.held(fileIn(key), -count);
    return true;
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

  /**
   * Adds the copies that other chunks have made, the best ones first, as far as they matter: a copy
   * that is better than all others and repeats the next one changes nothing, and behind the end of
   * a run of copies that say the same nothing stands.
   *
   * @param again whether what stands has to be told even if nothing changes
   */
  private static void compete(
      Target part,
      Map<Long, Copies> copies,
      byte[] key,
      byte[] keyBefore,
      KeyValueIterator<byte[], byte[]> entries,
      boolean again) {
    int open = copies.size();
    byte[] entryBefore = null;
    while (open > 0 && entries.hasNext()) {
      KeyValue<byte[], byte[]> entry = entries.next();
      if (Arrays.equals(entry.key, key) || Arrays.equals(entry.key, keyBefore)) {
        continue;
      }
      if (entryBefore != null && !isOfSameFile(entryBefore, entry.key)) {
        for (Copies each : copies.values()) {
          if (!each.isDecided) {
            each.decide(again);
            open -= each.isDecided ? 1 : 0;
          }
        }
      }
      entryBefore = entry.key;
      visit(
          part,
          entry.key,
          entry.value,
          (slot, copy) -> {
            Copies found = copies.get(slot);
            if (found != null && !found.isDecided) {
              found.others.add(copy);
              found.before.add(copy);
              found.now.add(copy);
            }
          });
    }
    copies.values().forEach(each -> each.decide(again));
  }

  /** Whether entries are of chunks of one file, read at one time: their lines may be mixed. */
  private static boolean isOfSameFile(byte[] key, byte[] other) {
    int end = key.length - Long.BYTES;
    return Arrays.equals(key, 0, end, other, 0, end);
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

  /** What stands of the copies of a row, if no node or venue says what does; null if nothing. */
  public Copy standing(Target part, byte[] bucket, long slot) {
    return standing(part, bucket, other -> other == slot).get(slot);
  }

  /** What stands of the copies of each row of a bucket, if no node or venue says what does. */
  public Map<Long, Copy> standing(Target part, byte[] bucket) {
    return standing(part, bucket, slot -> true);
  }

  private Map<Long, Copy> standing(Target part, byte[] bucket, LongPredicate wanted) {
    Map<Long, List<Copy>> copies = new HashMap<>();
    try (KeyValueIterator<byte[], byte[]> entries = entries(bucket)) {
      while (entries.hasNext()) {
        KeyValue<byte[], byte[]> entry = entries.next();
        visit(
            part,
            entry.key,
            entry.value,
            (slot, copy) -> {
              if (wanted.test(slot)) {
                copies.computeIfAbsent(slot, _ -> new ArrayList<>(1)).add(copy);
              }
            });
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

  /** Entries of a bucket, the best ones first. */
  private KeyValueIterator<byte[], byte[]> entries(byte[] bucket) {
    byte[] from = Arrays.copyOf(bucket, bucket.length + PLACE);
    byte[] to = from.clone();
    Arrays.fill(to, bucket.length, to.length, (byte) 0xFF);
    return store.reverseRange(from, to);
  }

  private static byte[] key(byte[] bucket, Instant fetchedAt, long file, long firstLine) {
    return ByteBuffer.allocate(bucket.length + PLACE)
        .put(bucket)
        .putLong(fetchedAt.toEpochMilli())
        .putLong(file)
        .putLong(firstLine)
        .array();
  }
}
