package io.cryptoetl.datasets.files;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.Optional;

/**
 * Cuts a file into chunks of whole rows, in one pass and with memory for one chunk. The same file
 * is always cut in the same way.
 *
 * <p>Rows end where <a href="https://www.rfc-editor.org/rfc/rfc4180">RFC 4180</a> ends them, with
 * LF, CR or both. A row whose quotes are not closed, or are closed in the middle of a cell, ends
 * with its line, so that it takes no other rows with it.
 */
public final class RowCutter {
  private static final int MORE = -1;
  private static final int NONE = -2;

  /** Lines in which a quote must be closed. */
  private static final int MAX_LINES = 1000;

  private final InputStream in;
  private final FileFormat format;
  private final Limits limits;
  private final int target;
  private final Deque<Chunk> ready = new ArrayDeque<>();
  private byte[] buffer;
  private int from;
  private int to;
  private boolean ended;
  private boolean sawEnd;
  private long line;
  private int[] ends = new int[1024];

  /**
   * A cutter.
   *
   * @param in the unpacked file behind its head
   * @param target bytes from which on a chunk ends with its row
   */
  public RowCutter(InputStream in, FileFormat format, Limits limits, int target) {
    this(in, format, limits, target, format.headLines() + 1L);
  }

  /**
   * A cutter that goes on where a chunk ended.
   *
   * @param in the unpacked file behind that chunk
   * @param line in which it begins
   */
  RowCutter(InputStream in, FileFormat format, Limits limits, int target, long line) {
    this.in = in;
    this.format = format;
    this.limits = limits;
    this.target = target;
    this.buffer = new byte[2 * target];
    this.line = line;
  }

  /**
   * The next chunk; empty at the end.
   *
   * @throws RefusedException if the file is cut off, or a row is too long
   */
  public Optional<Chunk> next() throws IOException {
    while (ready.isEmpty()) {
      int rows = 0;
      int at = from;
      while (at - from < target) {
        int end = sawEnd ? NONE : rowEnd(at);
        if (end == MORE) {
          int moved = from;
          fill();
          at -= moved;
        } else if (end == NONE) {
          break;
        } else {
          if (rows == ends.length) {
            ends = Arrays.copyOf(ends, 2 * rows);
          }
          ends[rows++] = end - from;
          at = end;
        }
      }
      if (rows == 0) {
        requireEnd();
        return Optional.empty();
      }
      take(rows);
    }
    return Optional.of(ready.poll());
  }

  private void requireEnd() throws IOException {
    if (!sawEnd && format.end().isPresent()) {
      throw new RefusedException(
          "file_cut_off", "the file ends before %s: it is not whole".formatted(format.end().get()));
    }
    if (format.name().equals("json")) {
      if (!sawEnd) {
        throw new RefusedException(
            "file_cut_off", "the file ends before the ] of its array: it is not whole");
      }
      requireNothingElse(JsonElements.start(buffer, from, to) + 1);
    }
  }

  private void requireNothingElse(int behind) throws IOException {
    int at = behind;
    while (!ended || at < to) {
      if (at == to) {
        from = to;
        fill();
        at = from;
      } else if (JsonElements.isSpace(buffer[at])) {
        at++;
      } else {
        throw new RefusedException(
            "file_several_arrays",
            "something follows the ] of the array; put each array into a file of its own, or write a row a line");
      }
    }
  }

  private void fill() throws IOException {
    if (from > 0) {
      System.arraycopy(buffer, from, buffer, 0, to - from);
      to -= from;
      from = 0;
    }
    if (to == buffer.length) {
      buffer = Arrays.copyOf(buffer, 2 * buffer.length);
    }
    int read = in.read(buffer, to, buffer.length - to);
    if (read < 0) {
      ended = true;
    } else {
      to += read;
    }
  }

  /** Makes chunks of the next rows: one, or several if their encodings differ. */
  private void take(int rows) {
    int end = from + ends[rows - 1];
    if (isUtf8(from, end)) {
      add(0, rows, StandardCharsets.UTF_8.name(), true);
    } else {
      int first = 0;
      while (first < rows) {
        // Rows of ASCII alone go with either.
        String charset = null;
        int behind = first;
        while (behind < rows) {
          if (!isAscii(rowBegin(behind), from + ends[behind])) {
            String own =
                isUtf8(rowBegin(behind), from + ends[behind])
                    ? StandardCharsets.UTF_8.name()
                    : "windows-1252";
            if (charset != null && !charset.equals(own)) {
              break;
            }
            charset = own;
          }
          behind++;
        }
        add(
            first,
            behind,
            charset == null ? StandardCharsets.UTF_8.name() : charset,
            behind == rows);
        first = behind;
      }
    }
    from = end;
  }

  private int rowBegin(int row) {
    return row == 0 ? from : from + ends[row - 1];
  }

  /** Makes a chunk of some of the next rows. */
  private void add(int first, int behind, String charset, boolean last) {
    int begin = rowBegin(first);
    int end = from + ends[behind - 1];
    int rows = 0;
    for (int row = first; row < behind; row++) {
      if (!isBlank(rowBegin(row), from + ends[row])) {
        rows++;
      }
    }
    long lines = format.name().equals("json") ? behind - first : lines(begin, end);
    ready.add(new Chunk(line, lines, rows, Arrays.copyOfRange(buffer, begin, end), charset, last));
    line += lines;
  }

  private long lines(int begin, int end) {
    long lines = 0;
    for (int i = begin; i < end; i = lineEnd(buffer, i, end)) {
      lines++;
    }
    return lines;
  }

  private boolean isBlank(int begin, int end) {
    boolean json = !format.name().equals("csv");
    for (int i = begin; i < end; i++) {
      byte b = buffer[i];
      if (b != '\n' && b != '\r' && !(json && JsonElements.isSpace(b))) {
        return false;
      }
    }
    return true;
  }

  private boolean isAscii(int begin, int end) {
    for (int i = begin; i < end; i++) {
      if (buffer[i] < 0) {
        return false;
      }
    }
    return true;
  }

  private boolean isUtf8(int begin, int end) {
    if (isAscii(begin, end)) {
      return true;
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer bytes = ByteBuffer.wrap(buffer, begin, end - begin);
    CharBuffer chars = CharBuffer.allocate(8192);
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, true);
      if (result.isUnderflow()) {
        return true;
      }
      if (result.isError()) {
        return false;
      }
      chars.clear();
    }
  }

  /** Where the row at an index ends; {@link #MORE} or {@link #NONE}. */
  private int rowEnd(int at) throws RefusedException {
    int end =
        switch (format.name()) {
          case "json" -> elementEnd(at);
          case "jsonl" -> lineEndOrMore(at);
          default -> isEndMark(at) ? NONE : csvEnd(at);
        };
    if (end == NONE) {
      return NONE;
    }
    if ((end == MORE ? to : end) - at > limits.rowBytes()) {
      throw new RefusedException(
          "row_too_long",
          "the row in line %d is longer than %d bytes; this is no file of rows, or a line end is missing"
              .formatted(
                  line + (format.name().equals("json") ? 0 : lines(from, at)), limits.rowBytes()));
    }
    return end;
  }

  private boolean isEndMark(int at) {
    if (format.end().isEmpty()) {
      return false;
    }
    byte[] mark = format.end().get().getBytes(StandardCharsets.US_ASCII);
    int length = Math.min(mark.length, to - at);
    if (!Arrays.equals(buffer, at, at + length, mark, 0, length)) {
      return false;
    }
    // What is read of the line so far is the mark's beginning.
    if (length == mark.length) {
      sawEnd = true;
      return true;
    }
    return false;
  }

  private int csvEnd(int at) {
    if (at == to) {
      return ended ? NONE : MORE;
    }
    if (format.end().isPresent() && !ended && to - at < 64) {
      // It may still be the mark.
      return MORE;
    }
    int end = csvRowEnd(buffer, at, to, (byte) format.delimiter(), ended);
    if (end == MORE && to - at > limits.rowBytes()) {
      // Perhaps the quote is never closed: then the row is its line.
      return lineEndOrMore(at);
    }
    return end;
  }

  private int lineEndOrMore(int at) {
    if (at == to) {
      return ended ? NONE : MORE;
    }
    return lineEnd(buffer, at, to, ended);
  }

  private int elementEnd(int at) {
    int start = JsonElements.start(buffer, at, to);
    if (start == to) {
      return ended ? NONE : MORE;
    }
    if (buffer[start] == ']') {
      sawEnd = true;
      return NONE;
    }
    int end = JsonElements.end(buffer, start, to);
    if (end == JsonElements.MORE || (end == to && !ended)) {
      return ended ? to : MORE;
    }
    return Math.max(end, start + 1);
  }

  /** The same; {@link #MORE} if the line may go on behind the bytes. */
  private static int lineEnd(byte[] bytes, int at, int to, boolean last) {
    int end = lineEnd(bytes, at, to);
    boolean closed = bytes[end - 1] == '\n' || (bytes[end - 1] == '\r' && end < to);
    return closed || last ? end : MORE;
  }

  /** Behind the line that begins at an index: behind LF, CR or both, or the end of the bytes. */
  public static int lineEnd(byte[] bytes, int at, int to) {
    for (int i = at; i < to; i++) {
      if (bytes[i] == '\n') {
        return i + 1;
      }
      if (bytes[i] == '\r') {
        return i + 1 < to && bytes[i + 1] == '\n' ? i + 2 : i + 1;
      }
    }
    return to;
  }

  /**
   * Behind the row of CSV that begins at an index.
   *
   * @param last whether nothing follows the bytes; otherwise {@link #MORE} if the end cannot be
   *     seen
   */
  static int csvRowEnd(byte[] bytes, int at, int to, byte delimiter, boolean last) {
    boolean begin = true;
    for (int i = at; i < to; i++) {
      byte b = bytes[i];
      if (begin && b == '"') {
        int close = closingQuote(bytes, i + 1, to, last);
        if (close == MORE) {
          return MORE;
        }
        if (close == NONE) {
          return lineEnd(bytes, at, to, last);
        }
        i = close;
        begin = false;
        if (i + 1 < to
            && bytes[i + 1] != delimiter
            && bytes[i + 1] != '\n'
            && bytes[i + 1] != '\r') {
          // Text after the quote: nobody knows what was meant.
          return lineEnd(bytes, at, to, last);
        }
        continue;
      }
      if (b == '\n') {
        return i + 1;
      }
      if (b == '\r') {
        if (i + 1 == to && !last) {
          return MORE;
        }
        return i + 1 < to && bytes[i + 1] == '\n' ? i + 2 : i + 1;
      }
      begin = b == delimiter;
    }
    return last ? to : MORE;
  }

  /** Where the quote is that closes a cell; {@link #NONE} if none does. */
  private static int closingQuote(byte[] bytes, int at, int to, boolean last) {
    int lines = 0;
    for (int i = at; i < to; i++) {
      if (bytes[i] == '"') {
        if (i + 1 == to && !last) {
          return MORE;
        }
        if (i + 1 == to || bytes[i + 1] != '"') {
          return i;
        }
        i++;
      } else if (bytes[i] == '\n' && ++lines > MAX_LINES) {
        return NONE;
      }
    }
    return last ? NONE : MORE;
  }
}
