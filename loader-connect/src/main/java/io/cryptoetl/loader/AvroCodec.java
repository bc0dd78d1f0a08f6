package io.cryptoetl.loader;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.Encoder;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/**
 * Reads what was written with one Avro schema as Connect's data. Types are Connect's usual ones:
 * decimals are Decimal, {@code timestamp-millis} is Timestamp, a union with null is optional, enums
 * are strings, fixed is bytes. Other unions and logical types of times are refused.
 */
final class AvroCodec {
  private final org.apache.kafka.connect.data.Schema schema;
  private final Reader reader;

  private interface Reader {
    Object read(Decoder in) throws IOException;
  }

  /** A type of Connect, and how it is read. */
  private record Typed(SchemaBuilder type, Reader reader) {}

  AvroCodec(Schema avro) {
    Typed typed = typed(avro);
    this.schema = typed.type().build();
    this.reader = avro.getType() == Schema.Type.RECORD ? record(avro, schema) : typed.reader();
  }

  /** The schema of what is read. */
  org.apache.kafka.connect.data.Schema schema() {
    return schema;
  }

  Object read(Decoder in) throws IOException {
    return reader.read(in);
  }

  @SuppressWarnings("JavaUtilDate") // What Connect takes for its Timestamp type.
  private static Typed typed(Schema avro) {
    LogicalType logical = avro.getLogicalType();
    if (logical instanceof LogicalTypes.Decimal decimal) {
      return decimal(avro, decimal.getScale());
    }
    if (logical instanceof LogicalTypes.TimestampMillis) {
      return new Typed(Timestamp.builder(), in -> new Date(in.readLong()));
    }
    if (logical != null && !logical.getName().equals("uuid")) {
      throw new DataException("logical type " + logical.getName() + " is not known here");
    }
    return switch (avro.getType()) {
      case RECORD -> {
        SchemaBuilder builder = SchemaBuilder.struct().name(avro.getFullName());
        for (Schema.Field field : avro.getFields()) {
          builder.field(field.name(), typed(field.schema()).type().build());
        }
        yield new Typed(builder, record(avro, builder.build()));
      }
      case UNION -> union(avro);
      case ARRAY -> {
        Typed element = typed(avro.getElementType());
        yield new Typed(
            SchemaBuilder.array(element.type().build()), in -> array(in, element.reader()));
      }
      case MAP -> {
        Typed element = typed(avro.getValueType());
        yield new Typed(
            SchemaBuilder.map(
                org.apache.kafka.connect.data.Schema.STRING_SCHEMA, element.type().build()),
            in -> map(in, element.reader()));
      }
      case ENUM -> {
        List<String> symbols = avro.getEnumSymbols();
        yield new Typed(SchemaBuilder.string(), in -> symbols.get(in.readEnum()));
      }
      case FIXED -> {
        int size = avro.getFixedSize();
        yield new Typed(
            SchemaBuilder.bytes(),
            in -> {
              byte[] bytes = new byte[size];
              in.readFixed(bytes);
              return bytes;
            });
      }
      case STRING -> new Typed(SchemaBuilder.string(), Decoder::readString);
      case BYTES -> new Typed(SchemaBuilder.bytes(), AvroCodec::bytes);
      case INT -> new Typed(SchemaBuilder.int32(), Decoder::readInt);
      case LONG -> new Typed(SchemaBuilder.int64(), Decoder::readLong);
      case FLOAT -> new Typed(SchemaBuilder.float32(), Decoder::readFloat);
      case DOUBLE -> new Typed(SchemaBuilder.float64(), Decoder::readDouble);
      case BOOLEAN -> new Typed(SchemaBuilder.bool(), Decoder::readBoolean);
      case NULL -> throw new DataException("Avro type null is known in unions only");
    };
  }

  private static byte[] bytes(Decoder in) throws IOException {
    ByteBuffer buffer = in.readBytes(null);
    if (buffer.arrayOffset() == 0 && buffer.array().length == buffer.remaining()) {
      return buffer.array();
    }
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return bytes;
  }

  private static Typed decimal(Schema avro, int scale) {
    int size = avro.getType() == Schema.Type.FIXED ? avro.getFixedSize() : -1;
    return new Typed(
        Decimal.builder(scale),
        in -> {
          byte[] unscaled;
          if (size < 0) {
            unscaled = bytes(in);
          } else {
            unscaled = new byte[size];
            in.readFixed(unscaled);
          }
          return new BigDecimal(new BigInteger(unscaled), scale);
        });
  }

  /** A record: its fields in the order in which they were written. */
  private static Reader record(Schema avro, org.apache.kafka.connect.data.Schema type) {
    Field[] fields = type.fields().toArray(new Field[0]);
    Reader[] readers =
        avro.getFields().stream().map(f -> typed(f.schema()).reader()).toArray(Reader[]::new);
    return in -> {
      Struct struct = new Struct(type);
      for (int i = 0; i < fields.length; i++) {
        struct.put(fields[i], readers[i].read(in));
      }
      return struct;
    };
  }

  private static Typed union(Schema avro) {
    List<Schema> types = avro.getTypes();
    int nothing = types.get(0).getType() == Schema.Type.NULL ? 0 : 1;
    if (types.size() != 2 || types.get(nothing).getType() != Schema.Type.NULL) {
      throw new DataException("of unions only those of null and one other type are known here");
    }
    Typed other = typed(types.get(1 - nothing));
    Reader reader = other.reader();
    return new Typed(
        other.type().optional(),
        in -> {
          if (in.readIndex() == nothing) {
            in.readNull();
            return null;
          }
          return reader.read(in);
        });
  }

  private static List<Object> array(Decoder in, Reader element) throws IOException {
    List<Object> list = new ArrayList<>();
    for (long n = in.readArrayStart(); n != 0; n = in.arrayNext()) {
      for (long i = 0; i < n; i++) {
        list.add(element.read(in));
      }
    }
    return list;
  }

  private static Map<String, Object> map(Decoder in, Reader element) throws IOException {
    Map<String, Object> map = new LinkedHashMap<>();
    for (long n = in.readMapStart(); n != 0; n = in.mapNext()) {
      for (long i = 0; i < n; i++) {
        map.put(in.readString(), element.read(in));
      }
    }
    return map;
  }

  /**
   * Writes Connect's data with an Avro schema: fields by their names, null for those that the data
   * does not have.
   */
  @SuppressWarnings("JavaUtilDate") // What Connect has for its Timestamp type.
  static void write(Encoder out, Schema avro, Object value) throws IOException {
    switch (avro.getType()) {
      case RECORD -> {
        Struct struct = (Struct) value;
        for (Schema.Field field : avro.getFields()) {
          Field known = struct.schema().field(field.name());
          write(out, field.schema(), known == null ? null : struct.get(known));
        }
      }
      case UNION -> {
        int index = 0;
        while ((avro.getTypes().get(index).getType() == Schema.Type.NULL) != (value == null)) {
          index++;
        }
        out.writeIndex(index);
        write(out, avro.getTypes().get(index), value);
      }
      case NULL -> out.writeNull();
      case ARRAY -> {
        List<?> list = (List<?>) value;
        out.writeArrayStart();
        out.setItemCount(list.size());
        for (Object element : list) {
          out.startItem();
          write(out, avro.getElementType(), element);
        }
        out.writeArrayEnd();
      }
      case STRING -> out.writeString((String) value);
      case BYTES ->
          out.writeBytes(
              value instanceof BigDecimal decimal
                  ? ByteBuffer.wrap(decimal.unscaledValue().toByteArray())
                  : value instanceof ByteBuffer buffer
                      ? buffer.duplicate()
                      : ByteBuffer.wrap((byte[]) value));
      case INT -> out.writeInt((Integer) value);
      case LONG -> out.writeLong(value instanceof Date date ? date.getTime() : (Long) value);
      case BOOLEAN -> out.writeBoolean((Boolean) value);
      case DOUBLE -> out.writeDouble((Double) value);
      case ENUM, FIXED, FLOAT, MAP ->
          throw new DataException("Avro type " + avro.getType() + " is not written here");
    }
  }
}
