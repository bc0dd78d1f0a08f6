package io.cryptoetl.transformer.normalize;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.datasets.values.Hex;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;

/**
 * Fields of a JSON-RPC object, written as {@link Hex} tells. What a row cannot be without is
 * required. Anything else is null where it is absent or cannot be read, and what a chain leaves out
 * or writes otherwise is noted: no block is lost for such a field.
 *
 * @param what names the object in messages, such as {@code transaction 3 of block 7}
 * @param path of the object's fields in deviations, such as {@code transactions.}
 * @param deviations names of fields that are missing, or written otherwise
 */
record JsonFields(JsonNode node, String what, String path, SortedSet<String> deviations) {
  private static final int UINT256_BYTES = 32;
  private static final int UINT256_BITS = 256;

  JsonFields {
    if (!node.isObject()) {
      throw new InvalidFieldException(what + " is not a JSON object");
    }
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
  JsonFields part(JsonNode part, String partWhat, String partPath) {
    return new JsonFields(part, partWhat, partPath, deviations);
  }

  boolean has(String field) {
    return node.hasNonNull(field);
  }

  void deviates(String field) {
    deviations.add(path + field);
  }

  /** Elements of an array; none where the field is absent or null. */
  List<JsonNode> array(String field) {
    JsonNode array = node.get(field);
    if (array == null || array.isNull()) {
      return List.of();
    }
    if (!array.isArray()) {
      throw invalid(field, "an array");
    }
    List<JsonNode> elements = new ArrayList<>(array.size());
    array.forEach(elements::add);
    return elements;
  }

  /** DATA of a length that must be there. */
  ByteBuffer requiredData(String field, int bytes) {
    ByteBuffer data = bytes(field);
    if (data == null || data.remaining() != bytes) {
      throw invalid(field, bytes + " bytes in hex");
    }
    return data;
  }

  /** DATA that must be there. */
  ByteBuffer requiredData(String field) {
    ByteBuffer data = bytes(field);
    if (data == null) {
      throw invalid(field, "hex data, two digits a byte");
    }
    return data;
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
    ByteBuffer data = bytes(field);
    if (data == null && has(field)) {
      deviates(field);
    }
    return data;
  }

  /** Elements of an array of DATA of one length, which must be so. */
  List<ByteBuffer> dataList(String field, int bytes) {
    List<ByteBuffer> list = new ArrayList<>();
    for (JsonNode element : array(field)) {
      ByteBuffer data = element.isTextual() ? Hex.data(element.textValue()) : null;
      if (data == null || data.remaining() != bytes) {
        throw invalid(field, "a list of " + bytes + " bytes in hex");
      }
      list.add(data);
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
  List<JsonNode> optArray(String field) {
    if (has(field) && !node.get(field).isArray()) {
      deviates(field);
      return List.of();
    }
    return array(field);
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
    BigInteger value = within(field, Long.SIZE - 1);
    return value == null ? null : value.longValue();
  }

  /** A QUANTITY below 2^31 that the API has in every object of its kind. */
  Integer smallQuantity(String field) {
    return expected(field, optSmallQuantity(field));
  }

  Integer optSmallQuantity(String field) {
    BigInteger value = within(field, Integer.SIZE - 1);
    return value == null ? null : value.intValue();
  }

  /** A QUANTITY that the API has in every object of its kind. */
  BigDecimal uint256(String field) {
    return expected(field, optUint256(field));
  }

  BigDecimal optUint256(String field) {
    BigInteger value = within(field, UINT256_BITS);
    return value == null ? null : new BigDecimal(value);
  }

  /** A QUANTITY as 32 bytes, big endian, that the API has in every object of its kind. */
  ByteBuffer word(String field) {
    return expected(field, optWord(field));
  }

  ByteBuffer optWord(String field) {
    BigInteger value = within(field, UINT256_BITS);
    if (value == null) {
      return null;
    }
    byte[] word = new byte[UINT256_BYTES];
    byte[] bytes = value.toByteArray();
    int length = Math.min(bytes.length, UINT256_BYTES);
    System.arraycopy(bytes, bytes.length - length, word, UINT256_BYTES - length, length);
    return ByteBuffer.wrap(word);
  }

  /** A number that is not negative and has at most so many bits, however it is written. */
  private BigInteger within(String field, int bits) {
    JsonNode value = node.get(field);
    if (value == null || value.isNull()) {
      return null;
    }
    BigInteger number = value.isTextual() ? Hex.quantity(value.textValue()) : null;
    if (number == null) {
      deviates(field);
      number = unusual(value);
    }
    if (number == null || number.signum() < 0 || number.bitLength() > bits) {
      deviates(field);
      return null;
    }
    return number;
  }

  /** Numbers as some nodes write them: a JSON number, decimal digits, true, or 0x for nothing. */
  private static BigInteger unusual(JsonNode value) {
    if (value.isBoolean()) {
      return value.booleanValue() ? BigInteger.ONE : BigInteger.ZERO;
    }
    if (value.isIntegralNumber()) {
      return value.bigIntegerValue();
    }
    String text = value.isTextual() ? value.textValue() : "";
    if (text.equals("0x")) {
      return BigInteger.ZERO;
    }
    return text.matches("[0-9]{1,78}") ? new BigInteger(text) : null;
  }

  private ByteBuffer bytes(String field) {
    JsonNode value = node.get(field);
    return value != null && value.isTextual() ? Hex.data(value.textValue()) : null;
  }

  private <T> T expected(String field, T value) {
    if (value == null) {
      deviates(field);
    }
    return value;
  }

  private InvalidFieldException invalid(String field, String expected) {
    if (!has(field)) {
      return new InvalidFieldException("field " + field + " of " + what + " is missing");
    }
    String given = String.valueOf(node.get(field));
    return new InvalidFieldException(
        "field %s of %s is %s, %s is expected"
            .formatted(
                field,
                what,
                given.length() > 80 ? given.substring(0, 80) + "..." : given,
                expected));
  }
}
