package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/**
 * All that breaks while rows are loaded, in a worker with Kafka's own JSON converter: afterwards
 * each record is loaded once, into a table without a key, too, and nobody had to help.
 */
class LoaderFaultsIT {
  /** Bytes that are left on the disk that becomes full. */
  private static final long ROOM = 4L << 20;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final int KEYS = 5000;
  private static final String KEY_SCHEMA =
      "{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\",\"field\":\"id\"}]}";
  private static final String ROW_SCHEMA =
      "{\"type\":\"struct\",\"fields\":[{\"type\":\"int64\",\"field\":\"id\"},{\"type\":\"int64\",\"field\":\"number\"},{\"type\":\"string\",\"field\":\"filling\"}]}";

  private final AtomicLong published = new AtomicLong();
  private final AtomicBoolean enough = new AtomicBoolean();
  private EmbeddedStack stack;

  @Test
  void shouldLoadEveryRecordOnceWhateverBreaks() throws Exception {
    Path disk = Files.createTempDirectory("small-disk");
    boolean mounted = run("mount", "-t", "tmpfs", "-o", "size=2g,mode=0777", "tmpfs", disk);
    try (EmbeddedStack started = EmbeddedStack.start()) {
      stack = started;
      // Who breaks all this is an administrator.
      try (Connection db = stack.parts().database().administrator("postgres");
          Statement statement = db.createStatement()) {
        statement.execute("ALTER ROLE pipeline SUPERUSER");
      }
      execute(
          "CREATE ROLE sink LOGIN PASSWORD 'sink'",
          "GRANT CONNECT, TEMPORARY ON DATABASE pipeline TO sink",
          "CREATE SCHEMA faults",
          "CREATE TABLE faults.events (id bigint, number bigint, filling text)",
          "CREATE TABLE faults.things (id bigint PRIMARY KEY, number bigint, filling text)",
          "GRANT ALL ON SCHEMA faults, ops TO sink",
          "GRANT ALL ON ALL TABLES IN SCHEMA faults, ops TO sink");
      try (Admin admin = Admin.create(Map.of("bootstrap.servers", stack.bootstrapServers()))) {
        admin
            .createTopics(
                List.of(
                    new NewTopic("faults.events", 3, (short) 1),
                    new NewTopic("faults.things", 3, (short) 1)))
            .all()
            .get();
      }
      createConnector();
      CompletableFuture<Void> publishing = CompletableFuture.runAsync(this::publish);

      whileLoading("the worker is killed", () -> restart("connect", "-KILL"));
      whileLoading("the database stops at once", () -> restart("postgres", "-QUIT"));
      whileLoading("the database is killed", () -> restart("postgres", "-KILL"));
      for (int i = 0; i < 3; i++) {
        whileLoading("the connection is cut in a COPY", this::cut);
      }
      whileLoading("somebody locks a table", this::lock);
      whileLoading("a deadlock", this::deadlock);
      whileLoading("too many connections", this::tooManyConnections);
      if (mounted) {
        whileLoading("the disk is full", () -> fill(disk));
      } else {
        System.err.println("Skipped: no disk can be made small here, as mount is not allowed");
      }

      enough.set(true);
      publishing.get(2, TimeUnit.MINUTES);
      await().atMost(LONG).until(() -> loaded() >= published.get());
      assertThat(
              Tables.texts(
                  stack, "SELECT count(*) || ' ' || count(DISTINCT number) FROM faults.events"))
          .as("%d records, each of them once", published.get())
          .containsExactly(published.get() + " " + published.get());
      await()
          .atMost(LONG)
          .untilAsserted(
              () ->
                  assertThat(
                          Tables.texts(
                              stack, "SELECT count(*) || ' ' || sum(number) FROM faults.things"))
                      .as("the last record of each key")
                      .containsExactly(KEYS + " " + sumOfLast()));
      assertThat(Tables.number(stack, "SELECT count(*) FROM ops.dead_letters")).isZero();
    } finally {
      if (mounted) {
        run("umount", "-l", disk);
      }
      Files.deleteIfExists(disk);
    }
  }

  private long sumOfLast() {
    long sum = 0;
    for (long number = published.get() - KEYS; number < published.get(); number++) {
      sum += number;
    }
    return sum;
  }

  private void createConnector() throws IOException, InterruptedException {
    Map<String, String> config =
        Map.ofEntries(
            Map.entry("connector.class", "io.cryptoetl.loader.connect.BulkSinkConnector"),
            Map.entry("tasks.max", "2"),
            Map.entry("topics", "faults.events,faults.things"),
            Map.entry("database.url", stack.jdbcUrl()),
            Map.entry("database.user", "sink"),
            Map.entry("database.password", "sink"),
            Map.entry("batch.rows", "2000"),
            Map.entry("lock.timeout.ms", "1000"),
            Map.entry("offsets.table", "ops.sink_offsets"),
            Map.entry("kafka.bootstrap.servers", stack.bootstrapServers()),
            Map.entry("consumer.override.session.timeout.ms", "10000"),
            Map.entry("key.converter", "org.apache.kafka.connect.json.JsonConverter"),
            Map.entry("value.converter", "org.apache.kafka.connect.json.JsonConverter"));
    Parts.send(
        "PUT", stack.connectUrl() + "/connectors/faults/config", JSON.writeValueAsString(config));
  }

  /** Records go round through the keys of things; each is an event. */
  private void publish() {
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", stack.bootstrapServers(), "linger.ms", "20"),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      while (!enough.get() || published.get() % KEYS != 0) {
        long number = published.getAndIncrement();
        byte[] key = bytes(KEY_SCHEMA, "{\"id\":" + number % KEYS + "}");
        byte[] value =
            bytes(
                ROW_SCHEMA,
                "{\"id\":%d,\"number\":%d,\"filling\":\"%s\"}"
                    .formatted(number % KEYS, number, "x".repeat(300)));
        producer.send(new ProducerRecord<>("faults.events", key, value));
        producer.send(new ProducerRecord<>("faults.things", key, value));
        if (number % 40 == 0) {
          Thread.sleep(10);
        }
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] bytes(String schema, String payload) {
    return ("{\"schema\":" + schema + ",\"payload\":" + payload + "}")
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Waits until rows come in, breaks something, and waits until they come in again. */
  private void whileLoading(String what, Callable<?> breaking) throws Exception {
    System.err.println("While rows are loaded: " + what);
    long before = loaded();
    await().alias("rows before: " + what).atMost(LONG).until(() -> loaded() > before);
    breaking.call();
    long after = loaded();
    await().alias("rows after: " + what).atMost(LONG).until(() -> loaded() > after);
  }

  private long loaded() {
    try {
      return Tables.number(stack, "SELECT count(*) FROM faults.events");
    } catch (SQLException e) {
      return -1;
    }
  }

  private Void restart(String part, String signal) throws IOException, InterruptedException {
    Child child = stack.child(part);
    assertThat(run("kill", signal, child.pid())).isTrue();
    await().atMost(LONG).until(() -> !child.isAlive());
    stack.startPart(child.part());
    return null;
  }

  private Void cut() {
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(1))
        .until(
            () ->
                Tables.number(
                        stack,
                        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'sink' AND state = 'active' AND query LIKE 'COPY%'")
                    > 0);
    return null;
  }

  private Void lock() throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      db.setAutoCommit(false);
      statement.execute("LOCK TABLE faults.events, faults.things IN ACCESS EXCLUSIVE MODE");
      awaitLogged("sqlstate=55P03");
      db.rollback();
    }
    return null;
  }

  /**
   * Somebody who locks in another order than the sink, and is more patient. The sink looks for a
   * deadlock once in each wait: if it has looked before there was one, it is tried again.
   */
  private Void deadlock() throws SQLException {
    execute("ALTER ROLE sink SET deadlock_timeout = '800ms'");
    cutAll();
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      db.setAutoCommit(false);
      statement.execute("SET SESSION deadlock_timeout = '1min'");
      db.commit();
      await()
          .atMost(LONG)
          .pollInterval(Duration.ofMillis(100))
          .until(
              () -> {
                statement.execute("LOCK TABLE faults.things IN SHARE MODE");
                // The sink has locked events, and waits for things.
                await()
                    .atMost(LONG)
                    .pollDelay(Duration.ZERO)
                    .pollInterval(Duration.ofMillis(5))
                    .until(() -> isWaiting(statement));
                statement.execute("LOCK TABLE faults.events IN ACCESS EXCLUSIVE MODE");
                db.rollback();
                return Files.readString(stack.log("connect")).contains("sqlstate=40P01");
              });
    }
    return null;
  }

  private static boolean isWaiting(Statement statement) throws SQLException {
    try (ResultSet row =
        statement.executeQuery(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'faults.things'::regclass")) {
      row.next();
      return row.getInt(1) > 0;
    }
  }

  private Void tooManyConnections() throws SQLException {
    execute("ALTER ROLE sink CONNECTION LIMIT 0");
    cutAll();
    awaitLogged("sqlstate=53300");
    execute("ALTER ROLE sink CONNECTION LIMIT -1");
    return null;
  }

  private void cutAll() throws SQLException {
    execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sink'");
  }

  private Void fill(Path disk) throws Exception {
    execute(
        "CREATE TABLESPACE small LOCATION '" + disk + "'", "DELETE FROM faults.things WHERE false");
    execute("ALTER TABLE faults.things SET TABLESPACE small");
    // However large the table has become by now, there is little room beside it.
    FileStore store = Files.getFileStore(disk);
    long used = store.getTotalSpace() - store.getUnallocatedSpace();
    assertThat(run("mount", "-o", "remount,size=" + (used + ROOM), disk)).isTrue();
    // Updates make the table grow until the disk is full.
    awaitLogged("sqlstate=53100");
    assertThat(run("mount", "-o", "remount,size=2g", disk)).isTrue();
    return null;
  }

  private void awaitLogged(String text) {
    await()
        .alias(text)
        .atMost(LONG)
        .until(() -> Files.readString(stack.log("connect")).contains(text));
  }

  private void execute(String... statements) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      for (String sql : statements) {
        statement.execute(sql);
      }
    }
  }

  private static boolean run(Object... command) throws IOException, InterruptedException {
    return new ProcessBuilder(
                java.util.Arrays.stream(command).map(Object::toString).toArray(String[]::new))
            .inheritIO()
            .start()
            .waitFor()
        == 0;
  }
}
