package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * A file of logs of many GB, CSV or Parquet, from a folder to its table, while backfill and
 * transformer are killed; beside it psql's copy of the same rows into a table of the same shape on
 * the same server.
 */
@Command(name = "large-file", mixinStandardHelpOptions = true)
public final class LargeFile implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 1_000;
  private static final String COLUMNS =
      "chain_id, block_number, log_index, transaction_index, transaction_hash, block_hash, address, topic0, topic1, topic2, data";

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--format", defaultValue = "csv", description = "csv or parquet; default csv")
  private String format;

  @Option(names = "--gb", defaultValue = "5", description = "Size of the file; default 5")
  private double gb;

  @Option(names = "--no-kill", description = "Kills nothing")
  private boolean calm;

  private final Map<String, Long> peaks = new TreeMap<>();
  private Parts parts;
  private LocalStack stack;

  public static void main(String[] args) {
    System.exit(new CommandLine(new LargeFile()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/large-file"));
    Deletion.deleteTree(layout.data());
    Path folder = Files.createDirectories(layout.data().resolve("files"));
    parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = JSON.createObjectNode();
    // As in the table, of binary columns in Parquet half of the text.
    boolean csv = format.equals("csv");
    long rows = (long) (gb * 1e9 / (csv ? 1_294 : 534));
    Path file = folder.resolve("logs." + format);
    progress("Writing %,d rows.".formatted(rows));
    write(file, rows, csv);
    result.put("format", format).put("rows", rows).put("file_bytes", Files.size(file));
    try (LocalStack made = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      stack = made;
      Runtime.getRuntime().addShutdownHook(new Thread(made::close));
      Part transformer = parts.transformer(Map.of());
      Part backfill =
          parts.backfill(Map.of("BACKFILL_INBOX_URL", folder.toString(), "BACKFILL_EVERY", "1h"));
      stack.start(List.of(), List.of(transformer, backfill), TopicSettings.defaults());
      try (Connection db = parts.connection(Database.PIPELINE)) {
        result.put("copy_rows_per_s", Math.round(rows / copy(db, layout.data(), rows)));
        progress("Loading %s, %,d bytes.".formatted(file.getFileName(), Files.size(file)));
        long began = System.nanoTime();
        ask(file);
        if (!calm) {
          killAt(db, rows / 4, backfill);
          killAt(db, rows / 2, backfill);
          killAt(db, rows * 3 / 4, transformer);
        }
        while (EndToEnd.number(
                db, "SELECT coalesce(sum(rows), 0) FROM ops.files WHERE state = 'done'")
            < rows) {
          sample(db);
        }
        result.put("to_kafka_s", Math.round(EndToEnd.seconds(began)));
        while (EndToEnd.number(db, "SELECT coalesce(sum(loaded), 0) FROM ops.file_summary")
            < rows) {
          sample(db);
        }
        double seconds = EndToEnd.seconds(began);
        result
            .put("to_table_s", Math.round(seconds))
            .put("to_table_rows_per_s", Math.round(rows / seconds))
            .put(
                "ratio",
                Math.round(1e4 * rows / seconds / result.get("copy_rows_per_s").asLong()) / 1e4)
            .put(
                "summary",
                text(
                    db,
                    "SELECT concat_ws(' ', read, loaded, unchanged, dead_letters, on_the_way) FROM ops.file_summary"))
            .put("rows_in_table", EndToEnd.number(db, "SELECT count(*) FROM chain.logs"))
            .put(
                "rows_that_differ",
                EndToEnd.number(
                    db,
                    "SELECT count(*) FROM (SELECT %1$s FROM reference.logs EXCEPT ALL SELECT %1$s FROM chain.logs) d"
                        .formatted(COLUMNS)))
            .put(
                "chunks_sent_twice",
                EndToEnd.number(
                    db, "SELECT count(*) - count(DISTINCT first_line) FROM ops.file_chunks"));
      }
      ObjectNode memory = result.putObject("peak_resident_mib");
      peaks.forEach((name, bytes) -> memory.put(name, bytes >> 20));
    }
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.println(result.toPrettyString());
    }
    System.out.println(result);
    return 0;
  }

  /** Random hashes and 448 bytes of data in each row, which pack as badly as real ones. */
  private static String select(long rows, boolean csv) {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < 14; i++) {
      words.add("sha256(i || '-%d')".formatted(i));
    }
    String data = String.join(" || ", words);
    String hash = csv ? "'\\x' || sha256('%s' || %s)" : "unhex(sha256('%s' || %s))";
    return "SELECT 1::BIGINT AS chain_id, 16000000 + i // 200 AS block_number, (i %% 200)::INTEGER AS log_index, (i %% 200 // 2)::INTEGER AS transaction_index, %s AS transaction_hash, %s AS block_hash, %s AS address, %s AS topic0, %s AS topic1, %s AS topic2, %s AS data FROM range(%d) t(i)"
        .formatted(
            hash.formatted("t", "i // 2"),
            hash.formatted("b", "i // 200"),
            csv
                ? "'\\x' || sha256('a' || i %% 5000)[:40]".replace("%%", "%")
                : "unhex(sha256('a' || i %% 5000)[:40])".replace("%%", "%"),
            hash.formatted("0", "i % 300"),
            hash.formatted("1", "i"),
            hash.formatted("2", "i * 2"),
            csv ? "'\\x' || " + data : "unhex(" + data + ")",
            rows);
  }

  private static void write(Path file, long rows, boolean csv) throws SQLException {
    try (Connection db = DriverManager.getConnection("jdbc:duckdb:");
        Statement statement = db.createStatement()) {
      statement.execute("SET preserve_insertion_order = true");
      statement.execute(
          "COPY (%s) TO '%s' (%s)"
              .formatted(
                  select(rows, csv),
                  file,
                  csv
                      ? "FORMAT csv, HEADER"
                      : "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480"));
    }
  }

  /** Seconds that psql takes to copy the rows into an empty table with the same keys. */
  private double copy(Connection db, Path folder, long rows)
      throws SQLException, IOException, InterruptedException {
    try (Statement statement = db.createStatement()) {
      statement.execute("CREATE SCHEMA reference");
      statement.execute("CREATE TABLE reference.logs (LIKE chain.logs INCLUDING ALL)");
    }
    Path copied = folder.resolve("reference.csv");
    write(copied, rows, true);
    long began = System.nanoTime();
    EndToEnd.psql(
        parts,
        "\\copy reference.logs (%s) FROM '%s' (FORMAT csv, HEADER)".formatted(COLUMNS, copied));
    double seconds = EndToEnd.seconds(began);
    Files.delete(copied);
    return seconds;
  }

  private void ask(Path file) throws IOException, InterruptedException {
    HttpResponse<String> response =
        Parts.post(
            parts.backfillUrl() + "/files",
            JSON.createObjectNode().put("file", file.toString()).toString());
    JsonNode answer = JSON.readTree(response.body());
    if (response.statusCode() != 202) {
      throw new IOException("the backfill refused the file: " + answer);
    }
  }

  /** Kills a part when so many rows are published, and starts it again. */
  private void killAt(Connection db, long rows, Part part)
      throws SQLException, IOException, InterruptedException {
    long published;
    do {
      sample(db);
      published = EndToEnd.number(db, "SELECT coalesce(sum(rows), 0) FROM ops.files");
    } while (published < rows);
    progress("%,d rows are published: killing the %s.".formatted(published, part.name()));
    stack.child(part.name()).kill();
    stack.startPart(part);
  }

  private void sample(Connection db) throws IOException, InterruptedException, SQLException {
    String failed =
        "SELECT coalesce(string_agg(reason, '; '), '') FROM ops.files WHERE state = 'failed'";
    if (!text(db, failed).isEmpty()) {
      throw new IOException("the file failed: " + text(db, failed));
    }
    Thread.sleep(POLL_MS);
    Usage usage = new Usage(stack.children());
    usage.sample();
    usage.peakResidentBytes().forEach((name, bytes) -> peaks.merge(name, bytes, Math::max));
  }

  private static String text(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getString(1);
    }
  }

  private static void progress(String text) {
    System.err.println(text);
  }
}
