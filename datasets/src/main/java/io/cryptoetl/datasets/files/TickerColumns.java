package io.cryptoetl.datasets.files;

import de.siegmar.fastcsv.reader.CsvParseException;
import de.siegmar.fastcsv.reader.CsvReader;
import de.siegmar.fastcsv.reader.CsvRecord;
import de.siegmar.fastcsv.reader.FieldMismatchStrategy;
import de.siegmar.fastcsv.writer.CsvWriter;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Tables that have the columns of several instruments side by side, as <a
 * href="https://ranaroussi.github.io/yfinance/reference/api/yfinance.download.html">yfinance</a>
 * writes them, parted by instrument. A row in which all cells of one are blank is none of its rows:
 * that is how pandas writes a day without a price.
 */
final class TickerColumns {
  /** Lines with names: of the columns, of the tickers, and of the index. */
  private static final int NAMES = 3;

  private final FileFormat format;
  private final boolean byTicker;
  private final List<String> names;
  private final Map<String, List<Integer>> columns = new LinkedHashMap<>();

  private TickerColumns(FileFormat format, List<CsvRecord> head) {
    this.format = format;
    this.byTicker = head.getFirst().getField(0).equals("Ticker");
    this.names = head.get(byTicker ? 1 : 0).getFields();
    List<String> tickers = head.get(byTicker ? 0 : 1).getFields();
    for (int i = 1; i < tickers.size(); i++) {
      if (!tickers.get(i).isBlank()) {
        columns.computeIfAbsent(tickers.get(i), _ -> new ArrayList<>()).add(i);
      }
    }
  }

  /** The columns of a file by ticker, or null if it does not have several lines of names. */
  static TickerColumns of(FileFormat format) {
    if (!format.name().equals("csv")) {
      return null;
    }
    byte[] bytes = format.head();
    int from = FileFormat.hasBom(bytes) ? 3 : 0;
    List<CsvRecord> head;
    try {
      head = records(new ByteArrayInputStream(bytes, from, bytes.length - from), format).toList();
    } catch (CsvParseException e) {
      // Titles may have quotes in any place.
      return null;
    }
    if (head.size() < NAMES) {
      return null;
    }
    List<CsvRecord> last = head.subList(head.size() - NAMES, head.size());
    List<String> first = last.stream().map(r -> r.getField(0)).toList();
    boolean known =
        first.get(NAMES - 1).startsWith("Date")
            && (first.get(0).equals("Ticker") || first.get(1).equals("Ticker"))
            && last.get(0).getFieldCount() == last.get(1).getFieldCount();
    return known ? new TickerColumns(format, last) : null;
  }

  /** How many instruments there are. */
  int tickers() {
    return columns.size();
  }

  private static Stream<CsvRecord> records(InputStream in, FileFormat format) {
    return CsvReader.builder()
        .fieldSeparator(format.delimiter())
        .extraFieldStrategy(FieldMismatchStrategy.IGNORE)
        .missingFieldStrategy(FieldMismatchStrategy.IGNORE)
        .ofCsvRecord(new InputStreamReader(in, StandardCharsets.UTF_8))
        .stream();
  }

  /** Whether there are several instruments, or the lines of names are in another order. */
  boolean isToBeParted() {
    return columns.size() > 1 || byTicker;
  }

  private CsvWriter writer(String ticker, Path file) {
    try {
      CsvWriter writer = CsvWriter.builder().fieldSeparator(format.delimiter()).build(file);
      List<Integer> own = columns.get(ticker);
      writer.writeRecord(row("Price", own.stream().map(names::get)));
      writer.writeRecord(row("Ticker", own.stream().map(_ -> ticker)));
      writer.writeRecord(row("Date", own.stream().map(_ -> "")));
      return writer;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes a file for each instrument that has rows, by ticker. */
  Map<String, Path> part(InputStream rows, Path folder) throws IOException {
    Map<String, Path> files = new LinkedHashMap<>();
    Map<String, CsvWriter> writers = new HashMap<>();
    try {
      records(rows, format)
          .forEach(
              record ->
                  columns.forEach(
                      (ticker, own) -> {
                        List<String> cells =
                            own.stream()
                                .map(i -> i < record.getFieldCount() ? record.getField(i) : "")
                                .toList();
                        if (cells.stream().anyMatch(c -> !c.isBlank())) {
                          writers
                              .computeIfAbsent(
                                  ticker,
                                  t -> {
                                    files.put(t, folder.resolve(files.size() + ".csv"));
                                    return writer(t, files.get(t));
                                  })
                              .writeRecord(row(record.getField(0), cells.stream()));
                        }
                      }));
    } catch (CsvParseException e) {
      throw new RefusedException(
          "file_damaged",
          "a row of the table cannot be told from the others: %s; save one file for each ticker"
              .formatted(e.getMessage()));
    } catch (UncheckedIOException e) {
      throw e.getCause();
    } finally {
      for (CsvWriter writer : writers.values()) {
        writer.close();
      }
    }
    return files;
  }

  private static List<String> row(String first, Stream<String> others) {
    return Stream.concat(Stream.of(first), others).toList();
  }
}
