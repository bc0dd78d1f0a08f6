package io.cryptoetl.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Random;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** What a batch does to a table of a real PostgreSQL. */
@ExtendWith(StackExtension.class)
class PostgresLoaderIT {
  private static final String TOPIC = "loader_test.things";
  private static final Schema KEY = SchemaBuilder.struct().field("id", Schema.INT64_SCHEMA).build();
  private static final Schema ROW =
      SchemaBuilder.struct()
          .field("id", Schema.INT64_SCHEMA)
          .field("small", Schema.OPTIONAL_INT32_SCHEMA)
          .field("amount", Decimal.builder(0).optional().build())
          .field("price", Decimal.builder(9).optional().build())
          .field("at", Timestamp.builder().optional().build())
          .field("hash", Schema.OPTIONAL_BYTES_SCHEMA)
          .field("name", Schema.OPTIONAL_STRING_SCHEMA)
          .field("yes", Schema.OPTIONAL_BOOLEAN_SCHEMA)
          .field("hashes", SchemaBuilder.array(Schema.BYTES_SCHEMA).optional().build())
          .field("names", SchemaBuilder.array(Schema.STRING_SCHEMA).optional().build())
          .build();

  private final Stack stack;
  private final RowBatch batch = new RowBatch();
  private PostgresLoader loader;
  private long offset;

  PostgresLoaderIT(Stack stack) {
    this.stack = stack;
  }

  @BeforeEach
  void createTable() throws SQLException {
    execute(
        """
        DROP SCHEMA IF EXISTS loader_test CASCADE;
        CREATE SCHEMA loader_test;
        CREATE TABLE loader_test.things (id bigint PRIMARY KEY, small integer, amount numeric(78,0),
          price numeric, at timestamptz, hash bytea, name text, yes boolean, hashes bytea[], names text[],
          note text DEFAULT 'untouched')
        """);
    loader =
        new PostgresLoader(
            new BulkSinkConfig(
                stack.jdbcUrl(),
                stack.databaseUser(),
                stack.databasePassword(),
                100,
                1 << 20,
                60_000,
                500,
                "ops.dead_letters",
                ""));
  }

  @AfterEach
  void close() {
    loader.close();
  }

  private void execute(String sql) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute(sql);
    }
  }

  private List<String> query(String sql) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> values = new ArrayList<>();
      while (rows.next()) {
        values.add(rows.getString(1));
      }
      return values;
    }
  }

  private static Struct row(long id) {
    return new Struct(ROW).put("id", id);
  }

  private void add(long id, Struct value) {
    batch.add(
        new SinkRecord(
            TOPIC,
            0,
            KEY,
            new Struct(KEY).put("id", id),
            value == null ? null : ROW,
            value,
            offset++));
  }

  private void load() throws SQLException {
    loader.load(batch);
    batch.clear();
  }

  @Test
  void shouldInsertUpdateAndDelete() throws SQLException {
    add(1, row(1).put("name", "a"));
    add(2, row(2).put("name", "b"));
    load();
    add(1, row(1).put("name", "c"));
    add(2, null);
    add(3, row(3).put("name", "d"));
    add(9, null);
    load();

    assertThat(query("SELECT id || name || note FROM loader_test.things ORDER BY id"))
        .containsExactly("1cuntouched", "3duntouched");
  }

  @Test
  void shouldLetTheLastRecordOfAKeyWinWithinABatch() throws SQLException {
    add(1, row(1).put("name", "first"));
    add(1, null);
    add(1, row(1).put("name", "last"));
    add(2, row(2));
    add(2, null);
    add(3, null);
    add(3, row(3).put("name", "again"));
    load();

    assertThat(query("SELECT name FROM loader_test.things ORDER BY id"))
        .containsExactly("last", "again");
    assertThat(batch.isEmpty()).isTrue();
  }

  @Test
  void shouldTellOffsetsOfEveryRecordAlsoOfReplacedOnes() {
    add(1, row(1));
    add(1, null);

    assertThat(batch.offsets())
        .containsEntry(new TopicPartition(TOPIC, 0), new OffsetAndMetadata(2));
    assertThat(batch.rows()).isEqualTo(1);
  }

  @Test
  void shouldNotWriteRowsThatAreTheSame() throws SQLException {
    add(1, row(1).put("name", "same").put("amount", new BigDecimal("5")));
    load();
    List<String> before = query("SELECT xmin || ctid::text FROM loader_test.things");

    add(1, row(1).put("name", "same").put("amount", new BigDecimal("5")));
    load();

    assertThat(query("SELECT xmin || ctid::text FROM loader_test.things")).isEqualTo(before);
  }

  @Test
  void shouldLoadEveryTypeAtItsLimits() throws SQLException {
    BigDecimal uint256 = new BigDecimal(BigInteger.TWO.pow(256).subtract(BigInteger.ONE));
    add(
        1,
        row(1)
            .put("small", Integer.MIN_VALUE)
            .put("amount", uint256)
            .put("price", new BigDecimal("-0.000000001"))
            .put("at", Date.from(Instant.parse("1969-12-31T23:59:59.999Z")))
            .put("hash", ByteBuffer.wrap(new byte[] {0, -1}))
            .put("name", "é😀")
            .put("yes", true)
            .put("hashes", List.of(new byte[] {1}, new byte[0]))
            .put("names", List.of("a", "\"{,}")));
    add(Long.MIN_VALUE, row(Long.MIN_VALUE).put("hashes", List.of()).put("hash", new byte[0]));
    load();

    assertThat(
            query(
                "SELECT concat_ws('|', id, small, amount, price, at AT TIME ZONE 'UTC', hash, name, yes, hashes, names) FROM loader_test.things ORDER BY id DESC"))
        .containsExactly(
            "1|-2147483648|"
                + uint256.toPlainString()
                + "|-0.000000001|1969-12-31 23:59:59.999|\\x00ff|é😀|t|{\"\\\\x01\",\"\\\\x\"}|{a,\"\\\"{,}\"}",
            Long.MIN_VALUE + "|\\x|{}");
  }

  @Test
  void shouldLoadAnyNumeric() throws SQLException {
    Random random = new Random(7);
    List<String> expected = new ArrayList<>();
    for (int i = 0; i < 2000; i++) {
      BigInteger digits = new BigInteger(random.nextInt(260), random);
      BigDecimal price = new BigDecimal(random.nextBoolean() ? digits : digits.negate(), 9);
      add(i, row(i).put("price", price).put("amount", new BigDecimal(digits)));
      expected.add(price.toPlainString() + " " + digits);
    }
    load();

    assertThat(query("SELECT price || ' ' || amount FROM loader_test.things ORDER BY id"))
        .isEqualTo(expected);
  }

  @Test
  void shouldLoadHugeValues() throws SQLException {
    add(1, row(1).put("hash", new byte[32 << 20]));
    load();

    assertThat(query("SELECT length(hash) FROM loader_test.things"))
        .containsExactly(Integer.toString(32 << 20));
  }

  @Test
  void shouldLoadAllOfABatchOrNothing() throws SQLException {
    execute("ALTER TABLE loader_test.things ADD CHECK (small < 10)");
    add(1, row(1).put("small", 1));
    add(2, row(2).put("small", 99));

    assertThatThrownBy(this::load).isInstanceOf(SQLException.class);

    assertThat(query("SELECT id FROM loader_test.things")).isEmpty();
    batch.clear();
    add(3, row(3).put("small", 1));
    load();
    assertThat(query("SELECT id FROM loader_test.things")).containsExactly("3");
  }

  @Test
  void shouldAppendRowsThatAreNewAndMergeOthers() throws SQLException {
    String staged = "SELECT count(*) FROM pg_class WHERE relname LIKE 'staging_loader_test%'";
    add(1, row(1).put("name", "a"));
    add(2, row(2).put("name", "b"));
    load();
    assertThat(query(staged)).as("straight into the table").containsExactly("0");

    add(3, row(3).put("name", "c"));
    add(2, row(2).put("name", "changed"));
    add(4, row(4).put("name", "d"));
    load();
    assertThat(query(staged)).as("some key was there already").containsExactly("1");
    for (int i = 5; i < 9; i++) {
      add(i, row(i).put("name", "new"));
      load();
    }

    assertThat(query("SELECT id || name FROM loader_test.things ORDER BY id"))
        .containsExactly("1a", "2changed", "3c", "4d", "5new", "6new", "7new", "8new");
  }

  @Test
  void shouldLoadRowsOfSeveralVersionsOfASchema() throws SQLException {
    Schema before =
        SchemaBuilder.struct()
            .field("id", Schema.INT64_SCHEMA)
            .field("small", Schema.OPTIONAL_INT32_SCHEMA)
            .build();
    batch.add(
        new SinkRecord(
            TOPIC,
            0,
            KEY,
            new Struct(KEY).put("id", 1L),
            before,
            new Struct(before).put("id", 1L).put("small", 5),
            offset++));
    add(2, row(2).put("small", 6).put("name", "later"));
    load();

    assertThat(query("SELECT concat_ws(' ', id, small, name) FROM loader_test.things ORDER BY id"))
        .containsExactly("1 5", "2 6 later");
  }

  @Test
  void shouldGiveUpWaitingForALock() throws SQLException {
    add(1, row(1));
    try (Connection blocker = stack.database();
        Statement statement = blocker.createStatement()) {
      blocker.setAutoCommit(false);
      statement.execute("LOCK TABLE loader_test.things IN ACCESS EXCLUSIVE MODE");

      assertThatThrownBy(this::load)
          .isInstanceOfSatisfying(
              SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("55P03"));
      blocker.rollback();
    }
    load();

    assertThat(query("SELECT count(*) FROM loader_test.things")).containsExactly("1");
  }

  @Test
  void shouldDivideABatchIntoPartsThatHaveNoRowInCommon() {
    for (int i = 0; i < 7; i++) {
      add(i, row(i).put("hash", new byte[100]));
      add(i, i == 3 ? null : row(i));
    }
    assertThat(batch.bytes()).isGreaterThan(700);
    List<SinkRecord> rows = new ArrayList<>();
    for (RowBatch half : batch.halves()) {
      assertThat(half.rows()).isBetween(3, 4);
      rows.addAll(half.records());
    }

    assertThat(rows).containsExactlyInAnyOrderElementsOf(batch.records()).hasSize(7);
  }

  @Test
  void shouldSayWhatIsWrongWithATable() throws SQLException {
    execute("ALTER TABLE loader_test.things DROP COLUMN name");
    add(1, row(1));
    assertThatThrownBy(this::load)
        .isInstanceOf(ConnectException.class)
        .hasMessageContaining("loader_test.things has no column name");
    loader.close();
    execute("DROP TABLE loader_test.things");
    assertThatThrownBy(this::load).hasMessageContaining("no table loader_test.things");
    execute("CREATE TABLE loader_test.things (id bigint, other bigint PRIMARY KEY)");
    assertThatThrownBy(this::load).hasMessageContaining("primary key");
  }

  @Test
  void shouldRefuseRecordsThatAreNotRows() {
    assertThatThrownBy(
            () -> batch.add(new SinkRecord(TOPIC, 3, Schema.STRING_SCHEMA, "k", ROW, row(1), 17)))
        .isInstanceOf(DataException.class)
        .hasMessageContaining(TOPIC + "-3@17");
  }

  @Test
  void shouldGoOnAfterTheServerWentAwayInTheMiddleOfACopy() throws Exception {
    execute(
        """
        CREATE FUNCTION loader_test.die() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE TRIGGER die BEFORE INSERT ON loader_test.things FOR EACH ROW EXECUTE FUNCTION loader_test.die()
        """);
    for (int i = 0; i < 50_000; i++) {
      add(i, row(i).put("hash", new byte[100]));
    }
    var failed =
        java.util.concurrent.CompletableFuture.runAsync(
            () -> assertThatThrownBy(() -> loader.load(batch)).isInstanceOf(SQLException.class));
    failed.get(60, java.util.concurrent.TimeUnit.SECONDS);
    execute("DROP TRIGGER die ON loader_test.things");
    load();

    assertThat(query("SELECT count(*) FROM loader_test.things")).containsExactly("50000");
  }

  @Test
  void shouldGoOnAfterTheServerClosedTheConnection() throws SQLException {
    add(1, row(1));
    load();
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crypto-etl-loader'");
    add(2, row(2));

    assertThatThrownBy(() -> loader.load(batch)).isInstanceOf(SQLException.class);
    load();

    assertThat(query("SELECT count(*) FROM loader_test.things")).containsExactly("2");
  }
}
