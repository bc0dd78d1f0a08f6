package io.cryptoetl.transformer.normalize;

import io.cryptoetl.files.FileRow;
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
 * be such that none is the beginning of another one. Values are a byte, the number of the {@link
 * FileLoads file} and the row; older ones are the row alone.
 */
final class FileCopies {
  private static final int PLACE = 2 * Long.BYTES + Integer.BYTES;

  /** Rows alone begin with the first byte of Avro's single object encoding, which is another. */
  private static final byte OF_FILE = 1;

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
      return bytes[0] == OF_FILE
          ? new Copy(buffer.getLong(1), buffer.position(1 + Long.BYTES).slice())
          : new Copy(FileLoads.UNKNOWN, buffer);
    }
  }

  FileCopies(KeyValueStore<byte[], byte[]> store) {
    this.store = store;
  }

  /**
   * Keeps a copy, or forgets one that its file makes no more.
   *
   * @param file its number
   * @return by how many the copies of the file became more: 1, 0 or -1
   */
  int take(byte[] row, long file, FileRow copy) {
    byte[] key =
        ByteBuffer.allocate(row.length + PLACE)
            .put(row)
            .putLong(copy.getFetchedAt().toEpochMilli())
            .putLong(copy.getLine())
            .putInt(copy.getDigest())
            .array();
    byte[] before = store.get(key);
    boolean wasHeld = before != null && Copy.fromBytes(before).file() == file;
    if (copy.getRow() == null) {
      store.delete(key);
      return wasHeld ? -1 : 0;
    }
    ByteBuffer said = copy.getRow().duplicate();
    store.put(
        key,
        ByteBuffer.allocate(1 + Long.BYTES + said.remaining())
            .put(OF_FILE)
            .putLong(file)
            .put(said)
            .array());
    return wasHeld ? 0 : 1;
  }

  /** The copy that stands in the table, if no node or venue says what does. */
  Optional<Copy> standing(byte[] row) {
    Copy standing = null;
    try (KeyValueIterator<byte[], byte[]> found =
        store.reverseRange(padded(row, (byte) 0), padded(row, (byte) 0xFF))) {
      while (found.hasNext()) {
        Copy next = Copy.fromBytes(found.next().value);
        if (standing != null && !next.row().equals(standing.row())) {
          break;
        }
        standing = next;
      }
    }
    return Optional.ofNullable(standing);
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
