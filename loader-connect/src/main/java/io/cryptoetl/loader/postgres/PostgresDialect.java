package io.cryptoetl.loader.postgres;

import io.cryptoetl.loader.table.ColumnType;
import io.cryptoetl.loader.table.DatabaseSettings;
import io.cryptoetl.loader.table.Dialect;
import io.cryptoetl.loader.table.TableShape;
import java.security.cert.CertificateException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Savepoint;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.function.Function;
import java.util.function.IntPredicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.net.ssl.SSLHandshakeException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyIn;
import org.postgresql.util.PSQLException;

/**
 * PostgreSQL. Rows that are new go straight into their table by binary COPY. If a key is there
 * already, the keys are looked up first, in this batch and for a while in the next ones of that
 * table: the new rows are copied, and the others go into a temporary table and from there by a
 * merge that leaves unchanged rows alone. Deletes go by COPY of their keys.
 */
public final class PostgresDialect implements Dialect {
  /** Column of the place of a record; no column of ours is called so. */
  private static final String PLACE = "\"#\"";

  private static final String UNIQUE_VIOLATION = "23505";

  /**
   * SQLState classes of outages: connection, resources, operator intervention, rollback; a
   * transaction that was idle for too long.
   */
  private static final String OUTAGES = "(08|53|57|40|55|58).*|25P03";

  /** The server is a standby, or the database was made read-only. */
  private static final String READ_ONLY = "25006";

  /**
   * SQLState classes that blame a row: its data, a constraint, two of one key, a limit, a trigger.
   */
  private static final String ROWS = "(21|22|23|54).*|P0001";

  /** Longest silence of the server; a batch takes seconds. Longer than any statement may take. */
  private static final String SOCKET_TIMEOUT_SECONDS = "300";

  private final Map<TableShape.Fit, RowEncoder> encoders = new HashMap<>();
  private final Map<String, Appends> appends = new HashMap<>();
  private final CopyBuffer buffer = new CopyBuffer();

  private final DatabaseSettings database;
  private final String settings;

  public PostgresDialect(DatabaseSettings config) {
    this.database = config;
    this.settings =
        "SET LOCAL statement_timeout = "
            + config.statementTimeoutMs()
            + "; SET LOCAL lock_timeout = "
            + config.lockTimeoutMs()
            // A crash of the server may take the last commits back, offsets and rows together: they
            // are loaded again then. Where that could not be seen, waitForDisk is called.
            + (config.keepsOffsets() ? "; SET LOCAL synchronous_commit = off" : "")
            // A worker that is gone without a word must not keep its locks for hours.
            + "; SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10; SET LOCAL tcp_keepalives_count = 3";
  }

  @Override
  public Connection connect() throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", database.user());
    properties.setProperty("password", database.password());
    properties.setProperty("ApplicationName", "crypto-etl-loader");
    properties.setProperty("tcpKeepAlive", "true");
    properties.setProperty("connectTimeout", "10");
    properties.setProperty("socketTimeout", SOCKET_TIMEOUT_SECONDS);
    // Poolers in transaction mode give each transaction another session: no options at the start,
    // no
    // prepared statements, no tables that outlive a transaction.
    properties.setProperty("prepareThreshold", "0");
    Connection connection = DriverManager.getConnection(database.url(), properties);
    connection.setAutoCommit(false);
    return connection;
  }

  @Override
  public Failure failure(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    if (state.matches("(28|3D).*") || isRefusedByPooler(e) || isOfCertificates(e)) {
      return Failure.ACCESS;
    }
    if (state.equals(READ_ONLY)) {
      return Failure.READ_ONLY;
    }
    if (state.matches(OUTAGES)) {
      return Failure.OUTAGE;
    }
    return state.matches(ROWS) ? Failure.ROW : Failure.OTHER;
  }

  /** The server's certificate, or ours, which the driver tells as a connection that broke. */
  private static boolean isOfCertificates(SQLException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof SSLHandshakeException || cause instanceof CertificateException) {
        return true;
      }
    }
    return false;
  }

  /** PgBouncer gives all of its own errors one state, outages too. */
  private static boolean isRefusedByPooler(SQLException e) {
    String message = String.valueOf(e.getMessage());
    return "08P01".equals(e.getSQLState())
        && (message.contains("unsupported startup parameter")
            || message.contains("no such database"));
  }

  @Override
  public String advice(SQLException e) {
    return READ_ONLY.equals(e.getSQLState())
        ? "the server is a standby: name all servers in database.url, with targetServerType=primary"
        : "";
  }

  @Override
  public boolean mayPassLater(SQLException e) {
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
  public void begin(Connection db) throws SQLException {
    execute(db, settings);
  }

  @Override
  public void waitForDisk(Connection db) throws SQLException {
    execute(db, "SET LOCAL synchronous_commit TO DEFAULT");
  }

  @Override
  public void defer(Connection db) throws SQLException {
    execute(db, "SET CONSTRAINTS ALL DEFERRED");
  }

  @Override
  public void check(Connection db) throws SQLException {
    execute(db, "SET CONSTRAINTS ALL IMMEDIATE");
  }

  @Override
  public void hold(Connection db, TableShape shape) throws SQLException {
    // What COPY writes depends on the types of columns: binary values of another one can pass for
    // values.
    execute(db, "LOCK TABLE " + shape.qualified(PostgresDialect::quote) + " IN ROW EXCLUSIVE MODE");
  }

  @Override
  public void forget(TableShape shape) {
    encoders.clear();
  }

  @Override
  public TableShape read(Connection db, String schema, String table) throws SQLException {
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
      return new ColumnType(kind(row.getString(3), row.getBoolean(4)), shown, null, 0);
    }
    return new ColumnType(
        ColumnType.Kind.ARRAY,
        shown,
        new ColumnType(kind(element, row.getBoolean(7)), element, null, row.getInt(5)),
        0);
  }

  /** What PostgreSQL's type of this name in pg_type can hold. */
  static ColumnType.Kind kind(String name, boolean enumeration) {
    if (enumeration) {
      return ColumnType.Kind.TEXT;
    }
    return switch (name) {
      case "int8",
          "int4",
          "int2",
          "bool",
          "float8",
          "float4",
          "numeric",
          "date",
          "time",
          "uuid",
          "bytea",
          "text",
          "json",
          "jsonb" ->
          ColumnType.Kind.valueOf(name.toUpperCase(Locale.ROOT));
      case "timestamptz", "timestamp" -> ColumnType.Kind.TIMESTAMP;
      case "varchar", "bpchar", "name" -> ColumnType.Kind.TEXT;
      default -> ColumnType.Kind.OTHER;
    };
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
  public void put(Connection db, TableShape shape, List<Rows> rows) throws SQLException {
    if (!shape.keyed()) {
      for (Rows each : rows) {
        copy(db, shape.qualified(PostgresDialect::quote), each);
      }
      return;
    }
    Appends tries = appends.computeIfAbsent(shape.name(), t -> new Appends());
    if (tries.isWorthATry()) {
      if (append(db, shape, rows)) {
        tries.hit();
        return;
      }
      tries.missed();
    }
    List<Rows> fresh = new ArrayList<>();
    List<Rows> known = new ArrayList<>();
    for (Rows each : rows) {
      BitSet there = there(db, shape, each.records());
      fresh.add(new Rows(each.fit(), pick(each.records(), i -> !there.get(i))));
      known.add(new Rows(each.fit(), pick(each.records(), there::get)));
    }
    // Another writer may have put some of them there meanwhile.
    for (Rows each : append(db, shape, fresh) ? known : rows) {
      if (!each.records().isEmpty()) {
        execute(db, createStaging(shape));
        copy(db, staging(shape), each);
        execute(db, mergeFromStaging(shape, each.fit().columns()));
      }
    }
  }

  private static List<SinkRecord> pick(List<SinkRecord> records, IntPredicate wanted) {
    return IntStream.range(0, records.size()).filter(wanted).mapToObj(records::get).toList();
  }

  /**
   * Puts rows straight into the table.
   *
   * @return false if a key is there already: then none of them is in the table
   */
  private boolean append(Connection db, TableShape shape, List<Rows> rows) throws SQLException {
    Savepoint before = db.setSavepoint();
    try {
      for (Rows each : rows) {
        if (!each.records().isEmpty()) {
          copy(db, shape.qualified(PostgresDialect::quote), each);
        }
      }
      db.releaseSavepoint(before);
      return true;
    } catch (SQLException e) {
      if (!UNIQUE_VIOLATION.equals(e.getSQLState())) {
        throw e;
      }
      db.rollback(before);
      return false;
    }
  }

  /** Of which records the key is in the table, by their places in the list. */
  private BitSet there(Connection db, TableShape shape, List<SinkRecord> records)
      throws SQLException {
    Map<TableShape.Fit, List<Integer>> places = new LinkedHashMap<>();
    for (int i = 0; i < records.size(); i++) {
      places.computeIfAbsent(shape.fit(records.get(i).key()), f -> new ArrayList<>()).add(i);
    }
    execute(db, createKeys(shape));
    for (Map.Entry<TableShape.Fit, List<Integer>> each : places.entrySet()) {
      shape.requireKey(TableShape.names(each.getKey().columns()));
      RowEncoder encoder = encoder(each.getKey(), records.get(each.getValue().get(0)).key());
      copy(
          db,
          keys(shape) + " (" + list(TableShape.names(encoder.columns())) + ", " + PLACE + ")",
          copy -> {
            for (int place : each.getValue()) {
              encoder.write(buffer, records.get(place).key(), place);
              buffer.flushIfFull(copy);
            }
          });
    }
    BitSet there = new BitSet(records.size());
    try (Statement statement = db.createStatement();
        ResultSet rows = statement.executeQuery(selectThere(shape))) {
      while (rows.next()) {
        there.set(rows.getInt(1));
      }
    }
    return there;
  }

  @Override
  public void delete(Connection db, TableShape shape, List<Rows> keys) throws SQLException {
    for (Rows each : keys) {
      execute(db, createStaging(shape));
      copy(db, staging(shape), each, SinkRecord::key);
      execute(db, deleteByStaging(shape));
    }
  }

  private void copy(Connection db, String into, Rows rows) throws SQLException {
    copy(db, into, rows, SinkRecord::value);
  }

  private void copy(Connection db, String into, Rows rows, Function<SinkRecord, Object> part)
      throws SQLException {
    RowEncoder encoder = encoder(rows.fit(), part.apply(rows.records().get(0)));
    copy(
        db,
        into + " (" + list(TableShape.names(encoder.columns())) + ")",
        copy -> {
          for (SinkRecord record : rows.records()) {
            encoder.write(buffer, part.apply(record));
            buffer.flushIfFull(copy);
          }
        });
  }

  private RowEncoder encoder(TableShape.Fit fit, Object example) {
    return encoders.computeIfAbsent(fit, f -> RowEncoder.of(example, f.columns()));
  }

  private interface Content {
    void write(CopyIn copy) throws SQLException;
  }

  private void copy(Connection db, String into, Content content) throws SQLException {
    CopyIn copy =
        db.unwrap(PGConnection.class)
            .getCopyAPI()
            .copyIn("COPY " + into + " FROM STDIN (FORMAT binary)");
    boolean written = false;
    try {
      buffer.header();
      content.write(copy);
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
  private static String createStaging(TableShape shape) {
    return "CREATE TEMP TABLE IF NOT EXISTS "
        + staging(shape)
        + " ON COMMIT DROP AS SELECT * FROM "
        + shape.qualified(PostgresDialect::quote)
        + " WITH NO DATA; DELETE FROM "
        + staging(shape);
  }

  /** A temporary table with the columns of the key, and the place of each record. */
  private static String createKeys(TableShape shape) {
    return "CREATE TEMP TABLE IF NOT EXISTS "
        + keys(shape)
        + " ON COMMIT DROP AS SELECT "
        + list(shape.key())
        + ", 0 AS "
        + PLACE
        + " FROM "
        + shape.qualified(PostgresDialect::quote)
        + " WITH NO DATA; DELETE FROM "
        + keys(shape);
  }

  /** One look-up in the index for each key, whatever the planner thinks of the two tables. */
  private static String selectThere(TableShape shape) {
    return "SELECT s."
        + PLACE
        + " FROM "
        + keys(shape)
        + " AS s CROSS JOIN LATERAL (SELECT 1 FROM "
        + shape.qualified(PostgresDialect::quote)
        + " AS t WHERE "
        + sameKey(shape)
        + " LIMIT 1) AS found";
  }

  private static String keys(TableShape shape) {
    return "pg_temp." + quote("keys_" + shape.name());
  }

  private static String sameKey(TableShape shape) {
    return shape.key().stream()
        .map(c -> "t." + quote(c) + " = s." + quote(c))
        .collect(Collectors.joining(" AND "));
  }

  /** Inserts what is new and updates what differs; equal rows are not written. */
  private static String mergeFromStaging(TableShape shape, List<TableShape.Column> from) {
    List<TableShape.Column> rest =
        from.stream().filter(c -> !shape.key().contains(c.name())).toList();
    String insert =
        "INSERT INTO "
            + shape.qualified(PostgresDialect::quote)
            + " AS t ("
            + list(TableShape.names(from))
            + ") SELECT "
            + list(TableShape.names(from))
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

  private static String deleteByStaging(TableShape shape) {
    return "DELETE FROM "
        + shape.qualified(PostgresDialect::quote)
        + " AS t USING "
        + staging(shape)
        + " AS s WHERE "
        + sameKey(shape);
  }

  private static String staging(TableShape shape) {
    return "pg_temp." + quote("staging_" + shape.name());
  }

  private static String list(Collection<String> columns) {
    return columns.stream().map(PostgresDialect::quote).collect(Collectors.joining(", "));
  }

  private static String prefixed(String prefix, List<TableShape.Column> columns) {
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

  private static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }

  private static void execute(Connection db, String sql) throws SQLException {
    try (Statement statement = db.createStatement()) {
      statement.execute(sql);
    }
  }
}
