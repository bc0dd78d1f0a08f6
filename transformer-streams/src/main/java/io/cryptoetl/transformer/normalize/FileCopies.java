package io.cryptoetl.transformer.normalize;

import io.cryptoetl.files.FileRow;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * All copies of rows that files make now, so that taking back the best one brings the next one. Of
 * the copies of a row the greatest by (time read, line, digest) is the best: the file that was read
 * last, and in it the later line. The order is total. Of copies that say the same as the best one,
 * with none between them that does not, the first stands in the table: a file that repeats what is
 * known changes nothing.
 *
 * <p>Keys of the store are the key of the row and the copy's place in the order. Keys of rows must
 * be such that none is the beginning of another one. Values are the number of the {@link FileLoads
 * file} and the row.
 */
final class FileCopies {
  private static final int PLACE = 2 * Long.BYTES + Integer.BYTES;

  private final KeyValueStore<byte[], byte[]> store;

  /**
   * A copy.
   *
   * @param file its number
   * @param row in Avro's single object encoding
   */
  record Copy(long file, ByteBuffer row) {
    static Copy fromBytes(byte[] bytes) {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      return new Copy(buffer.getLong(), buffer.slice());
    }

    interface Reader<T> {
      T read(ByteBuffer bytes) throws IOException;
    }

    <T> T read(Reader<T> reader) {
      try {
        return reader.read(row.duplicate());
      } catch (IOException e) {
        throw new UncheckedIOException("reading from memory", e);
      }
    }

    /** The file of what stands in a table; none if nothing does. */
    static List<Long> files(Optional<Copy> standing) {
      return standing.map(Copy::file).stream().toList();
    }
  }

  FileCopies(KeyValueStore<byte[], byte[]> store) {
    this.store = store;
  }

  /**
   * What taking a copy has changed.
   *
   * @param repeats whether the best copy of before says the same, so that nothing else has changed
   * @param heldBefore files of the copy of before in the same place
   * @param held files of the copy that is in its place now
   * @param before what stood in the table; not told if the copy repeats it
   * @param now what stands in the table; not told if the copy repeats it
   */
  record Taken(
      boolean repeats,
      List<Long> heldBefore,
      List<Long> held,
      Optional<Copy> before,
      Optional<Copy> now) {}

  /**
   * Keeps a copy, or forgets one that its file makes no more.
   *
   * @param file its number
   */
  Taken take(byte[] row, long file, FileRow copy) {
    byte[] key =
        ByteBuffer.allocate(row.length + PLACE)
            .put(row)
            .putLong(copy.getFetchedAt().toEpochMilli())
            .putLong(copy.getLine())
            .putInt(copy.getDigest())
            .array();
    Optional<Copy> before = Optional.empty();
    boolean best = true;
    boolean repeats = false;
    try (KeyValueIterator<byte[], byte[]> found = from(row)) {
      if (found.hasNext()) {
        KeyValue<byte[], byte[]> top = found.next();
        best = Arrays.compareUnsigned(key, top.key) > 0;
        Copy bestHeld = Copy.fromBytes(top.value);
        repeats = best && bestHeld.row().equals(copy.getRow());
        before = repeats ? Optional.empty() : Optional.of(first(bestHeld, found));
      }
    }
    // What is better than all that are held is not held yet.
    byte[] replaced = best ? null : store.get(key);
    List<Long> heldBefore = replaced == null ? List.of() : List.of(Copy.fromBytes(replaced).file());
    if (copy.getRow() == null) {
      store.delete(key);
      return new Taken(false, heldBefore, List.of(), before, best ? before : standing(row));
    }
    ByteBuffer said = copy.getRow().duplicate();
    byte[] value =
        ByteBuffer.allocate(Long.BYTES + said.remaining()).putLong(file).put(said).array();
    store.put(key, value);
    List<Long> held = List.of(file);
    if (repeats) {
      return new Taken(true, heldBefore, held, Optional.empty(), Optional.empty());
    }
    return new Taken(
        false, heldBefore, held, before, best ? Optional.of(Copy.fromBytes(value)) : standing(row));
  }

  /** The copy that stands in the table, if no node or venue says what does. */
  Optional<Copy> standing(byte[] row) {
    try (KeyValueIterator<byte[], byte[]> found = from(row)) {
      return found.hasNext()
          ? Optional.of(first(Copy.fromBytes(found.next().value), found))
          : Optional.empty();
    }
  }

  /** Copies of a row, the best one first. */
  private KeyValueIterator<byte[], byte[]> from(byte[] row) {
    return store.reverseRange(padded(row, (byte) 0), padded(row, (byte) 0xFF));
  }

  /** The first one of the copies that say the same as the best one. */
  private static Copy first(Copy best, KeyValueIterator<byte[], byte[]> others) {
    Copy first = best;
    while (others.hasNext()) {
      Copy next = Copy.fromBytes(others.next().value);
      if (!next.row().equals(best.row())) {
        break;
      }
      first = next;
    }
    return first;
  }

  /**
   * Keys of the rows that have copies.
   *
   * @param from smallest key
   * @param to largest key
   */
  List<byte[]> rows(byte[] from, byte[] to) {
    Map<ByteBuffer, byte[]> rows = new LinkedHashMap<>();
    try (KeyValueIterator<byte[], byte[]> found =
        store.range(padded(from, (byte) 0), padded(to, (byte) 0xFF))) {
      while (found.hasNext()) {
        KeyValue<byte[], byte[]> each = found.next();
        byte[] row = Arrays.copyOf(each.key, each.key.length - PLACE);
        rows.put(ByteBuffer.wrap(row), row);
      }
    }
    return List.copyOf(rows.values());
  }

  private static byte[] padded(byte[] row, byte with) {
    byte[] key = Arrays.copyOf(row, row.length + PLACE);
    Arrays.fill(key, row.length, key.length, with);
    return key;
  }
}
