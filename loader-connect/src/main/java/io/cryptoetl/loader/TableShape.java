package io.cryptoetl.loader;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.connect.errors.ConnectException;

/** A table as the database has it, and the SQL that loads it. */
final class TableShape {
  private final String schema;
  private final String table;
  private final Map<String, Column> columns;
  private final List<String> key;

  /**
   * A column.
   *
   * @param type name of its type in pg_type, such as int8, or _bytea for an array of bytea
   */
  record Column(String name, String type) {
    String quoted() {
      return quote(name);
    }
  }

  private TableShape(String schema, String table, Map<String, Column> columns, List<String> key) {
    this.schema = schema;
    this.table = table;
    this.columns = columns;
    this.key = key;
  }

  /**
   * Reads the shape of a topic's table.
   *
   * @param topic {@code schema.table}
   * @throws ConnectException if there is no such table, or its primary key is not that of the
   *     records
   */
  static TableShape read(Connection db, String topic, List<String> recordKey) throws SQLException {
    int dot = topic.indexOf('.');
    if (dot < 1 || dot == topic.length() - 1) {
      throw new ConnectException("topic " + topic + " does not name a table; schema.table does");
    }
    String schema = topic.substring(0, dot);
    String table = topic.substring(dot + 1);
    Map<String, Column> columns = new LinkedHashMap<>();
    List<String> key = new ArrayList<>();
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT a.attname, t.typname, a.attnum = ANY (i.indkey)"
                + " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                + " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0"
                + " AND NOT a.attisdropped AND a.attgenerated = ''"
                + " JOIN pg_type t ON t.oid = a.atttypid"
                + " LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary"
                + " WHERE n.nspname = ? AND c.relname = ? ORDER BY a.attnum")) {
      query.setString(1, schema);
      query.setString(2, table);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          Column column = new Column(rows.getString(1), rows.getString(2));
          columns.put(column.name(), column);
          if (rows.getBoolean(3)) {
            key.add(column.name());
          }
        }
      }
    }
    if (columns.isEmpty()) {
      throw new ConnectException(
          "there is no table " + topic + " for the topic of that name; run the migrations");
    }
    if (!Set.copyOf(key).equals(Set.copyOf(recordKey))) {
      throw new ConnectException(
          "the primary key of table "
              + topic
              + " is "
              + key
              + ", the records' key is "
              + recordKey);
    }
    return new TableShape(schema, table, columns, key);
  }

  /**
   * The columns of these names.
   *
   * @throws ConnectException if the table lacks one
   */
  List<Column> columns(Set<String> names) {
    List<Column> found = new ArrayList<>();
    for (String name : names) {
      Column column = columns.get(name);
      if (column == null) {
        throw new ConnectException(
            "table " + schema + "." + table + " has no column " + name + "; run the migrations");
      }
      found.add(column);
    }
    return found;
  }

  List<Column> keyColumns() {
    return key.stream().map(columns::get).toList();
  }

  /**
   * A temporary table with the table's columns, none of its constraints, empty in each transaction.
   */
  String createStaging() {
    // TRUNCATE would write to the catalog; a table that drops at commit may be needed twice.
    return "CREATE TEMP TABLE IF NOT EXISTS "
        + staging()
        + " ON COMMIT DELETE ROWS AS SELECT * FROM "
        + qualified()
        + " WITH NO DATA; DELETE FROM "
        + staging();
  }

  String copyIntoTable(List<Column> into) {
    return "COPY " + qualified() + " (" + list(into) + ") FROM STDIN (FORMAT binary)";
  }

  String copyIntoStaging(List<Column> into) {
    return "COPY " + staging() + " (" + list(into) + ") FROM STDIN (FORMAT binary)";
  }

  /** Inserts what is new and updates what differs; equal rows are not written. */
  String mergeFromStaging(List<Column> from) {
    List<Column> rest = from.stream().filter(c -> !key.contains(c.name())).toList();
    String insert =
        "INSERT INTO "
            + qualified()
            + " AS t ("
            + list(from)
            + ") SELECT "
            + list(from)
            + " FROM "
            + staging()
            + " ORDER BY "
            + list(keyColumns())
            + " ON CONFLICT ("
            + list(keyColumns())
            + ") DO ";
    if (rest.isEmpty()) {
      return insert + "NOTHING";
    }
    return insert
        + "UPDATE SET "
        + rest.stream()
            .map(c -> c.quoted() + " = excluded." + c.quoted())
            .collect(Collectors.joining(", "))
        + " WHERE ("
        + prefixed("t", rest)
        + ") IS DISTINCT FROM ("
        + prefixed("excluded", rest)
        + ")";
  }

  String deleteByStaging() {
    return "DELETE FROM "
        + qualified()
        + " AS t USING "
        + staging()
        + " AS s WHERE "
        + keyColumns().stream()
            .map(c -> "t." + c.quoted() + " = s." + c.quoted())
            .collect(Collectors.joining(" AND "));
  }

  private String qualified() {
    return quote(schema) + "." + quote(table);
  }

  private String staging() {
    return "pg_temp." + quote("staging_" + schema + "_" + table);
  }

  private static String list(List<Column> columns) {
    return columns.stream().map(Column::quoted).collect(Collectors.joining(", "));
  }

  private static String prefixed(String prefix, List<Column> columns) {
    return columns.stream().map(c -> prefix + "." + c.quoted()).collect(Collectors.joining(", "));
  }

  private static String quote(String name) {
    return '"' + name.replace("\"", "\"\"") + '"';
  }
}
