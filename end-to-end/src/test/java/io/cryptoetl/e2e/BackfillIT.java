package io.cryptoetl.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.kafka.Replays;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.raw.RawCsvRowsKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** Files that are dropped into a bucket or a folder, to tables. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class BackfillIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(4);
  private static final HttpClient HTTP = HttpClient.newHttpClient();
  private static final long BEGIN = 1_600_000_020L;

  @TempDir static Path folder;
  private static EmbeddedStack stack;

  @BeforeAll
  static void start() throws Exception {
    stack =
        EmbeddedStack.start(
            p -> {
              try {
                return List.of(p.s3());
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            p -> {
              try {
                return List.of(
                    p.transformer(Map.of()),
                    p.backfill(
                        Map.of(
                            "BACKFILL_EVERY", "1s",
                            "BACKFILL_SETTLE", "1s",
                            "BACKFILL_RETRY_DELAY", "200ms",
                            "BACKFILL_LOCATIONS_FOLDER_URL", folder.toString(),
                            "BACKFILL_LOCATIONS_FOLDER_ROUTES_TICKS_FILES", "ticks/**",
                            "BACKFILL_LOCATIONS_FOLDER_ROUTES_TICKS_DATASET", "ohlcv",
                            "BACKFILL_LOCATIONS_FOLDER_ROUTES_TICKS_PARAMETERS_SYMBOL", "ROUTED")));
              } catch (IOException e) {
                throw new UncheckedIOException(e);
              }
            },
            TopicSettings.defaults());
  }

  @AfterAll
  static void stop() throws IOException {
    if (stack != null) {
      stack.close();
    }
  }

  private static String row(int i) {
    return "%d,%d.5,%d.75,%d.25,%d.5,%d".formatted(BEGIN + 60L * i, i, i, i, i, i);
  }

  private static String candles(int from, int to) {
    StringBuilder text = new StringBuilder("time,open,high,low,close,volume\n");
    IntStream.range(from, to).forEach(i -> text.append(row(i)).append('\n'));
    return text.toString();
  }

  private static void put(String key, byte[] content) throws IOException, InterruptedException {
    HttpResponse<String> response =
        HTTP.send(
            HttpRequest.newBuilder(
                    URI.create(stack.parts().s3Url() + "/" + Parts.INBOX + "/" + key))
                .PUT(HttpRequest.BodyPublishers.ofByteArray(content))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
  }

  private static void put(String key, String content) throws IOException, InterruptedException {
    put(key, content.getBytes(UTF_8));
  }

  private static byte[] parquet(String csv) throws IOException, SQLException {
    Path text = Files.createTempFile("rows", ".csv");
    Path parquet = Files.createTempFile("rows", ".parquet");
    try (Connection db = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = db.createStatement()) {
      Files.writeString(text, csv);
      statement.execute(
          "COPY (FROM read_csv('%s')) TO '%s' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 10000)"
              .formatted(text, parquet));
      return Files.readAllBytes(parquet);
    } finally {
      Files.delete(text);
      Files.delete(parquet);
    }
  }

  private static String key(String symbol, String name) {
    return "ohlcv/venue=test/interval=1m/symbol=" + symbol + "/" + name;
  }

  private static long candlesOf(String symbol) throws SQLException {
    return Tables.number(
        stack, "SELECT count(*) FROM market.candles WHERE symbol = '" + symbol + "'");
  }

  private static String state(String file) throws SQLException {
    List<String> states =
        Tables.texts(
            stack,
            "SELECT concat_ws(' ', state, code, rows) FROM ops.files WHERE file LIKE '%"
                + file
                + "' ORDER BY finished_at DESC NULLS FIRST");
    return states.isEmpty() ? "unknown" : states.getFirst();
  }

  private static void awaitState(String file, String state) {
    await().atMost(LONG).untilAsserted(() -> assertThat(state(file)).as(file).isEqualTo(state));
  }

  /** Waits until the rows of some files are loaded and counted. */
  private static void awaitLoaded(String files, long rows) throws InterruptedException {
    await()
        .atMost(LONG)
        .until(
            () ->
                Tables.number(
                        stack,
                        "SELECT coalesce(sum(read - on_the_way), 0) FROM ops.file_summary WHERE file LIKE '%"
                            + files
                            + "%'")
                    >= rows);
    try (Replays pipeline = new Replays(stack.kafka())) {
      pipeline.awaitLoaded();
    }
  }

  /** Rows read, loaded, unchanged and refused of each file, in the order of reading. */
  private static List<String> summary(String files) throws SQLException {
    return Tables.texts(
        stack,
        "SELECT concat_ws(' ', sum(read), sum(loaded), sum(unchanged), sum(dead_letters)) FROM ops.file_summary WHERE file LIKE '%"
            + files
            + "%' GROUP BY fetched_at ORDER BY fetched_at");
  }

  private static byte[] gzip(String text) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
      gzip.write(text.getBytes(UTF_8));
    }
    return out.toByteArray();
  }

  @Test
  @Order(1)
  void shouldLoadFilesOfAnyForm() throws Exception {
    put(key("PLAIN", "a.csv"), candles(0, 100));
    put(key("GZIP", "a.csv.gz"), gzip(candles(0, 100).replace(',', ';')));
    ByteArrayOutputStream zip = new ByteArrayOutputStream();
    try (ZipOutputStream out = new ZipOutputStream(zip)) {
      for (int i = 0; i < 3; i++) {
        out.putNextEntry(new ZipEntry("part%d.csv".formatted(i)));
        out.write(candles(100 * i, 100 * i + 100).getBytes(UTF_8));
      }
      out.putNextEntry(new ZipEntry("notes.txt"));
      out.write("no rows here".getBytes(UTF_8));
    }
    put(key("ZIP", "a.zip"), zip.toByteArray());
    put(key("PARQUET", "a.parquet"), parquet(candles(0, 100)));
    // As Binance's API gives them; the name tells market and length.
    put(
        "BTCUSDT-1m-2020-09.json",
        IntStream.range(0, 50)
            .mapToObj(
                i ->
                    "[%d000,\"1\",\"2\",\"0.5\",\"1.5\",\"10\",%d999,\"15\",3,\"5\",\"7\",\"0\"]"
                        .formatted(BEGIN + 60L * i, BEGIN + 60L * i + 59))
            .toList()
            .toString());
    Files.createDirectories(folder.resolve("ticks/venue=test/interval=1m"));
    Files.writeString(
        folder.resolve("ticks/venue=test/interval=1m/x.csv"),
        candles(0, 100)
            .replace(row(7), row(7).replace("7.5", "seven"))
            .replace(row(9), row(9) + ",,x"));

    awaitState("PLAIN/a.csv", "done 100");
    awaitState("GZIP/a.csv.gz", "done 100");
    awaitState("ZIP/a.zip!/part2.csv", "done 100");
    awaitState("ZIP/a.zip!/notes.txt", "failed file_no_columns 0");
    awaitState("ZIP/a.zip", "failed members_failed 0");
    awaitState("BTCUSDT-1m-2020-09.json", "done 50");
    awaitState("x.csv", "done 100");
    awaitState("PARQUET/a.parquet", "done 100");
    awaitLoaded("", 750);
    assertThat(candlesOf("PLAIN")).isEqualTo(100);
    assertThat(candlesOf("GZIP")).isEqualTo(100);
    assertThat(candlesOf("ZIP")).isEqualTo(300);
    assertThat(candlesOf("PARQUET")).isEqualTo(100);
    assertThat(candlesOf("BTCUSDT")).isEqualTo(50);
    assertThat(candlesOf("ROUTED")).isEqualTo(98);
    assertThat(
            Tables.texts(
                stack,
                "SELECT line || ' ' || code FROM ops.dead_letters WHERE file LIKE '%x.csv' ORDER BY line"))
        .containsExactly("9 field_invalid", "11 row_ragged");
    assertThat(summary("x.csv")).containsExactly("100 98 0 2");
  }

  @Test
  @Order(2)
  void shouldSeeNewContentUnderAnOldName() throws Exception {
    put(key("AGAIN", "a.csv"), candles(0, 10));
    awaitState("AGAIN/a.csv", "done 10");
    put(key("AGAIN", "a.csv"), candles(0, 10));
    put(key("AGAIN", "a.csv"), candles(0, 12).replace("3.5,3", "3.25,3"));

    awaitState("AGAIN/a.csv", "done 12");
    awaitLoaded("AGAIN", 22);
    assertThat(candlesOf("AGAIN")).isEqualTo(12);
    assertThat(
            Tables.texts(
                stack,
                "SELECT trim_scale(open)::text FROM market.candles WHERE symbol = 'AGAIN' AND volume = 3"))
        .containsExactly("3.25");
    // One row was corrected, two are new.
    assertThat(summary("AGAIN")).containsExactly("10 9 1 0", "12 3 9 0");
    assertThat(
            Tables.number(stack, "SELECT count(*) FROM ops.files WHERE file LIKE '%AGAIN/a.csv'"))
        .isEqualTo(2);
  }

  @Test
  @Order(3)
  void shouldSayWhyAFileIsRefused() throws Exception {
    put(key("BAD", "bomb.csv.gz"), gzip("0,0\n".repeat(20 * 1024 * 1024)));
    put("mystery.csv", "first,second\n1,2\n");
    put("blocks/export.csv", "number,hash,gas_used\n1,0x" + "ab".repeat(32) + ",21000\n");
    put(key("SUM", "a.csv"), candles(0, 5));
    put(key("SUM", "a.csv.CHECKSUM"), "00".repeat(32) + "  a.csv\n");
    put(key("BAD", "page.csv"), "<!DOCTYPE html><html></html>");

    awaitState("BAD/bomb.csv.gz", "failed file_expands 0");
    awaitState("mystery.csv", "failed dataset_unknown 0");
    awaitState("page.csv", "failed file_markup 0");
    // The checksum may have come after the file was taken.
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> assertThat(state("SUM/a.csv")).matches("failed file_checksum 0|done 5"));
    assertThat(candlesOf("BAD")).isZero();

    JsonNode answer =
        JSON.readTree(
            Parts.post(
                    stack.parts().backfillUrl() + "/files",
                    "{\"file\":\"s3://inbox/../../etc/passwd\"}")
                .body());
    assertThat(answer.path("error").asText()).contains("there is no file").contains("s3://inbox");
    assertThat(
            Parts.post(stack.parts().backfillUrl() + "/files", "{\"file\":\"/etc/passwd\"}")
                .statusCode())
        .isEqualTo(404);
  }

  @Test
  @Order(4)
  void shouldPublishAFileAgainOnlyIfAsked() throws Exception {
    String url = stack.parts().backfillUrl() + "/files";
    String file = "s3://inbox/" + key("PLAIN", "a.csv");
    JsonNode known = JSON.readTree(Parts.post(url, "{\"file\":\"%s\"}".formatted(file)).body());
    assertThat(known.get("known").asBoolean()).isTrue();

    String read = "SELECT fetched_at::text FROM ops.file_summary WHERE file = '" + file + "'";
    List<String> before = Tables.texts(stack, read);

    JsonNode again =
        JSON.readTree(Parts.post(url, "{\"file\":\"%s\",\"again\":true}".formatted(file)).body());

    assertThat(again.get("known").asBoolean()).isFalse();
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT request_id || ' ' || state FROM ops.files WHERE file = '"
                                + file
                                + "'"))
                    .containsExactly(again.get("requestId").asText() + " done"));
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(summary("PLAIN")).containsExactly("100 100 0 0");
              assertThat(Tables.texts(stack, read)).doesNotContainAnyElementsOf(before);
            });
  }

  @Test
  @Order(5)
  void shouldEndInTheTablesOfAnUndisturbedLoadWhateverIsKilled() throws Exception {
    int files = 8;
    int rows = 60_000;
    for (int i = 0; i < files; i++) {
      String text = candles(i * rows, (i + 1) * rows);
      byte[] bytes = i % 4 == 1 ? parquet(text) : text.getBytes(UTF_8);
      put(key("CRASH", "f%d".formatted(i)), bytes);
      if (i == 2) {
        // Some are being read, some are not even there yet.
        kill("backfill");
      } else if (i == 4) {
        kill("s3");
      }
    }
    kill("backfill");
    kill("kafka");
    kill("backfill");

    for (int i = 0; i < files; i++) {
      awaitState("CRASH/f%d".formatted(i), "done " + rows);
    }
    kill("transformer");
    awaitLoaded("CRASH", (long) files * rows);
    assertThat(
            Tables.texts(
                stack,
                "SELECT concat_ws(' ', read, loaded, unchanged, dead_letters, on_the_way) FROM ops.file_summary WHERE file LIKE '%CRASH%'"))
        .hasSize(files)
        .containsOnly(rows + " " + rows + " 0 0 0");
    assertThat(
            Tables.texts(
                stack,
                "SELECT count(*) || ' ' || trim_scale(sum(volume)) || ' ' || count(DISTINCT open_time) FROM market.candles WHERE symbol = 'CRASH'"))
        .containsExactly(
            "%d %d %d"
                .formatted(
                    files * rows, (long) files * rows * (files * rows - 1L) / 2, files * rows));
    assertThat(
            Tables.number(stack, "SELECT count(*) FROM ops.dead_letters WHERE file LIKE '%CRASH%'"))
        .isZero();
    assertThat(chunks("CRASH").values())
        .as("times that each chunk is in the topic")
        .containsOnly(1);
  }

  @Test
  @Order(6)
  void shouldAccountForEachRowOfRealFiles() throws Exception {
    assumeThat(Oracle.corpus()).as("the corpus of recorded files is not on this machine").exists();
    int files = 0;
    for (String folder : List.of("csv-exports", "prices")) {
      try (Stream<Path> all = Files.list(Oracle.corpus().resolve(folder))) {
        for (Path file : all.filter(f -> !f.toString().endsWith(".md")).sorted().toList()) {
          String name = file.getFileName().toString();
          String chain = name.startsWith("polygon") ? "chain_id=137/" : "chain_id=1/";
          put((folder.equals("prices") ? "" : chain) + "real/" + name, Files.readAllBytes(file));
          files++;
        }
      }
    }
    int expected = files;
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT state || ' ' || count(*) FROM ops.files WHERE file LIKE '%/real/%' GROUP BY state"))
                    .containsExactly("done " + expected));
    awaitLoaded(
        "/real/",
        Tables.number(stack, "SELECT sum(total_rows) FROM ops.files WHERE file LIKE '%/real/%'"));

    assertThat(
            Tables.texts(
                stack,
                """
                SELECT concat_ws(' ', f.file, f.total_rows, s.read, s.loaded, s.unchanged, s.dead_letters)
                FROM ops.files f LEFT JOIN ops.file_summary s USING (file, file_version)
                WHERE f.file LIKE '%/real/%'
                  AND (s.read < f.total_rows OR s.read <> s.loaded + s.unchanged + s.dead_letters) IS NOT FALSE
                """))
        .as("files whose rows are not all accounted for")
        .isEmpty();
    // What files are said to have loaded is what stands in the tables.
    assertThat(
            Tables.texts(
                stack,
                """
                SELECT file FROM ops.file_summary s
                WHERE part IN ('market.candles', 'chain.blocks') AND loaded <>
                  (SELECT count(*) FROM market.candles c WHERE (c.endpoint, c.fetched_at) = (s.file, s.fetched_at))
                  + (SELECT count(*) FROM chain.blocks b WHERE (b.endpoint, b.fetched_at) = (s.file, s.fetched_at))
                """))
        .isEmpty();
    for (String table : List.of("chain.transactions", "chain.logs", "chain.token_transfers")) {
      assertThat(
              Tables.number(
                  stack,
                  "SELECT coalesce(sum(loaded), 0) FROM ops.file_loads WHERE part = '"
                      + table
                      + "'"))
          .as(table)
          .isPositive()
          .isEqualTo(Tables.number(stack, "SELECT count(*) FROM " + table));
    }
  }

  private static void kill(String part) throws IOException, InterruptedException {
    // Long enough for some of the work in hand, not for all of it.
    Thread.sleep(700);
    Child child = stack.child(part);
    child.kill();
    stack.startPart(child.part());
  }

  /** How often each chunk of some files is among the committed records. */
  private static Map<RawCsvRowsKey, Integer> chunks(String files) throws InterruptedException {
    Map<RawCsvRowsKey, Integer> chunks = new HashMap<>();
    TopicFollower.read(
        stack.kafka(),
        List.of(Topics.RAW_CSV_ROWS),
        (key, _) -> {
          if (key instanceof RawCsvRowsKey chunk && chunk.getFile().contains(files)) {
            chunks.merge(chunk, 1, Integer::sum);
          }
        },
        LONG);
    return chunks;
  }
}
