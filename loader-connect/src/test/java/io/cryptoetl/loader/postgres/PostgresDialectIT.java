package io.cryptoetl.loader.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.loader.connect.BulkSinkConfig;
import io.cryptoetl.loader.table.LoaderContract;
import io.cryptoetl.loader.table.TableLoader;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.postgresql.plugin.AuthenticationPlugin;
import org.postgresql.plugin.AuthenticationRequestType;

/** The contract, and what is PostgreSQL's alone. */
@ExtendWith(StackExtension.class)
class PostgresDialectIT extends LoaderContract {
  private final Stack stack;

  PostgresDialectIT(Stack stack) {
    this.stack = stack;
  }

  @Override
  protected Connection connection() throws SQLException {
    return stack.database();
  }

  @Override
  protected TableLoader open(String offsetsTable, boolean loadsWithoutMissingColumns) {
    return open(url(), stack.databasePassword(), offsetsTable, loadsWithoutMissingColumns);
  }

  private TableLoader open(
      String url, String password, String offsetsTable, boolean loadsWithoutMissingColumns) {
    return BulkSinkConfig.from(
            Map.of(
                "name",
                "test",
                "database.url",
                url,
                "database.user",
                stack.databaseUser(),
                "database.password",
                password,
                "lock.timeout.ms",
                "500",
                "offsets.table",
                offsetsTable,
                "rows.wait.ms",
                Long.toString(rowsWaitMs),
                "missing.columns",
                loadsWithoutMissingColumns ? "load" : "wait"))
        .loader();
  }

  /** Where the sink finds the database. */
  String url() {
    return stack.jdbcUrl();
  }

  @Override
  protected void createTables() throws SQLException {
    execute(
        """
        DROP SCHEMA IF EXISTS loader_test CASCADE;
        CREATE SCHEMA loader_test;
        CREATE TYPE loader_test.kind AS ENUM ('call', 'create');
        CREATE DOMAIN loader_test.uint256 AS numeric(78,0) CHECK (VALUE >= 0);
        CREATE TABLE loader_test.things (id bigint PRIMARY KEY, small integer, tiny smallint,
          amount loader_test.uint256, price numeric, cents numeric(20,2), at timestamptz,
          at_micros timestamp, day date, time_of_day time, hash bytea, word bytea, name text,
          kind loader_test.kind, uid uuid, yes boolean, ratio double precision, part real,
          doc jsonb, detail jsonb, tags json, hashes bytea[], names text[],
          note text DEFAULT 'untouched');
        CREATE TABLE loader_test.events (id bigint, name varchar(100))
        """,
        definitionOf("ops.sink_offsets", Path.of("migrations"))
            .replace("ops.sink_offsets", OFFSETS));
  }

  @Override
  protected String smallToDecimal() {
    return "ALTER COLUMN small TYPE numeric";
  }

  @Override
  protected String text(String column) {
    return switch (column) {
      case "at" -> "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')";
      case "hash", "word" -> "encode(" + column + ", 'hex')";
      case "yes" -> "yes::int";
      case "tags" -> "tags::jsonb";
      default -> column;
    };
  }

  @Test
  void shouldNotWriteRowsThatAreTheSame() throws SQLException {
    add(1, row(1).set("name", "same").set("small", 5));
    load();
    List<String> before = query("SELECT xmin || ctid::text FROM " + TABLE);

    add(1, row(1).set("name", "same").set("small", 5));
    load();

    assertThat(query("SELECT xmin || ctid::text FROM " + TABLE)).isEqualTo(before);
  }

  @Test
  void shouldAppendRowsThatAreNewAndMergeOthers() throws SQLException {
    add(1, row(1).set("name", "a"));
    add(2, row(2).set("name", "b"));
    load();
    add(3, row(3).set("name", "c"));
    add(2, row(2).set("name", "changed"));
    add(4, row(4).set("name", "d"));
    load();
    for (int i = 5; i < 9; i++) {
      add(i, row(i).set("name", "new"));
      load();
    }

    assertThat(values("name"))
        .containsExactly("a", "changed", "c", "d", "new", "new", "new", "new");
  }

  @Test
  void shouldLoadIntoPartitions() throws SQLException {
    execute(
        """
        ALTER TABLE loader_test.things RENAME TO things_default;
        CREATE TABLE loader_test.things (LIKE loader_test.things_default INCLUDING ALL) PARTITION BY RANGE (id);
        CREATE TABLE loader_test.things_0 PARTITION OF loader_test.things FOR VALUES FROM (0) TO (10);
        ALTER TABLE loader_test.things ATTACH PARTITION loader_test.things_default DEFAULT
        """);
    add(1, row(1).set("name", "a"));
    add(11, row(11).set("name", "b"));
    load();
    add(1, row(1).set("name", "changed"));
    add(11, null);
    add(12, row(12).set("name", "c"));
    load();

    assertThat(values("name")).containsExactly("changed", "c");
    assertThat(query("SELECT name FROM loader_test.things_0")).containsExactly("changed");
  }

  @Test
  void shouldLetRowsWaitForAPartition() throws SQLException {
    execute(
        """
        ALTER TABLE loader_test.things RENAME TO things_model;
        CREATE TABLE loader_test.things (LIKE loader_test.things_model INCLUDING ALL) PARTITION BY RANGE (id);
        CREATE TABLE loader_test.things_0 PARTITION OF loader_test.things FOR VALUES FROM (0) TO (10)
        """);
    add(1, row(1));
    add(11, row(11));
    loadAndKeepWhatWaits();
    assertThat(values("id")).containsExactly("1");
    assertThat(batch.rows()).isEqualTo(1);

    execute(
        "CREATE TABLE loader_test.things_1 PARTITION OF loader_test.things FOR VALUES FROM (10) TO (20)");
    loadAndKeepWhatWaits();
    assertThat(values("id")).containsExactly("1", "11");
    assertThat(refused()).isEmpty();
  }

  @Test
  void shouldCheckDeferredConstraintsRowByRowAndLetTriggersChangeTheirMind() throws SQLException {
    execute(
        """
        CREATE TABLE loader_test.parents (id bigint PRIMARY KEY);
        INSERT INTO loader_test.parents VALUES (1), (3);
        ALTER TABLE loader_test.things ADD FOREIGN KEY (id) REFERENCES loader_test.parents DEFERRABLE INITIALLY DEFERRED;
        CREATE FUNCTION loader_test.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            IF NEW.name = 'early' AND NOT EXISTS (SELECT FROM loader_test.parents WHERE id = 9) THEN
              RAISE EXCEPTION 'not yet';
            END IF;
            RETURN NEW;
          END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON loader_test.things FOR EACH ROW EXECUTE FUNCTION loader_test.refuse()
        """);
    add(1, row(1));
    add(2, row(2));
    add(3, row(3).set("name", "early"));
    loadAndKeepWhatWaits();
    assertThat(values("id")).containsExactly("1");
    assertThat(batch.rows()).isEqualTo(2);

    execute("INSERT INTO loader_test.parents VALUES (2), (9)");
    loadAndKeepWhatWaits();
    assertThat(values("id")).containsExactly("1", "2", "3");
    assertThat(refused()).isEmpty();
  }

  @Test
  void shouldLoadRowsThatReferToEachOther() throws SQLException {
    execute(
        """
        ALTER TABLE loader_test.things ALTER COLUMN tiny TYPE integer;
        ALTER TABLE loader_test.things ADD UNIQUE (tiny);
        ALTER TABLE loader_test.things ADD FOREIGN KEY (small) REFERENCES loader_test.things (tiny)
          DEFERRABLE INITIALLY DEFERRED
        """);
    add(1, row(1).set("tiny", 1).set("small", 2));
    add(2, row(2).set("tiny", 2).set("small", 1));
    loadAndKeepWhatWaits();

    assertThat(values("id")).containsExactly("1", "2");
    assertThat(batch.isEmpty()).isTrue();
  }

  @Test
  void shouldGiveUpWaitingForALock() throws SQLException {
    try (Connection blocker = connection();
        Statement statement = blocker.createStatement()) {
      blocker.setAutoCommit(false);
      statement.execute("LOCK TABLE " + TABLE + " IN ACCESS EXCLUSIVE MODE");
      add(1, row(1));

      assertThatThrownBy(this::load)
          .isInstanceOfSatisfying(
              SQLException.class, e -> assertThat(e.getSQLState()).isEqualTo("55P03"));
      blocker.rollback();
    }
    add(1, row(1));
    load();

    assertThat(values("id")).containsExactly("1");
  }

  @Test
  void shouldRefuseZeroCharacters() throws SQLException {
    add(1, row(1).set("name", "a\0b"));
    add(2, row(2).set("name", "ab"));
    load();

    assertThat(refused()).containsExactly("0 value_invalid");
    assertThat(values("id")).containsExactly("2");
  }

  @Test
  void shouldGoOnAfterTheServerWentAwayInTheMiddleOfACopy() throws Exception {
    execute(
        """
        CREATE FUNCTION loader_test.die() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
        CREATE TRIGGER die BEFORE INSERT ON loader_test.things FOR EACH ROW EXECUTE FUNCTION loader_test.die()
        """);
    many();
    var failed =
        CompletableFuture.runAsync(
            () -> assertThatThrownBy(this::load).isInstanceOf(SQLException.class));
    failed.get(60, TimeUnit.SECONDS);
    execute("DROP TRIGGER die ON loader_test.things");
    many();
    load();

    assertThat(query("SELECT count(*) FROM " + TABLE)).containsExactly("50000");
  }

  private void many() {
    for (int i = 0; i < 50_000; i++) {
      add(i, row(i).set("hash", ByteBuffer.allocate(100)));
    }
  }

  @Test
  void shouldGoOnAfterTheServerClosedTheConnection() throws SQLException {
    add(1, row(1));
    load();
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crypto-etl-loader'");
    add(2, row(2));

    assertThatThrownBy(this::load).isInstanceOf(SQLException.class);
    add(2, row(2));
    load();

    assertThat(values("id")).containsExactly("1", "2");
  }

  private String withParameters(String parameters) {
    return url() + (url().contains("?") ? "&" : "?") + parameters;
  }

  @Test
  void shouldSayThatAServerIsAStandbyAndWaitForItIfItOnceWasNone() throws SQLException {
    String standby = withParameters("readOnly=true&readOnlyMode=always");
    try (TableLoader never = open(standby, stack.databasePassword(), "", false)) {
      add(1, row(1));
      assertThatThrownBy(() -> never.load(batch, ignored()))
          .isInstanceOfSatisfying(
              SQLException.class,
              e -> {
                assertThat(never.isOutage(e)).as("it never took a row").isFalse();
                assertThat(never.advice(e)).contains("standby", "targetServerType=primary");
              });
      batch.clear();
    }
    add(1, row(1));
    load();
    assertThat(loader.isOutage(new SQLException("a standby now", "25006"))).isTrue();
  }

  @Test
  void shouldGoToTheServerThatAnswers() throws SQLException {
    loader.close();
    loader =
        open(
            withParameters("targetServerType=primary&connectTimeout=2")
                .replaceFirst("//([^/]+)/", "//127.0.0.1:1,$1/"),
            stack.databasePassword(),
            "",
            false);
    add(1, row(1));
    load();

    assertThat(values("id")).containsExactly("1");
  }

  /** Gives what no setting holds, as those of clouds do with tokens. */
  public static final class Tokens implements AuthenticationPlugin {
    static volatile String token;

    @Override
    public char[] getPassword(AuthenticationRequestType type) {
      return token.toCharArray();
    }
  }

  @Test
  void shouldTakeThePasswordOfAPluginOfTheDriver() throws SQLException {
    Tokens.token = stack.databasePassword();
    loader.close();
    loader =
        open(
            withParameters("authenticationPluginClassName=" + Tokens.class.getName()),
            "",
            "",
            false);
    add(1, row(1));
    load();
    assertThat(values("id")).containsExactly("1");
  }

  private static TableLoader.Listener ignored() {
    return new TableLoader.Listener() {
      @Override
      public void refused(SinkRecord record, String code, Exception reason) {
        throw new AssertionError(reason);
      }

      @Override
      public void mended(TopicPartition partition, long offset) {
        throw new AssertionError("nothing was refused");
      }

      @Override
      public void beforeCommit() {
        // Nothing is kept.
      }
    };
  }
}
