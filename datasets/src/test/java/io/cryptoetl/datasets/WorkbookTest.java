package io.cryptoetl.datasets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.market.Candle;
import java.io.IOException;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;
import org.dhatim.fastexcel.Workbook;
import org.dhatim.fastexcel.Worksheet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Workbooks as fastexcel writes them. */
class WorkbookTest {
  private static final Map<String, String> MARKET =
      Map.of("venue", "v", "symbol", "S", "interval", "1h");
  private static final LocalDateTime BEGIN = LocalDateTime.of(2024, 1, 31, 22, 0);

  @TempDir Path folder;

  private Path workbook(Consumer<Workbook> writing) throws IOException {
    Path file = folder.resolve("prices.xlsx");
    try (OutputStream out = Files.newOutputStream(file);
        Workbook workbook = new Workbook(out, "test", "1.0")) {
      writing.accept(workbook);
    }
    return file;
  }

  private static void row(Worksheet sheet, int row, Object... cells) {
    for (int i = 0; i < cells.length; i++) {
      switch (cells[i]) {
        case LocalDateTime time -> {
          sheet.value(row, i, time);
          sheet.style(row, i).format("yyyy\\-mm\\-dd hh:mm").set();
        }
        case Number number -> sheet.value(row, i, number);
        case Boolean yes -> sheet.value(row, i, yes);
        default -> sheet.value(row, i, cells[i].toString());
      }
    }
  }

  private static void candles(Worksheet sheet, int from) {
    row(sheet, from, "time", "open", "high", "low", "close", "volume");
    for (int i = 0; i < 30; i++) {
      row(sheet, from + 1 + i, BEGIN.plusHours(i), 2 + i, 3.5 + i, 1.1 + i, 2.25 + i, 1e9 * i);
    }
  }

  /** Texts of the sheets, by name; a single one has none. */
  private static Map<String, String> texts(Path file) throws IOException {
    Map<String, String> texts = new LinkedHashMap<>();
    List<String> refused = new ArrayList<>();
    FileReader.read(
        FileSource.of(file),
        Limits.DEFAULT,
        new FileReader.Content() {
          private String name;

          @Override
          public boolean begin(Optional<String> member, FileFormat format, byte[] sample) {
            name = member.orElse("");
            texts.put(name, new String(format.head(), StandardCharsets.UTF_8));
            return true;
          }

          @Override
          public void chunk(Chunk chunk) {
            texts.merge(name, new String(chunk.bytes(), StandardCharsets.UTF_8), String::concat);
          }

          @Override
          public void end() {
            // All is collected.
          }

          @Override
          public void refused(String member, RefusedException reason) {
            refused.add(member);
          }
        });
    assertThat(refused).isEmpty();
    return texts;
  }

  @Test
  void shouldReadASheetAsItsRows() throws IOException {
    Path file = workbook(w -> candles(w.newWorksheet("Sheet1"), 0));

    Reads reads = Reads.of(file, MARKET);

    assertThat(reads.bad).isEmpty();
    assertThat(reads.reading.dataset()).isEqualTo("ohlcv");
    assertThat(reads.rows).hasSize(30);
    Candle second = (Candle) reads.rows.get(1);
    assertThat(second.getOpenTime()).isEqualTo(Instant.parse("2024-01-31T23:00:00Z"));
    assertThat(second.getLow()).isEqualByComparingTo(new BigDecimal("2.1"));
    assertThat(second.getVolume()).isEqualByComparingTo(new BigDecimal("1000000000"));
  }

  @Test
  void shouldReadTitlesAndPassOverEmptySheets() throws IOException {
    Path file =
        workbook(
            w -> {
              w.newWorksheet("Cover");
              Worksheet sheet = w.newWorksheet("Data");
              row(sheet, 0, "Prices of S, by hour");
              candles(sheet, 2);
            });

    Reads reads = Reads.of(file, MARKET);

    assertThat(reads.bad).isEmpty();
    assertThat(reads.rows).hasSize(30);
  }

  @Test
  void shouldReadTitlesThatASpreadsheetHasSavedAsCsv() throws IOException {
    String csv =
        """
        "Prices of S, by hour",,,,,
        "Prices" of S,,,,,
        Source: v,,as of 2024-02-01,,,
        ,,,,,
        time,open,high,low,close,volume
        2024-01-31 22:00:00,2,3.5,1.1,2.25,0
        2024-01-31 23:00:00,3,4.5,2.1,3.25,1000000000
        """;

    Reads reads = Reads.of("prices.csv", csv.getBytes(StandardCharsets.UTF_8), MARKET);

    assertThat(reads.bad).isEmpty();
    assertThat(reads.rows).hasSize(2);
  }

  @Test
  void shouldWriteCellsWithTheDigitsThatTheyHave() throws IOException {
    Path file =
        workbook(
            w -> {
              Worksheet sheet = w.newWorksheet("Sheet1");
              row(sheet, 0, "a", "b", "c", "d", "e");
              row(sheet, 1, 1704067200000L, 0.1, 1.5e18, true, "two, \"quoted\"");
              row(sheet, 2, -2.25, 1e-7);
              row(sheet, 5, BEGIN, BEGIN.withHour(0), BEGIN.plusNanos(250_000_000), "2024-01-31");
              sheet.value(6, 0, 0.75);
              sheet.style(6, 0).format("[Red]h:mm").set();
              sheet.value(6, 1, 12.5);
              sheet.style(6, 1).format("#,##0.00 \\d\\a\\y\\s").set();
              sheet.value(6, 2, 45_000.5);
              sheet.style(6, 2).format("[$-409]m/d/yy h:mm AM/PM;@").set();
            });

    assertThat(texts(file).get(""))
        .isEqualTo(
            """
            a,b,c,d,e
            1704067200000,0.1,1.5E18,true,"two, ""quoted""\"
            -2.25,0.0000001,,,


            2024-01-31 22:00:00,2024-01-31,2024-01-31 22:00:00.250,2024-01-31,
            18:00,12.5,2023-03-15 12:00:00,,
            """);
  }

  @Test
  void shouldTakeSeveralSheetsForFiles() throws IOException {
    Path file =
        workbook(
            w -> {
              candles(w.newWorksheet("one"), 0);
              candles(w.newWorksheet("two"), 0);
            });

    assertThat(texts(file)).containsOnlyKeys("one", "two");
  }

  @Test
  void shouldRefuseNumbersThatASpreadsheetHasRounded() throws IOException {
    Path file =
        workbook(
            w -> {
              Worksheet sheet = w.newWorksheet("Sheet1");
              row(sheet, 0, "block_number", "log_index", "transaction_index", "address", "data");
              row(sheet, 1, 1.6e19, 0, 0, "0x" + "ab".repeat(20), "0x");
            });

    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(() -> Reads.of(file, Map.of("chain_id", "1")));
  }

  @Test
  void shouldRefuseWhatIsNoWorkbookOfRows() throws IOException {
    Path document = folder.resolve("letter.docx");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(document))) {
      zip.putNextEntry(new ZipEntry("[Content_Types].xml"));
      zip.write("<Types/>".getBytes(StandardCharsets.UTF_8));
    }
    Path empty = workbook(w -> w.newWorksheet("Sheet1"));
    Path old = folder.resolve("old.xls");
    Files.write(old, new byte[] {(byte) 0xD0, (byte) 0xCF, 0x11, (byte) 0xE0, 0, 0, 0, 0});

    assertRefused(document, "file_binary");
    assertRefused(empty, "file_empty");
    assertRefused(old, "file_binary");
    byte[] whole = Files.readAllBytes(workbook(w -> candles(w.newWorksheet("Sheet1"), 0)));
    Path cut = folder.resolve("cut.xlsx");
    Files.write(cut, java.util.Arrays.copyOf(whole, whole.length / 2));
    assertRefused(cut, "file_damaged");
  }

  /** The workbook with other bytes in one of its members. */
  private Path edited(Path file, String member, UnaryOperator<String> edit) throws IOException {
    Path edited = folder.resolve("edited.xlsx");
    try (ZipFile in = new ZipFile(file.toFile());
        ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(edited))) {
      for (ZipEntry entry : java.util.Collections.list(in.entries())) {
        out.putNextEntry(new ZipEntry(entry.getName()));
        String text = new String(in.getInputStream(entry).readAllBytes(), StandardCharsets.UTF_8);
        String written = entry.getName().equals(member) ? edit.apply(text) : text;
        out.write(written.getBytes(StandardCharsets.UTF_8));
      }
    }
    return edited;
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "true"})
  void shouldCountDaysFrom1904WhereTheWorkbookDoes(String spelling) throws IOException {
    Path file = workbook(w -> row(w.newWorksheet("Sheet1"), 0, "a", BEGIN));

    Path other =
        edited(
            file,
            "xl/workbook.xml",
            xml ->
                xml.replaceFirst(
                    "<workbookPr[^>]*/>", "<workbookPr date1904=\"" + spelling + "\"/>"));

    assertThat(texts(file).get("")).isEqualTo("a,2024-01-31 22:00:00\n");
    assertThat(texts(other).get("")).isEqualTo("a,2028-02-01 22:00:00\n");
  }

  @Test
  void shouldNotMakeOfALittleFileWhatMemoryDoesNotHold() throws IOException {
    Path file = workbook(w -> candles(w.newWorksheet("Sheet1"), 0));
    String sheet = "xl/worksheets/sheet1.xml";

    assertRefused(
        edited(file, sheet, xml -> xml.replace("<row r=\"31\"", "<row r=\"300000000\"")),
        "file_damaged");
    assertRefused(
        edited(
            file,
            sheet,
            xml ->
                xml.replace(
                    "</sheetData>",
                    IntStream.range(100, 6_000)
                            .mapToObj(
                                "<row r=\"%1$d\"><c r=\"XFD%1$d\"><v>1</v></c></row>"::formatted)
                            .collect(Collectors.joining())
                        + "</sheetData>")),
        "file_expands");
  }

  private static void assertRefused(Path file, String code) {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(() -> Reads.of(file, MARKET))
        .satisfies(e -> assertThat(e.code()).isEqualTo(code));
  }
}
