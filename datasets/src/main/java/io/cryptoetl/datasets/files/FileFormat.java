package io.cryptoetl.datasets.files;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a file is written, told from its beginning.
 *
 * @param name csv, jsonl or json, as in raw.csv.rows
 * @param delimiter between the cells of csv
 * @param head the bytes before the first row: of csv all up to and including the line with the
 *     names of the columns, or the first row if it has none; of a Bloomberg data file all up to and
 *     including START-OF-DATA; of json the opening bracket; of rows that had types the names of
 *     their columns, as one line of JSON
 * @param headLines lines of a head of csv
 * @param end what stands at the beginning of the line after the last row, if rows end before the
 *     file does
 */
public record FileFormat(
    String name, char delimiter, byte[] head, int headLines, Optional<String> end) {
  /** Bytes of a file that tell how it is written. */
  public static final int SAMPLE = 256 * 1024;

  /** Bytes in which the line with the names of the columns must end. */
  private static final int HEAD = 64 * 1024;

  private static final String DELIMITERS = ",\t;|";
  private static final String DATA = "START-OF-DATA";
  private static final String END = "END-OF-DATA";
  private static final String DELIMITER = "DELIMITER=";

  /**
   * Tells how a file is written.
   *
   * @param sample its first bytes, {@link #SAMPLE} if it has so many
   * @throws RefusedException if it holds no rows that could be read
   */
  public static FileFormat of(byte[] sample) throws RefusedException {
    refuseWhatIsNoText(sample);
    int at = hasBom(sample) ? 3 : 0;
    while (at < sample.length && JsonElements.isSpace(sample[at])) {
      at++;
    }
    if (at == sample.length) {
      throw new RefusedException("file_empty", "the file holds nothing but white space");
    }
    if (sample[at] == '{') {
      return json("jsonl", 0, sample);
    }
    if (sample[at] == '[') {
      int next = at + 1;
      while (next < sample.length && JsonElements.isSpace(sample[next])) {
        next++;
      }
      // A row that is an array begins with a value; an array of rows with a row.
      boolean rows = next == sample.length || "[{]".indexOf(sample[next]) >= 0;
      return rows ? json("json", at + 1, sample) : json("jsonl", 0, sample);
    }
    return csv(sample);
  }

  /** How rows of a file whose values have types are written: the first line has the names. */
  static FileFormat records(byte[] sample) {
    return json("jsonl", RowCutter.lineEnd(sample, 0, sample.length), sample);
  }

  private static FileFormat json(String name, int head, byte[] sample) {
    return new FileFormat(name, ',', Arrays.copyOf(sample, head), 0, Optional.empty());
  }

  /** Whether bytes begin with the byte order mark of UTF-8. */
  public static boolean hasBom(byte[] bytes) {
    return bytes.length > 2
        && bytes[0] == (byte) 0xEF
        && bytes[1] == (byte) 0xBB
        && bytes[2] == (byte) 0xBF;
  }

  private static void refuseWhatIsNoText(byte[] sample) throws RefusedException {
    String start =
        new String(sample, 0, Math.min(sample.length, 512), StandardCharsets.ISO_8859_1)
            .strip()
            .toLowerCase(Locale.ROOT);
    if (start.startsWith("\u00ff\u00fe") || start.startsWith("\u00fe\u00ff")) {
      throw new RefusedException(
          "file_encoding",
          "the file is UTF-16; encodings that hold ASCII as it is can be read: convert it, for example with iconv -f UTF-16 -t UTF-8");
    }
    if (start.startsWith("pare")) {
      throw new RefusedException(
          "file_binary", "the file is encrypted Parquet; store it without encryption");
    }
    for (byte b : sample) {
      if (b == 0) {
        throw new RefusedException(
            "file_binary",
            "the file holds zero bytes and is no text; CSV, JSON lines, JSON arrays, xlsx, Parquet and Avro can be read, also packed by gzip, zstd, bzip2, xz or zip");
      }
    }
    if (start.startsWith("<!doctype") || start.startsWith("<html") || start.startsWith("<?xml")) {
      throw new RefusedException(
          "file_markup", "the file is HTML or XML, perhaps an error page that was saved as a file");
    }
  }

  private static FileFormat csv(byte[] sample) throws RefusedException {
    int bloomberg = lineAt(sample, DATA);
    if (bloomberg >= 0) {
      int head = RowCutter.lineEnd(sample, bloomberg, sample.length);
      return new FileFormat(
          "csv",
          bloombergDelimiter(sample, bloomberg),
          Arrays.copyOf(sample, head),
          lines(sample, head),
          Optional.of(END));
    }
    if (new String(sample, 0, Math.min(sample.length, 64), StandardCharsets.ISO_8859_1)
        .contains("START-OF-FILE")) {
      throw new RefusedException(
          "file_cut_off",
          "the file begins with START-OF-FILE, and has no %s in its first %d kB"
              .formatted(DATA, SAMPLE / 1024));
    }
    Header best = null;
    for (int i = 0; i < DELIMITERS.length(); i++) {
      Header header = header(rows(sample, DELIMITERS.charAt(i)), DELIMITERS.charAt(i));
      if (header != null && (best == null || Header.ORDER.compare(header, best) > 0)) {
        best = header;
      }
    }
    if (best == null) {
      throw new RefusedException(
          "file_no_columns",
          "the first %d kB hold no line with two cells or more; cells are told apart by comma, tab, semicolon or |"
              .formatted(HEAD / 1024));
    }
    int end = behindMoreNames(sample, best);
    return new FileFormat(
        "csv", best.delimiter(), Arrays.copyOf(sample, end), lines(sample, end), Optional.empty());
  }

  /** What a Bloomberg data file says that stands between its cells; | if it says nothing. */
  private static char bloombergDelimiter(byte[] sample, int to) throws RefusedException {
    String told =
        new String(sample, 0, to, StandardCharsets.ISO_8859_1)
            .lines()
            .filter(l -> l.startsWith(DELIMITER))
            .map(l -> l.substring(DELIMITER.length()))
            .findFirst()
            .orElse("|");
    String one =
        switch (told.strip().toUpperCase(Locale.ROOT)) {
          case "TAB", "\\T" -> "\t";
          case "COMMA" -> ",";
          case "SEMICOLON" -> ";";
          default -> told.equals("\t") ? told : told.strip();
        };
    if (one.length() != 1 || one.equals("\"")) {
      throw new RefusedException(
          "format_unknown",
          "the file has %s%s, one character such as DELIMITER=| is expected"
              .formatted(DELIMITER, told));
    }
    return one.charAt(0);
  }

  /**
   * Behind the names of the columns: files of yfinance have a line with their tickers and one with
   * the name of the index below.
   */
  private static int behindMoreNames(byte[] sample, Header header) {
    int ticker = RowCutter.lineEnd(sample, header.end(), sample.length);
    int index = RowCutter.lineEnd(sample, ticker, sample.length);
    String cell = "\"?%s\"?" + Pattern.quote(String.valueOf(header.delimiter()));
    return startsWith(sample, header.end(), ticker, cell.formatted("(Ticker|Price)"))
            && startsWith(sample, ticker, index, cell.formatted("Date(time)?"))
        ? index
        : header.end();
  }

  private static boolean startsWith(byte[] sample, int from, int to, String regex) {
    return Pattern.compile(regex)
        .matcher(new String(sample, from, to - from, StandardCharsets.ISO_8859_1))
        .lookingAt();
  }

  /**
   * A row that may have the names of the columns.
   *
   * @param index of the row
   * @param end behind it
   * @param confirmed whether another row has as many cells
   */
  private record Header(char delimiter, int index, int end, int cells, boolean confirmed) {
    private static final Comparator<Header> ORDER =
        Comparator.comparing(Header::confirmed)
            .thenComparing(Comparator.comparingInt(Header::index).reversed())
            .thenComparingInt(Header::cells);
  }

  /**
   * The first row that has as many cells, more than one, as most of the first rows: what stands
   * before is a title. Spreadsheets fill titles up with empty cells, so that of rows before the
   * first one that has text in half of its cells none counts. Null if no row has more than one
   * cell.
   */
  private static Header header(List<int[]> rows, char delimiter) {
    Map<Integer, Integer> widths = new LinkedHashMap<>();
    rows.stream().filter(r -> r[1] > 1).forEach(r -> widths.merge(r[1], 1, Integer::sum));
    int most = widths.values().stream().mapToInt(Integer::intValue).max().orElse(0);
    Header first = null;
    for (int i = 0; i < rows.size(); i++) {
      int cells = rows.get(i)[1];
      if (cells > 1 && widths.get(cells) == most) {
        Header header = new Header(delimiter, i, rows.get(i)[0], cells, most > 1);
        if (rows.get(i)[2] * 2 >= cells) {
          return header;
        }
        first = first == null ? header : first;
      }
    }
    return first;
  }

  /** Where the first rows end, how many cells they have, and in how many there is text. */
  private static List<int[]> rows(byte[] sample, char delimiter) {
    List<int[]> rows = new ArrayList<>();
    int to = Math.min(sample.length, HEAD);
    int at = hasBom(sample) ? 3 : 0;
    while (at < to && rows.size() < 50) {
      int end = RowCutter.csvRowEnd(sample, at, to, (byte) delimiter, true);
      int cells = 1;
      int filled = 0;
      boolean quoted = false;
      boolean empty = true;
      for (int i = at; i < end; i++) {
        byte b = sample[i];
        if (b == delimiter && !quoted) {
          cells++;
          empty = true;
        } else if (b == '"') {
          quoted = !quoted;
        } else if (empty && b != ' ' && b != '\n' && b != '\r') {
          filled++;
          empty = false;
        }
      }
      rows.add(new int[] {end, cells, filled});
      at = end;
    }
    return rows;
  }

  /** Where the line begins that is exactly a text; -1 if there is none. */
  private static int lineAt(byte[] sample, String text) {
    for (int at = 0; at < sample.length; ) {
      int end = RowCutter.lineEnd(sample, at, sample.length);
      if (new String(sample, at, end - at, StandardCharsets.ISO_8859_1).strip().equals(text)) {
        return at;
      }
      at = end;
    }
    return -1;
  }

  private static int lines(byte[] bytes, int to) {
    int lines = 0;
    for (int at = 0; at < to; at = RowCutter.lineEnd(bytes, at, to)) {
      lines++;
    }
    return lines;
  }
}
