package io.cryptoetl.loader.iceberg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.avro.specific.SpecificRecord;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The topics of the tables as Iceberg tables in a folder, by the sink in a worker that is killed
 * meanwhile, and read by DuckDB: row for row what PostgreSQL has.
 */
class IcebergIT {
  private static final Duration LONG = Duration.ofMinutes(3);
  private static final BigDecimal UINT256 =
      new BigDecimal(BigInteger.TWO.pow(256).subtract(BigInteger.ONE));
  private static final List<String> TABLES =
      List.of("chain.transactions", "chain.logs", "market.candles");

  @TempDir Path warehouse;

  private final Random random = new Random(1);
  private final Map<String, Long> sent = new HashMap<>();
  private EmbeddedStack stack;

  @Test
  void shouldHaveTheRowsOfPostgresqlAfterChangesDeletesAndAKill() throws Exception {
    try (EmbeddedStack embedded = EmbeddedStack.start()) {
      stack = embedded;
      createConnector();
      try (Producer<SpecificRecord, SpecificRecord> producer = stack.kafka().producer()) {
        for (int block = 1; block <= 300; block++) {
          sendBlock(producer, block, 5);
        }
        producer.flush();
        await().atMost(LONG).ignoreExceptions().until(() -> lines("chain.transactions") > 0);

        for (int block = 301; block <= 600; block++) {
          sendBlock(producer, block, 5);
        }
        producer.flush();
        Child connect = stack.child("connect");
        connect.kill();
        stack.startPart(connect.part());

        // Forks that were replaced: other rows, fewer of them.
        for (int block = 250; block <= 350; block += 2) {
          sendBlock(producer, block, 3);
          for (int i = 3; i < 5; i++) {
            send(producer, "chain.transactions", new TransactionKey(1L, (long) block, i), null);
            send(producer, "chain.logs", new LogKey(1L, (long) block, i), null);
          }
        }
        producer.flush();
      }
      await()
          .atMost(LONG)
          .ignoreExceptions()
          .untilAsserted(
              () -> {
                for (String table : TABLES) {
                  assertThat(lines(table)).as(table).isEqualTo(sent.get(table));
                }
                assertThat(loaded()).isEqualTo(sent.values().stream().mapToLong(n -> n).sum());
              });

      try (Compaction.CatalogOf catalog = catalog()) {
        for (String table : TABLES) {
          assertThat(
                  rows(
                      catalog,
                      table,
                      "QUALIFY row_number() OVER (PARTITION BY %s ORDER BY _offset DESC) = 1"))
              .as("%s, the last line of each key", table)
              .isEqualTo(postgresql(table));

          Compaction.Result first = compact(catalog, table);
          assertThat(first.lines()).isEqualTo(sent.get(table));
          assertThat(files(load(catalog, table))).hasSize(first.partitions());
          assertThat(rows(catalog, table, ""))
              .as("%s, compacted", table)
              .isEqualTo(postgresql(table));
          assertThat(compact(catalog, table).partitions()).isZero();
        }
      }
    }
  }

  private void createConnector() throws Exception {
    ObjectNode config =
        (ObjectNode) new ObjectMapper().readTree(connector().toFile()).path("config");
    config.put("iceberg.catalog.warehouse", warehouse.toUri().toString());
    config.put("iceberg.control.commit.interval-ms", "2000");
    var answer =
        Parts.send("PUT", stack.connectUrl() + "/connectors/iceberg/config", config.toString());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(201);
  }

  private Compaction.CatalogOf catalog() throws IOException {
    return new Compaction.CatalogOf(
        Compaction.catalogSettings(
            connector(),
            Map.of(
                "DATABASE_URL", stack.jdbcUrl(),
                "DATABASE_USER", stack.databaseUser(),
                "DATABASE_PASSWORD", stack.databasePassword(),
                "ICEBERG_WAREHOUSE", warehouse.toUri().toString())));
  }

  private static Table load(Compaction.CatalogOf catalog, String table) {
    return catalog.catalog.loadTable(TableIdentifier.parse(table));
  }

  private long lines(String table) throws IOException {
    try (Compaction.CatalogOf catalog = catalog()) {
      return files(load(catalog, table)).stream().mapToLong(DataFile::recordCount).sum();
    }
  }

  private static List<DataFile> files(Table table) throws IOException {
    List<DataFile> files = new ArrayList<>();
    try (CloseableIterable<FileScanTask> tasks = table.newScan().planFiles()) {
      tasks.forEach(task -> files.add(task.file()));
    }
    return files;
  }

  private long loaded() throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT sum(next_offset) FROM ops.sink_offsets WHERE topic IN ('%s')"
                    .formatted(String.join("','", TABLES)))) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Rows by DuckDB, as text. */
  private static List<String> rows(Compaction.CatalogOf catalog, String name, String qualify)
      throws SQLException, IOException {
    Table table = load(catalog, name);
    List<String> paths =
        files(table).stream()
            .map(f -> "'" + f.location().replaceFirst("^file:/*", "/") + "'")
            .toList();
    String key = String.join(", ", quoted(keyOf(name)));
    String from =
        "(SELECT * FROM read_parquet([%s], union_by_name = true, hive_partitioning = false) %s) WHERE NOT _deleted"
            .formatted(String.join(", ", paths), qualify.formatted(key));
    try (Connection db = DriverManager.getConnection("jdbc:duckdb:")) {
      return texts(
          db,
          from,
          key,
          columns(db, "DESCRIBE SELECT * FROM " + from),
          Map.of(
              "BLOB", "lower(hex(%s))",
              "TIMESTAMP WITH TIME ZONE", "epoch_us(%s)::VARCHAR",
              "BLOB[]", "array_to_string(list_transform(%s, x -> lower(hex(x))), ',')",
              "VARCHAR[]", "array_to_string(%s, ',')"),
          "%s::VARCHAR");
    }
  }

  private List<String> postgresql(String name) throws SQLException, IOException {
    try (Connection db = stack.database()) {
      return texts(
          db,
          name,
          String.join(", ", quoted(keyOf(name))),
          columns(
              db,
              "SELECT column_name, CASE WHEN data_type = 'ARRAY' THEN udt_name ELSE data_type END FROM information_schema.columns WHERE table_schema || '.' || table_name = '"
                  + name
                  + "' ORDER BY ordinal_position"),
          Map.of(
              "bytea", "encode(%s, 'hex')",
              "timestamp with time zone", "(extract(epoch FROM %s) * 1000000)::bigint::text",
              "_bytea", "(SELECT string_agg(encode(e, 'hex'), ',') FROM unnest(%s) AS e)",
              "_text", "array_to_string(%s, ',')"),
          "%s::text");
    }
  }

  private static Compaction.Result compact(Compaction.CatalogOf catalog, String table)
      throws IOException {
    return new Compaction(load(catalog, table), keyOf(table)).run();
  }

  private static List<String> keyOf(String table) throws IOException {
    return Compaction.key(connector(), TableIdentifier.parse(table));
  }

  private static Path connector() {
    return Path.of(System.getProperty("project.root"))
        .resolve("loader-connect/connectors/iceberg/tables.json");
  }

  private static List<String> quoted(List<String> names) {
    return names.stream().map(n -> '"' + n + '"').toList();
  }

  private static Map<String, String> columns(Connection db, String sql) throws SQLException {
    Map<String, String> columns = new java.util.TreeMap<>();
    try (Statement statement = db.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      while (rows.next()) {
        if (!rows.getString(1).startsWith("_")) {
          columns.put(rows.getString(1), rows.getString(2));
        }
      }
    }
    return columns;
  }

  private static List<String> texts(
      Connection db,
      String from,
      String key,
      Map<String, String> columns,
      Map<String, String> casts,
      String cast)
      throws SQLException {
    List<String> expressions = new ArrayList<>();
    columns.forEach(
        (name, type) ->
            expressions.add(
                "coalesce(nullif(%s, ''), '-')"
                    .formatted(casts.getOrDefault(type, cast).formatted('"' + name + '"'))));
    List<String> texts = new ArrayList<>();
    try (Statement statement = db.createStatement();
        ResultSet rows =
            statement.executeQuery(
                "SELECT concat_ws('|', %s) FROM %s ORDER BY %s"
                    .formatted(String.join(", ", expressions), from, key))) {
      while (rows.next()) {
        texts.add(columns.keySet() + " " + rows.getString(1));
      }
    }
    return texts;
  }

  private void sendBlock(Producer<SpecificRecord, SpecificRecord> producer, int block, int count) {
    for (int i = 0; i < count; i++) {
      Transaction transaction = new Transaction();
      transaction.setChainId(1);
      transaction.setBlockNumber(block);
      transaction.setTransactionIndex(i);
      transaction.setBlockHash(bytes(32));
      transaction.setBlockTimestamp(Instant.ofEpochSecond(1_700_000_000L + 12L * block));
      transaction.setHash(bytes(32));
      transaction.setFromAddress(bytes(20));
      transaction.setValue(i == 0 ? UINT256 : BigDecimal.valueOf(random.nextInt(1_000_000)));
      transaction.setInput(i == 1 ? null : bytes(random.nextInt(50)));
      transaction.setBlobVersionedHashes(i == 2 ? List.of(bytes(32), bytes(32)) : null);
      send(producer, "chain.transactions", new TransactionKey(1L, (long) block, i), transaction);

      Log log = new Log();
      log.setChainId(1);
      log.setBlockNumber(block);
      log.setLogIndex(i);
      log.setTransactionIndex(i);
      log.setTransactionHash(bytes(32));
      log.setAddress(bytes(20));
      log.setTopic0(bytes(32));
      log.setData(bytes(random.nextInt(100)));
      send(producer, "chain.logs", new LogKey(1L, (long) block, i), log);
    }
    Instant open = Instant.ofEpochSecond(1_700_000_040L + 6 * 3600L * block);
    BigDecimal price = new BigDecimal(block + ".123456789012345678");
    Candle candle =
        Candle.newBuilder()
            .setVenue("test")
            .setSymbol("ETHUSDT")
            .setInterval("1m")
            .setOpenTime(open)
            .setCloseTime(open.plusMillis(59_999))
            .setOpen(price)
            .setHigh(price)
            .setLow(price)
            .setClose(price)
            .setVolume(null)
            .setSource("test")
            .setEndpoint("test")
            .setFetchedAt(open)
            .setChecks(List.of("a", "b"))
            .build();
    send(producer, "market.candles", new CandleKey("test", "ETHUSDT", "1m", open), candle);
  }

  private void send(
      Producer<SpecificRecord, SpecificRecord> producer,
      String topic,
      SpecificRecord key,
      SpecificRecord value) {
    sent.merge(topic, 1L, Long::sum);
    producer.send(new ProducerRecord<>(topic, key, value));
  }

  private ByteBuffer bytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }
}
