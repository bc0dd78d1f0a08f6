package io.cryptoetl.loader.avro;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.io.Decoder;
import org.apache.avro.io.Encoder;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.DataException;

/**
 * Reads what was written with one Avro schema as Connect's data. Types are Connect's usual ones:
 * decimals are Decimal, {@code timestamp-millis}, {@code date} and {@code time-millis} are
 * Timestamp, Date and Time, times in microseconds are numbers, a union with null is optional, enums
 * are strings, fixed is bytes. Other unions and times in nanoseconds are refused.
 */
public final class AvroCodec {
  private static final long MILLIS_OF_A_DAY = 86_400_000L;

  /** Logical types that Connect has no type for: text, and microseconds as numbers. */
  private static final Set<String> AS_THEY_ARE =
      Set.of("uuid", "timestamp-micros", "local-timestamp-micros", "time-micros");

  private final Schema avro;
  private final org.apache.kafka.connect.data.Schema schema;
  private final Reader reader;

  private interface Reader {
    Object read(Decoder in) throws IOException;
  }

  /** A type of Connect, and how it is read. */
  private record Typed(org.apache.kafka.connect.data.Schema type, Reader reader) {
    Typed(SchemaBuilder type, boolean optional, Reader reader) {
      this(optional ? type.optional().build() : type.build(), reader);
    }
  }

  public AvroCodec(Schema avro) {
    Typed typed = typed(avro, false);
    this.avro = avro;
    this.schema = typed.type();
    this.reader = typed.reader();
  }

  /** The schema that the writer wrote with. */
  public Schema avro() {
    return avro;
  }

  /** Which type of a union is null; -1 if it is no union. */
  public static int nullOf(Schema avro) {
    if (avro.getType() != Schema.Type.UNION) {
      return -1;
    }
    List<Schema> types = avro.getTypes();
    int nothing = types.get(0).getType() == Schema.Type.NULL ? 0 : 1;
    if (types.size() != 2 || types.get(nothing).getType() != Schema.Type.NULL) {
      throw new DataException("of unions only those of null and one other type are known here");
    }
    return nothing;
  }

  /** The type beside null of a union; anything else as it is. */
  public static Schema withoutNull(Schema avro) {
    int nothing = nullOf(avro);
    return nothing < 0 ? avro : avro.getTypes().get(1 - nothing);
  }

  /** Whether times are in milliseconds; else in microseconds. */
  public static boolean isMillis(Schema avro) {
    LogicalType logical = avro.getLogicalType();
    return logical instanceof LogicalTypes.TimestampMillis
        || logical instanceof LogicalTypes.LocalTimestampMillis;
  }

  /** The schema of what is read. */
  public org.apache.kafka.connect.data.Schema schema() {
    return schema;
  }

  public Object read(Decoder in) throws IOException {
    return reader.read(in);
  }

  @SuppressWarnings("JavaUtilDate") // What Connect takes for its Timestamp type.
  private static Typed typed(Schema avro, boolean optional) {
    LogicalType logical = avro.getLogicalType();
    if (logical instanceof LogicalTypes.Decimal decimal) {
      return decimal(avro, optional, decimal);
    }
    if (isMillis(avro)) {
      return new Typed(Timestamp.builder(), optional, in -> new Date(in.readLong()));
    }
    if (logical instanceof LogicalTypes.Date) {
      return new Typed(
          org.apache.kafka.connect.data.Date.builder(),
          optional,
          in -> new Date(in.readInt() * MILLIS_OF_A_DAY));
    }
    if (logical instanceof LogicalTypes.TimeMillis) {
      return new Typed(Time.builder(), optional, in -> new Date(in.readInt()));
    }
    if (logical != null && !AS_THEY_ARE.contains(logical.getName())) {
      throw new DataException("logical type " + logical.getName() + " is not known here");
    }
    return switch (avro.getType()) {
      case RECORD -> {
        SchemaBuilder builder = SchemaBuilder.struct().name(avro.getFullName());
        for (Schema.Field field : avro.getFields()) {
          builder.field(field.name(), typed(field.schema(), false).type());
        }
        // Records carry their schema, so that it must be the very one.
        org.apache.kafka.connect.data.Schema built =
            optional ? builder.optional().build() : builder.build();
        yield new Typed(built, record(avro, built));
      }
      case UNION -> union(avro);
      case ARRAY -> {
        Typed element = typed(avro.getElementType(), false);
        yield new Typed(
            SchemaBuilder.array(element.type()), optional, in -> array(in, element.reader()));
      }
      case MAP -> {
        Typed element = typed(avro.getValueType(), false);
        yield new Typed(
            SchemaBuilder.map(org.apache.kafka.connect.data.Schema.STRING_SCHEMA, element.type()),
            optional,
            in -> map(in, element.reader()));
      }
      case ENUM -> {
        List<String> symbols = avro.getEnumSymbols();
        yield new Typed(SchemaBuilder.string(), optional, in -> symbols.get(in.readEnum()));
      }
      case FIXED -> {
        int size = avro.getFixedSize();
        yield new Typed(
            SchemaBuilder.bytes(),
            optional,
            in -> {
              byte[] bytes = new byte[size];
              in.readFixed(bytes);
              return bytes;
            });
      }
      case STRING -> new Typed(SchemaBuilder.string(), optional, Decoder::readString);
      case BYTES -> new Typed(SchemaBuilder.bytes(), optional, AvroCodec::bytes);
      case INT -> new Typed(SchemaBuilder.int32(), optional, Decoder::readInt);
      case LONG -> new Typed(SchemaBuilder.int64(), optional, Decoder::readLong);
      case FLOAT -> new Typed(SchemaBuilder.float32(), optional, Decoder::readFloat);
      case DOUBLE -> new Typed(SchemaBuilder.float64(), optional, Decoder::readDouble);
      case BOOLEAN -> new Typed(SchemaBuilder.bool(), optional, Decoder::readBoolean);
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

  private static Typed decimal(Schema avro, boolean optional, LogicalTypes.Decimal decimal) {
    int scale = decimal.getScale();
    int size = avro.getType() == Schema.Type.FIXED ? avro.getFixedSize() : -1;
    return new Typed(
        // As Confluent's converter has it.
        Decimal.builder(scale)
            .parameter("connect.decimal.precision", Integer.toString(decimal.getPrecision())),
        optional,
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
        avro.getFields().stream()
            .map(f -> typed(f.schema(), false).reader())
            .toArray(Reader[]::new);
    return in -> {
      Struct struct = new Struct(type);
      for (int i = 0; i < fields.length; i++) {
        struct.put(fields[i], readers[i].read(in));
      }
      return struct;
    };
  }

  private static Typed union(Schema avro) {
    int nothing = nullOf(avro);
    Typed other = typed(withoutNull(avro), true);
    Reader reader = other.reader();
    return new Typed(
        other.type(),
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
  public static void write(Encoder out, Schema avro, Object value) throws IOException {
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
