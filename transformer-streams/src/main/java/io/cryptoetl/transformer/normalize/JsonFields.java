package io.cryptoetl.transformer.normalize;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.datasets.values.Hex;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * Fields of a JSON-RPC object, written as {@link Hex} tells. Methods named {@code opt...} give null
 * where a field is absent or null.
 *
 * @param what names the object in messages, such as {@code transaction 3 of block 7}
 */
record JsonFields(JsonNode node, String what) {
  private static final int UINT256_BYTES = 32;

  JsonFields {
    if (!node.isObject()) {
      throw new InvalidFieldException(what + " is not a JSON object");
    }
  }

  /** A field is not what the API says it is. {@link BlockMapper} makes bad data of it. */
  static final class InvalidFieldException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InvalidFieldException(String message) {
      super(message);
    }
  }

  boolean has(String field) {
    return node.hasNonNull(field);
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

  ByteBuffer data(String field, int bytes) {
    return required(field, optData(field, bytes));
  }

  ByteBuffer data(String field) {
    return required(field, optData(field));
  }

  ByteBuffer optData(String field, int bytes) {
    ByteBuffer data = optData(field);
    if (data != null && data.remaining() != bytes) {
      throw invalid(field, bytes + " bytes in hex");
    }
    return data;
  }

  ByteBuffer optData(String field) {
    String text = text(field);
    return text == null ? null : bytes(field, text);
  }

  /** Elements of an array of DATA of one length. */
  List<ByteBuffer> dataList(String field, int bytes) {
    List<ByteBuffer> list = new ArrayList<>();
    for (JsonNode element : array(field)) {
      ByteBuffer data = element.isTextual() ? bytes(field, element.textValue()) : null;
      if (data == null || data.remaining() != bytes) {
        throw invalid(field, "a list of " + bytes + " bytes in hex");
      }
      list.add(data);
    }
    return list;
  }

  long quantity(String field) {
    return required(field, optQuantity(field));
  }

  int smallQuantity(String field) {
    return required(field, optSmallQuantity(field));
  }

  Integer optSmallQuantity(String field) {
    Long value = optQuantity(field);
    if (value == null) {
      return null;
    }
    if (value > Integer.MAX_VALUE) {
      throw invalid(field, "a number below 2^31");
    }
    return value.intValue();
  }

  Long optQuantity(String field) {
    BigInteger value = optInteger(field);
    if (value == null) {
      return null;
    }
    if (value.bitLength() > Long.SIZE - 1) {
      throw invalid(field, "a number below 2^63");
    }
    return value.longValue();
  }

  BigDecimal uint256(String field) {
    return required(field, optUint256(field));
  }

  BigDecimal optUint256(String field) {
    BigInteger value = optInteger(field);
    return value == null ? null : new BigDecimal(value);
  }

  /** A QUANTITY as 32 bytes, big endian. */
  ByteBuffer optWord(String field) {
    BigInteger value = optInteger(field);
    if (value == null) {
      return null;
    }
    byte[] word = new byte[UINT256_BYTES];
    byte[] bytes = value.toByteArray();
    int length = Math.min(bytes.length, UINT256_BYTES);
    System.arraycopy(bytes, bytes.length - length, word, UINT256_BYTES - length, length);
    return ByteBuffer.wrap(word);
  }

  ByteBuffer word(String field) {
    return required(field, optWord(field));
  }

  private BigInteger optInteger(String field) {
    String text = text(field);
    if (text == null) {
      return null;
    }
    BigInteger value = Hex.quantity(text);
    if (value == null) {
      throw invalid(field, "a hex quantity below 2^256");
    }
    return value;
  }

  private String text(String field) {
    JsonNode value = node.get(field);
    if (value == null || value.isNull()) {
      return null;
    }
    if (!value.isTextual()) {
      throw invalid(field, "a hex string");
    }
    return value.textValue();
  }

  private ByteBuffer bytes(String field, String text) {
    ByteBuffer data = Hex.data(text);
    if (data == null) {
      throw invalid(field, "hex data, two digits a byte");
    }
    return data;
  }

  private <T> T required(String field, T value) {
    if (value == null) {
      throw new InvalidFieldException("field " + field + " of " + what + " is missing");
    }
    return value;
  }

  private InvalidFieldException invalid(String field, String expected) {
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
