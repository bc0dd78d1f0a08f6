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
 */
record BulkSinkConfig(String url, String user, String password, int batchRows) {
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
              "Rows that are loaded in one transaction; what is left is loaded at each offset commit");

  static BulkSinkConfig from(Map<String, String> props) {
    AbstractConfig config = new AbstractConfig(DEFINITION, props, false);
    return new BulkSinkConfig(
        config.getString("database.url"),
        config.getString("database.user"),
        config.getPassword("database.password").value(),
        config.getInt("batch.rows"));
  }
}
