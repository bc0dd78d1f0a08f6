package io.cryptoetl.datasets.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Reading goes on behind any chunk, and gives the same chunks as reading from the beginning. */
class ResumeTest {
  private static final int ROWS = 40_000;

  @TempDir static Path folder;

  /** Texts of random letters; some rows are of windows-1252, some blank. */
  @BeforeAll
  static void make() throws Exception {
    Random random = new Random(3);
    List<String> rows =
        IntStream.range(0, ROWS)
            .mapToObj(
                i ->
                    random
                        .ints(40 + random.nextInt(60), 'a', 'z' + 1)
                        .mapToObj(c -> "" + (char) c)
                        .collect(Collectors.joining()))
            .toList();
    write("rows.csv", csv(rows).getBytes(UTF_8));
    byte[] mixed = csv(rows).replace("ab", "\n\n\u0001").replace("cd", "é").getBytes(UTF_8);
    for (int i = 0; i < mixed.length; i++) {
      mixed[i] = mixed[i] == 1 && random.nextInt(8) == 0 ? (byte) 0xE9 : mixed[i];
    }
    write("mixed.csv", mixed);
    write("rows.jsonl", lines(rows, "", "\n", "\n"));
    write("rows.json", lines(rows, "[", ",\n", "]\n"));
    try (OutputStream out = new GZIPOutputStream(open("rows.csv.gz"))) {
      out.write(csv(rows).getBytes(UTF_8));
    }
    try (ZipOutputStream out = new ZipOutputStream(open("rows.zip"))) {
      out.putNextEntry(new ZipEntry("rows.csv"));
      out.write(csv(rows).getBytes(UTF_8));
    }
    avro(rows);
    parquet();
  }

  private static String csv(List<String> rows) {
    StringBuilder csv = new StringBuilder("number,text\n");
    for (int i = 0; i < rows.size(); i++) {
      csv.append(i).append(',').append(rows.get(i)).append('\n');
    }
    return csv.toString();
  }

  private static byte[] lines(List<String> rows, String begin, String between, String end) {
    return rows.stream()
        .map("{\"text\":\"%s\"}"::formatted)
        .collect(Collectors.joining(between, begin, end))
        .getBytes(UTF_8);
  }

  private static OutputStream open(String name) throws IOException {
    return Files.newOutputStream(folder.resolve(name));
  }

  private static void write(String name, byte[] bytes) throws IOException {
    Files.write(folder.resolve(name), bytes);
  }

  private static void avro(List<String> rows) throws IOException {
    Schema schema = SchemaBuilder.record("row").fields().requiredString("text").endRecord();
    try (DataFileWriter<GenericData.Record> out =
        new DataFileWriter<>(new GenericDatumWriter<GenericData.Record>(schema))
            .create(schema, open("rows.avro"))) {
      for (String row : rows) {
        GenericData.Record written = new GenericData.Record(schema);
        written.put("text", row);
        out.append(written);
      }
    }
  }

  private static void parquet() throws SQLException {
    try (Connection db = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = db.createStatement()) {
      statement.execute(
          "COPY (FROM read_csv('%s')) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
              .formatted(folder.resolve("rows.csv"), folder.resolve("rows.parquet")));
      statement.execute(
          "COPY (SELECT md5(i::VARCHAR) || md5('a' || i) AS text FROM range(1500000) t(i)) TO '%s' (FORMAT parquet, ROW_GROUP_SIZE 20480)"
              .formatted(folder.resolve("large.parquet")));
    }
  }

  /** What is read from somewhere on. */
  private static final class Rest implements FileReader.Content {
    private final List<Chunk> chunks = new ArrayList<>();
    private final Optional<FileReader.Position> from;

    Rest(Optional<FileReader.Position> from) {
      this.from = from;
    }

    @Override
    public boolean begin(Optional<String> member, FileFormat format, byte[] sample) {
      return true;
    }

    @Override
    public Optional<FileReader.Position> from() {
      return from;
    }

    @Override
    public void chunk(Chunk chunk) {
      chunks.add(chunk);
    }

    @Override
    public void end() {
      // All is collected.
    }

    @Override
    public void refused(String member, RefusedException reason) {
      throw new AssertionError(reason);
    }

    List<String> told() {
      return chunks.stream()
          .map(
              c ->
                  "%d %d %d %s %b %s"
                      .formatted(
                          c.firstLine(),
                          c.lines(),
                          c.rows(),
                          c.charset(),
                          c.closed(),
                          new String(c.bytes(), UTF_8)))
          .toList();
    }
  }

  private static Rest read(FileSource file, Optional<FileReader.Position> from) throws IOException {
    Rest rest = new Rest(from);
    FileReader.read(file, Limits.DEFAULT, rest);
    return rest;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "rows.csv",
        "mixed.csv",
        "rows.jsonl",
        "rows.json",
        "rows.csv.gz",
        "rows.zip",
        "rows.avro",
        "rows.parquet"
      })
  void shouldGoOnBehindAnyChunk(String name) throws IOException {
    FileSource file = FileSource.of(folder.resolve(name));
    Rest whole = read(file, Optional.empty());
    List<String> told = whole.told();
    assertThat(told).hasSizeGreaterThan(4);

    long bytes = 0;
    int tried = 0;
    for (int i = 0; i < whole.chunks.size(); i++) {
      Chunk chunk = whole.chunks.get(i);
      bytes += chunk.bytes().length;
      // Of the many that are parted for their encodings some are enough.
      if (chunk.closed() && (i < 10 || i + 1 == whole.chunks.size())) {
        long line = chunk.firstLine() + chunk.lines();
        Rest rest = read(file, Optional.of(new FileReader.Position(bytes, line)));
        assertThat(rest.told()).as("behind %d", i).isEqualTo(told.subList(i + 1, told.size()));
        tried++;
      }
    }
    assertThat(tried).isPositive();
  }

  /** Bytes of a file that are read, not those that are passed over. */
  private static final class Counted implements FileSource {
    private final FileSource file;
    private final AtomicLong bytes = new AtomicLong();

    Counted(Path file) throws IOException {
      this.file = FileSource.of(file);
    }

    @Override
    public InputStream open() throws IOException {
      return new FilterInputStream(file.open()) {
        @Override
        public int read(byte[] to, int from, int length) throws IOException {
          int read = super.read(to, from, length);
          bytes.addAndGet(Math.max(0, read));
          return read;
        }
      };
    }

    @Override
    public long length() {
      return file.length();
    }

    @Override
    public byte[] range(long offset, int length) throws IOException {
      bytes.addAndGet(length);
      return file.range(offset, length);
    }
  }

  @ParameterizedTest
  @CsvSource({"rows.csv, 400000", "large.parquet, 32000000"})
  void shouldNotReadWhatIsBeforeIt(String name, long ahead) throws IOException {
    Counted file = new Counted(folder.resolve(name));
    List<Chunk> chunks = read(file, Optional.empty()).chunks;
    long all = file.bytes.getAndSet(0);
    int before = chunks.size() - 2;
    long bytes = chunks.stream().limit(before).mapToLong(c -> c.bytes().length).sum();

    read(file, Optional.of(new FileReader.Position(bytes, chunks.get(before).firstLine())));

    // What is left, and the head that tells what the file is, with what is read ahead of both.
    assertThat(file.bytes.get())
        .isLessThan(all * 2 / chunks.size() + 2 * ahead)
        .isLessThan(all / 2);
  }

  @Test
  void shouldHaveChunksOfBothEncodings() throws IOException {
    Rest mixed = read(FileSource.of(folder.resolve("mixed.csv")), Optional.empty());

    assertThat(mixed.chunks).extracting(Chunk::charset).contains("UTF-8", "windows-1252");
    assertThat(mixed.chunks).extracting(Chunk::closed).contains(true, false);
  }
}
