package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.chain.Transaction;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Transactions from a Kafka topic to their table by the sink in a Connect worker, beside binary
 * COPY by pgjdbc of the same rows into a table of the same shape, in turns on the same server:
 * first new rows alone, then with a tenth of changed ones.
 */
@Command(name = "load", mixinStandardHelpOptions = true)
public final class Load implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TABLE = Topics.CHAIN_TRANSACTIONS.name();
  private static final String REFERENCE = "reference.transactions";
  private static final int TRANSACTIONS = 200;
  private static final int CALLDATA = 350;
  private static final long POLL_MS = 50;

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(
      names = "--rows",
      defaultValue = "500000",
      description = "Rows of a round; default 500000")
  private int rows;

  @Option(
      names = "--rounds",
      defaultValue = "4",
      description = "Measured rounds of each kind; default 4")
  private int rounds;

  @Option(
      names = "--update-rounds",
      description = "Measured rounds with changed rows, if not as many")
  private Integer updateRounds;

  private final Random random = new Random(1);
  private final Set<Integer> changedBlocks = new HashSet<>();
  private Parts parts;
  private int blocks;
  private long published;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Load()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/load"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = JSON.createObjectNode();
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.start(List.of(), List.of(), TopicSettings.defaults());
      Usage usage = new Usage(stack.children());
      try (Connection db = parts.connection(Database.PIPELINE);
          Producer<SpecificRecord, SpecificRecord> producer = producer()) {
        try (Statement statement = db.createStatement()) {
          statement.execute("CREATE SCHEMA reference");
          statement.execute("CREATE TABLE " + REFERENCE + " (LIKE " + TABLE + " INCLUDING ALL)");
        }
        measure(result, "warm", 0, 2, db, producer, usage);
        measure(result, "insert", 0, rounds, db, producer, usage);
        measure(
            result,
            "update",
            10,
            updateRounds == null ? rounds : updateRounds,
            db,
            producer,
            usage);
      }
      result.put("connect_peak_rss_bytes", usage.peakResidentBytes().get("connect"));
    }
    Deletion.deleteTree(layout.data());
    result.put("rows_loaded", (long) blocks * TRANSACTIONS);
    double copy = result.get("insert_copy_rows_per_s").asDouble();
    result.put("ratio", rounded(result.get("insert_sink_rows_per_s").asDouble() / copy));
    result.put("update_ratio", rounded(result.get("update_sink_rows_per_s").asDouble() / copy));
    if (!json) {
      System.out.printf(
          "Sink: %,d rows/s new, %,d rows/s with a tenth changed; COPY of new rows: %,d rows/s%n",
          result.get("insert_sink_rows_per_s").asLong(),
          result.get("update_sink_rows_per_s").asLong(),
          result.get("insert_copy_rows_per_s").asLong());
    }
    System.out.println(result);
    return 0;
  }

  private Producer<SpecificRecord, SpecificRecord> producer() {
    return parts.kafka().producer();
  }

  /** Rounds of publishing with the connector paused, then loading, then COPY of the same rows. */
  private void measure(
      ObjectNode result,
      String name,
      int percentChanged,
      int times,
      Connection db,
      Producer<SpecificRecord, SpecificRecord> producer,
      Usage usage)
      throws IOException, InterruptedException, SQLException {
    List<Double> sink = new ArrayList<>();
    List<Double> copy = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      connector("pause");
      int first = blocks;
      int fresh = rows / TRANSACTIONS * (100 - percentChanged) / 100;
      for (int block = 0; block < fresh; block++) {
        publish(producer, blocks++, 0);
      }
      for (int block = 0; block < rows / TRANSACTIONS - fresh; block++) {
        publish(producer, random.nextInt(first), 1 + i);
      }
      producer.flush();
      long changed = (long) (rows / TRANSACTIONS - fresh) * TRANSACTIONS;
      long began = System.nanoTime();
      connector("resume");
      await(db, usage);
      double loaded = (System.nanoTime() - began) / 1e9;
      verify(db, percentChanged == 0 ? 0 : 1 + i);
      sink.add((fresh * (double) TRANSACTIONS + changed) / loaded);
      if (percentChanged == 0) {
        copy.add(fresh * (double) TRANSACTIONS / copy(db, first));
      } else {
        copy(db, first);
      }
      System.err.printf(
          "%s %d: sink %,.0f rows/s%s%n",
          name,
          i + 1,
          sink.getLast(),
          copy.isEmpty() ? "" : ", COPY %,.0f".formatted(copy.getLast()));
    }
    result.put(name + "_sink_rows_per_s", Math.round(median(sink)));
    result.putPOJO(name + "_sink_rounds", sink.stream().map(Math::round).toList());
    if (!copy.isEmpty()) {
      result.putPOJO(name + "_copy_rounds", copy.stream().map(Math::round).toList());
      result.put(name + "_copy_rows_per_s", Math.round(median(copy)));
    }
  }

  private void connector(String state) throws IOException, InterruptedException {
    String url = parts.connectUrl() + "/connectors/tables";
    Parts.send("PUT", url + "/" + state, "");
    String wanted = state.equals("pause") ? "PAUSED" : "RUNNING";
    while (true) {
      var status = JSON.readTree(Parts.get(url + "/status").body());
      boolean all = !status.path("tasks").isEmpty();
      for (var task : status.path("tasks")) {
        all &= task.path("state").asText().equals(wanted);
      }
      if (all || state.equals("resume")) {
        return;
      }
      Thread.sleep(POLL_MS);
    }
  }

  /** Waits until all published rows are there; the sink says how far it is, which costs nothing. */
  private void await(Connection db, Usage usage)
      throws SQLException, InterruptedException, IOException {
    while (number(
            db,
            "SELECT COALESCE(sum(next_offset), 0) FROM ops.sink_offsets WHERE topic = '"
                + TABLE
                + "'")
        < published) {
      usage.sample();
      Thread.sleep(POLL_MS);
    }
  }

  /** Demands that the rows are what was published, changed ones as they were changed last. */
  private void verify(Connection db, int nonce) throws SQLException {
    long there = number(db, "SELECT count(*) FROM " + TABLE);
    long changed =
        number(
            db,
            "SELECT count(*) FROM " + TABLE + " WHERE nonce = " + nonce + " AND " + nonce + " > 0");
    if (there != (long) blocks * TRANSACTIONS
        || changed != (long) changedBlocks.size() * TRANSACTIONS) {
      throw new IllegalStateException(
          "of %d rows %d are there, of %d changed ones %d"
              .formatted(
                  (long) blocks * TRANSACTIONS,
                  there,
                  (long) changedBlocks.size() * TRANSACTIONS,
                  changed));
    }
    changedBlocks.clear();
  }

  private double copy(Connection db, int first) throws SQLException, IOException {
    CopyManager manager = db.unwrap(PGConnection.class).getCopyAPI();
    Path file = Files.createTempFile("load", ".copy");
    try {
      try (OutputStream out = Files.newOutputStream(file)) {
        manager.copyOut(
            "COPY (SELECT * FROM "
                + TABLE
                + " WHERE chain_id = 1 AND block_number >= "
                + first
                + " ORDER BY block_number, transaction_index) TO STDOUT (FORMAT binary)",
            out);
      }
      long began = System.nanoTime();
      try (InputStream in = Files.newInputStream(file)) {
        manager.copyIn("COPY " + REFERENCE + " FROM STDIN (FORMAT binary)", in, 1 << 18);
      }
      return (System.nanoTime() - began) / 1e9;
    } finally {
      Files.delete(file);
    }
  }

  private void publish(Producer<SpecificRecord, SpecificRecord> producer, int block, int nonce) {
    if (nonce > 0) {
      changedBlocks.add(block);
    }
    for (int i = 0; i < TRANSACTIONS; i++) {
      Transaction row = new Transaction();
      row.setChainId(1);
      row.setBlockNumber(block);
      row.setTransactionIndex(i);
      row.setBlockHash(bytes(32));
      row.setBlockTimestamp(Instant.ofEpochSecond(1_700_000_000L + 12L * block));
      row.setHash(bytes(32));
      row.setType(2);
      row.setFromAddress(bytes(20));
      row.setToAddress(bytes(20));
      row.setNonce((long) nonce);
      row.setValue(BigDecimal.valueOf(random.nextLong(Long.MAX_VALUE)));
      row.setInput(bytes(CALLDATA));
      row.setGas(100_000L + i);
      row.setGasPrice(BigDecimal.valueOf(20_000_000_000L + i));
      row.setMaxFeePerGas(BigDecimal.valueOf(30_000_000_000L + i));
      row.setMaxPriorityFeePerGas(BigDecimal.valueOf(1_000_000_000L));
      row.setStatus(1);
      row.setGasUsed(50_000L + i);
      published++;
      producer.send(new ProducerRecord<>(TABLE, new TransactionKey(1L, (long) block, i), row));
    }
  }

  private ByteBuffer bytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  private static long number(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    return sorted.length == 0
        ? 0
        : Arrays.stream(sorted)
            .skip((sorted.length - 1) / 2)
            .limit(sorted.length % 2 == 0 ? 2 : 1)
            .average()
            .orElse(0);
  }

  private static double rounded(double value) {
    return Math.round(value * 1e3) / 1e3;
  }
}
