package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A JSON object of the execution API with typed access. What is missing or malformed is told with
 * the place where it stands.
 */
final class Fields {
  private static final byte[] NOTHING = new byte[0];

  /** Stands for all types above it. */
  private static final int MAX_TYPE = Integer.MAX_VALUE;

  private final JsonValue object;

  /** Where it stands, made only when it is told; null for {@code what} alone. */
  private final Fields within;

  private final String what;
  private final int index;

  /** Type of a transaction or a receipt, once it was asked for. */
  private int type = -1;

  private Fields(JsonValue object, Fields within, String what, int index) {
    this.object = object;
    this.within = within;
    this.what = what;
    this.index = index;
  }

  /**
   * An object.
   *
   * @throws BadDataException with {@code code} if it is none
   */
  static Fields object(String place, JsonValue value, String code) throws BadDataException {
    return of(value, null, place, -1, code);
  }

  /**
   * An array of objects, each named by {@code itemPlace} and its position.
   *
   * @throws BadDataException with {@code code} if it is none
   */
  static List<Fields> objects(String place, String itemPlace, JsonValue value, String code)
      throws BadDataException {
    if (!value.isArray()) {
      throw new BadDataException(code, place + " are not a JSON array");
    }
    return of(value.items(), null, itemPlace, code);
  }

  private static Fields of(JsonValue value, Fields within, String what, int index, String code)
      throws BadDataException {
    Fields fields = new Fields(value, within, what, index);
    if (!value.isObject()) {
      throw new BadDataException(code, fields.place() + " is not a JSON object");
    }
    return fields;
  }

  private static List<Fields> of(List<JsonValue> values, Fields within, String what, String code)
      throws BadDataException {
    List<Fields> objects = new ArrayList<>(values.size());
    for (JsonValue value : values) {
      objects.add(of(value, within, what, objects.size(), code));
    }
    return objects;
  }

  /** Where it stands, such as {@code block 17, transaction 3}. */
  String place() {
    return (within == null ? "" : within.place() + ", ") + what + (index < 0 ? "" : " " + index);
  }

  /** The value of a field; null if it is absent or null. */
  JsonValue value(String field) {
    JsonValue value = object.get(field);
    return value == null || value.isNull() ? null : value;
  }

  /** Whether the field is there and not null. */
  boolean has(String field) {
    return value(field) != null;
  }

  /** Whether the field is there, null or not. */
  boolean names(String field) {
    return object.get(field) != null;
  }

  /** Whether the field is there and true. */
  boolean isTrue(String field) {
    JsonValue value = value(field);
    return value != null && value.isTrue();
  }

  /**
   * Type of a transaction or a receipt (EIP-2718); those without one are legacy. Some chains have
   * types above 0x7f, which no envelope can hold.
   */
  int type() throws BadDataException {
    if (type < 0) {
      JsonValue value = value("type");
      long stated = value == null ? 0 : value.smallQuantity();
      if (stated == JsonValue.NONE) {
        throw malformed("type", value, "a hex quantity");
      }
      type = stated == JsonValue.LARGE ? MAX_TYPE : (int) Math.min(MAX_TYPE, stated);
    }
    return type;
  }

  /** Whether a text field has the text of another, or is absent and may be. */
  boolean isSameText(String field, JsonValue other, boolean mayLack) throws BadDataException {
    JsonValue value = value(field);
    if (value == null) {
      return mayLack;
    }
    return other != null && value.isSameText(other);
  }

  /** A field that is a list of objects, called {@code what}; an absent one is an empty list. */
  List<Fields> list(String field, String what) throws BadDataException {
    return of(rawList(field), this, what, DeadLetterCode.BLOCK_MALFORMED.code());
  }

  /** A field that is a list; an absent one is an empty list. */
  List<JsonValue> rawList(String field) throws BadDataException {
    JsonValue value = value(field);
    if (value == null) {
      return List.of();
    }
    if (!value.isArray()) {
      throw malformed(field, value, "a list");
    }
    return value.items();
  }

  /** A text field; empty where it is absent or null. */
  Optional<String> text(String field) throws BadDataException {
    JsonValue value = value(field);
    if (value != null && !value.isString()) {
      throw malformed(field, value, "a string");
    }
    return Optional.ofNullable(value).map(JsonValue::text);
  }

  /** Data of any length. */
  byte[] data(String field) throws BadDataException {
    return data(field, value(field));
  }

  /** Data of a fixed length in bytes. */
  byte[] data(String field, int length) throws BadDataException {
    return item(field, value(field), length);
  }

  /** Data of a fixed length, or none where the field is absent or null. */
  byte[] dataOrEmpty(String field, int length) throws BadDataException {
    JsonValue value = value(field);
    return value == null ? NOTHING : item(field, value, length);
  }

  /** An item of a list of data. */
  byte[] item(String field, JsonValue item, int length) throws BadDataException {
    byte[] bytes = item == null ? null : item.data();
    if (bytes == null || bytes.length != length) {
      throw malformed(field, item, length + " bytes in hex");
    }
    return bytes;
  }

  /** Adds data of any length to a list. */
  Rlp add(Rlp to, String field) throws BadDataException {
    JsonValue value = value(field);
    if (value == null || value.dataLength() < 0 || !to.data(value, value.dataLength())) {
      throw malformed(field, value, "bytes in hex");
    }
    return to;
  }

  /** Adds data of a fixed length to a list. */
  Rlp add(Rlp to, String field, int length) throws BadDataException {
    return addItem(to, field, value(field), length);
  }

  /** Adds an item of a list of data to a list. */
  Rlp addItem(Rlp to, String field, JsonValue item, int length) throws BadDataException {
    if (item == null || item.dataLength() != length || !to.data(item, length)) {
      throw malformed(field, item, length + " bytes in hex");
    }
    return to;
  }

  /** Refuses a field that is not data of a fixed length. */
  void requireData(String field, int length) throws BadDataException {
    requireItem(field, value(field), length);
  }

  /** Refuses an item of a list that is not data of a fixed length. */
  void requireItem(String field, JsonValue item, int length) throws BadDataException {
    if (item == null || item.dataLength() != length || !item.isData()) {
      throw malformed(field, item, length + " bytes in hex");
    }
  }

  /** Refuses a field that is there and not data. */
  void requireDataIfThere(String field) throws BadDataException {
    JsonValue value = value(field);
    if (value != null && !value.isData()) {
      throw malformed(field, value, "bytes in hex");
    }
  }

  private byte[] data(String field, JsonValue value) throws BadDataException {
    byte[] bytes = value == null ? null : value.data();
    if (bytes == null) {
      throw malformed(field, value, "bytes in hex");
    }
    return bytes;
  }

  /** A quantity as RLP has it: big-endian, without leading zeros. */
  byte[] quantity(String field) throws BadDataException {
    return quantity(field, value(field));
  }

  /** A quantity that was looked up before. */
  byte[] quantity(String field, JsonValue value) throws BadDataException {
    byte[] quantity = value == null ? null : value.quantity();
    if (quantity == null) {
      throw malformed(field, value, "a hex quantity");
    }
    return quantity;
  }

  /** A quantity that is below 2^56. */
  long number(String field) throws BadDataException {
    return number(field, value(field));
  }

  /** A quantity below 2^56 that was looked up before. */
  long number(String field, JsonValue value) throws BadDataException {
    long number = value == null ? JsonValue.NONE : value.smallQuantity();
    if (number < 0) {
      throw malformed(
          field, value, number == JsonValue.NONE ? "a hex quantity" : "a hex quantity below 2^56");
    }
    return number;
  }

  /** A quantity of any size. */
  BigInteger integer(String field) throws BadDataException {
    return new BigInteger(1, quantity(field));
  }

  BadDataException malformed(String field, JsonValue value, String expected) {
    return new BadDataException(
        DeadLetterCode.BLOCK_MALFORMED.code(),
        "field %s of %s is %s, %s is expected".formatted(field, place(), shown(value), expected));
  }

  /** Only hex is shown: any other text may hold what must not be seen, and be cut within it. */
  private static String shown(JsonValue value) {
    if (value == null) {
      return "missing";
    }
    if (!value.isString()) {
      return "not a string";
    }
    String text = value.text();
    return text.matches("0x[0-9a-fA-F]{0,80}")
        ? "'" + text + "'"
        : "a text of " + text.length() + " characters";
  }
}
