package io.cryptoetl.local.cli;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a query. */
@Command(
    name = "query",
    description = "Runs a read-only SQL query against the tables.",
    mixinStandardHelpOptions = true)
final class QueryCommand implements Callable<Integer> {
  private static final int FETCH_ROWS = 1000;
  private static final int WIDEST = 80;

  /** How results are written. */
  enum Format {
    table,
    csv,
    json
  }

  @Parameters(paramLabel = "SQL", description = "A SELECT")
  private String sql;

  @Option(
      names = "--format",
      description = "table, csv (with a header line) or json (an array of objects); default table",
      defaultValue = "table")
  private Format format;

  @Override
  public Integer call() throws Exception {
    PrintStream out = System.out;
    try (Connection db = Deployment.current().database().connect()) {
      db.setReadOnly(true);
      db.setAutoCommit(false);
      try (Statement statement = db.createStatement()) {
        statement.setFetchSize(FETCH_ROWS);
        try (ResultSet rows = statement.executeQuery(sql)) {
          switch (format) {
            case table -> table(rows, out);
            case csv -> csv(rows, out);
            case json -> json(rows, out);
          }
        }
      }
    } catch (SQLException e) {
      Screen.system().error(e.getMessage());
      return PipelineCommand.FAILED;
    }
    out.flush();
    return 0;
  }

  private static void csv(ResultSet rows, PrintStream out) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    StringBuilder line = new StringBuilder();
    for (int i = 1; i <= columns.getColumnCount(); i++) {
      line.append(i > 1 ? "," : "").append(csvField(columns.getColumnLabel(i)));
    }
    out.println(line);
    while (rows.next()) {
      line.setLength(0);
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        String value = rows.getString(i);
        line.append(i > 1 ? "," : "").append(value == null ? "" : csvField(value));
      }
      out.println(line);
    }
  }

  /** RFC 4180. An empty text is quoted, so that it differs from NULL. */
  private static String csvField(String value) {
    boolean plain = !value.isEmpty() && value.chars().noneMatch(c -> "\",\r\n".indexOf(c) >= 0);
    return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
  }

  private static void json(ResultSet rows, PrintStream out) throws SQLException, IOException {
    ResultSetMetaData columns = rows.getMetaData();
    JsonGenerator generator = new ObjectMapper().createGenerator(out);
    generator.disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET);
    generator.writeStartArray();
    while (rows.next()) {
      generator.writeStartObject();
      for (int i = 1; i <= columns.getColumnCount(); i++) {
        generator.writeFieldName(columns.getColumnLabel(i));
        switch (rows.getObject(i)) {
          case null -> generator.writeNull();
          case Integer number -> generator.writeNumber(number);
          case Long number -> generator.writeNumber(number);
          case BigDecimal number -> generator.writeNumber(number);
          case Double number -> generator.writeNumber(number);
          case Boolean bool -> generator.writeBoolean(bool);
          default -> generator.writeString(rows.getString(i));
        }
      }
      generator.writeEndObject();
    }
    generator.writeEndArray();
    generator.close();
    out.println();
  }

  private static void table(ResultSet rows, PrintStream out) throws SQLException {
    ResultSetMetaData columns = rows.getMetaData();
    int count = columns.getColumnCount();
    List<String[]> lines = new ArrayList<>();
    String[] header = new String[count];
    for (int i = 0; i < count; i++) {
      header[i] = columns.getColumnLabel(i + 1);
    }
    lines.add(header);
    long total = 0;
    while (rows.next()) {
      total++;
      String[] line = new String[count];
      for (int i = 0; i < count; i++) {
        String value = rows.getString(i + 1);
        line[i] = value == null ? "" : shortened(value.replaceAll("\\s", " "));
      }
      lines.add(line);
      if (lines.size() > FETCH_ROWS) {
        printTable(lines, count, out);
        lines.clear();
        lines.add(header);
      }
    }
    if (lines.size() > 1 || total == 0) {
      printTable(lines, count, out);
    }
    out.println("(" + total + (total == 1 ? " row)" : " rows)"));
  }

  private static String shortened(String value) {
    return value.length() > WIDEST ? value.substring(0, WIDEST - 3) + "..." : value;
  }

  private static void printTable(List<String[]> lines, int count, PrintStream out) {
    int[] widths = new int[count];
    for (String[] line : lines) {
      for (int i = 0; i < count; i++) {
        widths[i] = Math.max(widths[i], line[i].length());
      }
    }
    for (int row = 0; row < lines.size(); row++) {
      StringBuilder text = new StringBuilder();
      for (int i = 0; i < count; i++) {
        String cell = lines.get(row)[i];
        text.append(i > 0 ? " | " : " ").append(cell).append(" ".repeat(widths[i] - cell.length()));
      }
      out.println(text.toString().stripTrailing());
      if (row == 0) {
        StringBuilder rule = new StringBuilder();
        for (int i = 0; i < count; i++) {
          rule.append(i > 0 ? "+" : "").append("-".repeat(widths[i] + 2));
        }
        out.println(rule);
      }
    }
  }
}
