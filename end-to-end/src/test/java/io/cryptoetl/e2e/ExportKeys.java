package io.cryptoetl.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.List;

/** Keys of rows of ethereum-etl's files, read by the columns' places alone. */
final class ExportKeys {
  private static final ObjectMapper JSON = new ObjectMapper();

  private ExportKeys() {}

  static String of(String table, boolean json, String head, String row) throws IOException {
    List<String> columns =
        switch (table) {
          case "blocks" -> List.of("number");
          case "transactions", "receipts" -> List.of("block_number", "transaction_index");
          default -> List.of("block_number", "log_index");
        };
    StringBuilder key = new StringBuilder();
    for (String column : columns) {
      key.append(key.isEmpty() ? "" : "/")
          .append(json ? field(row, column) : cell(head, row, column));
    }
    return key.toString();
  }

  private static String field(String row, String column) throws IOException {
    JsonNode node = JSON.readTree(row);
    return node.get(column).asText();
  }

  /** No column before a key has a comma of its own. */
  private static String cell(String head, String row, String column) {
    return row.split(",", -1)[List.of(head.split(",", -1)).indexOf(column)];
  }
}
