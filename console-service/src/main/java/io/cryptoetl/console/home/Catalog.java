package io.cryptoetl.console.home;

import io.cryptoetl.console.Database;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What tables there are, with their comments: what the editor completes and the grid explains. */
@Path("/api/tables")
@Blocking
public class Catalog {
  private static final String SQL =
      """
      SELECT n.nspname, c.relname, c.relkind IN ('v', 'm'), greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::bigint, obj_description(c.oid, 'pg_class'),
        a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum)
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
      ORDER BY n.nspname, c.relname, a.attnum
      """;

  private final Database database;

  Catalog(Database database) {
    this.database = database;
  }

  /**
   * A table or view.
   *
   * @param rows about how many, as the last ANALYZE saw it
   * @param comment null if there is none
   */
  public record Table(
      String schema, String name, boolean view, long rows, String comment, List<Column> columns) {}

  /**
   * A column.
   *
   * @param comment null if there is none
   */
  public record Column(String name, String type, String comment) {}

  /** All tables that may be read. */
  @GET
  public List<Table> tables() throws SQLException {
    Map<String, Table> tables = new LinkedHashMap<>();
    try (Connection connection = database.pages();
        Statement statement = connection.createStatement();
        ResultSet rows = statement.executeQuery(SQL)) {
      while (rows.next()) {
        Table fresh =
            new Table(
                rows.getString(1),
                rows.getString(2),
                rows.getBoolean(3),
                rows.getLong(4),
                rows.getString(5),
                new ArrayList<>());
        tables
            .computeIfAbsent(fresh.schema() + "." + fresh.name(), _ -> fresh)
            .columns()
            .add(new Column(rows.getString(6), rows.getString(7), rows.getString(8)));
      }
    }
    return List.copyOf(tables.values());
  }
}
