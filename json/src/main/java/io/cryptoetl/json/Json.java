package io.cryptoetl.json;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A JSON text (RFC 8259, UTF-8) read in one pass: it only notes where each value stands. Values are
 * read from the very bytes when somebody asks for them, and nothing is re-serialised. What is
 * accepted here is accepted by any other reader: nesting and numbers stay within the limits of
 * Jackson's readers. An object that has one of the fields of the execution API twice is refused:
 * readers differ in which one they take.
 */
public final class Json {
  // Kinds of values.
  static final int OBJECT = 0;
  static final int ARRAY = 1;
  static final int STRING = 2;
  static final int NUMBER = 3;
  static final int TRUE = 4;
  static final int FALSE = 5;
  static final int NULL = 6;

  /** Integers that a node takes: see the offsets below. */
  private static final int STRIDE = 5;

  /** The kind, the flags, and above them the number of the name, if it has one. */
  private static final int KIND = 0;

  private static final int START = 1;
  private static final int END = 2;

  /** The node that follows the value and all that is in it. */
  private static final int NEXT = 3;

  /** Where the name stands; 0 without a name. */
  private static final int NAME = 4;

  private static final int KIND_MASK = 7;
  private static final int ESCAPED = 8;
  private static final int NAME_ESCAPED = 16;
  private static final int NAME_SHIFT = 8;

  /** Integers beyond one for each byte: far more than any API needs, and a bound of memory. */
  private static final int SPARE = 64 * 1024;

  private static final int MAX_DEPTH = 500;
  private static final int MAX_NUMBER = 1000;

  private final byte[] bytes;
  private int[] nodes;
  private int size;
  private int at;
  private int depth;

  private Json(byte[] bytes) {
    this.bytes = bytes;
    // Hex makes values long: on average a node stands for some sixty bytes.
    this.nodes = new int[STRIDE * (bytes.length / 48 + 16)];
  }

  /**
   * Reads a text.
   *
   * @throws IOException if it is not one JSON value; the message does not quote it
   */
  public static JsonValue parse(byte[] bytes) throws IOException {
    if (isOtherEncoding(bytes)) {
      throw new IOException("not JSON in UTF-8");
    }
    Json json = new Json(bytes);
    if (startsWithMark(bytes)) {
      json.at = 3;
    }
    json.space();
    json.value(0, 0);
    json.space();
    if (json.at < bytes.length) {
      throw new IOException("something follows the JSON value");
    }
    return new JsonValue(json, 0);
  }

  private static boolean startsWithMark(byte[] bytes) {
    return bytes.length >= 3
        && bytes[0] == (byte) 0xEF
        && bytes[1] == (byte) 0xBB
        && bytes[2] == (byte) 0xBF;
  }

  /** UTF-16 and UTF-32 have zeros, or a mark, where JSON in UTF-8 has neither. */
  private static boolean isOtherEncoding(byte[] bytes) {
    return bytes.length >= 2
        && (bytes[0] == 0
            || bytes[1] == 0
            || (bytes[0] == (byte) 0xFE && bytes[1] == (byte) 0xFF)
            || (bytes[0] == (byte) 0xFF && bytes[1] == (byte) 0xFE));
  }

  private IOException malformed() {
    return new IOException("not JSON, or cut off, at byte " + Math.min(at, bytes.length));
  }

  private byte peek() throws IOException {
    if (at >= bytes.length) {
      throw malformed();
    }
    return bytes[at];
  }

  private void space() {
    while (at < bytes.length) {
      byte b = bytes[at];
      if (b != ' ' && b != '\n' && b != '\r' && b != '\t') {
        return;
      }
      at++;
    }
  }

  private int node(int kind, int flags, int name) throws IOException {
    int node = size;
    size += STRIDE;
    if (size > nodes.length) {
      int most = (int) Math.min(Integer.MAX_VALUE - 8, (long) bytes.length + SPARE);
      if (size > most) {
        throw new IOException("JSON of more values than a reply of its length can have");
      }
      nodes = Arrays.copyOf(nodes, (int) Math.min(most, 2L * nodes.length));
    }
    nodes[node + KIND] = kind | flags;
    nodes[node + START] = at;
    nodes[node + NAME] = name;
    return node;
  }

  private void end(int node) {
    nodes[node + END] = at;
    nodes[node + NEXT] = size;
  }

  private void value(int flags, int name) throws IOException {
    switch (peek()) {
      case '{' -> object(flags, name);
      case '[' -> array(flags, name);
      case '"' -> {
        int node = node(STRING, flags, name);
        if (string()) {
          nodes[node + KIND] |= ESCAPED;
        }
        end(node);
      }
      case 't' -> word("true", node(TRUE, flags, name));
      case 'f' -> word("false", node(FALSE, flags, name));
      case 'n' -> word("null", node(NULL, flags, name));
      default -> {
        int node = node(NUMBER, flags, name);
        number();
        end(node);
      }
    }
  }

  private void object(int flags, int name) throws IOException {
    int node = node(OBJECT, flags, name);
    enter();
    if (peek() == '}') {
      at++;
    } else {
      long low = 0;
      long high = 0;
      do {
        if (peek() != '"') {
          throw malformed();
        }
        int start = at;
        boolean escaped = string();
        int number =
            escaped ? Names.number(unescaped(start, at)) : Names.number(bytes, start + 1, at - 1);
        if (number != 0) {
          long bit = 1L << number;
          if (((number < Long.SIZE ? low : high) & bit) != 0) {
            throw new IOException("an object that has a name twice, at byte " + start);
          }
          low |= number < Long.SIZE ? bit : 0;
          high |= number < Long.SIZE ? 0 : bit;
        }
        space();
        if (peek() != ':') {
          throw malformed();
        }
        at++;
        space();
        value((escaped ? NAME_ESCAPED : 0) | (number << NAME_SHIFT), start);
      } while (!isLast('}'));
    }
    depth--;
    end(node);
  }

  private void array(int flags, int name) throws IOException {
    int node = node(ARRAY, flags, name);
    enter();
    if (peek() == ']') {
      at++;
    } else {
      do {
        value(0, 0);
      } while (!isLast(']'));
    }
    depth--;
    end(node);
  }

  private void enter() throws IOException {
    if (++depth > MAX_DEPTH) {
      throw new IOException("JSON that is nested more than " + MAX_DEPTH + " deep");
    }
    at++;
    space();
  }

  /** Passes what stands between two items, or ends them. */
  private boolean isLast(char closing) throws IOException {
    space();
    byte b = peek();
    if (b == closing) {
      at++;
      return true;
    }
    if (b != ',') {
      throw malformed();
    }
    at++;
    space();
    return false;
  }

  private void word(String word, int node) throws IOException {
    for (int i = 0; i < word.length(); i++, at++) {
      if (peek() != word.charAt(i)) {
        throw malformed();
      }
    }
    end(node);
  }

  private void number() throws IOException {
    int start = at;
    if (peek() == '-') {
      at++;
    }
    if (peek() == '0') {
      at++;
    } else {
      digits();
    }
    if (at < bytes.length && bytes[at] == '.') {
      at++;
      digits();
    }
    if (at < bytes.length && (bytes[at] == 'e' || bytes[at] == 'E')) {
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits();
    }
    if (at - start > MAX_NUMBER) {
      throw new IOException("a number of more than " + MAX_NUMBER + " characters");
    }
  }

  private void digits() throws IOException {
    int start = at;
    while (at < bytes.length && bytes[at] >= '0' && bytes[at] <= '9') {
      at++;
    }
    if (at == start) {
      throw malformed();
    }
  }

  /** Passes a string; tells whether it has escapes. */
  private boolean string() throws IOException {
    boolean escaped = false;
    at++;
    while (true) {
      plain();
      byte b = peek();
      if (b == '"') {
        at++;
        return escaped;
      }
      if (b == '\\') {
        escaped = true;
        at++;
        escape();
      } else if (b < 0) {
        sequence();
      } else {
        throw malformed();
      }
    }
  }

  /** Passes characters of one byte that stand for themselves. */
  private void plain() {
    byte[] text = bytes;
    int i = at;
    // Eight at a time: a byte that is a quote, a backslash, below a space or above ASCII ends it.
    for (int last = text.length - Long.BYTES; i <= last; i += Long.BYTES) {
      long eight = (long) Hex.LONGS.get(text, i);
      long quote = eight ^ (Hex.ONES * '"');
      long backslash = eight ^ (Hex.ONES * '\\');
      long found =
          (eight | (eight - Hex.ONES * ' ') | (quote - Hex.ONES) | (backslash - Hex.ONES))
              & Hex.HIGHS;
      if (found != 0) {
        // What is below the lowest bit had nothing to carry: that bit is of the first such byte.
        at = i + (Long.numberOfTrailingZeros(found) >>> 3);
        return;
      }
    }
    while (i < text.length && text[i] >= ' ' && text[i] != '"' && text[i] != '\\') {
      i++;
    }
    at = i;
  }

  private void escape() throws IOException {
    byte b = peek();
    at++;
    if (b == 'u') {
      for (int i = 0; i < 4; i++, at++) {
        if (Character.digit(peek(), 16) < 0) {
          throw malformed();
        }
      }
    } else if ("\"\\/bfnrt".indexOf(b) < 0) {
      throw malformed();
    }
  }

  /** Passes a character of several bytes (RFC 3629). */
  private void sequence() throws IOException {
    int first = bytes[at] & 0xff;
    int length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || at + length > bytes.length) {
      throw malformed();
    }
    int code = first & (0xff >> (length + 1));
    for (int i = 1; i < length; i++) {
      if ((bytes[at + i] & 0xC0) != 0x80) {
        throw malformed();
      }
      code = (code << 6) | (bytes[at + i] & 0x3f);
    }
    boolean isOverlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    if (isOverlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) {
      throw malformed();
    }
    at += length;
  }

  byte[] bytes() {
    return bytes;
  }

  int kind(int node) {
    return nodes[node + KIND] & KIND_MASK;
  }

  int start(int node) {
    return nodes[node + START];
  }

  int endOf(int node) {
    return nodes[node + END];
  }

  boolean isEscaped(int node) {
    return (nodes[node + KIND] & ESCAPED) != 0;
  }

  /** The first value in a list or an object; {@link #next} of the container if it is empty. */
  static int first(int node) {
    return node + STRIDE;
  }

  /** The node after a value and all that is in it. */
  int next(int node) {
    return nodes[node + NEXT];
  }

  /** The value of a name in an object, the last one if there are several; negative if none. */
  int member(int object, String name) {
    int number = Names.number(name);
    int end = nodes[object + NEXT];
    if (number != 0) {
      for (int node = object + STRIDE; node < end; node = nodes[node + NEXT]) {
        if (nodes[node + KIND] >>> NAME_SHIFT == number) {
          return node;
        }
      }
      return -1;
    }
    int found = -1;
    for (int node = object + STRIDE; node < end; node = nodes[node + NEXT]) {
      if (isNamed(node, name)) {
        found = node;
      }
    }
    return found;
  }

  private boolean isNamed(int node, String name) {
    int from = nodes[node + NAME] + 1;
    if ((nodes[node + KIND] & NAME_ESCAPED) == 0 && from + name.length() < bytes.length) {
      for (int i = 0; i < name.length(); i++) {
        if (bytes[from + i] != name.charAt(i)) {
          return name.charAt(i) > 127 && name(node).equals(name);
        }
      }
      return bytes[from + name.length()] == '"';
    }
    return name(node).equals(name);
  }

  /** The name of a value in an object. */
  String name(int node) {
    int start = nodes[node + NAME];
    int end = start + 1;
    while (bytes[end] != '"') {
      end += bytes[end] == '\\' ? 2 : 1;
    }
    return unescaped(start, end + 1);
  }

  /** The text of a string that stands between two places, with its quotes. */
  String unescaped(int start, int end) {
    String text = new String(bytes, start + 1, end - start - 2, StandardCharsets.UTF_8);
    int backslash = text.indexOf('\\');
    if (backslash < 0) {
      return text;
    }
    StringBuilder out = new StringBuilder(text.length()).append(text, 0, backslash);
    for (int i = backslash; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      c = text.charAt(++i);
      switch (c) {
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 't' -> out.append('\t');
        case 'u' -> {
          out.append((char) Integer.parseInt(text, i + 1, i + 5, 16));
          i += 4;
        }
        default -> out.append(c);
      }
    }
    return out.toString();
  }
}
