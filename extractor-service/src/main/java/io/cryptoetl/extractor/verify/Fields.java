package io.cryptoetl.extractor.verify;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.source.BadDataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.tuweni.bytes.Bytes;

/**
 * A JSON object of the execution API with typed access. What is missing or malformed is told with
 * the place where it stands.
 *
 * @param place such as {@code transaction 3 of block 17}
 */
record Fields(String place, Map<String, Object> values) {
  private static final HexFormat HEX = HexFormat.of();

  private static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
              .build());

  /**
   * Reads an object.
   *
   * @throws BadDataException with {@code code} if it is none
   */
  static Fields object(String place, byte[] json, String code) throws BadDataException {
    return of(place, parse(place, json, code), code);
  }

  /** Reads an array of objects, each named by {@code itemPlace} and its position. */
  static List<Fields> objects(String place, String itemPlace, byte[] json, String code)
      throws BadDataException {
    if (!(parse(place, json, code) instanceof List<?> list)) {
      throw new BadDataException(code, place + " are not a JSON array");
    }
    return of(itemPlace, list, code);
  }

  private static Object parse(String place, byte[] json, String code) throws BadDataException {
    try {
      return JSON.readValue(json, Object.class);
    } catch (JsonProcessingException e) {
      throw new BadDataException(
          code, place + " is not JSON, or cut off, at byte " + e.getLocation().getByteOffset());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  @SuppressWarnings("unchecked") // Jackson makes objects with string keys of JSON objects.
  private static Fields of(String place, Object value, String code) throws BadDataException {
    if (value instanceof Map<?, ?> map) {
      return new Fields(place, (Map<String, Object>) map);
    }
    throw new BadDataException(code, place + " is not a JSON object");
  }

  private static List<Fields> of(String itemPlace, List<?> list, String code)
      throws BadDataException {
    List<Fields> objects = new ArrayList<>(list.size());
    for (Object item : list) {
      objects.add(of(itemPlace + " " + objects.size(), item, code));
    }
    return objects;
  }

  /** Whether the field is there and not null. */
  boolean has(String field) {
    return values.get(field) != null;
  }

  /** A field that is a list of objects; an absent one is an empty list. */
  List<Fields> list(String field, String itemPlace) throws BadDataException {
    return of(itemPlace, rawList(field), "block_malformed");
  }

  /** A field that is a list; an absent one is an empty list. */
  List<?> rawList(String field) throws BadDataException {
    return switch (values.get(field)) {
      case null -> List.of();
      case List<?> list -> list;
      case Object other -> throw malformed(field, other, "a list");
    };
  }

  /** A text field; empty where it is absent or null. */
  Optional<String> text(String field) throws BadDataException {
    return switch (values.get(field)) {
      case null -> Optional.empty();
      case String text -> Optional.of(text);
      case Object other -> throw malformed(field, other, "a string");
    };
  }

  /** Data of any length. */
  Bytes data(String field) throws BadDataException {
    return Bytes.wrap(bytes(field, values.get(field)));
  }

  /** Data of a fixed length in bytes. */
  Bytes data(String field, int length) throws BadDataException {
    Bytes data = data(field);
    if (data.size() != length) {
      throw malformed(field, values.get(field), length + " bytes in hex");
    }
    return data;
  }

  /** Data of a fixed length, or none where the field is absent or null. */
  Bytes dataOrEmpty(String field, int length) throws BadDataException {
    return has(field) ? data(field, length) : Bytes.EMPTY;
  }

  /** An item of a list of data. */
  Bytes item(String field, Object item, int length) throws BadDataException {
    byte[] bytes = bytes(field, item);
    if (bytes.length != length) {
      throw malformed(field, item, length + " bytes in hex");
    }
    return Bytes.wrap(bytes);
  }

  private byte[] bytes(String field, Object value) throws BadDataException {
    if (!(value instanceof String text) || text.length() % 2 != 0 || !text.startsWith("0x")) {
      throw malformed(field, value, "bytes in hex");
    }
    try {
      return HEX.parseHex(text, 2, text.length());
    } catch (IllegalArgumentException e) {
      throw malformed(field, value, "bytes in hex");
    }
  }

  /**
   * A quantity as RLP has it: big-endian, without leading zeros. Some nodes write decimal digits, a
   * JSON number, or 0x for nothing.
   */
  Bytes quantity(String field) throws BadDataException {
    switch (values.get(field)) {
      case String text when text.startsWith("0x") -> {
        try {
          byte[] bytes =
              text.length() % 2 == 0
                  ? HEX.parseHex(text, 2, text.length())
                  : HEX.parseHex("0" + text.substring(2));
          return Bytes.wrap(bytes).trimLeadingZeros();
        } catch (IllegalArgumentException e) {
          throw malformed(field, text, "a hex quantity");
        }
      }
      case String text when text.matches("[0-9]{1,78}") -> {
        return unsigned(new BigInteger(text));
      }
      case Integer number when number >= 0 -> {
        return unsigned(BigInteger.valueOf(number));
      }
      case Long number when number >= 0 -> {
        return unsigned(BigInteger.valueOf(number));
      }
      case BigInteger number when number.signum() >= 0 -> {
        return unsigned(number);
      }
      case null, default -> throw malformed(field, values.get(field), "a hex quantity");
    }
  }

  private static Bytes unsigned(BigInteger number) {
    return Bytes.wrap(number.toByteArray()).trimLeadingZeros();
  }

  /** A quantity that fits a long. */
  long number(String field) throws BadDataException {
    Bytes quantity = quantity(field);
    if (quantity.size() >= Long.BYTES) {
      throw malformed(field, values.get(field), "a hex quantity below 2^56");
    }
    return quantity.toLong();
  }

  /** A quantity of any size. */
  BigInteger integer(String field) throws BadDataException {
    return quantity(field).toUnsignedBigInteger();
  }

  BadDataException malformed(String field, Object value, String expected) {
    // Only hex is shown: any other text may hold what must not be seen, and be cut within it.
    String shown =
        switch (value) {
          case null -> "missing";
          case String text when text.matches("0x[0-9a-fA-F]{0,80}") -> "'" + text + "'";
          case String text -> "a text of " + text.length() + " characters";
          default -> "not a string";
        };
    return new BadDataException(
        "block_malformed",
        "field %s of %s is %s, %s is expected".formatted(field, place, shown, expected));
  }
}
