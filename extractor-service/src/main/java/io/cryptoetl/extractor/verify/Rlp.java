package io.cryptoetl.extractor.verify;

import java.util.Arrays;

/** A list in RLP (Yellow Paper, appendix B), written item by item. */
final class Rlp {
  private static final int VALUE = 0x80;
  private static final int LIST = 0xc0;
  private static final int MAX_SHORT = 55;

  /** Room in front of the items for the list's own prefix, and the type of an envelope. */
  private static final int HEAD = 6;

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

  /** Adds a list. */
  Rlp list(Rlp list) {
    int length = list.end - HEAD;
    reserve(length + HEAD);
    end = prefix(LIST, length, buffer, end);
    return raw(list.buffer, HEAD, length);
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
    int length = end - HEAD;
    int start = HEAD - prefixBytes(length);
    int unused = prefix(LIST, length, buffer, start);
    return Arrays.copyOfRange(buffer, start, end);
  }

  /** The list in an envelope (EIP-2718). */
  byte[] toBytes(int type) {
    int length = end - HEAD;
    int start = HEAD - prefixBytes(length);
    int unused = prefix(LIST, length, buffer, start);
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
