package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.cryptoetl.stack.Stack;
import java.io.IOException;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What stands in the database, in the oracle's form. */
final class Tables {
  private static final ObjectMapper JSON =
      JsonMapper.builder()
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(DeserializationFeature.USE_BIG_INTEGER_FOR_INTS)
          .build();
  private static final Map<String, String> POSITION =
      Map.of(
          "chain.transactions", "transaction_index",
          "chain.logs", "log_index",
          "chain.token_transfers", "transfer_index",
          "chain.withdrawals", "withdrawal_index",
          "chain.access_list_entries", "entry_index",
          "chain.authorizations", "authorization_index");

  private Tables() {}

  static long number(Stack stack, String sql) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      return row.next() ? row.getLong(1) : -1;
    }
  }

  static List<String> texts(Stack stack, String sql) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement();
        ResultSet rows = statement.executeQuery(sql)) {
      List<String> texts = new ArrayList<>();
      while (rows.next()) {
        texts.add(rows.getString(1));
      }
      return texts;
    }
  }

  /** Fails unless the tables hold the oracle's rows of its chain: all of them, and no others. */
  static void assertEqual(Stack stack, Oracle oracle, long chainId)
      throws SQLException, IOException {
    for (var table : oracle.tables.entrySet()) {
      Map<String, Map<String, String>> actual = read(stack, table.getKey(), chainId);
      assertThat(actual.keySet()).as(table.getKey()).isEqualTo(table.getValue().keySet());
      for (var row : table.getValue().entrySet()) {
        assertThat(actual.get(row.getKey()))
            .as("%s %s", table.getKey(), row.getKey())
            .isEqualTo(row.getValue());
      }
    }
  }

  /**
   * Waits until the tables hold what a run without a disturbance leaves: the oracle's rows of every
   * recorded block, nothing in the dead letters, and each range published once, whatever was
   * repeated.
   */
  static void awaitUndisturbed(Stack stack, Recorded recorded, long chainId) throws Exception {
    await()
        .atMost(Duration.ofMinutes(5))
        .pollInterval(Duration.ofSeconds(1))
        .ignoreExceptionsInstanceOf(SQLException.class)
        .untilAsserted(
            () -> {
              assertThat(number(stack, "SELECT count(*) FROM chain.blocks"))
                  .isEqualTo(recorded.blocks.size());
              assertThat(number(stack, "SELECT count(*) FROM audit.incomplete_blocks")).isZero();
            });
    assertEqual(stack, recorded.oracle(chainId, "recorded"), chainId);
    assertThat(number(stack, "SELECT count(*) FROM ops.dead_letters")).isZero();
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(
            () ->
                assertThat(number(stack, "SELECT sum(blocks) FROM ops.extract_results"))
                    .as("published once each")
                    .isEqualTo(recorded.blocks.size()));
  }

  private static Map<String, Map<String, String>> read(Stack stack, String table, long chainId)
      throws SQLException, IOException {
    Map<String, Map<String, String>> rows = new TreeMap<>();
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute("SET timezone = 'UTC'");
      db.setAutoCommit(false);
      statement.setFetchSize(500);
      try (ResultSet result =
          statement.executeQuery(
              "SELECT row_to_json(t) FROM " + table + " t WHERE chain_id = " + chainId)) {
        while (result.next()) {
          JsonNode row = JSON.readTree(result.getString(1));
          Map<String, String> columns = new TreeMap<>();
          row.properties()
              .forEach(
                  e -> {
                    if (!Oracle.unknown().contains(e.getKey())) {
                      columns.put(e.getKey(), text(e.getValue()));
                    }
                  });
          String key =
              POSITION.containsKey(table)
                  ? chainId
                      + "/"
                      + columns.get("block_number")
                      + "/"
                      + columns.get(POSITION.get(table))
                  : chainId + "/" + columns.get("number");
          rows.put(key, columns);
        }
      }
    }
    return rows;
  }

  private static String text(JsonNode value) {
    if (value.isNull()) {
      return null;
    }
    if (value.isArray()) {
      List<String> elements = new ArrayList<>();
      value.forEach(v -> elements.add(v.asText()));
      return elements.toString();
    }
    return value.asText();
  }
}
