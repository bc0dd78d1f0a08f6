package io.cryptoetl.local.node;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * An Ethereum node that serves a {@link Recording} over JSON-RPC: eth_chainId, net_version,
 * web3_clientVersion, eth_blockNumber, eth_getBlockByNumber, eth_getBlockByHash and
 * eth_getBlockReceipts, single or in batches. Every recorded block counts as final.
 */
@Command(
    name = "recorded-node",
    description = "Serves recorded blocks and receipts over JSON-RPC.",
    mixinStandardHelpOptions = true)
public final class RecordedNode implements Callable<Integer> {
  private static final ObjectMapper JSON = Recording.JSON;
  private static final long DEFAULT_CHAIN_ID = 1;

  @Option(names = "--recording", required = true, description = "Folder of the recording")
  private Path folder;

  @Option(names = "--host", defaultValue = "127.0.0.1", description = "Address to listen on")
  private String host = "127.0.0.1";

  @Option(names = "--port", defaultValue = "8545", description = "Port to listen on")
  private int port;

  @Option(names = "--chain-id", description = "Chain id; default: that of the recording, else 1")
  private Long chainId;

  @Option(
      names = "--head-every",
      description =
          "The head moves to the next recorded block after each such pause; 0 = all at once")
  private Duration headEvery = Duration.ZERO;

  @Option(names = "--head-since", description = "When the head stood at the first block, ISO-8601")
  private Instant headSince;

  private final Clock clock = Clock.systemUTC();
  private Recording recording;
  private List<Long> numbers;

  /** A node in this process, on a port of its own choice. */
  public static HttpServer serve(Recording recording, long chainId) throws IOException {
    RecordedNode node = new RecordedNode();
    node.recording = recording;
    node.numbers = List.copyOf(recording.numbers());
    node.chainId = chainId;
    return node.start(0);
  }

  public static void main(String[] args) {
    int code = new CommandLine(new RecordedNode()).execute(args);
    if (code != 0) {
      System.exit(code);
    }
  }

  @Override
  public Integer call() throws IOException {
    recording = Recording.read(folder);
    numbers = List.copyOf(recording.numbers());
    if (chainId == null) {
      chainId = recording.chainId().orElse(DEFAULT_CHAIN_ID);
    }
    if (headSince == null) {
      headSince = clock.instant();
    }
    HttpServer server = start(port);
    System.out.printf(
        "event=serving chain_id=%d blocks=%d from=%d to=%d port=%d%n",
        chainId,
        numbers.size(),
        numbers.getFirst(),
        numbers.getLast(),
        server.getAddress().getPort());
    return 0;
  }

  private HttpServer start(int onPort) throws IOException {
    HttpServer server = HttpServer.create(new InetSocketAddress(host, onPort), 128);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::handle);
    server.start();
    return server;
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      if (!exchange.getRequestMethod().equals("POST")) {
        respond(exchange, 405, "JSON-RPC needs POST\n".getBytes(StandardCharsets.UTF_8));
        return;
      }
      byte[] reply;
      try {
        reply = reply(JSON.readTree(exchange.getRequestBody()));
      } catch (com.fasterxml.jackson.core.JacksonException e) {
        reply = error(null, -32700, "parse error");
      }
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      respond(exchange, 200, reply);
    }
  }

  private static void respond(HttpExchange exchange, int status, byte[] body) throws IOException {
    exchange.sendResponseHeaders(status, body.length);
    try (OutputStream out = exchange.getResponseBody()) {
      out.write(body);
    }
  }

  private byte[] reply(JsonNode request) throws IOException {
    if (!request.isArray()) {
      return answer(request);
    }
    ByteArrayOutputStream batch = new ByteArrayOutputStream();
    batch.write('[');
    for (int i = 0; i < request.size(); i++) {
      if (i > 0) {
        batch.write(',');
      }
      batch.writeBytes(answer(request.get(i)));
    }
    batch.write(']');
    return batch.toByteArray();
  }

  private byte[] answer(JsonNode call) throws IOException {
    JsonNode id = call.get("id");
    JsonNode params = call.path("params");
    try {
      return switch (call.path("method").asText()) {
        case "eth_chainId" -> result(id, quoted("0x" + Long.toHexString(chainId)));
        case "net_version" -> result(id, quoted(Long.toString(chainId)));
        case "web3_clientVersion" -> result(id, quoted("recorded-node"));
        case "eth_blockNumber" -> result(id, quoted("0x" + Long.toHexString(head())));
        case "eth_getBlockByNumber" ->
            result(id, height(params.path(0)).flatMap(n -> block(n, params.path(1).asBoolean())));
        case "eth_getBlockByHash" ->
            result(
                id,
                recording
                    .numberOf(params.path(0).asText())
                    .filter(n -> n <= head())
                    .flatMap(n -> block(n, params.path(1).asBoolean())));
        case "eth_getBlockReceipts" ->
            result(id, height(params.path(0)).flatMap(recording::receipts));
        default -> error(id, -32601, "method not found: " + call.path("method").asText());
      };
    } catch (NumberFormatException e) {
      return error(id, -32602, "not a block: " + params.path(0));
    }
  }

  private Optional<byte[]> block(long number, boolean full) {
    return recording
        .block(number)
        .map(
            json -> {
              if (full) {
                return json;
              }
              try {
                ObjectNode block = (ObjectNode) JSON.readTree(json);
                var hashes = JSON.createArrayNode();
                block
                    .get("transactions")
                    .forEach(t -> hashes.add(t.isTextual() ? t : t.get("hash")));
                block.set("transactions", hashes);
                return JSON.writeValueAsBytes(block);
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
  }

  /** The height that a block parameter means, if it is not above the head. */
  private Optional<Long> height(JsonNode parameter) {
    String text = parameter.asText();
    long number =
        switch (text) {
          case "latest", "safe", "finalized", "pending" -> head();
          case "earliest" -> numbers.getFirst();
          default ->
              text.length() == 66
                  ? recording.numberOf(text).orElse(Long.MAX_VALUE)
                  : Long.decode(text);
        };
    return Optional.of(number).filter(n -> n <= head());
  }

  private long head() {
    if (headEvery.isZero()) {
      return numbers.getLast();
    }
    long steps = Duration.between(headSince, clock.instant()).dividedBy(headEvery);
    return numbers.get(Math.clamp(steps, 0, numbers.size() - 1));
  }

  private static Optional<byte[]> quoted(String text) {
    return Optional.of(('"' + text + '"').getBytes(StandardCharsets.UTF_8));
  }

  private static byte[] result(JsonNode id, Optional<byte[]> json) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(
        ("{\"jsonrpc\":\"2.0\",\"id\":" + id + ",\"result\":").getBytes(StandardCharsets.UTF_8));
    out.writeBytes(json.orElse("null".getBytes(StandardCharsets.UTF_8)));
    out.write('}');
    return out.toByteArray();
  }

  private static byte[] error(JsonNode id, int code, String message) throws IOException {
    ObjectNode reply = JSON.createObjectNode();
    reply.put("jsonrpc", "2.0").set("id", id);
    reply.putObject("error").put("code", code).put("message", message);
    return JSON.writeValueAsBytes(reply);
  }
}
