package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import io.cryptoetl.extractor.source.FakeServer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BiFunction;
import java.util.function.Function;

/** A JSON-RPC node whose every answer a test decides. */
final class FakeNode extends FakeServer {
  private static final ObjectMapper JSON = new ObjectMapper();

  final Map<Long, String> blocks = new ConcurrentHashMap<>();
  final Map<Long, String> receipts = new ConcurrentHashMap<>();
  final Map<String, String> transactionReceipts = new ConcurrentHashMap<>();
  volatile long chainId = 1;

  /** Answers instead of the node; null leaves it to the node. */
  volatile Function<JsonNode, Refusal> front = _ -> null;

  /** Instead of the answer to one call, or null. */
  volatile BiFunction<String, Long, String> error = (_, _) -> null;

  /** Methods of all calls in the order in which they came, and how many each request held. */
  final Queue<String> methods = new ConcurrentLinkedQueue<>();

  final Queue<Integer> sizes = new ConcurrentLinkedQueue<>();

  /** What a node answers that takes a request not at all. */
  record Refusal(int status, String body) {}

  @Override
  protected String reply(HttpExchange exchange) throws IOException {
    JsonNode request = JSON.readTree(exchange.getRequestBody());
    sizes.add(request.isArray() ? request.size() : 0);
    Refusal refusal = front.apply(request);
    if (refusal != null) {
      ownStatus.set(refusal.status());
      return refusal.body();
    }
    return reply(request);
  }

  /** Adds a chain of blocks without transactions. */
  FakeNode withEmptyBlocks(long from, long to) {
    for (long n = from; n <= to; n++) {
      blocks.put(n, block(n, "[]"));
      receipts.put(n, "[]");
    }
    return this;
  }

  static String hash(long n) {
    return "0x%064x".formatted(n + 0xabc0000L);
  }

  static String block(long n, String transactions) {
    return "{ \"number\":\"0x%x\",\"hash\":\"%s\",\"parentHash\":\"%s\",\"timestamp\":\"0x%x\",\"transactions\":%s }"
        .formatted(n, hash(n), hash(n - 1), 1000 + n, transactions);
  }

  static String transactionHash(long number, int index) {
    return "0x%064x".formatted(number * 1000 + index);
  }

  /** Transactions of a block, with all that must be there. */
  static String transactions(long number, int count) {
    List<String> transactions = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      transactions.add(
          "{\"hash\":\"%s\",\"blockHash\":\"%s\",\"blockNumber\":\"0x%x\",\"transactionIndex\":\"0x%x\",\"from\":\"0x%040x\"}"
              .formatted(transactionHash(number, i), hash(number), number, i, i + 1));
    }
    return "[" + String.join(",", transactions) + "]";
  }

  static String receipt(long number, int index) {
    return "{\"transactionHash\":\"%s\",\"blockHash\":\"%s\",\"blockNumber\":\"0x%x\",\"transactionIndex\":\"0x%x\",\"logs\":[]}"
        .formatted(transactionHash(number, index), hash(number), number, index);
  }

  /** Adds a chain of blocks with transactions. */
  FakeNode withBlocks(long from, long to, int transactions) {
    for (long n = from; n <= to; n++) {
      blocks.put(n, block(n, transactions(n, transactions)));
      List<String> all = new ArrayList<>();
      for (int i = 0; i < transactions; i++) {
        transactionReceipts.put(transactionHash(n, i), receipt(n, i));
        all.add(receipt(n, i));
      }
      receipts.put(n, "[" + String.join(",", all) + "]");
    }
    return this;
  }

  String reply(JsonNode request) {
    if (!request.isArray()) {
      return answer(request);
    }
    List<String> answers = new ArrayList<>();
    request.forEach(call -> answers.add(answer(call)));
    return "[" + String.join(",", answers) + "]";
  }

  private String answer(JsonNode call) {
    long number =
        call.path("params").path(0).asText().startsWith("0x")
            ? Long.decode(call.get("params").get(0).asText())
            : blocks.keySet().stream().mapToLong(Long::longValue).max().orElse(0);
    String method = call.get("method").asText();
    methods.add(method);
    String instead = error.apply(method, number);
    if (instead != null) {
      return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":%s}".formatted(call.get("id"), instead);
    }
    String result =
        switch (call.get("method").asText()) {
          case "eth_chainId" -> "\"0x" + Long.toHexString(chainId) + "\"";
          case "eth_blockNumber" -> "\"0x" + Long.toHexString(number) + "\"";
          case "eth_getBlockByNumber" -> blocks.getOrDefault(number, "null");
          case "eth_getBlockReceipts" -> receipts.getOrDefault(number, "null");
          case "eth_getTransactionReceipt" ->
              transactionReceipts.getOrDefault(call.get("params").get(0).asText(), "null");
          default -> throw new IllegalArgumentException(call.toString());
        };
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}".formatted(call.get("id"), result);
  }
}
