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
 * last, and in it the later line. The order is total.
 *
 * <p>Keys of the store are the key of the row and the copy's place in the order. Keys of rows must
 * be such that none is the beginning of another one.
 */
final class FileCopies {
  private static final int PLACE = 2 * Long.BYTES + Integer.BYTES;

  private final KeyValueStore<byte[], byte[]> store;

  FileCopies(KeyValueStore<byte[], byte[]> store) {
    this.store = store;
  }

  /** Keeps a copy, or forgets one that its file makes no more. */
  void take(byte[] row, FileRow copy) {
    byte[] key =
        ByteBuffer.allocate(row.length + PLACE)
            .put(row)
            .putLong(copy.getFetchedAt().toEpochMilli())
            .putLong(copy.getLine())
            .putInt(copy.getDigest())
            .array();
    if (copy.getRow() == null) {
      store.delete(key);
    } else {
      byte[] value = new byte[copy.getRow().remaining()];
      copy.getRow().duplicate().get(value);
      store.put(key, value);
    }
  }

  /** The best copy of a row. */
  Optional<ByteBuffer> best(byte[] row) {
    try (KeyValueIterator<byte[], byte[]> found =
        store.reverseRange(padded(row, (byte) 0), padded(row, (byte) 0xFF))) {
      return found.hasNext() ? Optional.of(ByteBuffer.wrap(found.next().value)) : Optional.empty();
    }
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
