package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * What indexes and partitions cost: binary COPY of the same transactions, in transactions of 20,000
 * rows, into tables that differ in them, in turns, with indexes before and after the load; and a
 * look-up by hash.
 */
@Command(name = "indexes", mixinStandardHelpOptions = true)
public final class Indexes implements Callable<Integer> {
  private static final int BATCH = 20_000;
  private static final int LOOKUPS = 2000;
  private static final String KEY = "PRIMARY KEY (chain_id, block_number, transaction_index)";

  /** SQL before the load, and after it. */
  private record Variant(List<String> before, List<String> after) {}

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--rows", defaultValue = "2000000", description = "Rows; default 2000000")
  private int rows;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Indexes()).execute(args));
  }

  private static Map<String, Variant> variants() {
    String key = "ALTER TABLE bench.t ADD " + KEY;
    String hash = "CREATE INDEX ON bench.t USING hash (hash)";
    String btree = "CREATE INDEX ON bench.t (hash)";
    Map<String, Variant> variants = new LinkedHashMap<>();
    variants.put("none", new Variant(List.of(), List.of()));
    variants.put("key", new Variant(List.of(key), List.of()));
    variants.put("key_and_hash", new Variant(List.of(key, hash), List.of()));
    variants.put(
        "key_and_hash_fillfactor_85",
        new Variant(List.of(key, hash, "ALTER TABLE bench.t SET (fillfactor = 85)"), List.of()));
    variants.put("key_then_hash", new Variant(List.of(key), List.of(hash)));
    variants.put("then_key_and_hash", new Variant(List.of(), List.of(key, hash)));
    variants.put("key_and_btree", new Variant(List.of(key, btree), List.of()));
    variants.put("key_then_btree", new Variant(List.of(key), List.of(btree)));
    return variants;
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/indexes"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    Child server = Child.start(parts.postgres(), layout.log("postgres"));
    Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(server)));
    server.awaitReady(Duration.ofMinutes(1));
    parts.database().migrate();
    ObjectNode result = new ObjectMapper().createObjectNode();
    result.put("rows", rows);
    try (Connection db = parts.connection(Database.PIPELINE)) {
      Path folder = Files.createDirectories(layout.data().resolve("copies"));
      int batches = export(db, folder);
      for (Map.Entry<String, Variant> each : variants().entrySet()) {
        ObjectNode one = result.putObject(each.getKey());
        load(db, "", each.getValue(), folder, batches, one);
        System.err.printf("%-20s %s%n", each.getKey(), one);
      }
      String byHeight = " PARTITION BY RANGE (block_number)";
      ObjectNode one = result.putObject("key_and_hash_in_8_partitions");
      load(db, byHeight, variants().get("key_and_hash"), folder, batches, one);
      System.err.printf("%-20s %s%n", "8 partitions", one);
    }
    server.stop();
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.println(result.toPrettyString());
    }
    System.out.println(result);
    return 0;
  }

  private static void stop(Child server) {
    try {
      server.stop();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Writes files of rows as blocks of 200 have them; hashes and call data compress badly. */
  private int export(Connection db, Path folder) throws SQLException {
    int batches = Math.max(1, rows / BATCH);
    for (int i = 0; i < batches; i++) {
      execute(
          db,
          """
          COPY (SELECT 1::bigint, (g / 200)::bigint, g %% 200, sha256(int8send(g / 200)), to_timestamp(1700000000 + g / 200 * 12),
              sha256(int8send(g::bigint) || 'h'), 2, substr(sha256(int4send(g %% 50000)), 1, 20), substr(sha256(int4send(g %% 70000)), 1, 20),
              g::bigint, g::numeric * 1000000007, (SELECT string_agg(sha256(int8send(g::bigint) || int4send(n)), '') FROM generate_series(1, 11) n), 21000::bigint
            FROM generate_series(%d, %d) g) TO '%s' (FORMAT binary)
          """
              .formatted(i * BATCH, (i + 1) * BATCH - 1, folder.resolve(i + ".copy")));
    }
    return batches;
  }

  private void load(
      Connection db, String partitioned, Variant variant, Path folder, int batches, ObjectNode one)
      throws SQLException {
    execute(db, "DROP SCHEMA IF EXISTS bench CASCADE");
    execute(db, "CREATE SCHEMA bench");
    execute(db, "CREATE TABLE bench.t (LIKE chain.transactions INCLUDING DEFAULTS)" + partitioned);
    int blocks = rows / 200;
    if (!partitioned.isEmpty()) {
      IntStream.range(0, 8)
          .mapToObj(
              i ->
                  "CREATE TABLE bench.t%d PARTITION OF bench.t FOR VALUES FROM (%d) TO (%d)"
                      .formatted(i, blocks / 8 * i, i == 7 ? blocks + 1 : blocks / 8 * (i + 1)))
          .forEach(sql -> unchecked(db, sql));
    }
    execute(db, "CHECKPOINT");
    for (String sql : variant.before()) {
      execute(db, sql);
    }
    long began = System.nanoTime();
    for (int i = 0; i < batches; i++) {
      execute(
          db,
          "COPY bench.t (chain_id, block_number, transaction_index, block_hash, block_timestamp, hash, type, from_address, to_address, nonce, value, input, gas) FROM '%s' (FORMAT binary)"
              .formatted(folder.resolve(i + ".copy")));
    }
    double loaded = (System.nanoTime() - began) / 1e9;
    for (String sql : variant.after()) {
      execute(db, sql);
    }
    double all = (System.nanoTime() - began) / 1e9;
    one.put("rows_per_s", Math.round(rows / all));
    one.put("load_s", Math.round(loaded * 10) / 10.0);
    one.put("indexes_s", Math.round((all - loaded) * 10) / 10.0);
    one.put(
        "index_mb",
        number(
                db,
                "SELECT sum(pg_indexes_size(oid)) FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind = 'r'")
            >> 20);
    if (variant.after().isEmpty() && variant.before().size() > 1) {
      // A tenth of the rows change, as when receipts come late or a range is fetched again.
      long updated = System.nanoTime();
      execute(db, "UPDATE bench.t SET status = 1 WHERE transaction_index % 10 = 0");
      one.put("update_s", Math.round((System.nanoTime() - updated) / 1e8) / 10.0);
      one.put(
          "table_mb",
          number(
                  db,
                  "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relnamespace = 'bench'::regnamespace AND relkind = 'r'")
              >> 20);
    }
    if (!variant.before().isEmpty() && (variant.before().size() + variant.after().size()) > 1) {
      lookups(db, one);
    }
  }

  private void lookups(Connection db, ObjectNode one) throws SQLException {
    execute(db, "ANALYZE bench.t");
    long began = System.nanoTime();
    for (int i = 0; i < LOOKUPS; i++) {
      long row = (long) i * (rows / LOOKUPS);
      if (number(
              db, "SELECT count(*) FROM bench.t WHERE hash = sha256(int8send(" + row + ") || 'h')")
          != 1) {
        throw new IllegalStateException("row " + row + " was not found by its hash");
      }
    }
    one.put("lookup_us", Math.round((System.nanoTime() - began) / 1e3 / LOOKUPS));
  }

  private static void unchecked(Connection db, String sql) {
    try {
      execute(db, sql);
    } catch (SQLException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void execute(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement()) {
      statement.execute(sql);
    }
  }

  private static long number(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }
}
