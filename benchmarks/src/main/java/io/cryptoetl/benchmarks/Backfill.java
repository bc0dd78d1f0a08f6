package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A CSV file of candles from a folder to Kafka and to its table, on a fresh pipeline, beside psql's
 * copy of the same file into a table of the same shape on the same server; then a large file to
 * Kafka alone, for the heap that it takes.
 */
@Command(name = "backfill", mixinStandardHelpOptions = true)
public final class Backfill implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 200;

  /** To sample memory takes a part of a core if it is done often. */
  private static final long SAMPLE_MS = 1_000;

  /** With the last rows in the table, most are. */
  private static final int LAST_ROWS = 2_000;

  private static final Pattern HEAP =
      Pattern.compile("(?m)^jvm_memory_used_bytes\\{[^}]*area=\"heap\"[^}]*} ([0-9.E]+)$");

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--rows", defaultValue = "1000000", description = "Rows; default 1000000")
  private int rows;

  @Option(
      names = "--large-mb",
      defaultValue = "2000",
      description = "Size of the large file; default 2000, 0 for none")
  private long largeMb;

  private Path folder;
  private Parts parts;
  private double peakHeap;
  private long sampledAt;
  private Usage usage;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Backfill()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/backfill"));
    Deletion.deleteTree(layout.data());
    folder = Files.createDirectories(layout.data().resolve("files"));
    parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = JSON.createObjectNode();
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.start(
          List.of(),
          List.of(
              parts.transformer(Map.of()),
              parts.backfill(
                  Map.of("BACKFILL_INBOX_URL", folder.toString(), "BACKFILL_SETTLE", "1s"))),
          TopicSettings.defaults());
      usage = new Usage(stack.children());
      try (Connection db = parts.connection(Database.PIPELINE)) {
        // JVMs that have seen such rows before.
        load(db, write("warm", 100_000, 0), 100_000, 0);
        progress("Loading %,d rows.".formatted(rows));
        Path file = write("rows", rows, 1);
        Map<String, Double> cpuBefore = usage.cpuSeconds();
        Times times = load(db, file, rows, 100_000);
        Map<String, Double> cpuAfter = usage.cpuSeconds();
        double copy = copy(db, file);
        result.put("rows", rows).put("file_bytes", Files.size(file));
        result.put("to_kafka_rows_per_s", Math.round(rows / times.toKafka()));
        result.put("to_table_rows_per_s", Math.round(rows / times.toTable()));
        result.put("copy_rows_per_s", Math.round(rows / copy));
        ObjectNode cpu = result.putObject("cpu_us_per_row");
        cpuAfter.forEach(
            (name, s) ->
                cpu.put(
                    name, Math.round(1e7 * (s - cpuBefore.getOrDefault(name, 0.0)) / rows) / 10.0));
        result.put("ratio", Math.round(copy / times.toTable() * 1e4) / 1e4);
      }
      if (largeMb > 0) {
        large(stack, result);
      }
      result.put("backfill_peak_heap_bytes", Math.round(peakHeap));
      result.put("backfill_peak_rss_bytes", usage.peakResidentBytes().get("backfill"));
    }
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.printf(
          "File to Kafka %,d rows/s, to the table %,d rows/s; psql's copy %,d rows/s: %.3f of it%n",
          result.get("to_kafka_rows_per_s").asLong(),
          result.get("to_table_rows_per_s").asLong(),
          result.get("copy_rows_per_s").asLong(),
          result.get("ratio").asDouble());
    }
    System.out.println(result);
    return 0;
  }

  /** Seconds from the request until the file is in the topic, and in the table. */
  private record Times(double toKafka, double toTable) {}

  /** Candles of a minute each, a market for each file. */
  private Path write(String symbol, long count, int seed) throws IOException {
    Path file = Files.createDirectories(folder.resolve(".made")).resolve(symbol + ".csv");
    try (BufferedWriter out = Files.newBufferedWriter(file)) {
      out.write("venue,symbol,interval,time,open,high,low,close,volume\n");
      for (long i = 0; i < count; i++) {
        double price = 2000 + 100 * Math.sin((i + seed) / 500.0);
        out.write(
            "bench,%s,1m,%s,%.2f,%.2f,%.2f,%.2f,%d.%03d\n"
                .formatted(
                    symbol, time(i), price, price + 2, price - 2, price + 1, i % 1000, i % 997));
      }
    }
    return file;
  }

  /** When a row's candle opened. */
  private static Instant time(long row) {
    return Instant.ofEpochSecond(1_500_000_000L + 60 * row);
  }

  /** Moves a made file to where it is seen, asks for it, and waits. */
  private Times load(Connection db, Path made, long count, long before)
      throws IOException, InterruptedException, SQLException {
    Path file = folder.resolve(made.getFileName());
    Files.copy(made, file);
    long began = System.nanoTime();
    String request = ask(file);
    double toKafka = awaitPublished(request, began);
    // To count all rows again and again would take the database from the loader.
    String last =
        "SELECT count(*) FROM market.candles WHERE venue = 'bench' AND symbol = '%s' AND interval = '1m' AND open_time >= '%s'"
            .formatted(made.getFileName().toString().replace(".csv", ""), time(count - LAST_ROWS));
    while (EndToEnd.number(db, last) < LAST_ROWS) {
      sampleHeap();
      Thread.sleep(POLL_MS);
    }
    while (EndToEnd.number(db, "SELECT count(*) FROM market.candles") < before + count) {
      Thread.sleep(POLL_MS);
    }
    return new Times(toKafka, EndToEnd.seconds(began));
  }

  private String ask(Path file) throws IOException, InterruptedException {
    HttpResponse<String> response =
        Parts.post(
            parts.backfillUrl() + "/files",
            JSON.createObjectNode().put("file", file.toString()).toString());
    if (response.statusCode() != 202) {
      throw new IOException("the backfill refused the file: " + response.body());
    }
    return JSON.readTree(response.body()).get("requestId").asText();
  }

  private double awaitPublished(String request, long began)
      throws IOException, InterruptedException {
    while (true) {
      sampleHeap();
      JsonNode states =
          JSON.readTree(Parts.get(parts.backfillUrl() + "/requests/" + request).body());
      String state = states.path(0).path("state").asText();
      if (state.equals("done")) {
        return EndToEnd.seconds(began);
      }
      if (state.equals("failed")) {
        throw new IOException("the file failed: " + states);
      }
      Thread.sleep(POLL_MS);
    }
  }

  private void sampleHeap() throws IOException, InterruptedException {
    if (System.nanoTime() - sampledAt < SAMPLE_MS * 1_000_000) {
      return;
    }
    sampledAt = System.nanoTime();
    usage.sample();
    Matcher matcher = HEAP.matcher(Parts.get(parts.backfillUrl() + "/q/metrics").body());
    double used = 0;
    while (matcher.find()) {
      used += Double.parseDouble(matcher.group(1));
    }
    peakHeap = Math.max(peakHeap, used);
  }

  /**
   * Seconds that psql takes to copy the file into an empty table with the same keys and indexes.
   */
  private double copy(Connection db, Path file)
      throws SQLException, IOException, InterruptedException {
    try (Statement statement = db.createStatement()) {
      statement.execute("CREATE SCHEMA reference");
      statement.execute("CREATE TABLE reference.candles (LIKE market.candles INCLUDING ALL)");
      // What the file does not hold.
      for (String column : List.of("close_time", "source", "endpoint", "fetched_at", "checks")) {
        statement.execute(
            "ALTER TABLE reference.candles ALTER COLUMN " + column + " DROP NOT NULL");
      }
    }
    long began = System.nanoTime();
    EndToEnd.psql(
        parts,
        "\\copy reference.candles (venue, symbol, interval, open_time, open, high, low, close, volume) FROM '%s' (FORMAT csv, HEADER)"
            .formatted(file));
    return EndToEnd.seconds(began);
  }

  /** A large file to Kafka, without the transformer, which would take the machine for long. */
  private void large(LocalStack stack, ObjectNode result) throws IOException, InterruptedException {
    progress("Publishing %,d MB.".formatted(largeMb));
    Child transformer = stack.child("transformer");
    transformer.stop();
    Path made = write("large", largeMb * 1_000_000 / 75, 2);
    Path file = folder.resolve("large.csv");
    Files.move(made, file);
    peakHeap = 0;
    sampledAt = 0;
    long began = System.nanoTime();
    double seconds = awaitPublished(ask(file), began);
    result.put("large_file_bytes", Files.size(file));
    result.put("large_mb_per_s", Math.round(Files.size(file) / 1e5 / seconds) / 10.0);
  }

  private static void progress(String text) {
    System.err.println(text);
  }
}
