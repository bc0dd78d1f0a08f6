package io.cryptoetl.json;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A value within a JSON text: it shares the text's bytes, which nobody may change. */
public final class JsonValue {
  /** What {@link #smallQuantity} gives for what is no quantity. */
  public static final long NONE = -1;

  /** What {@link #smallQuantity} gives for a quantity that is too large. */
  public static final long LARGE = -2;

  private static final int MAX_SMALL_DIGITS = 14;

  /** Bytes of 0x in quotes. */
  private static final int EMPTY_HEX = 4;

  private final Json json;
  private final int node;

  JsonValue(Json json, int node) {
    this.json = json;
    this.node = node;
  }

  /** Whether it is an object. */
  public boolean isObject() {
    return json.kind(node) == Json.OBJECT;
  }

  /** Whether it is an array. */
  public boolean isArray() {
    return json.kind(node) == Json.ARRAY;
  }

  /** Whether it is a string. */
  public boolean isString() {
    return json.kind(node) == Json.STRING;
  }

  /** Whether it is null. */
  public boolean isNull() {
    return json.kind(node) == Json.NULL;
  }

  /** Whether it is true. */
  public boolean isTrue() {
    return json.kind(node) == Json.TRUE;
  }

  /** Whether it is false. */
  public boolean isFalse() {
    return json.kind(node) == Json.FALSE;
  }

  /** Whether it is a string of 0x and something. */
  public boolean isHex() {
    JsonValue text = plain();
    return text != null && text.isPrefixed() && text.size() > EMPTY_HEX;
  }

  /** Whether a string without escapes begins with 0x. */
  private boolean isPrefixed() {
    int from = json.start(node) + 1;
    return size() >= EMPTY_HEX && json.bytes()[from] == '0' && json.bytes()[from + 1] == 'x';
  }

  /** Whether it is a number without fraction and exponent. */
  public boolean isInteger() {
    if (json.kind(node) != Json.NUMBER) {
      return false;
    }
    for (int i = json.start(node); i < json.endOf(node); i++) {
      byte b = json.bytes()[i];
      if (b == '.' || b == 'e' || b == 'E') {
        return false;
      }
    }
    return true;
  }

  /** The value of a name, the last one if it stands there twice; null if this has none. */
  public JsonValue get(String name) {
    if (!isObject()) {
      return null;
    }
    int member = json.member(node, name);
    return member < 0 ? null : new JsonValue(json, member);
  }

  /** The values of an array, or of an object, in order. */
  public List<JsonValue> items() {
    int end = json.next(node);
    List<JsonValue> items = new ArrayList<>();
    for (int item = Json.first(node); item < end; item = json.next(item)) {
      items.add(new JsonValue(json, item));
    }
    return items;
  }

  /** The text of a string, or of a number as it is written. */
  public String text() {
    return isString()
        ? json.unescaped(json.start(node), json.endOf(node))
        : new String(json.bytes(), json.start(node), size(), StandardCharsets.UTF_8);
  }

  /** Whether it is a string of the same text as another one. */
  public boolean isSameText(JsonValue other) {
    if (!isString() || !other.isString()) {
      return false;
    }
    if (json.isEscaped(node) || other.json.isEscaped(other.node)) {
      return text().equals(other.text());
    }
    return Arrays.equals(
        json.bytes(),
        json.start(node),
        json.endOf(node),
        other.json.bytes(),
        other.json.start(other.node),
        other.json.endOf(other.node));
  }

  /** Length in bytes as it is written. */
  public int size() {
    return json.endOf(node) - json.start(node);
  }

  /** The very bytes, copied. */
  public byte[] toBytes() {
    return Arrays.copyOfRange(json.bytes(), json.start(node), json.endOf(node));
  }

  /** The very bytes, shared. */
  public ByteBuffer buffer() {
    return ByteBuffer.wrap(json.bytes(), json.start(node), size()).slice();
  }

  /** Whether it is a hex string of bytes. */
  public boolean isData() {
    JsonValue text = plain();
    return text != null
        && text.dataLength() >= 0
        && Hex.areDigits(
            text.json.bytes(), text.json.start(text.node) + 3, text.json.endOf(text.node) - 1);
  }

  /** A {@link #quantity} below 2^56; {@link #NONE} or {@link #LARGE} if it is none. */
  public long smallQuantity() {
    byte[] bytes = json.bytes();
    int from = json.start(node) + 3;
    int to = json.endOf(node) - 1;
    if (isString() && !json.isEscaped(node) && to - from <= MAX_SMALL_DIGITS && isPrefixed()) {
      long number = 0;
      for (int i = from; i < to; i++) {
        int digit = Hex.digit(bytes[i]);
        if (digit < 0) {
          return NONE;
        }
        number = (number << 4) | digit;
      }
      return number;
    }
    byte[] quantity = quantity();
    if (quantity == null) {
      return NONE;
    }
    return quantity.length >= Long.BYTES ? LARGE : toLong(quantity);
  }

  /**
   * The number that a {@link #quantity} of at most eight bytes is; above 2^63 - 1 it is negative.
   */
  public static long toLong(byte[] quantity) {
    long number = 0;
    for (byte b : quantity) {
      number = (number << Byte.SIZE) | (b & 0xff);
    }
    return number;
  }

  /** The bytes of a hex string as {@code DATA} of the execution API; null if it is none. */
  public byte[] data() {
    int length = dataLength();
    byte[] data = new byte[Math.max(0, length)];
    return length >= 0 && readData(data, 0) ? data : null;
  }

  /** Bytes of the {@link #data} that it is if all its characters are digits; -1 if it is none. */
  public int dataLength() {
    JsonValue text = plain();
    return text == null || !text.isPrefixed() || text.size() % 2 != 0
        ? -1
        : (text.size() - EMPTY_HEX) / 2;
  }

  /** Writes its {@link #dataLength} bytes; false if it has other characters than digits. */
  public boolean readData(byte[] to, int at) {
    JsonValue text = plain();
    byte[] bytes = text.json.bytes();
    return Hex.decode(
        bytes, text.json.start(text.node) + 3, text.json.endOf(text.node) - 1, to, at);
  }

  /**
   * A number that is not negative, big-endian without leading zeros: {@code QUANTITY} of the
   * execution API, and what some nodes write instead of it: leading zeros, decimal digits, a JSON
   * number, or 0x for nothing. Null if it is none.
   */
  public byte[] quantity() {
    JsonValue text = json.kind(node) == Json.NUMBER ? this : plain();
    if (text == null) {
      return null;
    }
    if (text.isString() && text.isPrefixed()) {
      return hexQuantity(
          text.json.bytes(), text.json.start(text.node) + 3, text.json.endOf(text.node) - 1);
    }
    String digits = text.text();
    if (!digits.matches("[0-9]{1,78}")) {
      return null;
    }
    byte[] number = new BigInteger(digits).toByteArray();
    return number[0] == 0 ? Arrays.copyOfRange(number, 1, number.length) : number;
  }

  private static byte[] hexQuantity(byte[] bytes, int from, int to) {
    int first = from;
    while (first < to && bytes[first] == '0') {
      first++;
    }
    byte[] number = new byte[(to - first + 1) / 2];
    int wrong = 0;
    for (int i = number.length - 1, at = to - 1; i >= 0; i--, at -= 2) {
      int value = Hex.digit(bytes[at]);
      if (at > first) {
        value |= Hex.digit(bytes[at - 1]) << 4;
      }
      wrong |= value;
      number[i] = (byte) value;
    }
    return wrong < 0 ? null : number;
  }

  /** The string without escapes; null if it is no string, or one that cannot be hex. */
  private JsonValue plain() {
    if (!isString()) {
      return null;
    }
    if (!json.isEscaped(node)) {
      return this;
    }
    String text = text();
    if (!text.matches("[0-9a-zA-Z]*")) {
      return null;
    }
    try {
      return Json.parse(('"' + text + '"').getBytes(StandardCharsets.US_ASCII));
    } catch (IOException e) {
      throw new IllegalStateException("letters and digits are no JSON string", e);
    }
  }
}
