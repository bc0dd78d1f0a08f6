package io.cryptoetl.extractor.source;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.json.UTF8StreamJsonParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Cuts the very bytes of values out of JSON. Nothing is re-serialised: white space, key order and
 * escapes inside a value stay as they came.
 */
public final class JsonSlices {
  /** Strings as long as a reply may be: Jackson's own limit of 20 MB is below that. */
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .streamReadConstraints(
              StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
          .build();

  private JsonSlices() {}

  /**
   * A parser whose offsets count bytes.
   *
   * @throws IOException if the bytes are in another encoding than UTF-8, as RFC 8259 wants it
   */
  public static JsonParser parser(byte[] json) throws IOException {
    JsonParser parser = JSON.createParser(json);
    if (!(parser instanceof UTF8StreamJsonParser)) {
      parser.close();
      throw new IOException("not JSON in UTF-8");
    }
    return parser;
  }

  /** The bytes of the value at which the parser stands; it then stands at the value's end. */
  public static byte[] value(JsonParser parser, byte[] json) throws IOException {
    int start = Math.toIntExact(parser.currentTokenLocation().getByteOffset());
    if (parser.currentToken() == JsonToken.VALUE_STRING) {
      parser.finishToken();
    }
    parser.skipChildren();
    int end = Math.toIntExact(parser.currentLocation().getByteOffset());
    return Arrays.copyOfRange(json, start, end);
  }

  /**
   * The bytes of each element of an array.
   *
   * @throws IOException if the JSON is not an array, or cut off; the message does not quote it
   */
  public static List<byte[]> elements(byte[] json) throws IOException {
    try (JsonParser parser = parser(json)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw new IOException("not an array");
      }
      List<byte[]> elements = new ArrayList<>();
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        elements.add(value(parser, json));
      }
      if (parser.nextToken() != null) {
        throw new IOException("something follows the JSON value");
      }
      return elements;
    } catch (JacksonException e) {
      throw malformed(e);
    }
  }

  /** The failure of a parser, told without what it read. */
  public static IOException malformed(JacksonException e) {
    return new IOException("not JSON, or cut off, at byte " + e.getLocation().getByteOffset(), e);
  }
}
