package io.cryptoetl.datasets.files;

import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;
import org.apache.commons.compress.archivers.zip.ZipArchiveEntry;
import org.apache.commons.compress.archivers.zip.ZipFile;
import org.dhatim.fastexcel.reader.Cell;
import org.dhatim.fastexcel.reader.CellType;
import org.dhatim.fastexcel.reader.ReadableWorkbook;
import org.dhatim.fastexcel.reader.ReadingOptions;
import org.dhatim.fastexcel.reader.Row;
import org.dhatim.fastexcel.reader.Sheet;

/**
 * The sheets of a workbook of Excel (xlsx, ECMA-376), each as the text of a CSV file: a line for
 * each row at its own number, with as many cells as the widest one. Numbers have the digits that
 * the workbook has, not those that are shown; dates and times are as ISO 8601 has them.
 */
final class Workbook implements Closeable {
  private static final String SHARED_STRINGS = "xl/sharedStrings.xml";

  /** Texts in memory take some times their bytes in the file. */
  private static final int SHARE_OF_MEMORY = 8;

  private static final long PIECE = 1024 * 1024;

  /** Formats of dates and times that have no text of their own (ECMA-376, part 1, 18.8.30). */
  private static final Map<Integer, String> BUILT_IN =
      Map.of(14, "d", 15, "d", 16, "d", 17, "d", 18, "h", 19, "h", 20, "h", 21, "h", 22, "d h");

  /** What a format says that is no part of a date: colours, conditions, texts, single letters. */
  private static final Pattern NO_DATE =
      Pattern.compile(
          "\\[(?!h+]|m+]|s+])[^]]*]|\"[^\"]*\"|\\\\.|_.|\\*.", Pattern.CASE_INSENSITIVE);

  private static final Pattern DAY = Pattern.compile("[dy]", Pattern.CASE_INSENSITIVE);
  private static final Pattern TIME = Pattern.compile("[hs]", Pattern.CASE_INSENSITIVE);

  /** Day 0, so that days from 1900-03-01 on are right: Excel has a 1900-02-29. */
  private static final LocalDateTime DAY_0 = LocalDateTime.of(1899, 12, 30, 0, 0);

  private static final LocalDateTime DAY_0_OF_1904 = LocalDateTime.of(1904, 1, 1, 0, 0);
  private static final BigDecimal MILLIS = BigDecimal.valueOf(86_400_000);

  /** Excel keeps 15 digits, of which a day takes five: more than a millisecond is not there. */
  private static final DateTimeFormatter DATE_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss.SSS");

  private static final DateTimeFormatter DATE_AND_TIME =
      DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss");

  /** What a sheet has at most (ECMA-376 leaves it open, Excel says it). */
  private static final int MOST_ROWS = 1_048_576;

  private static final int MOST_COLUMNS = 16_384;

  private final ReadableWorkbook workbook;
  private final Limits limits;
  private final long packed;
  private boolean from1904;

  /** Bytes of text that were made. */
  private long all;

  /**
   * A workbook.
   *
   * @throws RefusedException if it is damaged, is another document of Office, or does not fit into
   *     memory
   */
  Workbook(Path file, Limits limits) throws IOException {
    this.limits = limits;
    this.packed = Files.size(file);
    this.workbook =
        reading(
            () -> {
              requireSize(file);
              return new ReadableWorkbook(file.toFile(), new ReadingOptions(true, false));
            });
  }

  private void requireSize(Path file) throws IOException {
    try (ZipFile zip = ZipFile.builder().setPath(file).get()) {
      ZipArchiveEntry book = zip.getEntry("xl/workbook.xml");
      if (book == null) {
        throw new RefusedException(
            "file_binary",
            "the file is an Office document without sheets that can be read; save the sheet as xlsx or CSV");
      }
      long most = Runtime.getRuntime().maxMemory() / SHARE_OF_MEMORY;
      long unpacked = 0;
      for (Enumeration<ZipArchiveEntry> all = zip.getEntries(); all.hasMoreElements(); ) {
        ZipArchiveEntry entry = all.nextElement();
        long size = 0;
        // What the archive says of sizes is its own claim.
        try (InputStream in = zip.getInputStream(entry)) {
          for (long skipped; (skipped = in.skip(PIECE)) > 0; ) {
            size += skipped;
            FileReader.requireExpansion(packed, unpacked + size, limits);
            if (entry.getName().equals(SHARED_STRINGS) && size > most) {
              throw new RefusedException(
                  "file_too_large",
                  "the texts of the workbook take more than %,d MB, which is what may be used: save the sheet as CSV, or give the service more memory"
                      .formatted(most >> 20));
            }
          }
        }
        unpacked += size;
      }
      try (InputStream in = zip.getInputStream(book)) {
        from1904 = isFrom1904(in);
      }
    }
  }

  /**
   * Whether days are counted from 1904, as Excel for the Mac did: the reader takes only one
   * spelling.
   */
  private static boolean isFrom1904(InputStream book) throws IOException {
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    try {
      XMLStreamReader xml = factory.createXMLStreamReader(book);
      while (xml.hasNext()) {
        if (xml.next() == XMLStreamConstants.START_ELEMENT
            && xml.getLocalName().equals("workbookPr")) {
          String value = xml.getAttributeValue(null, "date1904");
          return "1".equals(value) || "true".equals(value) || "on".equals(value);
        }
      }
      return false;
    } catch (XMLStreamException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  private static <T> T reading(RecordStream.Step<T> step) throws IOException {
    return RecordStream.reading("Excel", () -> null, step);
  }

  /** The sheets that have rows. */
  List<Sheet> sheets() throws IOException {
    return reading(
        () -> {
          List<Sheet> sheets = new ArrayList<>();
          for (Sheet sheet : workbook.getSheets().toList()) {
            try (Stream<Row> rows = sheet.openStream()) {
              if (rows.anyMatch(row -> row.stream().anyMatch(Workbook::hasText))) {
                sheets.add(sheet);
              }
            }
          }
          return sheets;
        });
  }

  /** The text of a sheet. */
  InputStream text(Sheet sheet) throws IOException {
    return reading(
        () -> {
          int width;
          try (Stream<Row> rows = sheet.openStream()) {
            width = rows.mapToInt(Workbook::width).max().orElse(0);
          }
          return new Text(sheet.openStream(), width);
        });
  }

  private static boolean hasText(Cell cell) {
    return cell != null && cell.getType() != CellType.EMPTY && !text(cell, false).isEmpty();
  }

  private static void require(Row row) throws RefusedException {
    if (row.getRowNum() > MOST_ROWS || row.getCellCount() > MOST_COLUMNS) {
      throw new RefusedException(
          "file_damaged",
          "row %,d has %,d cells; a sheet has at most %,d rows of %,d cells"
              .formatted(row.getRowNum(), row.getCellCount(), MOST_ROWS, MOST_COLUMNS));
    }
  }

  private static int width(Row row) {
    int width = 0;
    for (Cell cell : row) {
      if (hasText(cell)) {
        width = Math.max(width, cell.getColumnIndex() + 1);
      }
    }
    return width;
  }

  private static String text(Cell cell, boolean from1904) {
    Object value = cell.getValue();
    if (value instanceof BigDecimal number) {
      String format = format(cell);
      boolean hasDay = DAY.matcher(format).find();
      return hasDay || TIME.matcher(format).find()
          ? time(number, hasDay, from1904)
          : RecordStream.text(number.doubleValue());
    }
    if (value == null) {
      return cell.getRawValue() == null ? "" : cell.getRawValue();
    }
    return value.toString();
  }

  private static String format(Cell cell) {
    String own = cell.getDataFormatString();
    if (own != null) {
      return NO_DATE.matcher(own).replaceAll("");
    }
    Integer id = cell.getDataFormatId();
    return id == null ? "" : BUILT_IN.getOrDefault(id, id >= 45 && id <= 47 ? "s" : "");
  }

  private static String time(BigDecimal days, boolean hasDay, boolean from1904) {
    long millis = days.multiply(MILLIS).setScale(0, RoundingMode.HALF_EVEN).longValue();
    if (!hasDay && millis < MILLIS.longValue()) {
      return LocalTime.MIN.plus(millis, ChronoUnit.MILLIS).toString();
    }
    LocalDateTime time = (from1904 ? DAY_0_OF_1904 : DAY_0).plus(millis, ChronoUnit.MILLIS);
    if (time.toLocalTime().equals(LocalTime.MIDNIGHT)) {
      return time.toLocalDate().toString();
    }
    return time.format(millis % 1000 == 0 ? DATE_AND_TIME : DATE_TIME);
  }

  @Override
  public void close() throws IOException {
    workbook.close();
  }

  /** Makes the text of a sheet row by row. */
  private final class Text extends BlockStream {
    private final Stream<Row> stream;
    private final Iterator<Row> rows;
    private final int width;
    private byte[] made = {};
    private int from;
    private int line = 1;

    Text(Stream<Row> stream, int width) {
      super(nullInputStream());
      this.stream = stream;
      this.rows = stream.iterator();
      this.width = width;
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      while (from == made.length) {
        if (!reading(rows::hasNext)) {
          return -1;
        }
        Row row = reading(rows::next);
        require(row);
        made = reading(() -> line(row)).getBytes(StandardCharsets.UTF_8);
        from = 0;
        all += made.length;
        FileReader.requireExpansion(packed, all, limits);
      }
      int read = Math.min(length, made.length - from);
      System.arraycopy(made, from, to, offset, read);
      from += read;
      return read;
    }

    private String line(Row row) {
      StringBuilder text = new StringBuilder();
      for (; line < row.getRowNum(); line++) {
        text.append('\n');
      }
      line++;
      if (width(row) > 0) {
        List<String> cells = new ArrayList<>();
        for (int i = 0; i < width; i++) {
          Cell cell = i < row.getCellCount() ? row.getCell(i) : null;
          cells.add(hasText(cell) ? quoted(Workbook.text(cell, from1904)) : "");
        }
        text.append(cells.stream().collect(Collectors.joining(",")));
      }
      return text.append('\n').toString();
    }

    private static String quoted(String text) {
      return text.chars().anyMatch(c -> c == ',' || c == '"' || c == '\n' || c == '\r')
          ? '"' + text.replace("\"", "\"\"") + '"'
          : text;
    }

    @Override
    public void close() {
      stream.close();
    }
  }
}
