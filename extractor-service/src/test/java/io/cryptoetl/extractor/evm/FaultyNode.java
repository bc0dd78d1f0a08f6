package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.extractor.verify.Corpus.Recorded;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Executors;

/** A node with a recorded chain that fails in every way that providers fail. */
public final class FaultyNode implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  /** Ways to fail. */
  public enum Fault {
    DROPPED_CONNECTION,
    DELAY,
    STALLED,
    TOO_MANY_REQUESTS,
    SERVER_ERROR,
    HTML,
    TRUNCATED,
    BATCH_REFUSED,
    TOO_LARGE,
    ITEM_ERROR,
    ITEM_LIMITED,
    ITEM_LEFT_OUT,
    NULL_RESULT,
    REORDERED,
    DUPLICATED,
    OTHER_BLOCK,
    MISSING_RECEIPT,
    MISSING_LOG,
    SWAPPED_LOGS,
    MISSING_TRANSACTION,
    FLIPPED_BIT,
    STALE_HEAD
  }

  public final Map<Fault, Integer> done = new EnumMap<>(Fault.class);
  private final NavigableMap<Long, Recorded> chain = new TreeMap<>();
  private final HttpServer server;
  private final List<Fault> faults;
  private final Random random;
  private final double share;

  /** Height that is always wrong; negative if none is. */
  public volatile long alwaysWrong = -1;

  /**
   * A node.
   *
   * @param share of requests that go wrong, 0 to 1
   */
  public FaultyNode(List<Recorded> blocks, double share, long seed) {
    this(blocks, share, seed, EnumSet.allOf(Fault.class));
  }

  /**
   * A node that fails in some ways only.
   *
   * @param share of requests that go wrong, 0 to 1
   */
  public FaultyNode(List<Recorded> blocks, double share, long seed, Set<Fault> faults) {
    this.faults = List.copyOf(faults);
    blocks.forEach(b -> chain.put(b.number(), b));
    this.share = share;
    this.random = new Random(seed);
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::handle);
    server.start();
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  /**
   * A source that reads such nodes, and believes nothing that the chain's rules prove.
   *
   * @param timeout of a request
   */
  public static EvmSource source(String name, Duration timeout, FaultyNode... nodes) {
    List<EndpointPool.Member<HttpCaller>> members = new ArrayList<>();
    for (int i = 0; i < nodes.length; i++) {
      Endpoint endpoint = new Endpoint("node" + i, nodes[i].url());
      members.add(
          new EndpointPool.Member<>(
              endpoint.name(),
              new HttpCaller(endpoint, HTTP, timeout, 1 << 24, Clock.systemUTC()),
              Double.POSITIVE_INFINITY));
    }
    return EvmSource.over(
        new EvmSource.Settings(
            name,
            31337,
            ChainProfile.ETHEREUM,
            java.util.Set.of(),
            1,
            true,
            new Finality.Confirmations(0),
            64,
            EvmSource.Receipts.REQUIRED,
            20,
            1 << 18,
            4,
            Duration.ofMillis(2)),
        members,
        new EndpointPool.Limits(4, 20, Duration.ofMillis(2)),
        Clock.systemUTC());
  }

  private synchronized Fault next() {
    if (random.nextDouble() >= share) {
      return null;
    }
    Fault fault = faults.get(random.nextInt(faults.size()));
    done.merge(fault, 1, Integer::sum);
    return fault;
  }

  private synchronized int pick(int below) {
    return random.nextInt(Math.max(1, below));
  }

  private void handle(HttpExchange exchange) throws IOException {
    JsonNode request = JSON.readTree(exchange.getRequestBody());
    Fault fault = next();
    try (exchange) {
      if (fault == null) {
        send(exchange, 200, reply(request, null));
        return;
      }
      switch (fault) {
        case DROPPED_CONNECTION -> {
          exchange.sendResponseHeaders(200, 1000);
          exchange.getResponseBody().write('[');
        }
        case DELAY -> {
          Thread.sleep(pick(30));
          send(exchange, 200, reply(request, null));
        }
        case STALLED -> {
          exchange.sendResponseHeaders(200, 1000);
          exchange.getResponseBody().write('[');
          exchange.getResponseBody().flush();
          Thread.sleep(1_500);
        }
        case TOO_MANY_REQUESTS -> send(exchange, 429, "{\"error\":\"slow down\"}");
        case SERVER_ERROR -> send(exchange, 502, "bad gateway");
        case HTML -> send(exchange, 200, "<html>maintenance</html>");
        case TRUNCATED -> {
          String whole = reply(request, null);
          send(exchange, 200, whole.substring(0, pick(whole.length())));
        }
        case BATCH_REFUSED ->
            send(
                exchange,
                200,
                "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"batch limit 1 exceeded\"}}");
        case TOO_LARGE -> send(exchange, 413, "");
        default -> send(exchange, 200, reply(request, fault));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void send(HttpExchange exchange, int status, String body) throws IOException {
    byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
    exchange.getResponseBody().write(bytes);
  }

  private String reply(JsonNode request, Fault fault) throws IOException {
    List<String> answers = new ArrayList<>();
    List<JsonNode> calls = new ArrayList<>();
    if (request.isArray()) {
      request.forEach(calls::add);
    } else {
      calls.add(request);
    }
    int victim = pick(calls.size());
    for (int i = 0; i < calls.size(); i++) {
      JsonNode call = calls.get(i);
      Fault own = i == victim ? fault : null;
      if (own == Fault.ITEM_LEFT_OUT) {
        continue;
      }
      answers.add(answer(call, own));
      if (own == Fault.DUPLICATED) {
        answers.add(answer(call, null));
      }
    }
    if (fault == Fault.REORDERED) {
      Collections.reverse(answers);
    }
    return request.isArray()
        ? "[" + String.join(",", answers) + "]"
        : answers.isEmpty() ? "" : answers.getFirst();
  }

  private String answer(JsonNode call, Fault fault) throws IOException {
    String id = call.get("id").toString();
    if (fault == Fault.ITEM_ERROR) {
      return error(id, -32000, "header not found");
    }
    if (fault == Fault.ITEM_LIMITED) {
      return error(id, -32005, "rate limit exceeded");
    }
    String result =
        fault == Fault.NULL_RESULT
            ? "null"
            : switch (call.get("method").asText()) {
              case "eth_chainId" -> "\"0x7a69\"";
              case "eth_blockNumber" -> head(fault);
              case "eth_getBlockByNumber" -> block(call.get("params"), fault);
              case "eth_getBlockReceipts" -> receipts(number(call.get("params")), fault);
              case "eth_getTransactionReceipt" ->
                  receipt(call.get("params").get(0).asText(), fault);
              default -> throw new IllegalArgumentException(call.toString());
            };
    return "{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":" + result + "}";
  }

  private static String error(String id, int code, String message) {
    return "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%d,\"message\":\"%s\"}}"
        .formatted(id, code, message);
  }

  private String head(Fault fault) {
    return "\"0x%x\"".formatted(chain.lastKey() - (fault == Fault.STALE_HEAD ? pick(5) : 0));
  }

  private long number(JsonNode params) {
    String text = params.get(0).asText();
    return text.startsWith("0x") ? Long.decode(text) : chain.lastKey();
  }

  private String block(JsonNode params, Fault fault) throws IOException {
    long number = number(params);
    Recorded recorded = chain.get(fault == Fault.OTHER_BLOCK ? number - 1 : number);
    if (recorded == null) {
      return "null";
    }
    ObjectNode block = recorded.block().deepCopy();
    if (!params.get(1).asBoolean()) {
      ArrayNode hashes = JSON.createArrayNode();
      block.get("transactions").forEach(t -> hashes.add(t.get("hash")));
      block.set("transactions", hashes);
    } else if (fault == Fault.MISSING_TRANSACTION && !block.get("transactions").isEmpty()) {
      ((ArrayNode) block.get("transactions")).remove(0);
    }
    if (number == alwaysWrong) {
      block.put("gasUsed", "0x1234567");
    }
    return damaged(JSON.writeValueAsString(block), fault);
  }

  private String receipts(long number, Fault fault) throws IOException {
    Recorded recorded = chain.get(number);
    if (recorded == null) {
      return "null";
    }
    ArrayNode receipts = recorded.receipts().orElseThrow().deepCopy();
    if (!receipts.isEmpty()) {
      ArrayNode logs = (ArrayNode) receipts.get(0).get("logs");
      switch (fault) {
        case MISSING_RECEIPT -> receipts.remove(receipts.size() - 1);
        case MISSING_LOG -> {
          if (!logs.isEmpty()) {
            logs.remove(0);
          }
        }
        case SWAPPED_LOGS -> {
          if (logs.size() > 1) {
            logs.add(logs.remove(0));
          }
        }
        case null, default -> {
          // The receipts stay as they are.
        }
      }
    }
    return damaged(JSON.writeValueAsString(receipts), fault);
  }

  private String receipt(String hash, Fault fault) throws IOException {
    for (Recorded recorded : chain.values()) {
      for (JsonNode receipt : recorded.receipts().orElseThrow()) {
        if (receipt.get("transactionHash").asText().equals(hash)) {
          return damaged(JSON.writeValueAsString(receipt), fault);
        }
      }
    }
    return "null";
  }

  /** A hex digit of some value becomes another one. */
  private String damaged(String json, Fault fault) {
    if (fault != Fault.FLIPPED_BIT) {
      return json;
    }
    int start = json.indexOf("\"0x", pick(json.length()));
    if (start < 0 || json.charAt(start + 3) == '"') {
      return json;
    }
    int digits = json.indexOf('"', start + 1) - start - 3;
    int at = start + 3 + pick(digits);
    char other = json.charAt(at) == '1' ? '2' : '1';
    return json.substring(0, at) + other + json.substring(at + 1);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
