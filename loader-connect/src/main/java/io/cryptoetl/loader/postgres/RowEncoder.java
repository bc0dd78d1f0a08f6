package io.cryptoetl.loader.postgres;

import io.cryptoetl.kafka.WireDecoder;
import io.cryptoetl.loader.avro.AvroCodec;
import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.loader.table.ColumnType;
import io.cryptoetl.loader.table.TableShape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;

/**
 * Writes records of one schema as rows of one table in COPY's format. Made once per schema and
 * table: which field goes into which column, and how, is settled then. Columns are in the order of
 * the record's fields; fields without a column are left out.
 */
abstract class RowEncoder {
  private final List<TableShape.Column> columns;

  private RowEncoder(List<TableShape.Column> columns) {
    this.columns = columns;
  }

  /**
   * An encoder.
   *
   * @param example a record, of which the schema is taken
   * @param columns to fill, in the order of the record's fields
   */
  static RowEncoder of(Object example, List<TableShape.Column> columns) {
    return example instanceof AvroRow row
        ? new OfAvro(row.codec(), columns)
        : new OfStruct(((Struct) example).schema(), columns);
  }

  /** Columns that rows fill. */
  final List<TableShape.Column> columns() {
    return columns;
  }

  /**
   * Writes a record.
   *
   * @throws DataException if a value does not fit its column's type; nothing of it is written then
   */
  final void write(CopyBuffer out, Object record) {
    write(out, record, columns.size(), -1);
  }

  /** Writes a record with one column more, which is an int4. */
  final void write(CopyBuffer out, Object record, int last) {
    write(out, record, columns.size() + 1, last);
  }

  private void write(CopyBuffer out, Object record, int count, int last) {
    int mark = out.mark();
    boolean written = false;
    try {
      out.begin(count);
      fields(out, record);
      if (count > columns.size()) {
        int start = out.beginField();
        out.int4(last);
        out.endField(start);
      }
      written = true;
    } catch (IOException e) {
      throw new DataException("the record cannot be decoded: " + e, e);
    } finally {
      if (!written) {
        out.reset(mark);
      }
    }
  }

  abstract void fields(CopyBuffer out, Object record) throws IOException;

  private static DataException unfit(TableShape.Column column, String what, Exception e) {
    return new DataException(
        "column %s is of type %s, and the record's %s does not fit: %s"
            .formatted(column.name(), column.type().name(), what, e.getMessage()),
        e);
  }

  private static final class OfStruct extends RowEncoder {
    private final Field[] fields;

    OfStruct(org.apache.kafka.connect.data.Schema schema, List<TableShape.Column> columns) {
      super(columns);
      fields = columns().stream().map(c -> schema.field(c.name())).toArray(Field[]::new);
    }

    @Override
    void fields(CopyBuffer out, Object record) {
      for (int i = 0; i < fields.length; i++) {
        Object value = ((Struct) record).getWithoutDefault(fields[i].name());
        if (value == null) {
          out.nothing();
          continue;
        }
        int start = out.beginField();
        try {
          out.value(columns().get(i).type(), fields[i].schema(), value);
        } catch (ClassCastException | ArithmeticException e) {
          throw unfit(columns().get(i), value.getClass().getSimpleName(), e);
        }
        out.endField(start);
      }
    }
  }

  /** Writes from Avro's bytes, without an object for each field. */
  private static final class OfAvro extends RowEncoder {
    private final Step[] steps;
    private final WireDecoder decoder = new WireDecoder();

    /** Bytes of values in hand that are kept between rows; a huge one takes more for its time. */
    private static final int USUAL = 64 * 1024;

    private ByteBuffer scratch = ByteBuffer.allocate(USUAL);
    private Utf8 text = new Utf8();

    /** Reads a field, and writes it as a field of COPY, its length included. */
    private interface Step {
      void run(CopyBuffer out, Decoder in) throws IOException;
    }

    /** Reads a value that is there, and writes it without its length. */
    private interface Value {
      void copy(CopyBuffer out, Decoder in) throws IOException;
    }

    OfAvro(AvroCodec codec, List<TableShape.Column> columns) {
      super(columns);
      Map<String, TableShape.Column> byName =
          columns.stream().collect(Collectors.toMap(TableShape.Column::name, c -> c));
      List<Schema.Field> fields = codec.avro().getFields();
      steps = new Step[fields.size()];
      for (int i = 0; i < steps.length; i++) {
        Schema schema = fields.get(i).schema();
        TableShape.Column column = byName.get(fields.get(i).name());
        steps[i] =
            column == null
                ? (out, in) -> GenericDatumReader.skip(schema, in)
                : step(column, schema);
      }
    }

    @Override
    void fields(CopyBuffer out, Object record) throws IOException {
      try {
        ((AvroRow) record).read(decoder);
        for (Step step : steps) {
          step.run(out, decoder);
        }
        if (scratch.capacity() > 4 * USUAL) {
          scratch = ByteBuffer.allocate(USUAL);
        }
        if (text.getBytes().length > 4 * USUAL) {
          text = new Utf8();
        }
      } catch (DataException e) {
        throw e;
      } catch (RuntimeException e) {
        throw new DataException("the record cannot be decoded: " + e, e);
      }
    }

    private Step step(TableShape.Column column, Schema avro) {
      int nothing = AvroCodec.nullOf(avro);
      Value value = value(column.type(), AvroCodec.withoutNull(avro));
      return (out, in) -> {
        if (nothing >= 0 && in.readIndex() == nothing) {
          out.nothing();
          return;
        }
        int start = out.beginField();
        try {
          value.copy(out, in);
        } catch (ClassCastException | ArithmeticException e) {
          throw unfit(column, "value", e);
        }
        out.endField(start);
      };
    }

    /** The shortest way for the usual types; the others go by Connect's objects. */
    private Value value(ColumnType type, Schema avro) {
      Schema.Type from = avro.getType();
      switch (type.kind()) {
        case INT8 -> {
          return from == Schema.Type.INT
              ? (out, in) -> out.int8(in.readInt())
              : (out, in) -> out.int8(in.readLong());
        }
        case INT4 -> {
          return from == Schema.Type.INT
              ? (out, in) -> out.int4(in.readInt())
              : (out, in) -> out.int4(Math.toIntExact(in.readLong()));
        }
        case BOOL -> {
          return (out, in) -> out.bool(in.readBoolean());
        }
        case BYTEA -> {
          if (from == Schema.Type.BYTES) {
            return (out, in) -> out.bytes(bytes(in));
          }
        }
        case NUMERIC -> {
          if (from == Schema.Type.BYTES) {
            int scale = ((LogicalTypes.Decimal) avro.getLogicalType()).getScale();
            return (out, in) -> out.numeric(bytes(in), scale);
          }
        }
        case TIMESTAMP -> {
          return AvroCodec.isMillis(avro)
              ? (out, in) -> out.timestampOfMillis(in.readLong())
              : (out, in) -> out.timestampOfMicros(in.readLong());
        }
        case TEXT -> {
          if (from == Schema.Type.STRING) {
            return (out, in) -> {
              text = in.readString(text);
              out.text(text);
            };
          }
        }
        default -> {
          // The general way.
        }
      }
      AvroCodec codec = new AvroCodec(avro);
      return (out, in) -> out.value(type, codec.schema(), codec.read(in));
    }

    private ByteBuffer bytes(Decoder in) throws IOException {
      scratch = in.readBytes(scratch);
      return scratch;
    }
  }
}
