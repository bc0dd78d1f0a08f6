package io.cryptoetl.console.query;

import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.OutputFile;
import org.apache.parquet.io.PositionOutputStream;
import org.apache.parquet.io.api.Binary;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.LogicalTypeAnnotation;
import org.apache.parquet.schema.LogicalTypeAnnotation.TimeUnit;
import org.apache.parquet.schema.MessageType;
import org.apache.parquet.schema.PrimitiveType;
import org.apache.parquet.schema.PrimitiveType.PrimitiveTypeName;
import org.apache.parquet.schema.Types;

/**
 * Writes rows as a file of Apache Parquet, compressed by zstd. Every column is optional. What
 * Parquet has a type for is of that type (Parquet format, LogicalTypes): {@code numeric} of at most
 * 38 digits is a decimal, {@code timestamptz} a timestamp in microseconds UTC, {@code bytea}
 * binary. Everything else, wider numbers among it, is text as the server writes it, so that no
 * digit is lost.
 */
final class ParquetRows implements Queries.Sink {
  /** Digits of the widest decimal that readers know. */
  private static final int MAX_DIGITS = 38;

  private static final int DECIMAL_BYTES = 16;

  /** A row group waits in memory until it is whole. */
  private static final long ROW_GROUP = 8L << 20;

  private static final int PAGE = 256 << 10;
  private static final int DICTIONARY = 128 << 10;
  private static final long MICROS = 1_000_000;

  private final OutputStream out;
  private List<Column> columns = List.of();
  private ParquetWriter<Object[]> writer;
  private long bytes;

  ParquetRows(OutputStream out) {
    this.out = out;
  }

  /** Reads a cell as Parquet has it: a boxed primitive or a {@link Binary}; null for null. */
  @FunctionalInterface
  private interface Cell {
    Object of(ResultSet row, int column) throws SQLException;
  }

  /** A column of the file. */
  private record Column(PrimitiveType type, Cell cell) {}

  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public int write(ResultSet result) throws SQLException, IOException {
    if (writer == null) {
      columns = columns(result.getMetaData());
      writer = open();
    }
    int count = 0;
    while (result.next()) {
      Object[] row = new Object[columns.size()];
      for (int i = 0; i < row.length; i++) {
        row[i] = columns.get(i).cell().of(result, i + 1);
        bytes += row[i] instanceof Binary binary ? binary.length() : Long.BYTES;
      }
      writer.write(row);
      count++;
    }
    return count;
  }

  @Override
  public void end() throws IOException {
    writer.close();
  }

  private static List<Column> columns(ResultSetMetaData meta) throws SQLException {
    List<Column> columns = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (int i = 1; i <= meta.getColumnCount(); i++) {
      String label = meta.getColumnLabel(i);
      String name = label;
      // A file cannot have two columns of one name.
      for (int n = 2; !names.add(name); n++) {
        name = label + "_" + n;
      }
      columns.add(column(name, meta.getColumnTypeName(i), meta.getPrecision(i), meta.getScale(i)));
    }
    return columns;
  }

  private static Column column(String name, String type, int digits, int scale) {
    return switch (type) {
      case "bool" ->
          new Column(
              Types.optional(PrimitiveTypeName.BOOLEAN).named(name),
              (row, i) -> orNull(row, row.getBoolean(i)));
      case "int2", "int4" ->
          new Column(
              Types.optional(PrimitiveTypeName.INT32).named(name),
              (row, i) -> orNull(row, row.getInt(i)));
      case "int8" ->
          new Column(
              Types.optional(PrimitiveTypeName.INT64).named(name),
              (row, i) -> orNull(row, row.getLong(i)));
      case "float4" ->
          new Column(
              Types.optional(PrimitiveTypeName.FLOAT).named(name),
              (row, i) -> orNull(row, row.getFloat(i)));
      case "float8" ->
          new Column(
              Types.optional(PrimitiveTypeName.DOUBLE).named(name),
              (row, i) -> orNull(row, row.getDouble(i)));
      case "date" ->
          new Column(
              Types.optional(PrimitiveTypeName.INT32)
                  .as(LogicalTypeAnnotation.dateType())
                  .named(name),
              (row, i) -> day(name, row.getObject(i, LocalDate.class)));
      case "timestamptz" ->
          new Column(
              time(name, true),
              (row, i) -> {
                OffsetDateTime time = row.getObject(i, OffsetDateTime.class);
                return time == null ? null : micros(name, time.toLocalDateTime(), time.toInstant());
              });
      case "timestamp" ->
          new Column(
              time(name, false),
              (row, i) -> {
                LocalDateTime time = row.getObject(i, LocalDateTime.class);
                return time == null ? null : micros(name, time, time.toInstant(ZoneOffset.UTC));
              });
      case "bytea" ->
          new Column(
              Types.optional(PrimitiveTypeName.BINARY).named(name),
              (row, i) -> {
                byte[] value = row.getBytes(i);
                return value == null ? null : Binary.fromConstantByteArray(value);
              });
      case "numeric" ->
          digits >= 1 && digits <= MAX_DIGITS && scale >= 0 && scale <= digits
              ? new Column(
                  Types.optional(PrimitiveTypeName.FIXED_LEN_BYTE_ARRAY)
                      .length(DECIMAL_BYTES)
                      .as(LogicalTypeAnnotation.decimalType(scale, digits))
                      .named(name),
                  (row, i) -> decimal(row.getBigDecimal(i), scale))
              : text(name);
      default -> text(name);
    };
  }

  private static Column text(String name) {
    return new Column(
        Types.optional(PrimitiveTypeName.BINARY).as(LogicalTypeAnnotation.stringType()).named(name),
        (row, i) -> {
          String value = row.getString(i);
          return value == null
              ? null
              : Binary.fromConstantByteArray(value.getBytes(StandardCharsets.UTF_8));
        });
  }

  private static PrimitiveType time(String name, boolean utc) {
    return Types.optional(PrimitiveTypeName.INT64)
        .as(LogicalTypeAnnotation.timestampType(utc, TimeUnit.MICROS))
        .named(name);
  }

  private static Object orNull(ResultSet row, Object value) throws SQLException {
    return row.wasNull() ? null : value;
  }

  private static Integer day(String name, LocalDate day) throws SQLException {
    if (day == null) {
      return null;
    }
    if (day.equals(LocalDate.MAX) || day.equals(LocalDate.MIN)) {
      throw infinite(name);
    }
    return Math.toIntExact(day.toEpochDay());
  }

  private static Long micros(String name, LocalDateTime written, Instant time) throws SQLException {
    if (written.getYear() == LocalDateTime.MAX.getYear()
        || written.getYear() == LocalDateTime.MIN.getYear()) {
      throw infinite(name);
    }
    return Math.addExact(Math.multiplyExact(time.getEpochSecond(), MICROS), time.getNano() / 1000L);
  }

  private static SQLException infinite(String name) {
    return new SQLException(
        "column %s has an infinite time, which Parquet has not; cast it to text".formatted(name));
  }

  private static Binary decimal(BigDecimal value, int scale) {
    if (value == null) {
      return null;
    }
    byte[] digits = value.setScale(scale).unscaledValue().toByteArray();
    byte[] fixed = new byte[DECIMAL_BYTES];
    if (value.signum() < 0) {
      Arrays.fill(fixed, (byte) -1);
    }
    System.arraycopy(digits, 0, fixed, DECIMAL_BYTES - digits.length, digits.length);
    return Binary.fromConstantByteArray(fixed);
  }

  private ParquetWriter<Object[]> open() throws IOException {
    MessageType schema =
        new MessageType(
            "result",
            columns.stream().map(c -> (org.apache.parquet.schema.Type) c.type()).toList());
    return new Builder(new Streamed(out), schema)
        .withCompressionCodec(CompressionCodecName.ZSTD)
        .withRowGroupSize(ROW_GROUP)
        .withPageSize(PAGE)
        .withDictionaryPageSize(DICTIONARY)
        // Rows may be large: how much memory they take is looked at from the first one on.
        .withMinRowCountForPageSizeCheck(1)
        .build();
  }

  /** Of a writer of rows of a schema. */
  private static final class Builder extends ParquetWriter.Builder<Object[], Builder> {
    private final MessageType schema;

    Builder(OutputFile file, MessageType schema) {
      super(file);
      this.schema = schema;
    }

    @Override
    protected Builder self() {
      return this;
    }

    // There is no way to make a writer without it yet.
    @Override
    @SuppressWarnings("deprecation")
    protected WriteSupport<Object[]> getWriteSupport(Configuration configuration) {
      return new Support(schema);
    }
  }

  /** Gives the cells of a row to Parquet. */
  private static final class Support extends WriteSupport<Object[]> {
    private final MessageType schema;
    private RecordConsumer to;

    Support(MessageType schema) {
      this.schema = schema;
    }

    @Override
    @SuppressWarnings("deprecation")
    public WriteContext init(Configuration configuration) {
      return new WriteContext(schema, Map.of());
    }

    @Override
    public void prepareForWrite(RecordConsumer consumer) {
      to = consumer;
    }

    @Override
    public void write(Object[] row) {
      to.startMessage();
      for (int i = 0; i < row.length; i++) {
        if (row[i] != null) {
          String name = schema.getFieldName(i);
          to.startField(name, i);
          switch (row[i]) {
            case Boolean value -> to.addBoolean(value);
            case Integer value -> to.addInteger(value);
            case Long value -> to.addLong(value);
            case Float value -> to.addFloat(value);
            case Double value -> to.addDouble(value);
            case Binary value -> to.addBinary(value);
            default -> throw new IllegalStateException("no cell: " + row[i].getClass());
          }
          to.endField(name, i);
        }
      }
      to.endMessage();
    }
  }

  /** A file that is written to a stream from its beginning to its end. */
  private record Streamed(OutputStream out) implements OutputFile {
    @Override
    public PositionOutputStream create(long blockSizeHint) {
      return new Counted(out);
    }

    @Override
    public PositionOutputStream createOrOverwrite(long blockSizeHint) {
      return create(blockSizeHint);
    }

    @Override
    public boolean supportsBlockSize() {
      return false;
    }

    @Override
    public long defaultBlockSize() {
      return 0;
    }
  }

  /** Knows how many bytes were written. Whoever gave the stream closes it. */
  private static final class Counted extends PositionOutputStream {
    private final OutputStream out;
    private long position;

    Counted(OutputStream out) {
      this.out = out;
    }

    @Override
    public long getPos() {
      return position;
    }

    @Override
    public void write(int b) throws IOException {
      out.write(b);
      position++;
    }

    @Override
    public void write(byte[] bytes, int offset, int length) throws IOException {
      out.write(bytes, offset, length);
      position += length;
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }
  }
}
