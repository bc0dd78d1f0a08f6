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
 * From a node that holds mainnet-like blocks in memory to the tables, on a fresh pipeline: blocks
 * and rows per second, CPU time and memory of each process; beside it COPY of the same rows into
 * tables of the same shape, on the same server, in the same run.
 */
@Command(name = "end-to-end", mixinStandardHelpOptions = true)
public final class EndToEnd implements java.util.concurrent.Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String PASSWORD = "bench";
  private static final Duration TIMEOUT = Duration.ofMinutes(30);
  private static final long POLL_MS = 100;
  private static final List<String> TABLES =
      Topics.all().stream()
          .filter(t -> t.table() && t.name().startsWith("chain."))
          .map(t -> t.name())
          .toList();

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--blocks", defaultValue = "300", description = "Blocks; default 300")
  private int blocks;

  @Option(names = "--txs", defaultValue = "175", description = "Transactions a block; default 175")
  private int transactions;

  private final Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
  private final Path bench = root.resolve(".pipeline/bench");

  public static void main(String[] args) {
    System.exit(new CommandLine(new EndToEnd()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path recording = Recordings.get(root, bench, blocks, transactions);
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
    Map<String, Double> cpuBefore = usage.cpuSeconds();
    long began = System.nanoTime();
    HttpResponse<String> response =
        Parts.post(
            parts.extractorUrl() + "/sources/recorded/requests",
            "{\"from\":0,\"to\":%d,\"requestedBy\":\"bench\"}".formatted(blocks - 1));
    if (response.statusCode() != 202) {
      throw new IOException("the extractor refused the range: " + response.body());
    }
    double extracted = 0;
    try (Connection db = parts.connection(Database.PIPELINE)) {
      while (true) {
        usage.sample();
        if (extracted == 0
            && number(db, "SELECT coalesce(sum(blocks), 0) FROM ops.extract_results") >= blocks) {
          extracted = seconds(began);
        }
        if (number(db, "SELECT count(*) FROM chain.blocks") >= blocks
            && number(db, "SELECT count(*) FROM audit.incomplete_blocks") == 0) {
          break;
        }
        if (seconds(began) > TIMEOUT.toSeconds()) {
          throw new IOException("the blocks are not loaded after " + TIMEOUT);
        }
        Thread.sleep(POLL_MS);
      }
      double seconds = seconds(began);
      Map<String, Double> cpuAfter = usage.cpuSeconds();
      long rows = 0;
      for (String table : TABLES) {
        rows += number(db, "SELECT count(*) FROM " + table);
      }
      long bytes = number(db, "SELECT sum(bytes) FROM ops.extract_results");
      double copySeconds = copy(db, parts);
      ObjectNode result = JSON.createObjectNode();
      result.put("blocks", blocks).put("rows", rows).put("raw_bytes", bytes);
      result.put("seconds", rounded(seconds)).put("extract_results_seconds", rounded(extracted));
      result.put("blocks_per_s", rounded(blocks / seconds));
      result.put("rows_per_s", Math.round(rows / seconds));
      result.put("raw_mb_per_s", rounded(bytes / 1e6 / seconds));
      result.put("copy_rows_per_s", Math.round(rows / copySeconds));
      result.put("ratio", Math.round(copySeconds / seconds * 1e4) / 1e4);
      ObjectNode cpu = result.putObject("cpu_seconds");
      cpuAfter.forEach((name, s) -> cpu.put(name, rounded(s - cpuBefore.getOrDefault(name, 0.0))));
      ObjectNode rss = result.putObject("peak_rss_bytes");
      usage.peakResidentBytes().forEach(rss::put);
      return result;
    }
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
    System.out.printf(
        "%,d blocks, %,d rows, %,.1f MB of raw JSON in %.1f s%n",
        result.get("blocks").asLong(),
        result.get("rows").asLong(),
        result.get("raw_bytes").asLong() / 1e6,
        result.get("seconds").asDouble());
    System.out.printf(
        "%.1f blocks/s, %,d rows/s, %.1f MB/s%n",
        result.get("blocks_per_s").asDouble(),
        result.get("rows_per_s").asLong(),
        result.get("raw_mb_per_s").asDouble());
    System.out.printf(
        "COPY by psql: %,d rows/s; the pipeline reaches %.3f of that%n",
        result.get("copy_rows_per_s").asLong(), result.get("ratio").asDouble());
    System.out.printf("%n%-12s %10s %12s%n", "process", "CPU s", "peak MiB");
    for (Map.Entry<String, JsonNode> cpu : result.get("cpu_seconds").properties()) {
      System.out.printf(
          "%-12s %10.1f %12d%n",
          cpu.getKey(),
          cpu.getValue().asDouble(),
          result.get("peak_rss_bytes").get(cpu.getKey()).asLong() >> 20);
    }
  }
}
