package io.cryptoetl.console;

import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.Properties;
import org.postgresql.Driver;

/** Connections to the database of the tables, by two roles that may only read. */
@ApplicationScoped
public class Database {
  /** Most bytes that one reply of the database may take in memory. */
  private static final String RESULT_BUFFER = "16M";

  private static final int CONNECT_SECONDS = 5;

  private final ConsoleConfig.Database config;

  Database(ConsoleConfig config) {
    this.config = config.database();
  }

  /** A connection of its own for one query of somebody; nothing of it outlives the query. */
  public Connection reader() throws SQLException {
    return open(config.readerUser(), config.readerPassword(), "crypto-etl-console query", 0);
  }

  /** A connection of that role for looking at it, which does not wait for ever. */
  public Connection readerChecked() throws SQLException {
    return open(config.readerUser(), config.readerPassword(), "crypto-etl-console check", 10);
  }

  /** A connection for what the pages show. */
  public Connection pages() throws SQLException {
    return open(config.pagesUser(), config.pagesPassword(), "crypto-etl-console", 30);
  }

  private Connection open(String user, String password, String application, int socketSeconds)
      throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", user);
    properties.setProperty("password", password);
    properties.setProperty("ApplicationName", application);
    // Cells are shown as the server writes them: no number is rounded.
    properties.setProperty("binaryTransfer", "false");
    properties.setProperty("maxResultBuffer", RESULT_BUFFER);
    properties.setProperty("connectTimeout", Integer.toString(CONNECT_SECONDS));
    properties.setProperty("socketTimeout", Integer.toString(socketSeconds));
    properties.setProperty("tcpKeepAlive", "true");
    Connection connection = new Driver().connect(config.url(), properties);
    if (connection == null) {
      throw new SQLException(
          "DATABASE_URL is no JDBC URL of PostgreSQL; it looks like jdbc:postgresql://host:port/name");
    }
    return connection;
  }
}
