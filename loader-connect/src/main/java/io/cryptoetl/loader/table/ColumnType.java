package io.cryptoetl.loader.table;

import org.apache.kafka.connect.data.Date;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/**
 * Type of a column.
 *
 * @param name as the database calls it
 * @param element of an array, else null
 * @param id the database's number of the type; 0 where it has none or it does not matter
 */
public record ColumnType(Kind kind, String name, ColumnType element, int id) {
  /** What a type can hold; which of them there are, and what they are called, is the database's. */
  public enum Kind {
    INT8,
    INT4,
    INT2,
    BOOL,
    FLOAT8,
    FLOAT4,
    NUMERIC,
    /** With or without a time zone, microseconds. */
    TIMESTAMP,
    DATE,
    /** Without a time zone, microseconds. */
    TIME,
    UUID,
    BYTEA,
    /** Also enums of the database, and the digits of decimals. */
    TEXT,
    JSON,
    JSONB,
    ARRAY,
    /** Nothing can be written into it here. */
    OTHER
  }

  /** Whether fields of a type can be written here, though a value of theirs may be too large. */
  public boolean takes(Schema field) {
    String logical = field.name();
    return switch (kind) {
      case INT8, INT4, INT2 -> isInteger(field) && logical == null;
      case BOOL -> field.type() == Schema.Type.BOOLEAN;
      case FLOAT8 -> field.type() == Schema.Type.FLOAT64 || field.type() == Schema.Type.FLOAT32;
      case FLOAT4 -> field.type() == Schema.Type.FLOAT32;
      case NUMERIC -> (isInteger(field) && logical == null) || Decimal.LOGICAL_NAME.equals(logical);
      case TIMESTAMP ->
          Timestamp.LOGICAL_NAME.equals(logical)
              || (field.type() == Schema.Type.INT64 && logical == null);
      case DATE -> Date.LOGICAL_NAME.equals(logical);
      case TIME ->
          Time.LOGICAL_NAME.equals(logical)
              || (field.type() == Schema.Type.INT64 && logical == null);
      case BYTEA -> field.type() == Schema.Type.BYTES && logical == null;
      case TEXT -> field.type() == Schema.Type.STRING || Decimal.LOGICAL_NAME.equals(logical);
      case UUID -> field.type() == Schema.Type.STRING;
      case JSON, JSONB ->
          switch (field.type()) {
            case STRING, STRUCT, MAP, ARRAY -> true;
            default -> false;
          };
      case ARRAY -> field.type() == Schema.Type.ARRAY && element.takes(field.valueSchema());
      case OTHER -> false;
    };
  }

  private static boolean isInteger(Schema field) {
    return switch (field.type()) {
      case INT8, INT16, INT32, INT64 -> true;
      default -> false;
    };
  }
}
