package io.cryptoetl.loader;

import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;

/**
 * Writes rows in the binary format of COPY (<a
 * href="https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT">format</a>):
 * a count of fields, then each field as its length and the bytes that the type's receive function
 * expects. The column's type decides the encoding, not the record's.
 */
final class BinaryCopy {
  private static final byte[] HEADER = {
    'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xff, '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0
  };

  /** 2000-01-01T00:00:00Z in milliseconds since 1970: where PostgreSQL's time begins. */
  private static final long POSTGRES_EPOCH_MS = 946_684_800_000L;

  private static final BigInteger NUMERIC_BASE = BigInteger.valueOf(10_000);
  private static final int NUMERIC_BASE_DIGITS = 4;
  private static final int NUMERIC_NEGATIVE = 0x4000;
  private static final int BYTEA_OID = 17;
  private static final int TEXT_OID = 25;

  private final OutputStream out;
  private byte[] row = new byte[8 * 1024];
  private int length;

  private BinaryCopy(OutputStream out) {
    this.out = out;
  }

  /**
   * Writes rows as one COPY stream.
   *
   * @throws DataException if a value does not fit its column's type
   */
  static void write(OutputStream out, List<TableShape.Column> columns, List<Struct> rows)
      throws IOException {
    out.write(HEADER);
    BinaryCopy copy = new BinaryCopy(out);
    Field[] fields = new Field[columns.size()];
    org.apache.kafka.connect.data.Schema schema = null;
    for (Struct struct : rows) {
      if (struct.schema() != schema) {
        schema = struct.schema();
        for (int i = 0; i < fields.length; i++) {
          fields[i] = schema.field(columns.get(i).name());
        }
      }
      copy.row(columns, fields, struct);
    }
    // The trailer: a field count of -1.
    out.write(0xff);
    out.write(0xff);
  }

  private void row(List<TableShape.Column> columns, Field[] fields, Struct struct)
      throws IOException {
    length = 0;
    int2(columns.size());
    for (int i = 0; i < fields.length; i++) {
      Object value = fields[i] == null ? null : struct.get(fields[i]);
      if (value == null) {
        int4(-1);
        continue;
      }
      int start = length;
      int4(0);
      try {
        value(columns.get(i), value);
      } catch (ClassCastException | ArithmeticException e) {
        throw new DataException(
            "column "
                + columns.get(i).name()
                + " is of type "
                + columns.get(i).type()
                + ", the record has a "
                + value.getClass().getSimpleName()
                + " that does not fit",
            e);
      }
      int4At(start, length - start - Integer.BYTES);
    }
    out.write(row, 0, length);
  }

  @SuppressWarnings("JavaUtilDate") // What Connect gives for its Timestamp type.
  private void value(TableShape.Column column, Object value) {
    switch (column.type()) {
      case "int8" -> int8(((Number) value).longValue());
      case "int4" -> int4(Math.toIntExact(((Number) value).longValue()));
      case "int2" -> {
        short small = (short) ((Number) value).longValue();
        if (small != ((Number) value).longValue()) {
          throw new ArithmeticException("int2 overflow");
        }
        int2(small);
      }
      case "bool" -> {
        room(1);
        row[length++] = (byte) ((Boolean) value ? 1 : 0);
      }
      case "float8" -> int8(Double.doubleToRawLongBits(((Number) value).doubleValue()));
      case "numeric" -> numeric(value instanceof BigDecimal d ? d : integer(value));
      case "timestamptz", "timestamp" ->
          int8(Math.multiplyExact(((Date) value).getTime() - POSTGRES_EPOCH_MS, 1000L));
      case "bytea" -> bytes(value);
      case "text", "varchar" -> text((String) value);
      case "_bytea" -> array((List<?>) value, BYTEA_OID);
      case "_text" -> array((List<?>) value, TEXT_OID);
      default ->
          throw new DataException(
              "column " + column.name() + " is of type " + column.type() + ", which is not known");
    }
  }

  private static BigDecimal integer(Object value) {
    return BigDecimal.valueOf(((Number) value).longValue());
  }

  /** Sign, weight and scale, then base-10000 digits, most significant first. */
  private void numeric(BigDecimal value) {
    int scale = Math.max(0, value.scale());
    BigInteger unscaled = value.setScale(scale).unscaledValue();
    // Fraction digits are filled up to a multiple of four.
    int fill = (NUMERIC_BASE_DIGITS - scale % NUMERIC_BASE_DIGITS) % NUMERIC_BASE_DIGITS;
    BigInteger rest = unscaled.abs().multiply(BigInteger.TEN.pow(fill));
    int fractionGroups = (scale + fill) / NUMERIC_BASE_DIGITS;
    List<Integer> groups = new ArrayList<>();
    while (rest.bitLength() > Long.SIZE - 1) {
      BigInteger[] parts = rest.divideAndRemainder(NUMERIC_BASE);
      groups.add(parts[1].intValue());
      rest = parts[0];
    }
    for (long small = rest.longValueExact(); small != 0; small /= 10_000) {
      groups.add((int) (small % 10_000));
    }
    int weight = groups.size() - fractionGroups - 1;
    int last = 0;
    while (last < groups.size() && groups.get(last) == 0) {
      last++;
    }
    int2(groups.size() - last);
    int2(groups.size() == last ? 0 : weight);
    int2(value.signum() < 0 ? NUMERIC_NEGATIVE : 0);
    int2(scale);
    for (int i = groups.size() - 1; i >= last; i--) {
      int2(groups.get(i));
    }
  }

  private void array(List<?> values, int elementOid) {
    int4(values.isEmpty() ? 0 : 1);
    int4(values.stream().anyMatch(Objects::isNull) ? 1 : 0);
    int4(elementOid);
    if (values.isEmpty()) {
      return;
    }
    int4(values.size());
    int4(1);
    for (Object element : values) {
      if (element == null) {
        int4(-1);
        continue;
      }
      int start = length;
      int4(0);
      if (elementOid == TEXT_OID) {
        text((String) element);
      } else {
        bytes(element);
      }
      int4At(start, length - start - Integer.BYTES);
    }
  }

  private void text(String value) {
    if (value.indexOf('\0') >= 0) {
      throw new DataException("text holds a zero character, which PostgreSQL cannot store");
    }
    raw(value.getBytes(StandardCharsets.UTF_8));
  }

  private void bytes(Object value) {
    if (value instanceof ByteBuffer buffer) {
      ByteBuffer copy = buffer.duplicate();
      room(copy.remaining());
      int size = copy.remaining();
      copy.get(row, length, size);
      length += size;
    } else {
      raw((byte[]) value);
    }
  }

  private void raw(byte[] value) {
    room(value.length);
    System.arraycopy(value, 0, row, length, value.length);
    length += value.length;
  }

  private void int2(int value) {
    room(Short.BYTES);
    row[length++] = (byte) (value >>> 8);
    row[length++] = (byte) value;
  }

  private void int4(int value) {
    room(Integer.BYTES);
    length += Integer.BYTES;
    int4At(length - Integer.BYTES, value);
  }

  private void int4At(int at, int value) {
    row[at] = (byte) (value >>> 24);
    row[at + 1] = (byte) (value >>> 16);
    row[at + 2] = (byte) (value >>> 8);
    row[at + 3] = (byte) value;
  }

  private void int8(long value) {
    int4((int) (value >>> 32));
    int4((int) value);
  }

  private void room(int bytes) {
    if (row.length - length < bytes) {
      row = java.util.Arrays.copyOf(row, Math.max(2 * row.length, length + bytes));
    }
  }
}
