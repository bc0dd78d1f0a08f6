package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.kafka.Replays;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.raw.RawCsvRowsKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/**
 * Rows of real files to tables, by transformers that come and go; and replays with layouts that
 * have changed.
 */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class FilesIT {
  private static final Duration LONG = Duration.ofMinutes(4);
  private static final int CHUNK_CHARS = 100_000;
  private static final Instant READ_AT = Instant.parse("2026-06-01T00:00:00Z");

  /** Rows of each file of prices that its layout takes, and rows that it refuses. */
  private static final Map<String, long[]> PRICES =
      Map.of(
          "gemini-ohlcv gemini-1h-BTC-USD.benjaminpo.csv", new long[] {12_516, 20_143},
          "gemini-ohlcv gemini-1h-ETH-USD.benjaminpo.csv", new long[] {12_520, 20_139},
          "yahoo-ohlcv yahoo-1d-BTC-USD.benjaminpo.csv", new long[] {2_708, 0},
          "yahoo-ohlcv yahoo-1d-ETH-USD.benjaminpo.csv", new long[] {1_559, 1_149},
          "coinmarketcap-ohlcv SAMPLE-coinmarketcap-kaggle-coin_Ethereum.mregister2.csv",
              new long[] {9, 0},
          "binance-klines SAMPLE-binance-klines-raw-ETHUSDT-1m-2021-01.poztrader.csv",
              new long[] {10, 0});

  @TempDir static Path layouts;
  private static EmbeddedStack stack;
  private static String loadedFirst;

  @BeforeAll
  static void start() throws Exception {
    assumeThat(Oracle.corpus()).as("the corpus of recorded files is not on this machine").exists();
    stack =
        EmbeddedStack.start(
            p -> List.of(),
            p -> {
              try {
                return List.of(
                    p.transformer(Map.of("TRANSFORMER_DATASETS_DIR", layouts.toString())));
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

  private static Producer<SpecificRecord, SpecificRecord> producer() {
    return stack.kafka().producer();
  }

  /** Publishes a file as those who watch folders do. */
  private static void publish(
      Producer<SpecificRecord, SpecificRecord> producer,
      String dataset,
      Path file,
      Map<String, String> parameters)
      throws IOException {
    boolean json = file.toString().endsWith(".jsonl");
    List<String> lines = Files.readAllLines(file);
    String head = json ? "" : lines.getFirst() + "\n";
    StringBuilder rows = new StringBuilder();
    int first = json ? 0 : 1;
    for (int i = first; i < lines.size(); i++) {
      rows.append(lines.get(i)).append('\n');
      if (rows.length() > CHUNK_CHARS || i == lines.size() - 1) {
        String name = file.getFileName().toString();
        producer.send(
            new ProducerRecord<>(
                Topics.RAW_CSV_ROWS.name(),
                new RawCsvRowsKey(name, "v1", first + 1L),
                RawCsvRows.newBuilder()
                    .setDataset(dataset)
                    .setFile(name)
                    .setFileVersion("v1")
                    .setFirstLine(first + 1L)
                    .setFormat(json ? "jsonl" : "csv")
                    .setHead(bytes(head))
                    .setRows(bytes(rows.toString()))
                    .setParameters(parameters)
                    .setFetchedAt(READ_AT)
                    .build()));
        rows.setLength(0);
        first = i + 1;
      }
    }
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  private static long candles(String file) throws SQLException {
    return Tables.number(
        stack, "SELECT count(*) FROM market.candles WHERE endpoint = '" + file + "'");
  }

  private static long letters(String file) throws SQLException {
    return Tables.number(
        stack, "SELECT count(*) FROM ops.dead_letters WHERE file = '" + file + "'");
  }

  /** What stands in a table, in one text. */
  private static String everything() throws SQLException {
    StringBuilder all = new StringBuilder();
    for (Topic table : Topics.all()) {
      if (table.table() && !table.name().startsWith("ops.")) {
        all.append(table.name())
            .append(' ')
            .append(
                Tables.texts(
                    stack,
                    "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")), '') FROM "
                        + table.name()
                        + " AS t"))
            .append('\n');
      }
    }
    return all.toString();
  }

  @Test
  @Order(1)
  void shouldLoadEachRowOfRealFilesOrKeepItAsADeadLetter() throws Exception {
    Path prices = Oracle.corpus().resolve("prices");
    Part first = stack.child("transformer").part();
    try (Producer<SpecificRecord, SpecificRecord> producer = producer()) {
      for (String each : PRICES.keySet()) {
        String[] parts = each.split(" ", 2);
        publish(producer, parts[0], prices.resolve(parts[1]), Map.of());
      }
      publishExports(producer);
      producer.flush();
    }

    // Instances come, go and die while they work.
    await().atMost(LONG).until(() -> total("market.candles") > 0);
    stack.child("transformer").kill();
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    stack.startPart(
        stack
            .parts()
            .transformer(
                "transformer-2",
                "transformer-2",
                port,
                Map.of("TRANSFORMER_DATASETS_DIR", layouts.toString())));
    stack.startPart(first);
    await().atMost(LONG).until(() -> total("market.candles") > 5_000);
    stack.child("transformer-2").stop();

    for (Map.Entry<String, long[]> file : PRICES.entrySet()) {
      String name = file.getKey().split(" ", 2)[1];
      await()
          .atMost(LONG)
          .untilAsserted(
              () -> {
                assertThat(candles(name)).as(name).isEqualTo(file.getValue()[0]);
                assertThat(letters(name)).as(name).isEqualTo(file.getValue()[1]);
              });
    }
    assertThat(
            Tables.texts(
                stack,
                "SELECT DISTINCT code || ' ' || coalesce(column_name, '') FROM ops.dead_letters WHERE source = 'gemini-ohlcv'"))
        .containsExactly("row_inconsistent ");
    assertThat(
            Tables.texts(
                stack,
                "SELECT min(line) || ' ' || max(line) || ' ' || count(DISTINCT line) FROM ops.dead_letters WHERE source = 'yahoo-ohlcv'"))
        .as("the empty lines at the file's begin")
        .containsExactly("2 1150 1149");
    assertExports();
    try (Replays replays = new Replays(stack.kafka())) {
      replays.awaitLoaded();
    }
    loadedFirst = everything();
  }

  private static long total(String table) throws SQLException {
    return Tables.number(stack, "SELECT count(*) FROM " + table);
  }

  private static void publishExports(Producer<SpecificRecord, SpecificRecord> producer)
      throws IOException {
    for (Path file : exports()) {
      publish(producer, dataset(file), file, Map.of("chain_id", chainId(file)));
    }
  }

  private static List<Path> exports() throws IOException {
    try (var files = Files.list(Oracle.corpus().resolve("csv-exports"))) {
      return files.sorted().toList();
    }
  }

  private static String dataset(Path file) {
    String name = file.getFileName().toString();
    String kind = name.substring(name.lastIndexOf('-') + 1, name.indexOf('.'));
    return "ethereum-etl-" + kind.replace('_', '-');
  }

  private static String chainId(Path file) {
    return file.getFileName().toString().startsWith("polygon") ? "137" : "1";
  }

  /** Distinct keys of the files are the rows of the tables. */
  private static void assertExports() throws Exception {
    Map<String, java.util.Set<String>> expected = new TreeMap<>();
    for (Path file : exports()) {
      String table = dataset(file).substring("ethereum-etl-".length()).replace('-', '_');
      List<String> lines = Files.readAllLines(file);
      boolean json = file.toString().endsWith(".jsonl");
      for (String line : json ? lines : lines.subList(1, lines.size())) {
        expected
            .computeIfAbsent(table, t -> new java.util.TreeSet<>())
            .add(chainId(file) + "/" + ExportKeys.of(table, json, lines.getFirst(), line));
      }
    }
    Map<String, String> keys =
        Map.of(
            "blocks", "number",
            "transactions", "block_number || '/' || transaction_index",
            "logs", "block_number || '/' || log_index",
            "token_transfers", "block_number || '/' || log_index");
    for (Map.Entry<String, String> key : keys.entrySet()) {
      await()
          .atMost(LONG)
          .untilAsserted(
              () ->
                  assertThat(
                          Tables.texts(
                              stack,
                              "SELECT chain_id || '/' || "
                                  + key.getValue()
                                  + " FROM chain."
                                  + key.getKey()))
                      .as(key.getKey())
                      .containsExactlyInAnyOrderElementsOf(expected.get(key.getKey())));
    }
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.number(
                            stack,
                            "SELECT count(*) FROM chain.transactions WHERE block_number = 483920 AND gas_used IS NOT NULL"))
                    .as("transactions with a receipt in another file")
                    .isEqualTo(expected.get("receipts").size()));
    assertThat(
            Tables.number(
                stack, "SELECT count(*) FROM ops.dead_letters WHERE source LIKE 'ethereum-etl-%'"))
        .isZero();
    assertThat(
            Tables.number(
                stack,
                "SELECT count(*) FROM business.block_economics FULL JOIN chain.blocks USING (chain_id, number, hash) WHERE business.block_economics.timestamp IS NULL OR miner IS NULL"))
        .isZero();
  }

  private static void replay(Topic... topics) throws InterruptedException {
    try (Replays replays = new Replays(stack.kafka())) {
      Replays.Started replay = replays.start(List.of(topics), Optional.empty());
      assertThat(replay.offsets()).isPositive();
      await().atMost(LONG).until(() -> replays.done(replay) >= replay.offsets());
      replays.awaitLoaded();
      replays.sweep(replay);
      replays.awaitLoaded();
    }
  }

  private static void restart() throws Exception {
    Part part = stack.child("transformer").part();
    stack.child("transformer").stop();
    stack.startPart(part);
  }

  @Test
  @Order(2)
  void shouldChangeNothingByAReplayWithTheSameLayouts() throws Exception {
    assumeThat(loadedFirst).as("the load before").isNotNull();
    long letters = total("ops.dead_letters");

    replay(Topics.RAW_CSV_ROWS);

    assertThat(everything()).isEqualTo(loadedFirst);
    assertThat(total("ops.dead_letters")).isEqualTo(letters);
  }

  @Test
  @Order(3)
  void shouldShowAfterAReplayWhatChangedLayoutsMake() throws Exception {
    assumeThat(loadedFirst).as("the load before").isNotNull();
    Path own =
        Path.of(System.getProperty("project.root")).resolve("datasets/src/main/resources/datasets");
    // Volumes are not looked at any more, and days of Yahoo before 2020 are none.
    Files.writeString(
        layouts.resolve("gemini-ohlcv.yaml"),
        Files.readString(own.resolve("gemini-ohlcv.yaml"))
            .replace("checks: [prices, volumes]", "checks: [prices]"));
    Files.writeString(
        layouts.resolve("yahoo-ohlcv.yaml"),
        Files.readString(own.resolve("yahoo-ohlcv.yaml"))
            .replace(
                "{name: [date, datetime], ", "{name: [date, datetime], match: \"^(202.-.*)$\", "));
    restart();
    long before = candles("yahoo-1d-BTC-USD.benjaminpo.csv");

    replay(Topics.RAW_CSV_ROWS);

    List<Long> gemini = new ArrayList<>();
    for (String coin : List.of("BTC", "ETH")) {
      String file = "gemini-1h-" + coin + "-USD.benjaminpo.csv";
      gemini.add(candles(file));
      assertThat(letters(file)).as("letters of rows that are rows now").isZero();
    }
    assertThat(gemini).containsExactly(32_659L, 32_659L);
    assertThat(candles("yahoo-1d-BTC-USD.benjaminpo.csv"))
        .isEqualTo(
            Tables.number(
                stack,
                "SELECT count(*) FROM market.candles WHERE endpoint = 'yahoo-1d-BTC-USD.benjaminpo.csv' AND open_time >= '2020-01-01Z'"))
        .isLessThan(before)
        .isPositive();

    for (String layout : List.of("gemini-ohlcv.yaml", "yahoo-ohlcv.yaml")) {
      Files.delete(layouts.resolve(layout));
    }
    restart();
    replay(Topics.RAW_CSV_ROWS);

    assertThat(everything()).isEqualTo(loadedFirst);
  }
}
