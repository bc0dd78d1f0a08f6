package io.cryptoetl.loader.connect;

import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Turns arrays of a record's value into text as PostgreSQL writes arrays (<a
 * href="https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO">format</a>), for sinks that
 * know no arrays, or none of bytes. With {@code stringtype=unspecified} in the JDBC URL the server
 * reads such text as the array that the column is.
 *
 * @param <R> type of records
 */
public final class ArraysAsText<R extends ConnectRecord<R>> implements Transformation<R> {
  private final IdentityHashMap<Schema, Schema> schemas = new IdentityHashMap<>();

  @Override
  public R apply(R record) {
    if (!(record.value() instanceof Struct row)) {
      return record;
    }
    Schema schema = schemas.computeIfAbsent(row.schema(), ArraysAsText::withoutArrays);
    if (schema == row.schema()) {
      return record;
    }
    Struct text = new Struct(schema);
    for (Field field : row.schema().fields()) {
      Object value = row.get(field);
      text.put(field.name(), value instanceof List<?> list ? literal(list) : value);
    }
    return record.newRecord(
        record.topic(),
        record.kafkaPartition(),
        record.keySchema(),
        record.key(),
        schema,
        text,
        record.timestamp());
  }

  private static Schema withoutArrays(Schema schema) {
    if (schema.fields().stream().noneMatch(f -> f.schema().type() == Schema.Type.ARRAY)) {
      return schema;
    }
    SchemaBuilder builder = SchemaBuilder.struct().name(schema.name());
    for (Field field : schema.fields()) {
      boolean array = field.schema().type() == Schema.Type.ARRAY;
      builder.field(
          field.name(),
          !array
              ? field.schema()
              : field.schema().isOptional() ? Schema.OPTIONAL_STRING_SCHEMA : Schema.STRING_SCHEMA);
    }
    return builder.build();
  }

  private static String literal(List<?> values) {
    StringBuilder text = new StringBuilder("{");
    for (Object value : values) {
      if (text.length() > 1) {
        text.append(',');
      }
      if (value == null) {
        text.append("NULL");
      } else {
        String element =
            value instanceof byte[] || value instanceof ByteBuffer ? hex(value) : value.toString();
        text.append('"').append(element.replace("\\", "\\\\").replace("\"", "\\\"")).append('"');
      }
    }
    return text.append('}').toString();
  }

  private static String hex(Object bytes) {
    byte[] array;
    if (bytes instanceof ByteBuffer buffer) {
      array = new byte[buffer.remaining()];
      buffer.duplicate().get(array);
    } else {
      array = (byte[]) bytes;
    }
    return "\\x" + HexFormat.of().formatHex(array);
  }

  @Override
  public ConfigDef config() {
    return new ConfigDef();
  }

  @Override
  public void configure(Map<String, ?> configs) {
    // There is nothing to choose.
  }

  @Override
  public void close() {
    schemas.clear();
  }
}
