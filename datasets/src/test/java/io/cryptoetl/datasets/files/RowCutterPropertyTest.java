package io.cryptoetl.datasets.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import de.siegmar.fastcsv.reader.CsvReader;
import io.cryptoetl.datasets.ChunkMapper;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.raw.RawCsvRows;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.apache.avro.specific.SpecificRecord;

/** Files of any content, cut at any size, as slowly as they may come. */
class RowCutterPropertyTest {
  private static final Limits SMALL = new Limits(100_000, 200, 10);

  /** Gives a few bytes at a time. */
  private static InputStream slowly(byte[] bytes, Random random) {
    return new ByteArrayInputStream(bytes) {
      @Override
      public int read(byte[] to, int from, int length) {
        return super.read(to, from, Math.min(length, 1 + random.nextInt(50)));
      }
    };
  }

  private static List<Chunk> cut(byte[] rows, FileFormat format, int target, Random random)
      throws IOException {
    RowCutter cutter = new RowCutter(slowly(rows, random), format, SMALL, target);
    List<Chunk> chunks = new ArrayList<>();
    for (Optional<Chunk> chunk = cutter.next(); chunk.isPresent(); chunk = cutter.next()) {
      chunks.add(chunk.get());
    }
    return chunks;
  }

  private static byte[] together(List<Chunk> chunks) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    chunks.forEach(c -> out.writeBytes(c.bytes()));
    return out.toByteArray();
  }

  private static FileFormat csv() {
    return new FileFormat("csv", ',', "a,b\n".getBytes(UTF_8), 1, Optional.empty());
  }

  @Provide
  Arbitrary<List<List<String>>> tables() {
    Arbitrary<String> cells =
        Arbitraries.of(
            "", "1", "-2.5", "text", "with, comma", "two\nlines", "\r\n", "\"", "é", "\"\"");
    return cells.list().ofMinSize(2).ofMaxSize(4).list().ofMaxSize(60);
  }

  private static String written(List<List<String>> rows, String lineEnd) {
    StringBuilder out = new StringBuilder();
    for (List<String> row : rows) {
      for (int i = 0; i < row.size(); i++) {
        String cell = row.get(i);
        boolean quote = cell.matches("(?s).*[\",\r\n].*") || cell.isEmpty();
        out.append(i == 0 ? "" : ",").append(quote ? '"' + cell.replace("\"", "\"\"") + '"' : cell);
      }
      out.append(lineEnd);
    }
    return out.toString();
  }

  @Property(tries = 500)
  void shouldCutBetweenRows(
      @ForAll("tables") List<List<String>> table,
      @ForAll @IntRange(min = 1, max = 400) int target,
      @ForAll boolean crlf,
      @ForAll long seed)
      throws IOException {
    byte[] rows = written(table, crlf ? "\r\n" : "\n").getBytes(UTF_8);

    List<Chunk> chunks = cut(rows, csv(), target, new Random(seed));

    assertThat(together(chunks)).isEqualTo(rows);
    List<List<String>> read = new ArrayList<>();
    long line = 2;
    for (Chunk chunk : chunks) {
      assertThat(chunk.firstLine()).isEqualTo(line);
      int before = read.size();
      try (var reader =
          CsvReader.builder()
              .extraFieldStrategy(de.siegmar.fastcsv.reader.FieldMismatchStrategy.IGNORE)
              .missingFieldStrategy(de.siegmar.fastcsv.reader.FieldMismatchStrategy.IGNORE)
              .allowUnclosedQuote(false)
              .ofCsvRecord(new String(chunk.bytes(), UTF_8))) {
        reader.forEach(r -> read.add(r.getFields()));
      }
      assertThat(chunk.rows()).isEqualTo(read.size() - before);
      line += lines(chunk.bytes());
    }
    assertThat(read).isEqualTo(table);
  }

  private static long lines(byte[] bytes) {
    long lines = 0;
    for (int at = 0; at < bytes.length; at = RowCutter.lineEnd(bytes, at, bytes.length)) {
      lines++;
    }
    return lines;
  }

  /** Whatever the bytes are, none is lost, none comes twice, and the way they come is no matter. */
  @Property(tries = 1000)
  void shouldKeepEveryByteOfDamagedFiles(
      @ForAll("damaged") String text,
      @ForAll @IntRange(min = 1, max = 200) int target,
      @ForAll long seed)
      throws IOException {
    byte[] rows = text.getBytes(UTF_8);

    List<Chunk> chunks = cut(rows, csv(), target, new Random(seed));

    assertThat(together(chunks)).isEqualTo(rows);
    List<Chunk> again = cut(rows, csv(), target, new Random(seed + 1));
    assertThat(again.stream().map(Chunk::firstLine).toList())
        .isEqualTo(chunks.stream().map(Chunk::firstLine).toList());
    assertThat(together(again)).isEqualTo(rows);
  }

  @Provide
  Arbitrary<String> damaged() {
    return Arbitraries.of("\"", "\"\"", ",", "\n", "\r", "\r\n", "a", "1", "é", "\"a\",", ";", " ")
        .list()
        .ofMaxSize(200)
        .map(parts -> String.join("", parts));
  }

  /** Damaged candles: each row is a row or a dead letter, cut or not cut. */
  @Property(tries = 300)
  void shouldMakeTheSameOfChunksAsOfTheWholeFile(
      @ForAll @IntRange(min = 0, max = 60) int rows,
      @ForAll @IntRange(min = 10, max = 600) int target,
      @ForAll long seed)
      throws IOException, BadRecordException {
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < rows; i++) {
      String row = "%d,1.5,2.5,1,2,%d".formatted(1_600_000_000L + 60L * i, i);
      text.append(
          switch (random.nextInt(12)) {
            case 0 -> row + ",extra";
            case 1 -> row.substring(0, 5);
            case 2 -> row.replaceFirst("1.5", "\"1.5");
            case 3 -> row.replaceFirst("1.5", "\"1.5\"x");
            case 4 -> row.replaceFirst("1.5", "\"1.\n5\"");
            case 5 -> "";
            default -> row;
          });
      text.append(random.nextBoolean() ? "\n" : "\r\n");
    }
    byte[] bytes = text.toString().getBytes(UTF_8);
    byte[] head = "time,open,high,low,close,volume\n".getBytes(UTF_8);
    FileFormat format = new FileFormat("csv", ',', head, 1, Optional.empty());

    List<String> whole = outcome(List.of(new Chunk(2, 0, 0, bytes, "UTF-8", true)), format);
    List<Chunk> chunks = cut(bytes, format, target, random);

    assertThat(outcome(chunks, format)).isEqualTo(whole);
    assertThat(chunks.stream().mapToLong(Chunk::rows).sum()).isEqualTo(whole.size());
  }

  private static List<String> outcome(List<Chunk> chunks, FileFormat format)
      throws BadRecordException {
    List<String> outcome = new ArrayList<>();
    for (Chunk chunk : chunks) {
      RawCsvRows record =
          chunk.record(
              "ohlcv",
              "x.csv",
              "v",
              format,
              Map.of("venue", "v", "symbol", "S", "interval", "1m"),
              Instant.EPOCH);
      ChunkMapper.map(
          record,
          Layouts.defaults(),
          new ChunkMapper.Rows() {
            @Override
            public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
              outcome.add(line + " " + row);
            }

            @Override
            public void bad(long line, byte[] bytes, BadRecordException reason) {
              outcome.add(line + " " + reason.code());
            }
          });
    }
    return outcome;
  }

  /** Bytes of any kind, by whatever way they are packed: an answer or a refusal, nothing else. */
  @Property(tries = 2000)
  void shouldReadOrRefuseAnything(@ForAll byte[] bytes, @ForAll("beginnings") byte[] beginning)
      throws IOException {
    ByteArrayOutputStream file = new ByteArrayOutputStream();
    file.writeBytes(beginning);
    file.writeBytes(bytes);
    try {
      FileReader.read(
          new ByteArrayInputStream(file.toByteArray()),
          SMALL,
          new FileReader.Content() {
            @Override
            public boolean begin(Optional<String> member, FileFormat format, byte[] sample) {
              return true;
            }

            @Override
            public void chunk(Chunk chunk) {
              assertThat(chunk.firstLine()).isPositive();
            }

            @Override
            public void end() {
              // As it shall be.
            }

            @Override
            public void refused(String member, RefusedException reason) {
              assertThat(reason.code()).isNotBlank();
            }
          });
    } catch (RefusedException e) {
      assertThat(e).hasMessageMatching("(?s).{10,}");
    }
  }

  @Provide
  Arbitrary<byte[]> beginnings() {
    return Arbitraries.of(
        new byte[0],
        new byte[] {0x1F, (byte) 0x8B, 8, 0},
        new byte[] {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD},
        new byte[] {'P', 'K', 3, 4, 20, 0},
        "[".getBytes(UTF_8),
        "[[".getBytes(UTF_8),
        "a,b\n".getBytes(UTF_8),
        "{".getBytes(UTF_8),
        "START-OF-FILE\nSTART-OF-DATA\n".getBytes(UTF_8));
  }
}
