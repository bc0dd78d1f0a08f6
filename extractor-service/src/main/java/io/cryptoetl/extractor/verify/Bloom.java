package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** The bloom filter over addresses and topics of logs (Yellow Paper, section 4.3.1). */
final class Bloom {
  static final int BYTES = 256;
  private static final int BITS_PER_VALUE = 3;
  private static final int ADDRESS = 20;
  private static final int TOPIC = 32;

  private final byte[] bits = new byte[BYTES];
  private final Keccak keccak;

  /** Bits of the values seen in the block: most are seen often. */
  private final Map<ByteBuffer, int[]> known;

  private Bloom(Keccak keccak, Map<ByteBuffer, int[]> known) {
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
    add(log, "address", log.value("address"), ADDRESS);
    for (JsonValue topic : log.rawList("topics")) {
      add(log, "topics", topic, TOPIC);
    }
  }

  private void add(Fields log, String field, JsonValue value, int length) throws BadDataException {
    if (value == null) {
      throw log.malformed(field, null, length + " bytes in hex");
    }
    // As it is written: it is decoded only once for each value.
    ByteBuffer written = value.buffer();
    int[] positions = known.get(written);
    if (positions == null) {
      byte[] hash = keccak.hash(log.item(field, value, length));
      positions = new int[BITS_PER_VALUE];
      for (int i = 0; i < BITS_PER_VALUE; i++) {
        positions[i] = (hash[2 * i] & 7) << 8 | (hash[2 * i + 1] & 0xff);
      }
      known.put(written, positions);
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

  byte[] bytes() {
    return bits;
  }
}
