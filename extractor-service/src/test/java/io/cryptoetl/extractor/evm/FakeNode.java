package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import io.cryptoetl.extractor.source.FakeServer;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A JSON-RPC node whose every answer a test decides. */
final class FakeNode extends FakeServer {
  private static final ObjectMapper JSON = new ObjectMapper();

  final Map<Long, String> blocks = new ConcurrentHashMap<>();
  final Map<Long, String> receipts = new ConcurrentHashMap<>();
  volatile long chainId = 1;

  @Override
  protected String reply(HttpExchange exchange) throws IOException {
    return reply(JSON.readTree(exchange.getRequestBody()));
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
    String result =
        switch (call.get("method").asText()) {
          case "eth_chainId" -> "\"0x" + Long.toHexString(chainId) + "\"";
          case "eth_blockNumber" -> "\"0x" + Long.toHexString(number) + "\"";
          case "eth_getBlockByNumber" -> blocks.getOrDefault(number, "null");
          case "eth_getBlockReceipts" -> receipts.getOrDefault(number, "null");
          default -> throw new IllegalArgumentException(call.toString());
        };
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}".formatted(call.get("id"), result);
  }
}
