package io.cryptoetl.console.query;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;

/**
 * Writes rows as COPY ... WITH (FORMAT csv, HEADER) does (PostgreSQL documentation, COPY, CSV
 * Format): what is empty is quoted, what is null is not there. Or their one column as it is, a line
 * each.
 */
final class CsvRows implements Queries.Sink {
  private final OutputStream out;
  private final boolean csv;
  private boolean begun;
  private long bytes;

  CsvRows(OutputStream out, boolean csv) {
    this.out = out;
    this.csv = csv;
  }

  @Override
  public long bytes() {
    return bytes;
  }

  /** Writes the rows of a result, before the first ones the names. */
  @Override
  public int write(ResultSet result) throws IOException, SQLException {
    ResultSetMetaData meta = result.getMetaData();
    int columns = meta.getColumnCount();
    if (csv && !begun) {
      StringBuilder names = new StringBuilder();
      for (int i = 1; i <= columns; i++) {
        names.append(i > 1 ? "," : "").append(cell(meta.getColumnLabel(i), columns));
      }
      line(names);
    }
    begun = true;
    int count = 0;
    while (result.next()) {
      StringBuilder row = new StringBuilder();
      for (int i = 1; i <= columns; i++) {
        String cell = result.getString(i);
        row.append(i > 1 ? "," : "").append(cell == null ? "" : csv ? cell(cell, columns) : cell);
      }
      line(row);
      count++;
    }
    return count;
  }

  private void line(StringBuilder text) throws IOException {
    byte[] line = text.append('\n').toString().getBytes(StandardCharsets.UTF_8);
    bytes += line.length;
    out.write(line);
  }

  private static String cell(String value, int columns) {
    boolean isEnd = columns == 1 && value.equals("\\.");
    boolean plain =
        !value.isEmpty() && !isEnd && value.chars().noneMatch(c -> "\",\r\n".indexOf(c) >= 0);
    return plain ? value : '"' + value.replace("\"", "\"\"") + '"';
  }
}
