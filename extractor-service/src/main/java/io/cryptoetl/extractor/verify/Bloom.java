package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import java.util.HashMap;
import java.util.Map;
import org.apache.tuweni.bytes.Bytes;

/** The bloom filter over addresses and topics of logs (Yellow Paper, section 4.3.1). */
final class Bloom {
  static final int BYTES = 256;
  private static final int BITS_PER_VALUE = 3;
  private static final int ADDRESS = 20;
  private static final int TOPIC = 32;

  private final byte[] bits = new byte[BYTES];
  private final Keccak keccak;

  /** Bits of the values seen in the block: most are seen often. */
  private final Map<Object, int[]> known;

  private Bloom(Keccak keccak, Map<Object, int[]> known) {
    this.keccak = keccak;
    this.known = known;
  }

  /** An empty filter. */
  Bloom(Keccak keccak) {
    this(keccak, new HashMap<>());
  }

  /** An empty filter over a part of the same block. */
  Bloom part() {
    return new Bloom(keccak, known);
  }

  void add(Fields log) throws BadDataException {
    add(log, "address", log.values().get("address"), ADDRESS);
    for (Object topic : log.rawList("topics")) {
      add(log, "topics", topic, TOPIC);
    }
  }

  private void add(Fields log, String field, Object value, int length) throws BadDataException {
    int[] positions = known.get(value);
    if (positions == null) {
      byte[] hash = keccak.hash(log.item(field, value, length));
      positions = new int[BITS_PER_VALUE];
      for (int i = 0; i < BITS_PER_VALUE; i++) {
        positions[i] = (hash[2 * i] & 7) << 8 | (hash[2 * i + 1] & 0xff);
      }
      known.put(value, positions);
    }
    for (int position : positions) {
      bits[BYTES - 1 - position / 8] |= (byte) (1 << (position % 8));
    }
  }

  void add(Bloom part) {
    for (int i = 0; i < BYTES; i++) {
      bits[i] |= part.bits[i];
    }
  }

  Bytes bytes() {
    return Bytes.wrap(bits);
  }
}
