package io.cryptoetl.loader.postgres;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A topic is a table: columns, types, nullability, comments and key are those of the schema. */
@ExtendWith(StackExtension.class)
class MigrationsIT {
  private final Stack stack;

  MigrationsIT(Stack stack) {
    this.stack = stack;
  }

  static Stream<Topic> tables() {
    return Topics.all().stream().filter(Topic::table);
  }

  @ParameterizedTest
  @MethodSource("tables")
  void shouldHaveTheColumnsOfTheSchema(Topic topic) throws SQLException {
    Map<String, String> expected = new TreeMap<>();
    for (Schema.Field field : topic.value().getFields()) {
      expected.put(field.name(), column(field));
    }

    assertThat(columns(topic.name())).isEqualTo(expected);
  }

  @Test
  void shouldSeeBlocksWithoutAllOfTheirRowsAndWithThoseOfOthers() throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      db.setAutoCommit(false);
      for (int number = 1; number <= 3; number++) {
        statement.execute(
            required(
                "chain.blocks",
                Map.of(
                    "chain_id",
                    "777",
                    "number",
                    "" + number,
                    "hash",
                    "'\\x0" + number + "'",
                    "transaction_count",
                    "1")));
      }
      // The second block has none of its own, the third one more than its own.
      String[][] rows = {{"1", "0", "1"}, {"2", "0", "9"}, {"3", "0", "3"}, {"3", "1", "9"}};
      for (String[] row : rows) {
        statement.execute(
            required(
                "chain.transactions",
                Map.of(
                    "chain_id",
                    "777",
                    "block_number",
                    row[0],
                    "transaction_index",
                    row[1],
                    "block_hash",
                    "'\\x0" + row[2] + "'")));
      }
      try (ResultSet found =
          statement.executeQuery(
              "SELECT string_agg(concat_ws(' ', number, missing_transactions, surplus_rows), ', ' ORDER BY number) FROM audit.incomplete_blocks WHERE chain_id = 777")) {
        found.next();
        assertThat(found.getString(1)).isEqualTo("2 1 1, 3 0 1");
      }
      db.rollback();
    }
  }

  /** An INSERT of some values, and of anything into the other columns that must have one. */
  private String required(String table, Map<String, String> values) throws SQLException {
    Map<String, String> all = new TreeMap<>(values);
    for (Schema.Field field :
        Topics.all().stream()
            .filter(t -> t.name().equals(table))
            .findFirst()
            .orElseThrow()
            .value()
            .getFields()) {
      if (field.schema().getType() != Schema.Type.UNION) {
        all.putIfAbsent(field.name(), any(column(field)));
      }
    }
    return "INSERT INTO %s (%s) VALUES (%s)"
        .formatted(table, String.join(", ", all.keySet()), String.join(", ", all.values()));
  }

  private static String any(String column) {
    return column.startsWith("timestamp")
        ? "now()"
        : column.startsWith("bytea")
            ? "'\\x00'"
            : column.startsWith("text[]") ? "'{}'" : column.startsWith("boolean") ? "false" : "'0'";
  }

  @ParameterizedTest
  @MethodSource("tables")
  void shouldHaveTheKeyOfTheTopic(Topic topic) throws SQLException {
    Set<String> key = new HashSet<>();
    int dot = topic.name().indexOf('.');
    try (Connection db = stack.database();
        ResultSet columns =
            db.getMetaData()
                .getPrimaryKeys(
                    null, topic.name().substring(0, dot), topic.name().substring(dot + 1))) {
      while (columns.next()) {
        key.add(columns.getString("COLUMN_NAME"));
      }
    }

    assertThat(key)
        .containsExactlyInAnyOrderElementsOf(
            topic.key().getFields().stream().map(Schema.Field::name).toList());
  }

  private static String column(Schema.Field field) {
    Schema schema = field.schema();
    boolean nullable = schema.isUnion();
    if (nullable) {
      schema =
          schema.getTypes().stream()
              .filter(t -> t.getType() != Schema.Type.NULL)
              .findFirst()
              .orElseThrow();
    }
    String type =
        schema.getLogicalType() instanceof LogicalTypes.Decimal d
            ? "numeric(" + d.getPrecision() + "," + d.getScale() + ")"
            : schema.getLogicalType() instanceof LogicalTypes.TimestampMillis
                ? "timestamp with time zone"
                : switch (schema.getType()) {
                  case LONG -> "bigint";
                  case INT -> "integer";
                  case BOOLEAN -> "boolean";
                  case BYTES -> "bytea";
                  case STRING -> "text";
                  case ARRAY ->
                      schema.getElementType().getType() == Schema.Type.BYTES ? "bytea[]" : "text[]";
                  default -> throw new IllegalArgumentException(schema.toString());
                };
    return type + (nullable ? "" : " NOT NULL") + " -- " + field.doc();
  }

  private Map<String, String> columns(String table) throws SQLException {
    Map<String, String> columns = new TreeMap<>();
    try (Connection db = stack.database();
        PreparedStatement query =
            db.prepareStatement(
                "SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END || ' -- ' || col_description(attrelid, attnum) FROM pg_attribute WHERE attrelid = ?::regclass AND attnum > 0")) {
      query.setString(1, table);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          columns.put(rows.getString(1), rows.getString(2));
        }
      }
    }
    return columns;
  }
}
