package io.cryptoetl.transformer.blocks;

import io.cryptoetl.json.JsonValue;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;

/**
 * Fields of a JSON-RPC object, written as {@code DATA} and {@code QUANTITY} of the <a
 * href="https://ethereum.github.io/execution-apis/">execution API</a>. What a row cannot be without
 * is required. Anything else is null where it is absent or cannot be read, and what a chain leaves
 * out or writes otherwise is noted: no block is lost for such a field.
 */
final class JsonFields {
  private static final int UINT256_BYTES = 32;
  private static final int UINT256_BITS = 256;

  /** Bytes of what is given that a message shows. */
  private static final int MAX_SHOWN = 80;

  private static final byte[] ONE = {1};
  private static final byte[] ZERO = {};

  private final JsonValue object;
  private final JsonFields within;

  /** What it is, such as {@code transaction}, and which one of those. */
  private final String kind;

  private final long index;

  /** Path of the object's fields in deviations, such as {@code transactions.}. */
  private final String path;

  /** Names of fields that are missing, or written otherwise. */
  private final SortedSet<String> deviations;

  private JsonFields(
      JsonValue object,
      JsonFields within,
      String kind,
      long index,
      String path,
      SortedSet<String> deviations) {
    this.object = object;
    this.within = within;
    this.kind = kind;
    this.index = index;
    this.path = path;
    this.deviations = deviations;
    if (!object.isObject()) {
      throw new InvalidFieldException(what() + " is not a JSON object");
    }
  }

  /** An object that stands for itself, such as {@code block 7}. */
  static JsonFields of(JsonValue object, String kind, long index) {
    return new JsonFields(object, null, kind, index, "", new TreeSet<>());
  }

  /**
   * A field that must be there is not, or cannot be read. {@link BlockMapper} makes bad data of it.
   */
  static final class InvalidFieldException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InvalidFieldException(String message) {
      super(message);
    }
  }

  /** A part of this object. */
  JsonFields part(JsonValue part, String partKind, long partIndex, String partPath) {
    return new JsonFields(part, this, partKind, partIndex, partPath, deviations);
  }

  /** What it is in messages, such as {@code transaction 3 of block 7}. */
  private String what() {
    return kind + " " + index + (within == null ? "" : " of " + within.what());
  }

  SortedSet<String> deviations() {
    return deviations;
  }

  /** The value of a field; null if it is absent or null. */
  private JsonValue value(String field) {
    JsonValue value = object.get(field);
    return value == null || value.isNull() ? null : value;
  }

  boolean has(String field) {
    return value(field) != null;
  }

  void deviates(String field) {
    deviations.add(path + field);
  }

  /** Elements of an array; none where the field is absent or null. */
  List<JsonValue> array(String field) {
    JsonValue array = value(field);
    if (array == null) {
      return List.of();
    }
    if (!array.isArray()) {
      throw invalid(field, "an array");
    }
    return array.items();
  }

  /** DATA of a length that must be there. */
  ByteBuffer requiredData(String field, int bytes) {
    byte[] data = bytes(value(field));
    if (data == null || data.length != bytes) {
      throw invalid(field, bytes + " bytes in hex");
    }
    return ByteBuffer.wrap(data);
  }

  /** DATA that must be there. */
  ByteBuffer requiredData(String field) {
    byte[] data = bytes(value(field));
    if (data == null) {
      throw invalid(field, "hex data, two digits a byte");
    }
    return ByteBuffer.wrap(data);
  }

  /** DATA of a length that the API has in every object of its kind. */
  ByteBuffer data(String field, int bytes) {
    return expected(field, optData(field, bytes));
  }

  /** DATA that the API has in every object of its kind. */
  ByteBuffer data(String field) {
    return expected(field, optData(field));
  }

  ByteBuffer optData(String field, int bytes) {
    ByteBuffer data = optData(field);
    if (data != null && data.remaining() != bytes) {
      deviates(field);
      return null;
    }
    return data;
  }

  ByteBuffer optData(String field) {
    JsonValue value = value(field);
    byte[] data = bytes(value);
    if (data == null && value != null) {
      deviates(field);
    }
    return data == null ? null : ByteBuffer.wrap(data);
  }

  /** Elements of an array of DATA of one length, which must be so. */
  List<ByteBuffer> dataList(String field, int bytes) {
    List<JsonValue> items = array(field);
    List<ByteBuffer> list = new ArrayList<>(items.size());
    for (JsonValue item : items) {
      byte[] data = bytes(item);
      if (data == null || data.length != bytes) {
        throw invalid(field, "a list of " + bytes + " bytes in hex");
      }
      list.add(ByteBuffer.wrap(data));
    }
    return list;
  }

  /** Elements of an array of DATA of one length; null if they are not so. */
  List<ByteBuffer> optDataList(String field, int bytes) {
    try {
      return dataList(field, bytes);
    } catch (InvalidFieldException e) {
      deviates(field);
      return null;
    }
  }

  /** Elements of an array; none if it is none. */
  List<JsonValue> optArray(String field) {
    JsonValue array = value(field);
    if (array != null && !array.isArray()) {
      deviates(field);
      return List.of();
    }
    return array == null ? List.of() : array.items();
  }

  /** A QUANTITY below 2^63 that must be there. */
  long requiredQuantity(String field) {
    Long value = optQuantity(field);
    if (value == null) {
      throw invalid(field, "a quantity below 2^63");
    }
    return value;
  }

  /** A QUANTITY below 2^63 that the API has in every object of its kind. */
  Long quantity(String field) {
    return expected(field, optQuantity(field));
  }

  Long optQuantity(String field) {
    byte[] number = within(field, Long.SIZE - 1);
    return number == null ? null : (Long) JsonValue.toLong(number);
  }

  /** A QUANTITY below 2^31 that the API has in every object of its kind. */
  Integer smallQuantity(String field) {
    return expected(field, optSmallQuantity(field));
  }

  Integer optSmallQuantity(String field) {
    byte[] number = within(field, Integer.SIZE - 1);
    return number == null ? null : (Integer) (int) JsonValue.toLong(number);
  }

  /** A QUANTITY that the API has in every object of its kind. */
  BigDecimal uint256(String field) {
    return expected(field, optUint256(field));
  }

  BigDecimal optUint256(String field) {
    byte[] number = within(field, UINT256_BITS);
    if (number == null) {
      return null;
    }
    return number.length < Long.BYTES
        ? BigDecimal.valueOf(JsonValue.toLong(number))
        : new BigDecimal(new BigInteger(1, number));
  }

  /** A QUANTITY as 32 bytes, big endian, that the API has in every object of its kind. */
  ByteBuffer word(String field) {
    return expected(field, optWord(field));
  }

  ByteBuffer optWord(String field) {
    byte[] number = within(field, UINT256_BITS);
    if (number == null || number.length == UINT256_BYTES) {
      return number == null ? null : ByteBuffer.wrap(number);
    }
    byte[] word = new byte[UINT256_BYTES];
    System.arraycopy(number, 0, word, UINT256_BYTES - number.length, number.length);
    return ByteBuffer.wrap(word);
  }

  /**
   * A number that is not negative and has at most so many bits, however it is written: in hex, as a
   * JSON number, in decimal digits, as true, or as 0x for nothing.
   *
   * @return big endian, without leading zeros
   */
  private byte[] within(String field, int bits) {
    JsonValue value = value(field);
    if (value == null) {
      return null;
    }
    boolean isTruth = value.isTrue() || value.isFalse();
    byte[] number = isTruth ? (value.isTrue() ? ONE : ZERO) : value.quantity();
    if (isTruth || !value.isHex()) {
      deviates(field);
    }
    if (number == null || bitLength(number) > bits) {
      deviates(field);
      return null;
    }
    return number;
  }

  private static int bitLength(byte[] number) {
    return number.length == 0
        ? 0
        : Byte.SIZE * number.length
            - (Integer.numberOfLeadingZeros(number[0] & 0xff) - 3 * Byte.SIZE);
  }

  private static byte[] bytes(JsonValue value) {
    return value == null ? null : value.data();
  }

  private <T> T expected(String field, T value) {
    if (value == null) {
      deviates(field);
    }
    return value;
  }

  private InvalidFieldException invalid(String field, String expected) {
    JsonValue value = value(field);
    if (value == null) {
      return new InvalidFieldException("field " + field + " of " + what() + " is missing");
    }
    ByteBuffer given = value.buffer();
    given.limit(Math.min(given.limit(), MAX_SHOWN));
    String shown = StandardCharsets.UTF_8.decode(given).toString().replaceAll("\\s+", " ");
    return new InvalidFieldException(
        "field %s of %s is %s%s, %s is expected"
            .formatted(field, what(), shown, value.size() > MAX_SHOWN ? "..." : "", expected));
  }
}
