package io.cryptoetl.datasets;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import de.siegmar.fastcsv.reader.CommentStrategy;
import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.JsonElements;
import io.cryptoetl.datasets.files.RowCutter;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.DeadLetterCode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.Charset;
import java.nio.charset.IllegalCharsetNameException;
import java.nio.charset.StandardCharsets;
import java.nio.charset.UnsupportedCharsetException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.StreamSupport;

/** Splits chunks of files into rows and cells. */
final class RowReader {
  /** Numbers of JSON stay as they are written: a uint256 is no double. */
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          // 21000.0 is a whole number with all its digits, 2.1E+4 one that was rounded.
          .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
          .build();

  /** Columns before the fields of a Bloomberg data file. */
  private static final List<String> BLOOMBERG = List.of("SECURITY", "ERRCODE", "NFIELDS");

  /** Code of a file that holds several instruments side by side. */
  static final String SEVERAL = "file_of_several";

  private static final String DATE_FORMAT = "DATEFORMAT=";
  private static final int MAX_CELL = 16 * 1024 * 1024;

  /** Lines that a row before a damaged one may have. */
  private static final int MAX_LINES = 1000;

  private final RawCsvRows chunk;
  private final Charset charset;
  private final boolean json;
  private final boolean array;
  private final char delimiter;

  /** Takes what a row is, or that it is none. */
  interface Rows {
    /** A row. */
    void row(Cells cells);

    /** A row that cannot be split. */
    void bad(long line, byte[] bytes, BadRecordException reason);
  }

  /**
   * A reader.
   *
   * @throws BadRecordException if the chunk does not tell how it can be read
   */
  RowReader(RawCsvRows chunk) throws BadRecordException {
    this.chunk = chunk;
    this.charset = charset(chunk.getCharset());
    this.json =
        switch (chunk.getFormat()) {
          case "csv" -> false;
          case "jsonl", "json" -> true;
          default ->
              throw new BadRecordException(
                  DeadLetterCode.FORMAT_UNKNOWN.code(),
                  "format is '%s', csv, jsonl or json is expected".formatted(chunk.getFormat()));
        };
    this.array = chunk.getFormat().equals("json");
    if (chunk.getDelimiter().length() != 1 || "\"\r\n".contains(chunk.getDelimiter())) {
      throw new BadRecordException(
          DeadLetterCode.FORMAT_UNKNOWN.code(),
          "delimiter is '%s', one character that is no quote and no line end is expected"
              .formatted(chunk.getDelimiter()));
    }
    this.delimiter = chunk.getDelimiter().charAt(0);
  }

  private static Charset charset(String name) throws BadRecordException {
    try {
      Charset charset = Charset.forName(name);
      if (!Arrays.equals("a\n".getBytes(charset), "a\n".getBytes(StandardCharsets.US_ASCII))) {
        throw new UnsupportedCharsetException(name);
      }
      return charset;
    } catch (IllegalCharsetNameException | UnsupportedCharsetException e) {
      throw new BadRecordException(
          DeadLetterCode.FORMAT_UNKNOWN.code(),
          "charset is '%s', one that holds ASCII as it is, such as UTF-8 or windows-1252, is expected"
              .formatted(name));
    }
  }

  /**
   * The cells of the head's last line, which are names or, in a file without names, its first row;
   * of a Bloomberg data file the fields that the head lists. Empty if there is no head.
   */
  Optional<Cells> head() {
    byte[] bytes = bytes(chunk.getHead());
    if (bytes.length == 0 || array) {
      return Optional.empty();
    }
    if (json) {
      List<Cells> names = new ArrayList<>();
      jsonRow(1, bytes, new Names(names));
      return names.stream().findFirst();
    }
    List<String> lines = text(bytes).lines().toList();
    int begin = lines.indexOf("START-OF-FIELDS");
    int end = lines.indexOf("END-OF-FIELDS");
    if (begin >= 0 && end > begin) {
      List<String> names = new ArrayList<>(BLOOMBERG);
      lines.subList(begin + 1, end).stream()
          .map(String::strip)
          .filter(f -> !f.isEmpty() && !f.startsWith("#"))
          .forEach(names::add);
      return Optional.of(new Cells(begin + 1, ByteBuffer.wrap(bytes), names, names));
    }
    List<Cells> rows = headRows();
    if (rows.isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(isTickers(rows) ? namesWithIndex(rows) : rows.getLast());
  }

  /** Keeps rows: a line of the head that is none is no header either. */
  private record Names(List<Cells> rows) implements Rows {
    @Override
    public void row(Cells cells) {
      rows.add(cells);
    }

    @Override
    public void bad(long line, byte[] row, BadRecordException reason) {
      // It has no names.
    }
  }

  private List<Cells> headRows() {
    List<Cells> rows = new ArrayList<>();
    split(withoutBom(bytes(chunk.getHead())), 1, new Names(rows));
    return rows;
  }

  /** Whether a head has a line of tickers between the names of its columns and of its index. */
  private static boolean isTickers(List<Cells> rows) {
    return rows.size() > 2 && rows.get(rows.size() - 2).values().getFirst().equals("Ticker");
  }

  private static Cells namesWithIndex(List<Cells> rows) {
    Cells names = rows.get(rows.size() - 3);
    List<String> all = new ArrayList<>(names.values());
    all.set(0, rows.getLast().values().getFirst());
    return new Cells(names.line(), names.bytes(), all, null);
  }

  /**
   * What the head tells of all rows, by field.
   *
   * @throws BadRecordException if it is of several instruments
   */
  Map<String, String> told() throws BadRecordException {
    List<Cells> rows = headRows();
    if (json || !isTickers(rows)) {
      return Map.of();
    }
    List<String> cells = rows.get(rows.size() - 2).values();
    List<String> tickers = cells.subList(1, cells.size()).stream().distinct().toList();
    if (tickers.size() != 1) {
      throw new BadRecordException(
          SEVERAL,
          "the file has columns of %s side by side; save one file for each, or one row for each ticker and day (stack() in pandas)"
              .formatted(String.join(", ", tickers)));
    }
    return Map.of("symbol", tickers.getFirst(), "venue", "yahoo");
  }

  /**
   * How a Bloomberg data file says that it writes dates; empty if it does not.
   *
   * @throws BadRecordException if nobody can read it
   */
  Optional<TimeFormat> dateFormat() throws BadRecordException {
    for (String line : json ? List.<String>of() : text(bytes(chunk.getHead())).lines().toList()) {
      if (line.startsWith(DATE_FORMAT)) {
        String told = line.substring(DATE_FORMAT.length()).strip().toLowerCase(Locale.ROOT);
        if (!told.matches("(dd|mm|yyyy)([-/. ]?)(dd|mm|yyyy)\\2(dd|mm|yyyy)")
            || !(told.contains("dd") && told.contains("mm") && told.contains("yyyy"))) {
          throw new BadRecordException(
              Values.CONVENTION_UNKNOWN,
              "the file has %s, one such as DATEFORMAT=yyyymmdd or DATEFORMAT=dd/mm/yyyy is expected"
                  .formatted(line));
        }
        return Optional.of(TimeFormat.Text.of(told.replace("mm", "MM")));
      }
    }
    return Optional.empty();
  }

  /** Splits the head, which has no names, into rows. */
  void headRows(Rows to) {
    if (!json) {
      split(withoutBom(bytes(chunk.getHead())), 1, to);
    }
  }

  /** Lines of the head: the first row after it is in the next one. */
  long headLines() {
    return lineStarts(bytes(chunk.getHead())).size() - 1L;
  }

  /** Splits the rows of the chunk. */
  void rows(Rows to) {
    split(withoutBom(bytes(chunk.getRows())), chunk.getFirstLine(), to);
  }

  private void split(byte[] bytes, long firstLine, Rows to) {
    if (array) {
      elements(bytes, firstLine, to);
      return;
    }
    List<Integer> starts = lineStarts(bytes);
    if (json) {
      for (int i = 0; i + 1 < starts.size(); i++) {
        byte[] line = Arrays.copyOfRange(bytes, starts.get(i), starts.get(i + 1));
        jsonRow(firstLine + i, line, to);
      }
      return;
    }
    int line = 0;
    while (line < starts.size() - 1) {
      line = csvRows(bytes, firstLine, starts, line, to);
    }
  }

  private void elements(byte[] bytes, long first, Rows to) {
    long number = first;
    int from = JsonElements.start(bytes, 0, bytes.length);
    while (from < bytes.length && bytes[from] != ']') {
      int end = JsonElements.end(bytes, from, bytes.length);
      // What no element can begin with stands for one.
      int behind = end == JsonElements.MORE ? bytes.length : Math.max(end, from + 1);
      jsonRow(number++, Arrays.copyOfRange(bytes, from, behind), to);
      from = JsonElements.start(bytes, behind, bytes.length);
    }
  }

  /**
   * Splits CSV from a line on, up to its end or behind a line that breaks the rules of quotes: the
   * rows after a stray quote are rows again.
   *
   * @return the line to go on with
   */
  private int csvRows(byte[] bytes, long firstLine, List<Integer> starts, int from, Rows to) {
    CsvRecord before = null;
    try (CsvReader<CsvRecord> reader = csv(bytes, starts.get(from), bytes.length)) {
      for (CsvRecord row : reader) {
        if (before != null) {
          csvRow(firstLine, before, starts, from + lineIndex(row), from, bytes, to);
        }
        before = row;
      }
      if (before != null) {
        csvRow(firstLine, before, starts, starts.size() - 1, from, bytes, to);
      }
      return starts.size() - 1;
    } catch (CsvParseException e) {
      int bad = from;
      if (before != null) {
        bad = end(bytes, starts, from + lineIndex(before));
        csvRow(firstLine, before, starts, bad, from, bytes, to);
      }
      while (bad < starts.size() - 2 && isBlank(bytes, starts.get(bad), starts.get(bad + 1))) {
        bad++;
      }
      to.bad(
          firstLine + bad,
          Arrays.copyOfRange(bytes, starts.get(bad), starts.get(bad + 1)),
          new BadRecordException(
              DeadLetterCode.CSV_INVALID.code(),
              "a quote of the row is not closed, text follows its closing, or the row is too large"));
      return bad + 1;
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  private CsvReader<CsvRecord> csv(byte[] bytes, int from, int to) {
    return CsvReader.builder()
        .fieldSeparator(delimiter)
        .commentStrategy(CommentStrategy.NONE)
        .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
        .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
        .allowUnclosedQuote(false)
        .detectBomHeader(false)
        .maxBufferSize(MAX_CELL)
        .ofCsvRecord(
            new InputStreamReader(new ByteArrayInputStream(bytes, from, to - from), charset));
  }

  /** The line behind a row that is known to be right. */
  private int end(byte[] bytes, List<Integer> starts, int begin) {
    int last = Math.min(begin + MAX_LINES, starts.size() - 1);
    for (int end = begin + 1; end < last; end++) {
      try (CsvReader<CsvRecord> one = csv(bytes, starts.get(begin), starts.get(end))) {
        one.forEach(row -> {});
        return end;
      } catch (CsvParseException e) {
        // A quote is still open: the row goes on in the next line.
      } catch (IOException e) {
        throw new UncheckedIOException("reading from memory", e);
      }
    }
    return last;
  }

  private static boolean isBlank(byte[] bytes, int from, int to) {
    for (int i = from; i < to; i++) {
      if (bytes[i] != '\n' && bytes[i] != '\r') {
        return false;
      }
    }
    return true;
  }

  private static int lineIndex(CsvRecord row) {
    return (int) row.getStartingLineNumber() - 1;
  }

  private static void csvRow(
      long firstLine,
      CsvRecord row,
      List<Integer> starts,
      int end,
      int from,
      byte[] bytes,
      Rows to) {
    int begin = from + lineIndex(row);
    to.row(
        new Cells(
            firstLine + begin,
            ByteBuffer.wrap(bytes, starts.get(begin), starts.get(end) - starts.get(begin)),
            row.getFields(),
            null));
  }

  private void jsonRow(long number, byte[] line, Rows to) {
    String text = text(line).strip();
    if (text.isEmpty()) {
      return;
    }
    try {
      JsonNode node = JSON.readTree(text);
      if (node.isArray()) {
        List<String> values =
            StreamSupport.stream(node.spliterator(), false).map(RowReader::cell).toList();
        to.row(new Cells(number, ByteBuffer.wrap(line), values, null));
      } else if (node.isObject()) {
        List<String> names = new ArrayList<>();
        List<String> values = new ArrayList<>();
        node.properties()
            .forEach(
                property -> {
                  names.add(property.getKey());
                  values.add(cell(property.getValue()));
                });
        to.row(new Cells(number, ByteBuffer.wrap(line), values, names));
      } else {
        throw new BadRecordException(
            DeadLetterCode.JSON_INVALID.code(),
            "the row is JSON, but neither an object nor an array");
      }
    } catch (JacksonException e) {
      to.bad(
          number,
          line,
          new BadRecordException(
              DeadLetterCode.JSON_INVALID.code(),
              "the row is not JSON: " + e.getOriginalMessage()));
    } catch (BadRecordException e) {
      to.bad(number, line, e);
    }
  }

  /** A value as text; a list of plain values as CSV files have it, with commas between. */
  private static String cell(JsonNode value) {
    if (value.isNull()) {
      return "";
    }
    if (value.isBigDecimal()) {
      return value.decimalValue().toString();
    }
    if (value.isArray()
        && StreamSupport.stream(value.spliterator(), false).allMatch(JsonNode::isValueNode)) {
      return StreamSupport.stream(value.spliterator(), false)
          .map(JsonNode::asText)
          .collect(java.util.stream.Collectors.joining(","));
    }
    return value.isValueNode() ? value.asText() : value.toString();
  }

  private String text(byte[] bytes) {
    return new String(withoutBom(bytes), charset);
  }

  private static byte[] withoutBom(byte[] bytes) {
    return FileFormat.hasBom(bytes) ? Arrays.copyOfRange(bytes, 3, bytes.length) : bytes;
  }

  /** Where lines begin, and where the last one ends: the same lines that files are cut by. */
  private static List<Integer> lineStarts(byte[] bytes) {
    List<Integer> starts = new ArrayList<>();
    starts.add(0);
    for (int at = 0; at < bytes.length; ) {
      at = RowCutter.lineEnd(bytes, at, bytes.length);
      starts.add(at);
    }
    return starts;
  }

  static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
