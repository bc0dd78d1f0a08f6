package io.cryptoetl.loader;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.ConnectException;
import org.postgresql.PGConnection;
import org.postgresql.copy.PGCopyOutputStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads a batch in one transaction. Rows that are new go straight into their table by binary COPY;
 * if some key is there already, they go into a temporary table and from there by a merge that
 * leaves unchanged rows alone, and so do the next batches of that table, for a while. Deletions go
 * by COPY of their keys.
 */
final class PostgresLoader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(PostgresLoader.class);
  private static final int COPY_BUFFER = 256 * 1024;
  private static final String UNIQUE_VIOLATION = "23505";

  /** Longest silence of the server; a batch takes seconds. Longer than any statement may take. */
  private static final String SOCKET_TIMEOUT_SECONDS = "300";

  private final BulkSinkConfig config;
  private final Map<String, TableShape> shapes = new HashMap<>();
  private final Map<String, Appends> appends = new HashMap<>();
  private Connection connection;

  PostgresLoader(BulkSinkConfig config) {
    this.config = config;
  }

  /**
   * Loads everything in the batch, or nothing.
   *
   * @throws SQLException if the database failed; the connection is given up, and with it the
   *     transaction
   */
  void load(RowBatch batch) throws SQLException {
    boolean committed = false;
    try {
      Connection db = connection();
      for (Map.Entry<String, RowBatch.Changes> topic : batch.changes().entrySet()) {
        TableShape shape = shape(db, topic.getKey(), batch.keyColumns(topic.getKey()));
        delete(db, shape, topic.getValue().deletedKeys());
        put(db, topic.getKey(), shape, topic.getValue().rows());
      }
      db.commit();
      committed = true;
    } finally {
      if (!committed) {
        close();
      }
    }
  }

  /**
   * Gives the connection up without a word to the server, which then rolls back. A rollback would
   * wait for ever for a COPY that the network has cut off.
   */
  @Override
  public void close() {
    shapes.clear();
    Connection last = connection;
    connection = null;
    if (last != null) {
      try {
        last.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.warn("event=connection_abort_failed reason=\"{}\"", e.getMessage());
      }
    }
  }

  private Connection connection() throws SQLException {
    if (connection == null) {
      Properties properties = new Properties();
      properties.setProperty("user", config.user());
      properties.setProperty("password", config.password());
      properties.setProperty("ApplicationName", "crypto-etl-loader");
      properties.setProperty("tcpKeepAlive", "true");
      properties.setProperty("connectTimeout", "10");
      properties.setProperty("socketTimeout", SOCKET_TIMEOUT_SECONDS);
      properties.setProperty(
          "options",
          "-c statement_timeout="
              + config.statementTimeoutMs()
              + " -c lock_timeout="
              + config.lockTimeoutMs());
      connection = DriverManager.getConnection(config.url(), properties);
      connection.setAutoCommit(false);
    }
    return connection;
  }

  private TableShape shape(Connection db, String topic, List<String> keyColumns)
      throws SQLException {
    TableShape known = shapes.get(topic);
    if (known == null) {
      known = TableShape.read(db, topic, keyColumns);
      shapes.put(topic, known);
    }
    return known;
  }

  /** Whether it is worth a try to append to a table: each miss makes the pause twice as long. */
  private static final class Appends {
    private static final int LONGEST_PAUSE = 1024;

    private int pause;
    private int left;

    boolean isWorthATry() {
      if (left == 0) {
        return true;
      }
      left--;
      return false;
    }

    void hit() {
      pause = 0;
    }

    void missed() {
      pause = Math.min(LONGEST_PAUSE, Math.max(1, 2 * pause));
      left = pause;
    }
  }

  private void put(Connection db, String topic, TableShape shape, List<Struct> rows)
      throws SQLException {
    if (rows.isEmpty()) {
      return;
    }
    Appends tries = appends.computeIfAbsent(topic, t -> new Appends());
    List<TableShape.Column> columns = shape.columns(given(rows));
    if (tries.isWorthATry()) {
      Savepoint before = db.setSavepoint();
      try {
        copy(db, shape.copyIntoTable(columns), columns, rows);
        db.releaseSavepoint(before);
        tries.hit();
        return;
      } catch (SQLException e) {
        if (!UNIQUE_VIOLATION.equals(e.getSQLState())) {
          throw e;
        }
        db.rollback(before);
        tries.missed();
      }
    }
    execute(db, shape.createStaging());
    copy(db, shape.copyIntoStaging(columns), columns, rows);
    execute(db, shape.mergeFromStaging(columns));
  }

  private static Set<String> given(List<Struct> rows) {
    // Rows may be of several versions of a schema: what one of them has is written for all.
    Set<String> given = new LinkedHashSet<>();
    Schema last = null;
    for (Struct row : rows) {
      if (row.schema() != last) {
        last = row.schema();
        for (Field field : last.fields()) {
          given.add(field.name());
        }
      }
    }
    return given;
  }

  private static void delete(Connection db, TableShape shape, List<Struct> keys)
      throws SQLException {
    if (keys.isEmpty()) {
      return;
    }
    List<TableShape.Column> columns = shape.keyColumns();
    execute(db, shape.createStaging());
    copy(db, shape.copyIntoStaging(columns), columns, keys);
    execute(db, shape.deleteByStaging());
  }

  private static void copy(
      Connection db, String sql, List<TableShape.Column> columns, List<Struct> rows)
      throws SQLException {
    try (OutputStream copy =
        new BufferedOutputStream(
            new PGCopyOutputStream(db.unwrap(PGConnection.class), sql, COPY_BUFFER), COPY_BUFFER)) {
      BinaryCopy.write(copy, columns, rows);
    } catch (IOException e) {
      if (e.getCause() instanceof SQLException) {
        throw (SQLException) e.getCause();
      }
      throw new ConnectException("COPY failed: " + e.getMessage(), e);
    }
  }

  private static void execute(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement()) {
      statement.execute(sql);
    }
  }
}
