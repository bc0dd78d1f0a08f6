package io.cryptoetl.datasets.values;

import java.math.BigInteger;
import java.nio.ByteBuffer;

/**
 * Texts in hex as <a href="https://ethereum.org/en/developers/docs/apis/json-rpc/#hex-encoding">
 * JSON-RPC</a> writes them: QUANTITY is {@code 0x} and hex digits, DATA is {@code 0x} and two
 * digits a byte.
 */
public final class Hex {
  private static final int MAX_QUANTITY_DIGITS = 64;

  private Hex() {}

  /**
   * Bytes of DATA, also as PostgreSQL writes them, with a backslash for 0; null if the text is
   * none.
   */
  public static ByteBuffer data(String text) {
    if (!(text.startsWith("0x") || text.startsWith("\\x")) || (text.length() & 1) != 0) {
      return null;
    }
    byte[] bytes = new byte[text.length() / 2 - 1];
    for (int i = 0; i < bytes.length; i++) {
      int high = digit(text.charAt(2 * i + 2));
      int low = digit(text.charAt(2 * i + 3));
      if ((high | low) < 0) {
        return null;
      }
      bytes[i] = (byte) (high << 4 | low);
    }
    return ByteBuffer.wrap(bytes);
  }

  /**
   * A QUANTITY; null if the text is none or above 2^256 - 1. Some nodes pad quantities with zeros
   * to the length of a word or beyond.
   */
  public static BigInteger quantity(String text) {
    if (text.length() < 3 || !text.startsWith("0x")) {
      return null;
    }
    int start = 2;
    while (start < text.length() - 1 && text.charAt(start) == '0') {
      start++;
    }
    if (text.length() - start > MAX_QUANTITY_DIGITS) {
      return null;
    }
    for (int i = start; i < text.length(); i++) {
      if (digit(text.charAt(i)) < 0) {
        return null;
      }
    }
    return text.length() - start <= 15
        ? BigInteger.valueOf(Long.parseLong(text, start, text.length(), 16))
        : new BigInteger(text.substring(start), 16);
  }

  private static int digit(char c) {
    return c < 128 ? Character.digit(c, 16) : -1;
  }
}
