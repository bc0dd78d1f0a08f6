package io.cryptoetl.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import java.math.BigInteger;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * The rows that a block must give, computed from its JSON as plain text by code that shares nothing
 * with the pipeline: values are compared as PostgreSQL writes them in JSON.
 */
final class Oracle {
  private static final String TRANSFER =
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
  private static final String SINGLE =
      "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62";
  private static final String BATCH =
      "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb";

  private static final long ANVIL = 31337;
  private static final List<String> CHECKS =
      List.of(
          "chain_id",
          "derived_fields",
          "header_hash",
          "logs_bloom",
          "number",
          "ommers",
          "parent_link",
          "receipts_of_block",
          "receipts_root",
          "transaction_hashes",
          "transactions_of_block",
          "transactions_root",
          "withdrawals_root");

  /** Rows by table and key; a row is its columns as text, null for NULL. */
  final Map<String, Map<String, Map<String, String>>> tables = new TreeMap<>();

  private final long chainId;
  private final String source;

  Oracle(long chainId, String source) {
    this.chainId = chainId;
    this.source = source;
    for (String t :
        List.of(
            "blocks",
            "transactions",
            "logs",
            "token_transfers",
            "withdrawals",
            "access_list_entries",
            "authorizations")) {
      tables.put("chain." + t, new TreeMap<>());
    }
  }

  /**
   * What cannot be proven of a block: its parent is not there, or anvil counts blobs its own way.
   */
  private List<String> impossible(JsonNode block, boolean linked) {
    List<String> impossible = new ArrayList<>();
    for (JsonNode tx : block.get("transactions")) {
      if (chainId == ANVIL && tx.path("type").asText().equals("0x3")) {
        impossible.add("derived_fields");
        break;
      }
    }
    if (!linked) {
      impossible.add("parent_link");
    }
    if (impossible.contains("derived_fields")) {
      impossible.add("transactions_root");
    }
    return impossible;
  }

  /**
   * Adds a block; {@code receipts} is null where the node has none.
   *
   * @param linked whether the node has the block below too
   */
  void add(JsonNode block, List<JsonNode> receipts, boolean linked) {
    String n = dec(block, "number");
    int logs = 0;
    int transfers = 0;
    int entries = 0;
    int auths = 0;
    int index = 0;
    for (JsonNode tx : block.get("transactions")) {
      JsonNode receipt = receipts == null ? null : receipts.get(index);
      Map<String, String> t = child(block);
      t.put("transaction_index", "" + index);
      t.put("hash", hex(tx, "hash"));
      t.put("type", tx.hasNonNull("type") ? dec(tx, "type") : "0");
      t.put("from_address", hex(tx, "from"));
      t.put("to_address", hex(tx, "to"));
      t.put("nonce", dec(tx, "nonce"));
      t.put("value", dec(tx, "value"));
      t.put("input", hex(tx, "input"));
      t.put("gas", dec(tx, "gas"));
      t.put("gas_price", dec(tx, "gasPrice"));
      t.put("max_fee_per_gas", dec(tx, "maxFeePerGas"));
      t.put("max_priority_fee_per_gas", dec(tx, "maxPriorityFeePerGas"));
      t.put("max_fee_per_blob_gas", dec(tx, "maxFeePerBlobGas"));
      t.put("blob_versioned_hashes", list(tx.get("blobVersionedHashes")));
      t.put("transaction_chain_id", dec(tx, "chainId"));
      t.put("v", dec(tx, "v"));
      t.put("y_parity", dec(tx, "yParity"));
      t.put("r", word(tx, "r"));
      t.put("s", word(tx, "s"));
      t.put("status", dec(receipt, "status"));
      t.put("state_root", hex(receipt, "root"));
      t.put("gas_used", dec(receipt, "gasUsed"));
      t.put("cumulative_gas_used", dec(receipt, "cumulativeGasUsed"));
      t.put("effective_gas_price", dec(receipt, "effectiveGasPrice"));
      t.put("blob_gas_used", dec(receipt, "blobGasUsed"));
      t.put("blob_gas_price", dec(receipt, "blobGasPrice"));
      t.put("contract_address", hex(receipt, "contractAddress"));
      t.put("log_count", receipt == null ? null : "" + receipt.get("logs").size());
      put("chain.transactions", t, n, index);
      for (JsonNode log : receipt == null ? List.<JsonNode>of() : listOf(receipt.get("logs"))) {
        Map<String, String> l = child(block);
        l.put("log_index", "" + logs);
        l.put("transaction_index", "" + index);
        l.put("transaction_hash", hex(tx, "hash"));
        l.put("address", hex(log, "address"));
        for (int i = 0; i < 4; i++) {
          JsonNode topic = log.get("topics").get(i);
          l.put("topic" + i, topic == null ? null : bytea(topic.asText()));
        }
        l.put("node_log_index", null);
        l.put("data", hex(log, "data"));
        put("chain.logs", l, n, logs);
        transfers = transfers(block, tx, index, log, logs, transfers);
        logs++;
      }
      int inTransaction = 0;
      for (JsonNode entry : listOf(tx.get("accessList"))) {
        Map<String, String> e = child(block);
        e.put("entry_index", "" + entries);
        e.put("transaction_index", "" + index);
        e.put("index_in_transaction", "" + inTransaction++);
        e.put("transaction_hash", hex(tx, "hash"));
        e.put("address", hex(entry, "address"));
        e.put("storage_keys", list(entry.get("storageKeys")));
        put("chain.access_list_entries", e, n, entries++);
      }
      inTransaction = 0;
      for (JsonNode auth : listOf(tx.get("authorizationList"))) {
        Map<String, String> a = child(block);
        a.put("authorization_index", "" + auths);
        a.put("transaction_index", "" + index);
        a.put("index_in_transaction", "" + inTransaction++);
        a.put("transaction_hash", hex(tx, "hash"));
        a.put("authorization_chain_id", dec(auth, "chainId"));
        a.put("address", hex(auth, "address"));
        a.put("nonce", dec(auth, "nonce"));
        a.put("y_parity", dec(auth, "yParity"));
        a.put("r", word(auth, "r"));
        a.put("s", word(auth, "s"));
        put("chain.authorizations", a, n, auths++);
      }
      index++;
    }
    int withdrawals = 0;
    for (JsonNode withdrawal : listOf(block.get("withdrawals"))) {
      Map<String, String> w = child(block);
      w.put("withdrawal_index", "" + withdrawals);
      w.put("global_index", dec(withdrawal, "index"));
      w.put("validator_index", dec(withdrawal, "validatorIndex"));
      w.put("address", hex(withdrawal, "address"));
      w.put("amount", dec(withdrawal, "amount"));
      put("chain.withdrawals", w, n, withdrawals++);
    }
    header(block, receipts != null, linked, index, logs, transfers, withdrawals, entries, auths);
  }

  private void header(
      JsonNode block,
      boolean withReceipts,
      boolean linked,
      int transactions,
      int logs,
      int transfers,
      int withdrawals,
      int entries,
      int auths) {
    Map<String, String> b = new TreeMap<>();
    b.put("chain_id", "" + chainId);
    b.put("number", dec(block, "number"));
    b.put("timestamp", time(block));
    for (String[] f :
        new String[][] {
          {"hash", "hash"},
          {"parent_hash", "parentHash"},
          {"miner", "miner"},
          {"extra_data", "extraData"},
          {"logs_bloom", "logsBloom"},
          {"mix_hash", "mixHash"},
          {"nonce", "nonce"},
          {"sha3_uncles", "sha3Uncles"},
          {"state_root", "stateRoot"},
          {"transactions_root", "transactionsRoot"},
          {"receipts_root", "receiptsRoot"},
          {"withdrawals_root", "withdrawalsRoot"},
          {"parent_beacon_block_root", "parentBeaconBlockRoot"},
          {"requests_hash", "requestsHash"}
        }) {
      b.put(f[0], hex(block, f[1]));
    }
    for (String[] f :
        new String[][] {
          {"gas_limit", "gasLimit"},
          {"gas_used", "gasUsed"},
          {"base_fee_per_gas", "baseFeePerGas"},
          {"blob_gas_used", "blobGasUsed"},
          {"excess_blob_gas", "excessBlobGas"},
          {"difficulty", "difficulty"},
          {"total_difficulty", "totalDifficulty"},
          {"size", "size"}
        }) {
      b.put(f[0], dec(block, f[1]));
    }
    b.put("uncles", block.hasNonNull("uncles") ? list(block.get("uncles")) : "[]");
    b.put("transaction_count", "" + transactions);
    b.put("log_count", withReceipts ? "" + logs : null);
    b.put("token_transfer_count", withReceipts ? "" + transfers : null);
    b.put("withdrawal_count", "" + withdrawals);
    b.put("access_list_entry_count", "" + entries);
    b.put("authorization_count", "" + auths);
    b.put("source", source);
    b.put("endpoint", "node");
    List<String> unchecked = new ArrayList<>(impossible(block, linked));
    List<String> checks = new ArrayList<>(CHECKS);
    if (!withReceipts) {
      checks.removeAll(List.of("logs_bloom", "receipts_of_block", "receipts_root"));
    }
    checks.removeAll(unchecked);
    b.put("checks", checks.toString());
    b.put("unchecked", unchecked.toString());
    b.put("deviations", "[]");
    tables.get("chain.blocks").put(chainId + "/" + b.get("number"), b);
  }

  private int transfers(
      JsonNode block, JsonNode tx, int txIndex, JsonNode log, int logIndex, int from) {
    List<String> topics = new ArrayList<>();
    log.get("topics").forEach(t -> topics.add(t.asText()));
    String data = log.get("data").asText().substring(2);
    List<String[]> found = new ArrayList<>(); // standard, operator, from, to, id, amount
    boolean addresses =
        topics.size() >= 3
            && topics.subList(1, topics.size()).stream()
                .limit(topics.size() == 4 && topics.get(0).equals(TRANSFER) ? 2 : 3)
                .allMatch(t -> t.startsWith("0x" + "0".repeat(24)));
    if (addresses && topics.get(0).equals(TRANSFER)) {
      if (topics.size() == 3 && data.length() == 64) {
        found.add(new String[] {"erc20", null, topics.get(1), topics.get(2), null, data});
      } else if (topics.size() == 4 && data.isEmpty()) {
        found.add(
            new String[] {
              "erc721", null, topics.get(1), topics.get(2), topics.get(3).substring(2), "1"
            });
      }
    } else if (addresses
        && topics.size() == 4
        && topics.get(0).equals(SINGLE)
        && data.length() == 128) {
      found.add(
          new String[] {
            "erc1155",
            topics.get(1),
            topics.get(2),
            topics.get(3),
            data.substring(0, 64),
            data.substring(64)
          });
    } else if (addresses && topics.size() == 4 && topics.get(0).equals(BATCH)) {
      List<String> words = new ArrayList<>();
      for (int i = 0; i + 64 <= data.length(); i += 64) {
        words.add(data.substring(i, i + 64));
      }
      int ids = new BigInteger(words.get(0), 16).intValueExact() / 32;
      int amounts = new BigInteger(words.get(1), 16).intValueExact() / 32;
      int count = new BigInteger(words.get(ids), 16).intValueExact();
      for (int i = 1; i <= count; i++) {
        found.add(
            new String[] {
              "erc1155",
              topics.get(1),
              topics.get(2),
              topics.get(3),
              words.get(ids + i),
              words.get(amounts + i)
            });
      }
    }
    int next = from;
    for (int i = 0; i < found.size(); i++) {
      String[] f = found.get(i);
      Map<String, String> t = child(block);
      t.put("transfer_index", "" + next);
      t.put("log_index", "" + logIndex);
      t.put("batch_index", "" + i);
      t.put("transaction_index", "" + txIndex);
      t.put("transaction_hash", hex(tx, "hash"));
      t.put("standard", f[0]);
      t.put("token_address", hex(log, "address"));
      t.put("operator_address", f[1] == null ? null : "\\x" + f[1].substring(26));
      t.put("from_address", "\\x" + f[2].substring(26));
      t.put("to_address", "\\x" + f[3].substring(26));
      t.put("token_id", f[4] == null ? null : new BigInteger(f[4], 16).toString());
      t.put("amount", new BigInteger(f[5], 16).toString());
      put("chain.token_transfers", t, dec(block, "number"), next++);
    }
    return next;
  }

  private Map<String, String> child(JsonNode block) {
    Map<String, String> row = new TreeMap<>();
    row.put("chain_id", "" + chainId);
    row.put("block_number", dec(block, "number"));
    row.put("block_hash", hex(block, "hash"));
    row.put("block_timestamp", time(block));
    return row;
  }

  private void put(String table, Map<String, String> row, String number, int position) {
    tables.get(table).put(chainId + "/" + number + "/" + position, row);
  }

  private static List<JsonNode> listOf(JsonNode array) {
    List<JsonNode> list = new ArrayList<>();
    if (array != null) {
      array.forEach(list::add);
    }
    return list;
  }

  private static String time(JsonNode block) {
    return Instant.ofEpochSecond(Long.decode(block.get("timestamp").asText()))
        .toString()
        .replace("Z", "+00:00");
  }

  private static String dec(JsonNode node, String field) {
    return node == null || !node.hasNonNull(field)
        ? null
        : new BigInteger(node.get(field).asText().substring(2), 16).toString();
  }

  private static String hex(JsonNode node, String field) {
    return node == null || !node.hasNonNull(field) ? null : bytea(node.get(field).asText());
  }

  private static String word(JsonNode node, String field) {
    return !node.hasNonNull(field)
        ? null
        : "\\x%064x".formatted(new BigInteger(node.get(field).asText().substring(2), 16));
  }

  private static String bytea(String text) {
    return "\\x" + text.substring(2).toLowerCase(java.util.Locale.ROOT);
  }

  private static String list(JsonNode array) {
    if (array == null || array.isNull()) {
      return null;
    }
    return listOf(array).stream().map(n -> bytea(n.asText())).toList().toString();
  }

  /** Columns that cannot be known beforehand. */
  static Set<String> unknown() {
    return Set.of("fetched_at");
  }

  static Path corpus() {
    return Path.of(System.getProperty("project.root")).resolve("../shared/corpus").normalize();
  }
}
