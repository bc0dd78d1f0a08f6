package io.cryptoetl.loader;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Collectors;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.util.PSQLException;

/**
 * PostgreSQL. Rows that are new go straight into their table by binary COPY; if some key is there
 * already, they go into a temporary table and from there by a merge that leaves unchanged rows
 * alone, and so do the next batches of that table, for a while. Deletions go by COPY of their keys.
 */
final class PostgresDatabase extends Database {
  private static final String UNIQUE_VIOLATION = "23505";

  /**
   * SQLState classes of outages: connection, resources, operator intervention, rollback; a server
   * that is a standby now; a transaction that was idle for too long.
   */
  private static final String OUTAGES = "(08|53|57|40|55|58).*|25006|25P03";

  /**
   * SQLState classes that blame a row: its data, a constraint, two of one key, a limit, a trigger.
   */
  private static final String ROWS = "(21|22|23|54).*|P0001";

  /** Longest silence of the server; a batch takes seconds. Longer than any statement may take. */
  private static final String SOCKET_TIMEOUT_SECONDS = "300";

  private final Map<TableShape.Fit, RowEncoder> encoders = new HashMap<>();
  private final Map<String, Appends> appends = new HashMap<>();
  private final CopyBuffer buffer = new CopyBuffer();

  private final String settings;

  PostgresDatabase(BulkSinkConfig config) {
    super(config);
    this.settings =
        "SET LOCAL statement_timeout = "
            + config.statementTimeoutMs()
            + "; SET LOCAL lock_timeout = "
            + config.lockTimeoutMs()
            // A crash of the server may take the last commits back, offsets and rows together: they
            // are loaded again then.
            + (config.offsetsTable().isEmpty() ? "" : "; SET LOCAL synchronous_commit = off")
            // A worker that is gone without a word must not keep its locks for hours.
            + "; SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10; SET LOCAL tcp_keepalives_count = 3";
  }

  @Override
  Connection connect(BulkSinkConfig settings) throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", settings.user());
    properties.setProperty("password", settings.password());
    properties.setProperty("ApplicationName", "crypto-etl-loader");
    properties.setProperty("tcpKeepAlive", "true");
    properties.setProperty("connectTimeout", "10");
    properties.setProperty("socketTimeout", SOCKET_TIMEOUT_SECONDS);
    // Poolers in transaction mode give each transaction another session: no options at the start,
    // no
    // prepared statements, no tables that outlive a transaction.
    properties.setProperty("prepareThreshold", "0");
    Connection connection = DriverManager.getConnection(settings.url(), properties);
    connection.setAutoCommit(false);
    return connection;
  }

  @Override
  Failure failure(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    if (state.matches(OUTAGES)) {
      return Failure.OUTAGE;
    }
    return state.matches(ROWS) ? Failure.ROW : Failure.OTHER;
  }

  @Override
  boolean mayPassLater(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    // A CHECK of a table depends on its row alone, and has a name; a missing partition, and what a
    // trigger raises, have none.
    return state.matches("23503|23001|P0001")
        || (state.equals("23514")
            && e instanceof PSQLException error
            && error.getServerErrorMessage() != null
            && error.getServerErrorMessage().getConstraint() == null);
  }

  @Override
  void begin(Connection db) throws SQLException {
    execute(db, settings);
  }

  @Override
  void defer(Connection db) throws SQLException {
    execute(db, "SET CONSTRAINTS ALL DEFERRED");
  }

  @Override
  void check(Connection db) throws SQLException {
    execute(db, "SET CONSTRAINTS ALL IMMEDIATE");
  }

  @Override
  void hold(Connection db, TableShape shape) throws SQLException {
    // What COPY writes depends on the types of columns: binary values of another one can pass for
    // values.
    execute(db, "LOCK TABLE " + qualified(shape) + " IN ROW EXCLUSIVE MODE");
  }

  @Override
  void forget(Connection db, TableShape shape) {
    encoders.clear();
  }

  @Override
  TableShape read(Connection db, String schema, String table) throws SQLException {
    Map<String, TableShape.Column> columns = new LinkedHashMap<>();
    Set<String> key = new LinkedHashSet<>();
    Set<String> parents = Set.of();
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), b.typname, b.typtype = 'e',"
                + " e.oid::int, e.typname, e.typtype = 'e',"
                + " a.attnotnull AND NOT a.atthasdef AND a.attidentity = '',"
                + " COALESCE(a.attnum = ANY (i.indkey), false),"
                + " (SELECT string_agg(pn.nspname || '.' || p.relname, E'\\n') FROM pg_constraint f"
                + " JOIN pg_class p ON p.oid = f.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace"
                + " WHERE f.conrelid = c.oid AND f.contype = 'f')"
                + " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                + " AND NOT a.attisdropped AND a.attgenerated = ''"
                + " JOIN pg_type t ON t.oid = a.atttypid"
                // A domain is written as the type that it restricts.
                + " JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0), t.oid)"
                + " LEFT JOIN pg_type e ON e.oid = b.typelem AND b.typcategory = 'A'"
                + " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
                + " WHERE n.nspname = ? AND c.relname = ? ORDER BY a.attnum")) {
      query.setString(1, schema);
      query.setString(2, table);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          String name = rows.getString(1);
          columns.put(name, new TableShape.Column(name, type(rows), rows.getBoolean(8)));
          if (rows.getBoolean(9)) {
            key.add(name);
          }
          String tables = rows.getString(10);
          parents = tables == null ? Set.of() : Set.copyOf(tables.lines().toList());
        }
      }
    }
    return new TableShape(schema + "." + table, columns, key, parents);
  }

  private static ColumnType type(ResultSet row) throws SQLException {
    String shown = row.getString(2);
    String element = row.getString(6);
    if (element == null) {
      return new ColumnType(
          ColumnType.postgres(row.getString(3), row.getBoolean(4)), shown, null, 0);
    }
    return new ColumnType(
        ColumnType.Kind.ARRAY,
        shown,
        new ColumnType(ColumnType.postgres(element, row.getBoolean(7)), element, null, 0),
        row.getInt(5));
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

  @Override
  void put(Connection db, TableShape shape, List<Rows> rows) throws SQLException {
    Appends tries = appends.computeIfAbsent(shape.name(), t -> new Appends());
    if (!shape.keyed() || tries.isWorthATry()) {
      Savepoint before = db.setSavepoint();
      try {
        for (Rows each : rows) {
          copy(db, qualified(shape), each);
        }
        db.releaseSavepoint(before);
        tries.hit();
        return;
      } catch (SQLException e) {
        if (!shape.keyed() || !UNIQUE_VIOLATION.equals(e.getSQLState())) {
          throw e;
        }
        db.rollback(before);
        tries.missed();
      }
    }
    for (Rows each : rows) {
      execute(db, createStaging(shape));
      copy(db, staging(shape), each);
      execute(db, mergeFromStaging(shape, each.fit().columns()));
    }
  }

  @Override
  void delete(Connection db, TableShape shape, List<Rows> keys) throws SQLException {
    for (Rows each : keys) {
      execute(db, createStaging(shape));
      copy(db, staging(shape), each);
      execute(db, deleteByStaging(shape));
    }
  }

  private void copy(Connection db, String into, Rows rows) throws SQLException {
    RowEncoder encoder =
        encoders.computeIfAbsent(
            rows.fit(), fit -> RowEncoder.of(rows.records().get(0), fit.columns()));
    CopyIn copy =
        db.unwrap(PGConnection.class)
            .getCopyAPI()
            .copyIn(
                "COPY "
                    + into
                    + " ("
                    + list(names(encoder.columns()))
                    + ") FROM STDIN (FORMAT binary)");
    boolean written = false;
    try {
      buffer.header();
      for (Object record : rows.records()) {
        encoder.write(buffer, record);
        buffer.flushIfFull(copy);
      }
      buffer.trailer(copy);
      copy.endCopy();
      written = true;
    } finally {
      if (!written && copy.isActive()) {
        copy.cancelCopy();
      }
    }
  }

  /**
   * A temporary table with the table's columns, none of its constraints, empty: a transaction may
   * need it twice.
   */
  private String createStaging(TableShape shape) {
    return "CREATE TEMP TABLE IF NOT EXISTS "
        + staging(shape)
        + " ON COMMIT DROP AS SELECT * FROM "
        + qualified(shape)
        + " WITH NO DATA; DELETE FROM "
        + staging(shape);
  }

  /** Inserts what is new and updates what differs; equal rows are not written. */
  private String mergeFromStaging(TableShape shape, List<TableShape.Column> from) {
    List<TableShape.Column> rest =
        from.stream().filter(c -> !shape.key().contains(c.name())).toList();
    String insert =
        "INSERT INTO "
            + qualified(shape)
            + " AS t ("
            + list(names(from))
            + ") SELECT "
            + list(names(from))
            + " FROM "
            + staging(shape)
            // In the order of keys, as all writers should lock rows.
            + " ORDER BY "
            + list(shape.key())
            + " ON CONFLICT ("
            + list(shape.key())
            + ") DO ";
    if (rest.isEmpty()) {
      return insert + "NOTHING";
    }
    return insert
        + "UPDATE SET "
        + rest.stream()
            .map(c -> quote(c.name()) + " = excluded." + quote(c.name()))
            .collect(Collectors.joining(", "))
        + " WHERE ("
        + prefixed("t", rest)
        + ") IS DISTINCT FROM ("
        + prefixed("excluded", rest)
        + ")";
  }

  private String deleteByStaging(TableShape shape) {
    return "DELETE FROM "
        + qualified(shape)
        + " AS t USING "
        + staging(shape)
        + " AS s WHERE "
        + shape.key().stream()
            .map(c -> "t." + quote(c) + " = s." + quote(c))
            .collect(Collectors.joining(" AND "));
  }

  private String staging(TableShape shape) {
    return "pg_temp." + quote("staging_" + shape.name());
  }

  private String list(Collection<String> columns) {
    return columns.stream().map(this::quote).collect(Collectors.joining(", "));
  }

  private String prefixed(String prefix, List<TableShape.Column> columns) {
    // The type json cannot be compared, nor can arrays of it.
    return columns.stream()
        .map(c -> prefix + "." + quote(c.name()) + asComparable(c.type()))
        .collect(Collectors.joining(", "));
  }

  private static String asComparable(ColumnType type) {
    if (type.kind() == ColumnType.Kind.ARRAY) {
      return type.element().kind() == ColumnType.Kind.JSON ? "::text[]" : "";
    }
    return type.kind() == ColumnType.Kind.JSON ? "::text" : "";
  }

  @Override
  String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }
}
