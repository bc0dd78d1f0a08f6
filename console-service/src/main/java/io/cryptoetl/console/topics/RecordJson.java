package io.cryptoetl.console.topics;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collection;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.IndexedRecord;

/**
 * Writes records as JSON that people can read: bytes as {@code 0x...}, what is JSON or text of a
 * file as text, numbers that a browser would round as texts.
 */
final class RecordJson {
  /** Fields of bytes that hold text. */
  private static final String TEXTS = ".*(_json|^payload|^rows|^row)$";

  private final JsonGenerator json;

  /** Most characters of one value. */
  private final int longest;

  private boolean cut;

  RecordJson(JsonGenerator json, int longest) {
    this.json = json;
    this.longest = longest;
  }

  /** Whether a value was longer than what is shown. */
  boolean isCut() {
    return cut;
  }

  void write(IndexedRecord record) throws IOException {
    json.writeStartObject();
    for (Schema.Field field : record.getSchema().getFields()) {
      json.writeFieldName(field.name());
      value(field.name(), record.get(field.pos()));
    }
    json.writeEndObject();
  }

  private void value(String name, Object value) throws IOException {
    switch (value) {
      case null -> json.writeNull();
      case IndexedRecord record -> write(record);
      case Collection<?> list -> {
        json.writeStartArray();
        for (Object element : list) {
          value(name, element);
        }
        json.writeEndArray();
      }
      case ByteBuffer bytes -> bytes(name, bytes.duplicate());
      case Boolean bool -> json.writeBoolean(bool);
      case Integer number -> json.writeNumber(number);
      case Instant time -> json.writeString(time.toString());
      default -> text(value.toString());
    }
  }

  private void bytes(String name, ByteBuffer bytes) throws IOException {
    boolean isText = name.matches(TEXTS);
    int most = isText ? longest : longest / 2;
    byte[] some = new byte[Math.min(bytes.remaining(), most)];
    cut |= bytes.remaining() > some.length;
    bytes.get(some);
    json.writeString(
        isText ? new String(some, StandardCharsets.UTF_8) : "0x" + HexFormat.of().formatHex(some));
  }

  private void text(String text) throws IOException {
    cut |= text.length() > longest;
    json.writeString(text.length() > longest ? text.substring(0, longest) : text);
  }
}
