package io.cryptoetl.loader.mariadb;

import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.loader.table.ColumnType;
import io.cryptoetl.loader.table.DatabaseSettings;
import io.cryptoetl.loader.table.Dialect;
import io.cryptoetl.loader.table.Json;
import io.cryptoetl.loader.table.TableShape;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * MariaDB 10.7 or later. Rows go in by prepared statements, which the driver sends in bulk, with
 * {@code ON DUPLICATE KEY UPDATE}: the server leaves rows alone that are the same.
 *
 * <p>What PostgreSQL calls a schema is a database here. There are no arrays: they go into columns
 * of type json, as JSON. Decimals have 65 digits at most: a number with more is a refused row,
 * unless its column is text.
 */
public final class MariaDbDialect implements Dialect {
  /** Errors that MariaDB gives no class of its own: locks, limits, disk, kill, read-only. */
  private static final Set<Integer> OUTAGES =
      Set.of(
          1021, 1026, 1040, 1053, 1114, 1203, 1205, 1213, 1226, 1317, 1927, 1969, 3024, 1020, 1836);

  /** The server or the transaction is read-only. */
  private static final Set<Integer> READ_ONLY = Set.of(1290, 1792);

  /** Values that do not fit: truncated, wrong, out of range, too long. */
  private static final Set<Integer> ROWS = Set.of(1264, 1265, 1292, 1366, 1406, 4025);

  /**
   * Refusals that another row may end: foreign keys, a missing partition, what a trigger signals.
   */
  private static final Set<Integer> DEPENDENT = Set.of(1216, 1217, 1451, 1452, 1526, 1644);

  private static final int UNKNOWN_DATABASE = 1049;
  private static final int MICROS = 1000;

  private final JsonConverter json = Json.converter();

  private final DatabaseSettings database;

  public MariaDbDialect(DatabaseSettings database) {
    this.database = database;
  }

  @Override
  public Connection connect() throws SQLException {
    Properties properties = new Properties();
    properties.setProperty("user", database.user());
    properties.setProperty("password", database.password());
    properties.setProperty("useBulkStmts", "true");
    properties.setProperty("tcpKeepAlive", "true");
    properties.setProperty("connectTimeout", "10000");
    properties.setProperty("socketTimeout", "300000");
    properties.setProperty(
        "sessionVariables",
        "sql_mode='STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO',"
            + "time_zone='+00:00',max_statement_time="
            + database.statementTimeoutMs() / 1000.0
            + ",innodb_lock_wait_timeout="
            + Math.max(1, TimeUnit.MILLISECONDS.toSeconds(database.lockTimeoutMs()))
            + ",lock_wait_timeout="
            + Math.max(1, TimeUnit.MILLISECONDS.toSeconds(database.lockTimeoutMs())));
    Connection connection = DriverManager.getConnection(database.url(), properties);
    connection.setAutoCommit(false);
    return connection;
  }

  @Override
  public Failure failure(SQLException e) {
    String state = e.getSQLState() == null ? "" : e.getSQLState();
    if (state.startsWith("28") || e.getErrorCode() == UNKNOWN_DATABASE) {
      return Failure.ACCESS;
    }
    if (READ_ONLY.contains(e.getErrorCode())) {
      return Failure.READ_ONLY;
    }
    if (OUTAGES.contains(e.getErrorCode()) || state.matches("(08|40).*")) {
      return Failure.OUTAGE;
    }
    return ROWS.contains(e.getErrorCode())
            || DEPENDENT.contains(e.getErrorCode())
            || state.matches("(22|23).*")
        ? Failure.ROW
        : Failure.OTHER;
  }

  @Override
  public boolean mayPassLater(SQLException e) {
    return DEPENDENT.contains(e.getErrorCode());
  }

  @Override
  public TableShape read(Connection db, String schema, String table) throws SQLException {
    Map<String, TableShape.Column> columns = new LinkedHashMap<>();
    Set<String> key = new LinkedHashSet<>();
    Set<String> parents = Set.of();
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT c.column_name, c.data_type, c.column_type, c.column_key = 'PRI',"
                + " c.is_nullable = 'NO' AND c.column_default IS NULL AND c.extra NOT LIKE '%auto_increment%',"
                + " EXISTS (SELECT 1 FROM information_schema.check_constraints k"
                + " WHERE k.constraint_schema = c.table_schema AND k.table_name = c.table_name"
                + " AND k.check_clause = concat('json_valid(`', c.column_name, '`)')),"
                + " (SELECT group_concat(DISTINCT concat(r.referenced_table_schema, '.', r.referenced_table_name) SEPARATOR '\\n')"
                + " FROM information_schema.key_column_usage r"
                + " WHERE r.table_schema = c.table_schema AND r.table_name = c.table_name"
                + " AND r.referenced_table_name IS NOT NULL)"
                + " FROM information_schema.columns c"
                + " WHERE c.table_schema = ? AND c.table_name = ? AND c.is_generated = 'NEVER'"
                + " ORDER BY c.ordinal_position")) {
      query.setString(1, schema);
      query.setString(2, table);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          String name = rows.getString(1);
          ColumnType.Kind kind =
              rows.getBoolean(6)
                  ? ColumnType.Kind.JSON
                  : kind(rows.getString(2), rows.getString(3));
          columns.put(
              name,
              new TableShape.Column(
                  name, new ColumnType(kind, rows.getString(3), null, 0), rows.getBoolean(5)));
          if (rows.getBoolean(4)) {
            key.add(name);
          }
          String tables = rows.getString(7);
          parents = tables == null ? Set.of() : Set.copyOf(tables.lines().toList());
        }
      }
    }
    return new TableShape(schema + "." + table, columns, key, parents);
  }

  private static ColumnType.Kind kind(String type, String whole) {
    if (whole.equals("tinyint(1)")) {
      return ColumnType.Kind.BOOL;
    }
    return switch (type) {
      case "bigint" -> ColumnType.Kind.INT8;
      case "int", "mediumint" -> ColumnType.Kind.INT4;
      case "smallint", "tinyint" -> ColumnType.Kind.INT2;
      case "double" -> ColumnType.Kind.FLOAT8;
      case "float" -> ColumnType.Kind.FLOAT4;
      case "decimal" -> ColumnType.Kind.NUMERIC;
      case "datetime", "timestamp" -> ColumnType.Kind.TIMESTAMP;
      case "date" -> ColumnType.Kind.DATE;
      case "time" -> ColumnType.Kind.TIME;
      case "uuid" -> ColumnType.Kind.UUID;
      case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob" ->
          ColumnType.Kind.BYTEA;
      case "char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum" ->
          ColumnType.Kind.TEXT;
      default -> ColumnType.Kind.OTHER;
    };
  }

  @Override
  public void put(Connection db, TableShape shape, List<Rows> rows) throws SQLException {
    for (Rows each : rows) {
      List<String> columns = TableShape.names(each.fit().columns());
      String sql =
          "INSERT INTO "
              + shape.qualified(MariaDbDialect::quote)
              + " ("
              + columns.stream().map(MariaDbDialect::quote).collect(Collectors.joining(", "))
              + ") VALUES ("
              + "?, ".repeat(columns.size() - 1)
              + "?)";
      List<String> rest = columns.stream().filter(c -> !shape.key().contains(c)).toList();
      if (shape.keyed()) {
        // A row of nothing but its key is set to itself.
        sql +=
            " ON DUPLICATE KEY UPDATE "
                + (rest.isEmpty() ? columns : rest)
                    .stream()
                        .map(c -> quote(c) + " = VALUES(" + quote(c) + ")")
                        .collect(Collectors.joining(", "));
      }
      run(db, sql, each.fit().columns(), each.records(), SinkRecord::value);
    }
  }

  @Override
  public void delete(Connection db, TableShape shape, List<Rows> keys) throws SQLException {
    for (Rows each : keys) {
      String where =
          TableShape.names(each.fit().columns()).stream()
              .map(c -> quote(c) + " = ?")
              .collect(Collectors.joining(" AND "));
      run(
          db,
          "DELETE FROM " + shape.qualified(MariaDbDialect::quote) + " WHERE " + where,
          each.fit().columns(),
          each.records(),
          SinkRecord::key);
    }
  }

  private void run(
      Connection db,
      String sql,
      List<TableShape.Column> columns,
      List<SinkRecord> records,
      Function<SinkRecord, Object> part)
      throws SQLException {
    try (PreparedStatement statement = db.prepareStatement(sql)) {
      for (SinkRecord record : records) {
        bind(statement, columns, struct(part.apply(record)));
        statement.addBatch();
      }
      statement.executeBatch();
    }
  }

  private static Struct struct(Object record) {
    try {
      return record instanceof AvroRow row ? row.struct() : (Struct) record;
    } catch (RuntimeException e) {
      throw new DataException("the record cannot be decoded: " + e, e);
    }
  }

  private void bind(PreparedStatement statement, List<TableShape.Column> columns, Struct row)
      throws SQLException {
    for (int i = 0; i < columns.size(); i++) {
      TableShape.Column column = columns.get(i);
      Field field = row.schema().field(column.name());
      Object value = row.getWithoutDefault(column.name());
      if (value == null) {
        statement.setNull(i + 1, Types.NULL);
        continue;
      }
      try {
        bind(statement, i + 1, column.type().kind(), field, value);
      } catch (ClassCastException | ArithmeticException | DateTimeException e) {
        throw new DataException(
            "column %s is of type %s, and the record's value does not fit: %s"
                .formatted(column.name(), column.type().name(), e.getMessage()),
            e);
      }
    }
  }

  @SuppressWarnings("JavaUtilDate") // What Connect gives for its types of time.
  private void bind(
      PreparedStatement statement, int at, ColumnType.Kind kind, Field field, Object value)
      throws SQLException {
    switch (kind) {
      case INT8, INT4, INT2 -> statement.setLong(at, ((Number) value).longValue());
      case BOOL -> statement.setBoolean(at, (Boolean) value);
      case FLOAT8 -> statement.setDouble(at, ((Number) value).doubleValue());
      case FLOAT4 -> statement.setFloat(at, ((Number) value).floatValue());
      case NUMERIC ->
          statement.setBigDecimal(
              at,
              value instanceof BigDecimal decimal
                  ? decimal
                  : BigDecimal.valueOf(((Number) value).longValue()));
      case TIMESTAMP ->
          statement.setObject(
              at,
              LocalDateTime.ofInstant(
                  value instanceof Date date
                      ? Instant.ofEpochMilli(date.getTime())
                      : Instant.EPOCH.plus((Long) value, ChronoUnit.MICROS),
                  ZoneOffset.UTC));
      case DATE ->
          statement.setObject(
              at, LocalDate.ofEpochDay(TimeUnit.MILLISECONDS.toDays(((Date) value).getTime())));
      case TIME ->
          statement.setObject(
              at,
              LocalTime.ofNanoOfDay(
                  MICROS
                      * (value instanceof Date date
                          ? TimeUnit.MILLISECONDS.toMicros(date.getTime())
                          : (Long) value)));
      case TEXT ->
          statement.setString(
              at, value instanceof BigDecimal d ? d.toPlainString() : (String) value);
      case UUID -> statement.setString(at, (String) value);
      case BYTEA ->
          statement.setBytes(at, value instanceof ByteBuffer b ? array(b) : (byte[]) value);
      case JSON, JSONB ->
          statement.setString(
              at,
              value instanceof String text
                  ? text
                  : new String(
                      json.fromConnectData("", field.schema(), value), StandardCharsets.UTF_8));
      case ARRAY, OTHER -> throw new IllegalStateException(kind + " is no type of MariaDB's");
    }
  }

  private static byte[] array(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }

  private static String quote(String name) {
    return '`' + name.replace("`", "``") + '`';
  }
}
