package io.cryptoetl.datasets.files;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.io.SerializedString;
import com.fasterxml.jackson.core.util.ByteArrayBuilder;
import java.io.Closeable;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import java.util.List;
import java.util.function.Supplier;

/**
 * The rows of a file whose values have types, as text: a line with the names of the columns, then a
 * line for each row, all of them JSON arrays. No value loses a digit: integers and decimals have
 * all of theirs, bytes are hex behind {@code \x}, times are as ISO 8601 has them. Floating-point
 * numbers that stand for more digits than they have are in scientific notation.
 */
final class RecordStream extends BlockStream {
  private static final JsonFactory JSON =
      JsonFactory.builder()
          .build()
          .enable(JsonGenerator.Feature.WRITE_BIGDECIMAL_AS_PLAIN)
          .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);

  /** Before bytes, which are no number: nobody says in which order they would be one. */
  private static final String BYTES = "\\x";

  /** Bytes that are made at once. */
  private static final int TOGETHER = 64 * 1024;

  /** From here on doubles skip whole numbers. */
  private static final double EXACT = 1L << 53;

  private static final float EXACT_FLOAT = 1 << 24;

  private final Rows rows;
  private final ByteArrayBuilder made = new ByteArrayBuilder(2 * TOGETHER);
  private JsonGenerator json;
  private byte[] ready = {};
  private int from;
  private boolean ended;
  private long rowsMade;

  /** Whether there is a line that the end has to close. */
  private boolean lineOpen = true;

  /** Rows of a file. */
  interface Rows extends Closeable {
    /** Names of the columns. */
    List<String> names();

    /** Whether there is another row. */
    boolean hasNext() throws IOException;

    /** Writes the values of the next row. */
    void next(JsonGenerator to) throws IOException;

    /**
     * Goes on with another row.
     *
     * @param row its number, from 0; not below those that were given
     */
    void skipTo(long row) throws IOException;
  }

  /** A step of reading a file. */
  @FunctionalInterface
  interface Step<T> {
    T run() throws IOException;
  }

  /**
   * Runs a step; if it fails although the bytes came, the file is damaged.
   *
   * @param format of the file, for people
   * @param failure of where the bytes come from; null while there is none
   * @throws RefusedException if the file is damaged, or written in a way that cannot be read
   */
  static <T> T reading(String format, Supplier<IOException> failure, Step<T> step)
      throws IOException {
    try {
      return step.run();
    } catch (RefusedException e) {
      throw e;
    } catch (IOException | RuntimeException e) {
      if (failure.get() != null) {
        throw failure.get();
      }
      Throwable cause = e;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      if (cause instanceof OutOfMemoryError error) {
        throw error;
      }
      RefusedException refused =
          new RefusedException(
              "file_damaged",
              "the %s file is cut off, damaged, or written in a way that cannot be read: %s (%s)"
                  .formatted(format, e.getMessage(), cause.getMessage()));
      refused.initCause(e);
      throw refused;
    }
  }

  RecordStream(Rows rows) throws IOException {
    super(nullInputStream());
    this.rows = rows;
    this.json = lines();
    json.writeStartArray();
    for (String name : rows.names()) {
      json.writeString(name);
    }
    json.writeEndArray();
  }

  private JsonGenerator lines() throws IOException {
    JsonGenerator lines = JSON.createGenerator(made, JsonEncoding.UTF8);
    lines.setRootValueSeparator(new SerializedString("\n"));
    return lines;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    while (from == ready.length) {
      if (ended) {
        return -1;
      }
      fill();
    }
    int read = Math.min(length, ready.length - from);
    System.arraycopy(ready, from, to, offset, read);
    from += read;
    return read;
  }

  private void fill() throws IOException {
    while (made.size() < TOGETHER && !ended) {
      if (rows.hasNext()) {
        json.writeStartArray();
        rows.next(json);
        json.writeEndArray();
        json.flush();
        rowsMade++;
        lineOpen = true;
      } else {
        json.flush();
        if (lineOpen) {
          made.write('\n');
        }
        ended = true;
      }
    }
    ready = made.toByteArray();
    made.reset();
    from = 0;
  }

  /**
   * Passes over rows, unread where that can be.
   *
   * @param row number of the row to go on with, from 0
   * @param bytes of the text before it that are still to come
   */
  void skipTo(long row, long bytes) throws IOException {
    if (row < rowsMade) {
      skipNBytes(bytes);
      return;
    }
    rows.skipTo(row);
    rowsMade = row;
    from = ready.length;
    json.close();
    made.reset();
    // Its first line has no line end before it: that is of the text that was passed over.
    json = lines();
    lineOpen = false;
    ended = false;
  }

  /** Writes a value that is no list, record or map. */
  static void write(JsonGenerator to, Object value) throws IOException {
    switch (value) {
      case null -> to.writeNull();
      case Boolean b -> to.writeBoolean(b);
      case Integer i -> to.writeNumber(i);
      case Long l -> to.writeNumber(l);
      case BigDecimal d -> to.writeNumber(d);
      case Double d -> number(to, d, EXACT, Double.toString(d));
      case Float f -> number(to, f, EXACT_FLOAT, Float.toString(f));
      case byte[] bytes -> to.writeString(BYTES + HexFormat.of().formatHex(bytes));
      case ByteBuffer buffer -> write(to, bytes(buffer));
      default -> to.writeString(value.toString());
    }
  }

  static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static void number(JsonGenerator to, double value, double exact, String shortest)
      throws IOException {
    if (Double.isNaN(value)) {
      // What pandas writes for nothing.
      to.writeNull();
    } else if (Double.isInfinite(value)) {
      to.writeString(shortest);
    } else {
      to.writeNumber(text(value, exact, shortest));
    }
  }

  /** A number as text: in scientific notation if it stands for more digits than it has. */
  static String text(double value) {
    return text(value, EXACT, Double.toString(value));
  }

  private static String text(double value, double exact, String shortest) {
    return Math.abs(value) <= exact
        ? new BigDecimal(shortest).stripTrailingZeros().toPlainString()
        : shortest;
  }

  @Override
  public void close() throws IOException {
    rows.close();
  }
}
