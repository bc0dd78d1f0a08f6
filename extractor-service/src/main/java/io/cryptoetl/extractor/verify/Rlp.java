package io.cryptoetl.extractor.verify;

import io.cryptoetl.json.JsonValue;
import java.util.Arrays;

/** A list in RLP (Yellow Paper, appendix B), written item by item. */
final class Rlp {
  private static final int VALUE = 0x80;
  private static final int LIST = 0xc0;
  private static final int MAX_SHORT = 55;

  /** Room in front of the items for the list's own prefix, and the type of an envelope. */
  private static final int HEAD = 6;

  /** Bytes of the prefix of a list of 56 to 255 bytes: most lists within lists are. */
  private static final int USUAL_PREFIX = 2;

  private byte[] buffer;
  private int end = HEAD;

  /**
   * An empty list.
   *
   * @param room bytes that it is expected to take
   */
  Rlp(int room) {
    buffer = new byte[HEAD + room];
  }

  /** Adds a byte string. */
  Rlp value(byte[] value) {
    reserve(value.length + HEAD);
    if (value.length != 1 || value[0] < 0) {
      end = prefix(VALUE, value.length, buffer, end);
    }
    return raw(value, 0, value.length);
  }

  /**
   * Adds the byte string that a text of hex stands for.
   *
   * @param length what {@link JsonValue#dataLength} says
   * @return false if the text has other characters than digits; then nothing is added
   */
  boolean data(JsonValue text, int length) {
    if (length == 1) {
      byte[] value = text.data();
      return value != null && value(value) == this;
    }
    reserve(length + HEAD);
    int at = prefix(VALUE, length, buffer, end);
    if (!text.readData(buffer, at)) {
      return false;
    }
    end = at + length;
    return true;
  }

  /** Begins a list within the list; what is added until it is closed is in it. */
  int open() {
    int start = end;
    reserve(HEAD);
    end += USUAL_PREFIX;
    return start;
  }

  /** Ends the list that {@link #open} began at a place. */
  Rlp close(int start) {
    int length = end - start - USUAL_PREFIX;
    int prefix = prefixBytes(length);
    if (prefix != USUAL_PREFIX) {
      reserve(HEAD);
      System.arraycopy(buffer, start + USUAL_PREFIX, buffer, start + prefix, length);
    }
    end = prefix(LIST, length, buffer, start) + length;
    return this;
  }

  /** Makes it empty again. */
  Rlp clear() {
    end = HEAD;
    return this;
  }

  /** Adds what is RLP already. */
  Rlp raw(byte[] rlp) {
    return raw(rlp, 0, rlp.length);
  }

  private Rlp raw(byte[] bytes, int from, int length) {
    reserve(length);
    System.arraycopy(bytes, from, buffer, end, length);
    end += length;
    return this;
  }

  private void reserve(int more) {
    if (end + more > buffer.length) {
      buffer = Arrays.copyOf(buffer, Math.max(2 * buffer.length, end + more));
    }
  }

  /** The list. */
  byte[] toBytes() {
    return Arrays.copyOfRange(buffer, start(), end);
  }

  /** Bytes of the list. */
  int length() {
    return prefixBytes(end - HEAD) + end - HEAD;
  }

  /** Hash of the list. */
  byte[] hash(Keccak keccak) {
    int start = start();
    return keccak.hash(buffer, start, end - start);
  }

  /** Writes the list's prefix in front of its items; returns where it begins. */
  private int start() {
    int length = end - HEAD;
    int start = HEAD - prefixBytes(length);
    int unused = prefix(LIST, length, buffer, start);
    return start;
  }

  /** The list in an envelope (EIP-2718). */
  byte[] toBytes(int type) {
    int start = start();
    buffer[start - 1] = (byte) type;
    return Arrays.copyOfRange(buffer, start - 1, end);
  }

  /** A byte string by itself. */
  static byte[] encoded(byte[] value) {
    Rlp rlp = new Rlp(value.length + HEAD).value(value);
    return Arrays.copyOfRange(rlp.buffer, HEAD, rlp.end);
  }

  /** Bytes that the prefix of so many bytes takes. */
  static int prefixBytes(long length) {
    return length <= MAX_SHORT ? 1 : 1 + lengthBytes(length);
  }

  private static int lengthBytes(long length) {
    return (Long.SIZE - Long.numberOfLeadingZeros(length) + 7) / 8;
  }

  /** Writes a prefix; returns where it ends. */
  private static int prefix(int kind, int length, byte[] to, int at) {
    if (length <= MAX_SHORT) {
      to[at] = (byte) (kind + length);
      return at + 1;
    }
    int bytes = lengthBytes(length);
    to[at] = (byte) (kind + MAX_SHORT + bytes);
    for (int i = bytes; i > 0; i--) {
      to[at + bytes - i + 1] = (byte) (length >>> (8 * (i - 1)));
    }
    return at + bytes + 1;
  }
}
