package io.cryptoetl.stack;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** The real parts that a test talks to. Topics, schemas, tables and the connector are in place. */
public interface Stack extends AutoCloseable {
  /** Kafka bootstrap servers. */
  String bootstrapServers();

  /** Base URL of Confluent's API of the schema registry. */
  String registryUrl();

  /** Clients of the broker and the schema registry. */
  default KafkaClients kafka() {
    return new KafkaClients(ClientSettings.of(bootstrapServers(), registryUrl()));
  }

  /** Base URL of the Connect worker's REST API. */
  String connectUrl();

  /** JDBC URL of the database with the tables. */
  String jdbcUrl();

  /** Role that owns the tables. */
  String databaseUser();

  /** Password of the role. */
  String databasePassword();

  /** A new connection to the database. */
  default Connection database() throws SQLException {
    return DriverManager.getConnection(jdbcUrl(), databaseUser(), databasePassword());
  }

  @Override
  void close() throws java.io.IOException;
}
