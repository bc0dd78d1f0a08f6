package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * From a node that holds mainnet-like blocks in memory to the tables, on a fresh pipeline, first
 * with cold JVMs and then going on: blocks and rows per second, CPU time and memory of each
 * process; beside it COPY of the same rows into tables of the same shape, on the same server, in
 * the same run.
 */
@Command(name = "end-to-end", mixinStandardHelpOptions = true)
public final class EndToEnd implements java.util.concurrent.Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PASSWORD = "bench";
  private static final Duration TIMEOUT = Duration.ofMinutes(30);
  private static final long POLL_MS = 200;
  private static final List<String> PHASES = List.of("cold", "sustained");
  private static final String BYTES = "SELECT coalesce(sum(bytes), 0) FROM ops.extract_results";
  private static final List<String> TABLES =
      Topics.all().stream()
          .filter(t -> t.table() && t.name().startsWith("chain."))
          .map(t -> t.name())
          .toList();

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(
      names = "--cold",
      defaultValue = "300",
      description = "Blocks that the fresh pipeline loads first; default 300")
  private int cold;

  @Option(
      names = "--blocks",
      defaultValue = "3000",
      description = "Blocks that it loads after these; default 3000")
  private int blocks;

  @Option(names = "--txs", defaultValue = "50", description = "Transactions a block; default 50")
  private int transactions;

  private final Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
  private final Path bench = root.resolve(".pipeline/bench");

  public static void main(String[] args) {
    System.exit(new CommandLine(new EndToEnd()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path recording = Recordings.get(root, bench, cold + blocks, transactions);
    Layout layout = new Layout(root, bench.resolve("run"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), PASSWORD);
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      progress("Starting a fresh pipeline.");
      stack.start(
          List.of(parts.node(recording, List.of())),
          List.of(parts.extractor("bench", source(parts)), parts.transformer(Map.of())),
          TopicSettings.defaults());
      ObjectNode result = measure(stack, parts);
      print(result);
    }
    Deletion.deleteTree(layout.data());
    return 0;
  }

  private static Map<String, String> source(Parts parts) {
    String prefix = "EXTRACTOR_SOURCES_RECORDED_";
    return Map.of(
        prefix + "CHAIN_ID", "31337",
        prefix + "START", "none",
        prefix + "ENDPOINTS_NODE_URL", parts.nodeUrl());
  }

  private ObjectNode measure(LocalStack stack, Parts parts)
      throws IOException, InterruptedException, SQLException {
    Usage usage = new Usage(stack.children());
    ObjectNode result = JSON.createObjectNode();
    try (Connection db = parts.connection(Database.PIPELINE)) {
      progress("Loading %d blocks with fresh JVMs.".formatted(cold));
      result.set("cold", load(db, parts, usage, 0, cold));
      progress("Loading %d more.".formatted(blocks));
      result.set("sustained", load(db, parts, usage, cold, cold + blocks));
      double copySeconds = copy(db, parts);
      double copyRate = rows(db) / copySeconds;
      result.put("copy_rows_per_s", Math.round(copyRate));
      for (String phase : PHASES) {
        ObjectNode of = (ObjectNode) result.get(phase);
        of.put("ratio", Math.round(of.get("rows_per_s").asDouble() / copyRate * 1e4) / 1e4);
      }
    }
    ObjectNode rss = result.putObject("peak_rss_bytes");
    usage.peakResidentBytes().forEach(rss::put);
    return result;
  }

  private static long rows(Connection db) throws SQLException {
    long rows = 0;
    for (String table : TABLES) {
      rows += number(db, "SELECT count(*) FROM " + table);
    }
    return rows;
  }

  /** Has a range loaded; {@code to} is exclusive, and the number of all blocks loaded then. */
  private static ObjectNode load(Connection db, Parts parts, Usage usage, int from, int to)
      throws IOException, InterruptedException, SQLException {
    long rowsBefore = rows(db);
    long bytesBefore = number(db, BYTES);
    Map<String, Double> cpuBefore = usage.cpuSeconds();
    long began = System.nanoTime();
    HttpResponse<String> response =
        Parts.post(
            parts.extractorUrl() + "/sources/recorded/requests",
            "{\"from\":%d,\"to\":%d,\"requestedBy\":\"bench\"}".formatted(from, to - 1));
    if (response.statusCode() != 202) {
      throw new IOException("the extractor refused the range: " + response.body());
    }
    // Counting costs: first by what is cheap, then once whether all is there.
    while (number(db, "SELECT coalesce(sum(blocks), 0) FROM ops.extract_results") < to
        || number(db, "SELECT count(*) FROM chain.blocks") < to
        || number(
                db,
                "SELECT count(*) FROM audit.incomplete_blocks WHERE number >= %d".formatted(from))
            > 0) {
      usage.sample();
      if (seconds(began) > TIMEOUT.toSeconds()) {
        throw new IOException("the blocks are not loaded after " + TIMEOUT);
      }
      Thread.sleep(POLL_MS);
    }
    double seconds = seconds(began);
    Map<String, Double> cpuAfter = usage.cpuSeconds();
    int loaded = to - from;
    long rows = rows(db) - rowsBefore;
    ObjectNode result = JSON.createObjectNode();
    result.put("blocks", loaded).put("rows", rows).put("seconds", rounded(seconds));
    result.put("blocks_per_s", rounded(loaded / seconds));
    result.put("rows_per_s", Math.round(rows / seconds));
    result.put("raw_mb_per_s", rounded((number(db, BYTES) - bytesBefore) / 1e6 / seconds));
    ObjectNode cpu = result.putObject("cpu_ms_per_block");
    cpuAfter.forEach(
        (name, s) ->
            cpu.put(
                name, Math.round(1e5 * (s - cpuBefore.getOrDefault(name, 0.0)) / loaded) / 100.0));
    return result;
  }

  /** Seconds that psql takes to COPY all rows into empty tables with the same keys and indexes. */
  private double copy(Connection db, Parts parts)
      throws SQLException, IOException, InterruptedException {
    progress("Copying the same rows with psql.");
    try (Statement statement = db.createStatement()) {
      statement.execute("CREATE SCHEMA reference");
      for (String table : TABLES) {
        statement.execute(
            "CREATE TABLE reference." + table.substring(6) + " (LIKE " + table + " INCLUDING ALL)");
      }
    }
    double total = 0;
    for (String table : TABLES) {
      Path file = bench.resolve("run").resolve(table + ".copy");
      psql(
          parts,
          "\\copy (SELECT * FROM "
              + table
              + " ORDER BY 1, 2, 3) TO '"
              + file
              + "' (FORMAT binary)");
      long began = System.nanoTime();
      psql(
          parts, "\\copy reference." + table.substring(6) + " FROM '" + file + "' (FORMAT binary)");
      total += seconds(began);
      Files.delete(file);
    }
    return total;
  }

  /** Runs a command of psql. */
  static void psql(Parts parts, String command) throws IOException, InterruptedException {
    String jdbc = parts.database().jdbcUrl(Database.PIPELINE);
    ProcessBuilder builder =
        new ProcessBuilder(
            "psql",
            "-qX",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            Database.USER,
            "-d",
            jdbc.substring("jdbc:".length()),
            "-c",
            command);
    builder.environment().put("PGPASSWORD", parts.database().password());
    Process process;
    try {
      process = builder.inheritIO().start();
    } catch (IOException e) {
      throw new IOException("psql was not found; install PostgreSQL's client for the reference", e);
    }
    if (process.waitFor() != 0) {
      throw new IOException("psql failed");
    }
  }

  static long number(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  static double seconds(long since) {
    return (System.nanoTime() - since) / 1e9;
  }

  private static double rounded(double value) {
    return Math.round(value * 10) / 10.0;
  }

  private static void progress(String text) {
    System.err.println(text);
  }

  private void print(ObjectNode result) {
    if (json) {
      System.out.println(result);
      return;
    }
    for (String phase : PHASES) {
      JsonNode of = result.get(phase);
      System.out.printf(
          "%s: %,d blocks, %,d rows in %.1f s: %.1f blocks/s, %,d rows/s, %.1f MB/s of raw JSON, %.3f of COPY%n",
          phase,
          of.get("blocks").asLong(),
          of.get("rows").asLong(),
          of.get("seconds").asDouble(),
          of.get("blocks_per_s").asDouble(),
          of.get("rows_per_s").asLong(),
          of.get("raw_mb_per_s").asDouble(),
          of.get("ratio").asDouble());
    }
    System.out.printf("COPY by psql: %,d rows/s%n", result.get("copy_rows_per_s").asLong());
    System.out.printf(
        "%n%-12s %18s %18s %10s%n", "process", "CPU ms/block cold", "sustained", "peak MiB");
    for (Map.Entry<String, JsonNode> cpu : result.at("/sustained/cpu_ms_per_block").properties()) {
      System.out.printf(
          "%-12s %18.1f %18.1f %10d%n",
          cpu.getKey(),
          result.at("/cold/cpu_ms_per_block").get(cpu.getKey()).asDouble(),
          cpu.getValue().asDouble(),
          result.get("peak_rss_bytes").get(cpu.getKey()).asLong() >> 20);
    }
  }
}
