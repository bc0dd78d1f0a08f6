package io.cryptoetl.loader.connect;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.loader.mariadb.MariaDbDialect;
import io.cryptoetl.loader.postgres.PostgresDialect;
import io.cryptoetl.loader.table.DatabaseSettings;
import io.cryptoetl.loader.table.Dialect;
import io.cryptoetl.loader.table.SinkOffsets;
import io.cryptoetl.loader.table.TableLoader;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Settings of the sink.
 *
 * @param connector name of the connector
 * @param url JDBC URL of the database
 * @param batchRows rows that make a batch, at least 1
 * @param batchBytes bytes of the values that make a batch
 * @param batchMs time after which a batch is loaded, in milliseconds
 * @param statementTimeoutMs longest statement, in milliseconds
 * @param lockTimeoutMs longest wait for a lock, in milliseconds
 * @param offsetsTable table of the database that keeps offsets, schema.table; empty for none
 * @param loadsWithoutMissingColumns whether rows are loaded without columns that the table has not
 *     yet; else they wait
 * @param rowsWaitMs how long a row is tried again that the database refuses for what other rows are
 *     not there
 * @param deadLettersTopic topic of rows that the database refuses
 * @param brokers of Kafka, for dead letters and the ids of topics; empty if a refused row fails the
 *     task
 */
public record BulkSinkConfig(
    String connector,
    String url,
    String user,
    String password,
    int batchRows,
    long batchBytes,
    long batchMs,
    int statementTimeoutMs,
    int lockTimeoutMs,
    String offsetsTable,
    boolean loadsWithoutMissingColumns,
    long rowsWaitMs,
    String deadLettersTopic,
    String brokers) {
  /** Settings of the clients that the sink opens itself begin so. */
  static final String KAFKA = "kafka.";

  private static final Pattern TABLE = Pattern.compile("|\\w+\\.\\w+");

  static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(
              "database.url",
              Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              new ConfigDef.NonEmptyString(),
              Importance.HIGH,
              "JDBC URL of the PostgreSQL database, jdbc:postgresql://host:port/name")
          .define(
              "database.user",
              Type.STRING,
              ConfigDef.NO_DEFAULT_VALUE,
              Importance.HIGH,
              "Role that owns or may write the tables")
          .define(
              "database.password",
              Type.PASSWORD,
              ConfigDef.NO_DEFAULT_VALUE,
              Importance.HIGH,
              "Password of the role")
          .define(
              "batch.rows",
              Type.INT,
              10_000,
              Range.atLeast(1),
              Importance.MEDIUM,
              "Records that are loaded in one transaction, at most about")
          .define(
              "batch.bytes",
              Type.LONG,
              64L << 20,
              Range.atLeast(1),
              Importance.MEDIUM,
              "Bytes of the rows' values at which a batch is loaded, however few the rows are")
          .define(
              "batch.ms",
              Type.LONG,
              1000,
              Range.atLeast(0),
              Importance.MEDIUM,
              "Time after which a batch is loaded, however few the rows are, in milliseconds, also while records keep coming; if none comes for a moment it is loaded at once")
          .define(
              "statement.timeout.ms",
              Type.INT,
              240_000,
              Range.between(1000, 290_000),
              Importance.LOW,
              "Longest statement, in milliseconds; then the batch is tried again")
          .define(
              "lock.timeout.ms",
              Type.INT,
              30_000,
              Range.between(100, 290_000),
              Importance.LOW,
              "Longest wait for a lock that others hold, in milliseconds; then the batch is tried again")
          .define(
              "offsets.table",
              Type.STRING,
              "",
              Importance.HIGH,
              "Table that keeps the offsets in the transaction that holds the rows, as schema.table: each batch is then loaded once, into tables without a key, too. Empty: Connect alone keeps them, and a crash loads rows again, which changes nothing where they have keys")
          .define(
              "missing.columns",
              Type.STRING,
              "wait",
              ConfigDef.ValidString.in("wait", "load"),
              Importance.MEDIUM,
              "What to do with records that have a field for which their table has no column yet. wait: nothing is loaded until it has. load: rows are loaded without it, and again when it has; needs offsets.table, and topics that still hold the records then")
          .define(
              "rows.wait.ms",
              Type.LONG,
              600_000,
              Range.atLeast(0),
              Importance.MEDIUM,
              "How long a row is tried again that the database refuses because others are not there, or still are: a foreign key, a missing partition, what a trigger raises; in milliseconds. Other rows are loaded meanwhile; then it goes to the dead letters")
          .define(
              "dead.letters.topic",
              Type.STRING,
              "ops.dead_letters",
              new ConfigDef.NonEmptyString(),
              Importance.MEDIUM,
              "Topic that takes rows which the database refuses")
          .define(
              "kafka.bootstrap.servers",
              Type.STRING,
              "",
              Importance.MEDIUM,
              "Brokers, host:port, separated by commas, for dead letters and the ids of topics; other settings of clients go with the same beginning, such as kafka.security.protocol. Empty: a row that the database refuses fails the task");

  public static BulkSinkConfig from(Map<String, String> props) {
    AbstractConfig config = new AbstractConfig(DEFINITION, props, false);
    String offsetsTable = config.getString("offsets.table");
    if (!TABLE.matcher(offsetsTable).matches()) {
      throw new ConfigException(
          "offsets.table", offsetsTable, "schema.table or nothing is allowed");
    }
    boolean loads = config.getString("missing.columns").equals("load");
    if (loads && offsetsTable.isEmpty()) {
      throw new ConfigException(
          "missing.columns",
          "load",
          "it needs offsets.table, which keeps what has to be loaded again");
    }
    return new BulkSinkConfig(
        props.getOrDefault("name", "sink"),
        config.getString("database.url"),
        config.getString("database.user"),
        config.getPassword("database.password").value(),
        config.getInt("batch.rows"),
        config.getLong("batch.bytes"),
        config.getLong("batch.ms"),
        config.getInt("statement.timeout.ms"),
        config.getInt("lock.timeout.ms"),
        offsetsTable,
        loads,
        config.getLong("rows.wait.ms"),
        config.getString("dead.letters.topic"),
        config.getString("kafka.bootstrap.servers"));
  }

  /** A loader for the database of the URL. */
  public TableLoader loader() {
    return new TableLoader(
        dialect(),
        new SinkOffsets(offsetsTable, connector),
        loadsWithoutMissingColumns,
        rowsWaitMs);
  }

  /**
   * The dialect of the URL.
   *
   * @throws ConnectException if there is none
   */
  public Dialect dialect() {
    DatabaseSettings database =
        new DatabaseSettings(
            url, user, password, statementTimeoutMs, lockTimeoutMs, !offsetsTable.isEmpty());
    if (url.startsWith("jdbc:postgresql:")) {
      return new PostgresDialect(database);
    }
    if (url.startsWith("jdbc:mariadb:")) {
      return new MariaDbDialect(database);
    }
    throw new ConnectException(
        "database.url begins with '%s', for which there is no dialect; allowed are jdbc:postgresql: and jdbc:mariadb:"
            .formatted(url.replaceFirst("^(jdbc:[^:]*:).*", "$1")));
  }

  /**
   * Settings of the clients that the sink opens itself: those of the connector, above those that
   * the worker's environment has for the same cluster.
   */
  public static Map<String, Object> kafka(Map<String, String> props, ClientSettings.Kind kind) {
    Map<String, Object> settings = new HashMap<>();
    String brokers = props.getOrDefault(KAFKA + "bootstrap.servers", "");
    if (brokers.equals(System.getenv("KAFKA_BOOTSTRAP_SERVERS"))) {
      settings.putAll(ClientSettings.fromEnvironment().of(kind));
    }
    props.forEach(
        (key, value) -> {
          if (key.startsWith(KAFKA)) {
            settings.put(key.substring(KAFKA.length()), value);
          }
        });
    return settings;
  }
}
