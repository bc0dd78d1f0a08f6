package io.cryptoetl.loader;

import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Range;
import org.apache.kafka.common.config.ConfigDef.Type;

/**
 * Settings of the sink.
 *
 * @param url JDBC URL of the database
 * @param batchRows rows that make a batch, at least 1
 * @param batchBytes bytes of the values that make a batch
 * @param statementTimeoutMs longest statement, in milliseconds
 * @param lockTimeoutMs longest wait for a lock, in milliseconds
 * @param deadLettersTopic topic of rows that the database refuses
 * @param deadLettersBrokers brokers of that topic; empty if such a row fails the task
 */
record BulkSinkConfig(
    String url,
    String user,
    String password,
    int batchRows,
    long batchBytes,
    int statementTimeoutMs,
    int lockTimeoutMs,
    String deadLettersTopic,
    String deadLettersBrokers) {
  /** Settings of the producer of dead letters begin so. */
  static final String DEAD_LETTERS_PRODUCER = "dead.letters.producer.";

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
              20_000,
              Range.atLeast(1),
              Importance.MEDIUM,
              "Rows that are loaded in one transaction; what is left is loaded at each offset commit")
          .define(
              "batch.bytes",
              Type.LONG,
              64L << 20,
              Range.atLeast(1),
              Importance.MEDIUM,
              "Bytes of the rows' values at which a batch is loaded, however few the rows are")
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
              "dead.letters.topic",
              Type.STRING,
              "ops.dead_letters",
              new ConfigDef.NonEmptyString(),
              Importance.MEDIUM,
              "Topic that takes rows which the database refuses")
          .define(
              "dead.letters.bootstrap.servers",
              Type.STRING,
              "",
              Importance.MEDIUM,
              "Brokers of that topic, host:port, separated by commas. Empty: such a row fails the task");

  static BulkSinkConfig from(Map<String, String> props) {
    AbstractConfig config = new AbstractConfig(DEFINITION, props, false);
    return new BulkSinkConfig(
        config.getString("database.url"),
        config.getString("database.user"),
        config.getPassword("database.password").value(),
        config.getInt("batch.rows"),
        config.getLong("batch.bytes"),
        config.getInt("statement.timeout.ms"),
        config.getInt("lock.timeout.ms"),
        config.getString("dead.letters.topic"),
        config.getString("dead.letters.bootstrap.servers"));
  }
}
