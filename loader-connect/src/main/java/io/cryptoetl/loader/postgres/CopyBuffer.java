package io.cryptoetl.loader.postgres;

import io.cryptoetl.loader.table.ColumnType;
import io.cryptoetl.loader.table.Json;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import org.apache.avro.util.Utf8;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.postgresql.copy.CopyIn;

/**
 * Rows in the binary format of COPY (<a
 * href="https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-BINARY-FORMAT">format</a>):
 * a count of fields, then each field as its length and the bytes that the type's receive function
 * expects. The column's type decides the encoding, not the record's.
 */
final class CopyBuffer {
  private static final byte[] HEADER = {
    'P', 'G', 'C', 'O', 'P', 'Y', '\n', (byte) 0xff, '\r', '\n', 0, 0, 0, 0, 0, 0, 0, 0, 0
  };

  /** 2000-01-01T00:00:00Z in milliseconds since 1970: where PostgreSQL's time begins. */
  private static final long POSTGRES_EPOCH_MS = 946_684_800_000L;

  private static final long DAY_MS = 86_400_000L;
  private static final long MICROS = 1000L;

  /** Bytes that are sent at once. */
  private static final int CHUNK = 256 * 1024;

  /** Bytes that are kept between rows; a huge row takes more for its time. */
  private static final int USUAL = CHUNK + 64 * 1024;

  private static final int NUMERIC_BASE = 10_000;
  private static final int NUMERIC_BASE_DIGITS = 4;
  private static final int NUMERIC_NEGATIVE = 0x4000;
  private static final byte JSONB_VERSION = 1;

  /** Four groups at a time, which fit a long. */
  private static final int CHUNK_GROUPS = 4;

  private static final BigInteger CHUNK_BASE = BigInteger.TEN.pow(CHUNK_GROUPS * 4);
  private static final long[] POWERS = {1, 10, 100, 1000};

  private final JsonConverter json = Json.converter();
  private byte[] row = new byte[USUAL];
  private int length;

  /** Base-10000 digits of the number in hand, least significant first. */
  private short[] groups = new short[64];

  private int groupCount;

  /** Begins a COPY stream. */
  void header() {
    length = 0;
    raw(HEADER, 0, HEADER.length);
  }

  /** Sends what is in hand if it is much. */
  void flushIfFull(CopyIn copy) throws SQLException {
    if (length >= CHUNK) {
      send(copy);
    }
  }

  /** Ends a COPY stream. */
  void trailer(CopyIn copy) throws SQLException {
    // A field count of -1.
    int2(-1);
    send(copy);
  }

  private void send(CopyIn copy) throws SQLException {
    copy.writeToCopy(row, 0, length);
    length = 0;
    if (row.length > 4 * USUAL) {
      row = new byte[USUAL];
    }
  }

  /** Where a row or a field begins. */
  int mark() {
    return length;
  }

  /** Forgets all since a mark. */
  void reset(int mark) {
    length = mark;
  }

  void begin(int fields) {
    int2(fields);
  }

  void nothing() {
    int4(-1);
  }

  /** Begins a field; {@link #endField} fills its length in. */
  int beginField() {
    int4(0);
    return length;
  }

  void endField(int start) {
    int4At(start - Integer.BYTES, length - start);
  }

  /**
   * Writes a value of Connect as a column's type.
   *
   * @param field its schema
   * @throws ClassCastException or ArithmeticException if it does not fit
   */
  @SuppressWarnings("JavaUtilDate") // What Connect gives for its types of time.
  void value(ColumnType type, Schema field, Object value) {
    switch (type.kind()) {
      case INT8 -> int8(((Number) value).longValue());
      case INT4 -> int4(Math.toIntExact(((Number) value).longValue()));
      case INT2 -> small(((Number) value).longValue());
      case BOOL -> bool((Boolean) value);
      case FLOAT8 -> float8(((Number) value).doubleValue());
      case FLOAT4 -> float4(((Number) value).floatValue());
      case NUMERIC -> {
        if (value instanceof BigDecimal decimal) {
          numeric(decimal);
        } else {
          numeric(((Number) value).longValue(), 0);
        }
      }
      case TIMESTAMP -> {
        if (value instanceof Date date) {
          timestampOfMillis(date.getTime());
        } else {
          timestampOfMicros((Long) value);
        }
      }
      case DATE -> date(Math.floorDiv(((Date) value).getTime(), DAY_MS));
      case TIME -> int8(value instanceof Date date ? date.getTime() * MICROS : (Long) value);
      case UUID -> uuid((String) value);
      case BYTEA -> bytes(value);
      case TEXT -> text(value instanceof BigDecimal d ? d.toPlainString() : (String) value);
      case JSON, JSONB -> {
        if (type.kind() == ColumnType.Kind.JSONB) {
          single(JSONB_VERSION);
        }
        if (value instanceof String text) {
          text(text);
        } else {
          json(field, value);
        }
      }
      case ARRAY -> array((List<?>) value, type, field);
      case OTHER -> throw new IllegalStateException("nothing fits " + type.name());
    }
  }

  private void json(Schema field, Object value) {
    byte[] text = json.fromConnectData("", field, value);
    raw(text, 0, text.length);
  }

  void bool(boolean value) {
    single((byte) (value ? 1 : 0));
  }

  private void single(byte value) {
    room(1);
    row[length++] = value;
  }

  void float8(double value) {
    int8(Double.doubleToRawLongBits(value));
  }

  void float4(float value) {
    int4(Float.floatToRawIntBits(value));
  }

  void small(long value) {
    short small = (short) value;
    if (small != value) {
      throw new ArithmeticException("int2 overflow");
    }
    int2(small);
  }

  void timestampOfMillis(long millis) {
    int8(Math.multiplyExact(millis - POSTGRES_EPOCH_MS, MICROS));
  }

  void timestampOfMicros(long micros) {
    int8(Math.subtractExact(micros, POSTGRES_EPOCH_MS * MICROS));
  }

  void date(long daysSince1970) {
    int4(Math.toIntExact(daysSince1970 - POSTGRES_EPOCH_MS / DAY_MS));
  }

  void uuid(String text) {
    UUID uuid;
    try {
      uuid = UUID.fromString(text);
    } catch (IllegalArgumentException e) {
      throw new DataException("'" + text + "' is no UUID", e);
    }
    int8(uuid.getMostSignificantBits());
    int8(uuid.getLeastSignificantBits());
  }

  /** Writes a number of which the unscaled value is a long. */
  void numeric(long unscaled, int scale) {
    int fill = fill(scale);
    if (unscaled > Long.MAX_VALUE / POWERS[fill] || unscaled < -Long.MAX_VALUE / POWERS[fill]) {
      numeric(BigDecimal.valueOf(unscaled, scale));
      return;
    }
    groupCount = 0;
    groups(Math.abs(unscaled) * POWERS[fill], 0);
    number(unscaled < 0, scale);
  }

  /** Writes a number of which the unscaled value is given as Avro and Connect have it. */
  void numeric(ByteBuffer unscaled, int scale) {
    int size = unscaled.remaining();
    if (size <= Long.BYTES && size > 0) {
      long value = unscaled.get();
      for (int i = 1; i < size; i++) {
        value = value << Byte.SIZE | (unscaled.get() & 0xff);
      }
      numeric(value, scale);
    } else {
      byte[] bytes = new byte[size];
      unscaled.get(bytes);
      numeric(new BigDecimal(new BigInteger(bytes), scale));
    }
  }

  private void numeric(BigDecimal value) {
    int scale = Math.max(0, value.scale());
    // Fraction digits are filled up to a multiple of four.
    BigInteger rest =
        value.setScale(scale).unscaledValue().abs().multiply(BigInteger.TEN.pow(fill(scale)));
    groupCount = 0;
    while (rest.bitLength() >= Long.SIZE) {
      BigInteger[] parts = rest.divideAndRemainder(CHUNK_BASE);
      groups(parts[1].longValue(), CHUNK_GROUPS);
      rest = parts[0];
    }
    groups(rest.longValue(), 0);
    number(value.signum() < 0, scale);
  }

  private static int fill(int scale) {
    return (NUMERIC_BASE_DIGITS - scale % NUMERIC_BASE_DIGITS) % NUMERIC_BASE_DIGITS;
  }

  /** Takes groups of a number, at least as many as told. */
  private void groups(long number, int atLeast) {
    long rest = number;
    for (int i = 0; i < atLeast || rest != 0; i++) {
      if (groupCount == groups.length) {
        groups = Arrays.copyOf(groups, 2 * groupCount);
      }
      groups[groupCount++] = (short) (rest % NUMERIC_BASE);
      rest /= NUMERIC_BASE;
    }
  }

  /** Writes weight, sign and scale, then the groups, most significant first. */
  private void number(boolean negative, int scale) {
    int weight = groupCount - (scale + fill(scale)) / NUMERIC_BASE_DIGITS - 1;
    int last = 0;
    while (last < groupCount && groups[last] == 0) {
      last++;
    }
    int first = groupCount - 1;
    while (first >= last && groups[first] == 0) {
      first--;
      weight--;
    }
    boolean zero = first < last;
    int2(zero ? 0 : first - last + 1);
    int2(zero ? 0 : weight);
    int2(negative ? NUMERIC_NEGATIVE : 0);
    int2(scale);
    for (int i = first; i >= last; i--) {
      int2(groups[i]);
    }
  }

  private void array(List<?> values, ColumnType type, Schema field) {
    arrayHead(values.size(), values.stream().anyMatch(Objects::isNull), type);
    for (Object element : values) {
      if (element == null) {
        nothing();
        continue;
      }
      int start = beginField();
      value(type.element(), field.valueSchema(), element);
      endField(start);
    }
  }

  private void arrayHead(int size, boolean nulls, ColumnType type) {
    int4(size == 0 ? 0 : 1);
    int4(nulls ? 1 : 0);
    int4(type.element().id());
    if (size > 0) {
      int4(size);
      int4(1);
    }
  }

  private void text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    text(utf8, utf8.length);
  }

  void text(Utf8 value) {
    text(value.getBytes(), value.getByteLength());
  }

  private void text(byte[] utf8, int size) {
    for (int i = 0; i < size; i++) {
      if (utf8[i] == 0) {
        throw new DataException("text holds a zero character, which PostgreSQL cannot store");
      }
    }
    raw(utf8, 0, size);
  }

  private void bytes(Object value) {
    if (value instanceof ByteBuffer buffer) {
      bytes(buffer.duplicate());
    } else {
      byte[] array = (byte[]) value;
      raw(array, 0, array.length);
    }
  }

  /** Writes what remains in a buffer. */
  void bytes(ByteBuffer buffer) {
    int size = buffer.remaining();
    room(size);
    buffer.get(row, length, size);
    length += size;
  }

  private void raw(byte[] value, int from, int size) {
    room(size);
    System.arraycopy(value, from, row, length, size);
    length += size;
  }

  private void int2(int value) {
    room(Short.BYTES);
    row[length++] = (byte) (value >>> 8);
    row[length++] = (byte) value;
  }

  void int4(int value) {
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

  void int8(long value) {
    int4((int) (value >>> 32));
    int4((int) value);
  }

  private void room(int bytes) {
    if (row.length - length < bytes) {
      row = Arrays.copyOf(row, Math.max(2 * row.length, length + bytes));
    }
  }
}
