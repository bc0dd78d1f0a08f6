package io.cryptoetl.datasets.files;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.avro.LogicalType;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.avro.file.DataFileStream;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericFixed;
import org.apache.avro.generic.IndexedRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** Rows of an <a href="https://avro.apache.org/docs/1.12.0/specification/">Avro</a> data file. */
final class AvroRows implements RecordStream.Rows {
  private static final int MAGIC = 4;
  private static final int SYNC = 16;

  private final Tail in;
  private final byte[] sync = new byte[SYNC];
  private final DataFileStream<IndexedRecord> rows;
  private final Schema schema;
  private long given;

  /**
   * Rows of a file.
   *
   * @throws RefusedException if it is damaged, or written in a way that cannot be read
   * @throws IOException of the stream
   */
  AvroRows(InputStream file) throws IOException {
    this.in = new Tail(file);
    this.rows =
        reading(
            () ->
                new DataFileStream<>(
                    new SequenceInputStream(new ByteArrayInputStream(header()), in),
                    // Plain values: logical types are read below, with all their digits.
                    new GenericDatumReader<>(null, null, new GenericData())));
    this.schema = rows.getSchema();
    if (schema.getType() != Schema.Type.RECORD) {
      throw new RefusedException(
          "file_no_columns",
          "the Avro file holds values of type %s, records are expected"
              .formatted(schema.getType()));
    }
  }

  /** The bytes of the header, whose last ones are the mark between blocks. */
  private byte[] header() throws IOException {
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    BinaryDecoder decoder =
        DecoderFactory.get()
            .directBinaryDecoder(
                new BlockStream(in) {
                  @Override
                  public int read(byte[] to, int from, int length) throws IOException {
                    int read = in.read(to, from, length);
                    header.write(to, from, Math.max(0, read));
                    return read;
                  }
                },
                null);
    decoder.skipFixed(MAGIC);
    for (long entries = decoder.readMapStart(); entries > 0; entries = decoder.mapNext()) {
      for (long i = 0; i < entries; i++) {
        decoder.skipString();
        decoder.skipBytes();
      }
    }
    decoder.readFixed(sync);
    return header.toByteArray();
  }

  @Override
  public List<String> names() {
    return schema.getFields().stream().map(Schema.Field::name).toList();
  }

  @Override
  public boolean hasNext() throws IOException {
    return reading(
        () -> {
          boolean more = rows.hasNext();
          // The reader takes an end within a block for the end of the file.
          if (!more && !Arrays.equals(in.tail, sync)) {
            throw new EOFException("it ends within a block");
          }
          return more;
        });
  }

  @Override
  public void skipTo(long row) throws IOException {
    while (given < row && hasNext()) {
      reading(rows::next);
      given++;
    }
  }

  @Override
  public void next(JsonGenerator to) throws IOException {
    given++;
    reading(
        () -> {
          IndexedRecord row = rows.next();
          for (Schema.Field field : schema.getFields()) {
            value(to, field.schema(), row.get(field.pos()));
          }
          return row;
        });
  }

  private <T> T reading(RecordStream.Step<T> step) throws IOException {
    return RecordStream.reading("Avro", () -> in.failure, step);
  }

  /** Keeps the last bytes that were read, and what made reading fail. */
  private static final class Tail extends BlockStream {
    private final byte[] tail = new byte[SYNC];
    private IOException failure;

    Tail(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      try {
        int read = in.read(to, from, length);
        int kept = Math.min(Math.max(0, read), SYNC);
        System.arraycopy(tail, kept, tail, 0, SYNC - kept);
        System.arraycopy(to, from + Math.max(0, read) - kept, tail, SYNC - kept, kept);
        return read;
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }

    @Override
    public void close() {
      // Whoever gave the file closes it.
    }
  }

  private static void value(JsonGenerator to, Schema type, Object value) throws IOException {
    if (type.getType() == Schema.Type.UNION) {
      Schema of = type.getTypes().get(GenericData.get().resolveUnion(type, value));
      value(to, of, value);
      return;
    }
    switch (value) {
      case IndexedRecord row -> {
        to.writeStartObject();
        for (Schema.Field field : type.getFields()) {
          to.writeFieldName(field.name());
          value(to, field.schema(), row.get(field.pos()));
        }
        to.writeEndObject();
      }
      case Collection<?> list -> {
        to.writeStartArray();
        for (Object element : list) {
          value(to, type.getElementType(), element);
        }
        to.writeEndArray();
      }
      case Map<?, ?> map -> {
        to.writeStartObject();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          to.writeFieldName(entry.getKey().toString());
          value(to, type.getValueType(), entry.getValue());
        }
        to.writeEndObject();
      }
      case null, default -> RecordStream.write(to, plain(type.getLogicalType(), value));
    }
  }

  private static Object plain(LogicalType type, Object value) {
    return switch (type) {
      case LogicalTypes.Decimal decimal -> new BigDecimal(whole(value), decimal.getScale());
      case LogicalTypes.Date _ -> LocalDate.ofEpochDay((Integer) value);
      case LogicalTypes.TimeMillis _ -> LocalTime.ofNanoOfDay((Integer) value * 1_000_000L);
      case LogicalTypes.TimeMicros _ -> LocalTime.ofNanoOfDay((Long) value * 1_000L);
      case LogicalTypes.TimestampMillis _ -> Instant.ofEpochMilli((Long) value);
      case LogicalTypes.TimestampMicros _ -> instant((Long) value, 1_000_000);
      case LogicalTypes.TimestampNanos _ -> instant((Long) value, 1_000_000_000);
      case LogicalTypes.LocalTimestampMillis _ -> local(instant((Long) value, 1_000));
      case LogicalTypes.LocalTimestampMicros _ -> local(instant((Long) value, 1_000_000));
      case LogicalTypes.LocalTimestampNanos _ -> local(instant((Long) value, 1_000_000_000));
      case null, default -> value instanceof GenericFixed fixed ? fixed.bytes() : value;
    };
  }

  private static BigInteger whole(Object value) {
    return new BigInteger(
        value instanceof ByteBuffer buffer
            ? RecordStream.bytes(buffer)
            : ((GenericFixed) value).bytes());
  }

  private static Instant instant(long time, long perSecond) {
    return Instant.ofEpochSecond(
        Math.floorDiv(time, perSecond),
        Math.floorMod(time, perSecond) * (1_000_000_000L / perSecond));
  }

  private static LocalDateTime local(Instant time) {
    return LocalDateTime.ofInstant(time, ZoneOffset.UTC);
  }

  @Override
  public void close() throws IOException {
    rows.close();
  }
}
