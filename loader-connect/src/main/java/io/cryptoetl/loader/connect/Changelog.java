package io.cryptoetl.loader.connect;

import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.ConnectRecord;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.transforms.Transformation;

/**
 * Makes each record a line of a changelog, for sinks that append only: the fields of its key, those
 * of its value, and
 *
 * <ul>
 *   <li>{@code _table}: its topic, by which sinks can tell tables apart
 *   <li>{@code _partition}, {@code _offset}: where it stands
 *   <li>{@code _deleted}: whether it is a tombstone; all fields but those of the key are null then
 * </ul>
 *
 * <p>Of the lines of one key the one with the largest offset counts. Fields that are no key are
 * optional, and decimals of more than 38 digits, which no columnar format has, are their digits as
 * text.
 *
 * @param <R> type of records
 */
public final class Changelog<R extends ConnectRecord<R>> implements Transformation<R> {
  static final String TABLE = "_table";
  static final String PARTITION = "_partition";
  static final String OFFSET = "_offset";
  static final String DELETED = "_deleted";

  private static final int MAX_DIGITS = 38;

  private final Map<Schemas, Schema> lines = new HashMap<>();

  /** Compared by identity: converters give the same objects for the same schema. */
  private record Schemas(Schema key, Schema value) {
    @Override
    public boolean equals(Object other) {
      return other instanceof Schemas s && s.key == key && s.value == value;
    }

    @Override
    public int hashCode() {
      return Objects.hash(System.identityHashCode(key), System.identityHashCode(value));
    }
  }

  @Override
  public R apply(R record) {
    if (!(record instanceof SinkRecord at)) {
      throw new DataException("a changelog is made of records of a sink");
    }
    if (!(record.key() instanceof Struct key)
        || (record.value() != null && !(record.value() instanceof Struct))) {
      throw new DataException(
          "the record at %s-%d@%d has no key or value of named fields"
              .formatted(
                  at.originalTopic(), at.originalKafkaPartition(), at.originalKafkaOffset()));
    }
    Struct value = (Struct) record.value();
    Schema schema =
        lines.computeIfAbsent(
            new Schemas(key.schema(), value == null ? null : value.schema()), Changelog::line);
    Struct line = new Struct(schema);
    copy(key, line);
    if (value != null) {
      copy(value, line);
    }
    line.put(TABLE, record.topic())
        .put(PARTITION, at.originalKafkaPartition())
        .put(OFFSET, at.originalKafkaOffset())
        .put(DELETED, value == null);
    return record.newRecord(
        record.topic(),
        record.kafkaPartition(),
        record.keySchema(),
        record.key(),
        schema,
        line,
        record.timestamp());
  }

  private static void copy(Struct from, Struct to) {
    for (Field field : from.schema().fields()) {
      Object value = from.getWithoutDefault(field.name());
      boolean asText = value instanceof BigDecimal && isTooLong(field.schema());
      to.put(field.name(), asText ? ((BigDecimal) value).toPlainString() : value);
    }
  }

  private static Schema line(Schemas of) {
    SchemaBuilder line = SchemaBuilder.struct().name((of.value == null ? of.key : of.value).name());
    for (Field field : of.key.fields()) {
      line.field(field.name(), field.schema());
    }
    if (of.value != null) {
      for (Field field : of.value.fields()) {
        if (of.key.field(field.name()) == null) {
          line.field(field.name(), optional(field.schema()));
        }
      }
    }
    for (String ours : List.of(TABLE, PARTITION, OFFSET, DELETED)) {
      if (line.field(ours) != null) {
        throw new DataException("the records have a field " + ours + ", which a changelog adds");
      }
    }
    return line.field(TABLE, Schema.STRING_SCHEMA)
        .field(PARTITION, Schema.INT32_SCHEMA)
        .field(OFFSET, Schema.INT64_SCHEMA)
        .field(DELETED, Schema.BOOLEAN_SCHEMA)
        .build();
  }

  private static boolean isTooLong(Schema schema) {
    if (!Decimal.LOGICAL_NAME.equals(schema.name())) {
      return false;
    }
    String digits = schema.parameters().get("connect.decimal.precision");
    return digits == null || Integer.parseInt(digits) > MAX_DIGITS;
  }

  private static Schema optional(Schema schema) {
    if (isTooLong(schema)) {
      return Schema.OPTIONAL_STRING_SCHEMA;
    }
    if (schema.isOptional()) {
      return schema;
    }
    SchemaBuilder copy =
        switch (schema.type()) {
          case STRUCT -> SchemaBuilder.struct();
          case ARRAY -> SchemaBuilder.array(schema.valueSchema());
          case MAP -> SchemaBuilder.map(schema.keySchema(), schema.valueSchema());
          default -> SchemaBuilder.type(schema.type());
        };
    if (schema.type() == Schema.Type.STRUCT) {
      schema.fields().forEach(f -> copy.field(f.name(), f.schema()));
    }
    if (schema.parameters() != null) {
      copy.parameters(schema.parameters());
    }
    return copy.name(schema.name()).optional().build();
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
    lines.clear();
  }
}
