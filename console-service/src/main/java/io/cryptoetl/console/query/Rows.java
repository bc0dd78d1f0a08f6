package io.cryptoetl.console.query;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import org.postgresql.PGResultSetMetaData;

/**
 * Writes a result as lines of JSON: first its columns, then each row as an array of texts as the
 * server writes them, at the end what came of it. A number is a text, so that no reader rounds it.
 */
final class Rows implements Queries.Sink {
  private static final JsonFactory JSON = new JsonFactory();

  private final OutputStream out;
  private final long mostRows;
  private final long mostBytes;
  private long rows;
  private long bytes;
  private int columns;

  /** What keeps further rows from being shown; empty while nothing does. */
  private String full = "";

  Rows(OutputStream out, long mostRows, long mostBytes) {
    this.out = out;
    this.mostRows = mostRows;
    this.mostBytes = mostBytes;
  }

  /** Characters of the cells so far. */
  @Override
  public long bytes() {
    return bytes;
  }

  @Override
  public boolean isFull() {
    return !full.isEmpty();
  }

  @Override
  public int write(ResultSet result) throws IOException, SQLException {
    if (rows == 0) {
      columns(result.getMetaData());
    }
    int count = 0;
    while (!isFull() && result.next()) {
      if (rows >= mostRows) {
        full = "rows";
      } else if (bytes >= mostBytes) {
        full = "bytes";
      } else {
        row(result);
        count++;
      }
    }
    out.flush();
    return count;
  }

  private void columns(ResultSetMetaData meta) throws IOException, SQLException {
    columns = meta.getColumnCount();
    try (JsonGenerator line = line()) {
      line.writeStartObject();
      line.writeArrayFieldStart("columns");
      for (int i = 1; i <= columns; i++) {
        line.writeStartObject();
        line.writeStringField("name", meta.getColumnLabel(i));
        line.writeStringField("type", meta.getColumnTypeName(i));
        line.writeStringField("of", origin(meta, i));
        line.writeEndObject();
      }
      line.writeEndArray();
      line.writeEndObject();
    }
    out.write('\n');
  }

  /** Column of a table that a column of the result is, unchanged; null if it is none. */
  private static String origin(ResultSetMetaData meta, int column) throws SQLException {
    PGResultSetMetaData origin = (PGResultSetMetaData) meta;
    String name = origin.getBaseColumnName(column);
    return name.isEmpty()
        ? null
        : origin.getBaseSchemaName(column) + "." + origin.getBaseTableName(column) + "." + name;
  }

  private void row(ResultSet row) throws IOException, SQLException {
    try (JsonGenerator line = line()) {
      line.writeStartArray();
      for (int i = 1; i <= columns; i++) {
        String cell = row.getString(i);
        line.writeString(cell);
        bytes += cell == null ? 0 : cell.length();
      }
      line.writeEndArray();
    }
    out.write('\n');
    rows++;
  }

  /** The last line of a result. */
  void end(long millis) throws IOException {
    try (JsonGenerator line = line()) {
      line.writeStartObject();
      line.writeObjectFieldStart("done");
      line.writeNumberField("rows", rows);
      line.writeBooleanField("more", isFull());
      line.writeStringField("why", full);
      line.writeNumberField("millis", millis);
      line.writeEndObject();
      line.writeEndObject();
    }
    out.write('\n');
    out.flush();
  }

  /** The last line of a result that broke off. */
  void failed(QueryFailure failure) throws IOException {
    try (JsonGenerator line = line()) {
      line.writeStartObject();
      line.writeObjectFieldStart("error");
      line.writeStringField("message", failure.message());
      line.writeStringField("sqlstate", failure.sqlState());
      line.writeStringField("hint", failure.hint());
      line.writeNumberField("position", failure.position());
      line.writeEndObject();
      line.writeEndObject();
    }
    out.write('\n');
    out.flush();
  }

  private JsonGenerator line() throws IOException {
    return JSON.createGenerator(out)
        .disable(JsonGenerator.Feature.AUTO_CLOSE_TARGET)
        .disable(JsonGenerator.Feature.FLUSH_PASSED_TO_STREAM);
  }
}
