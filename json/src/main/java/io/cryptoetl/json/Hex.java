package io.cryptoetl.json;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** Hex digits of JSON strings, eight at a time. */
final class Hex {
  // Eight bytes as one number, and a bit in each of them.
  static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle INTS =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
  static final long ONES = 0x0101010101010101L;
  static final long HIGHS = 0x8080808080808080L;
  private static final byte[] DIGITS = new byte[256];

  static {
    Arrays.fill(DIGITS, (byte) -1);
    for (int i = 0; i < 16; i++) {
      DIGITS[Character.forDigit(i, 16)] = (byte) i;
      DIGITS[Character.toUpperCase(Character.forDigit(i, 16))] = (byte) i;
    }
  }

  private Hex() {}

  /** The value of a digit; negative if it is none. */
  static int digit(byte character) {
    return DIGITS[character & 0xff];
  }

  /** Whether these are hex digits, which no control characters are among. */
  static boolean areDigits(byte[] text, int from, int to) {
    int at = from;
    for (; at <= to - Long.BYTES; at += Long.BYTES) {
      if (!areDigits((long) LONGS.get(text, at))) {
        return false;
      }
    }
    for (; at < to; at++) {
      if (digit(text[at]) < 0) {
        return false;
      }
    }
    return true;
  }

  /** Writes the bytes of an even number of digits; false if there is anything else among them. */
  static boolean decode(byte[] text, int from, int to, byte[] data, int start) {
    int out = start;
    int at = from;
    for (; at <= to - Long.BYTES; at += Long.BYTES, out += Integer.BYTES) {
      long eight = (long) LONGS.get(text, at);
      if (!areDigits(eight)) {
        return false;
      }
      // Letters are digits plus nine, in the lower half of the byte.
      long halves = (eight & (0x0f * ONES)) + ((eight >>> 6) & ONES) * 9;
      long pairs = ((halves << 4) | (halves >>> 8)) & 0x00ff00ff00ff00ffL;
      pairs = (pairs | (pairs >>> 8)) & 0x0000ffff0000ffffL;
      INTS.set(data, out, (int) (pairs | (pairs >>> 16)));
    }
    for (; at < to; at += 2, out++) {
      int value = (digit(text[at]) << 4) | digit(text[at + 1]);
      if (value < 0) {
        return false;
      }
      data[out] = (byte) value;
    }
    return true;
  }

  /** Whether eight characters are 0 to 9, a to f or A to F: adding carries into the high bit. */
  private static boolean areDigits(long eight) {
    // Characters below a space do not occur in JSON strings: what this makes of them is no matter.
    long lower = eight | (0x20 * ONES);
    long numbers = (lower + (0x80 - '0') * ONES) & ~(lower + (0x80 - '9' - 1) * ONES);
    long letters = (lower + (0x80 - 'a') * ONES) & ~(lower + (0x80 - 'f' - 1) * ONES);
    return (eight & HIGHS) == 0 && ((numbers | letters) & HIGHS) == HIGHS;
  }
}
