package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A real node whose chain a test makes, and replaces. */
final class Anvil implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** First account of anvil's well-known mnemonic. */
  private static final String SENDER = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

  /** A contract that logs what it is sent: one log, whose topic is the value in wei. */
  private static final String LOGGER = "0x663460006000a10060005260076019f3";

  private final Process process;
  private final String url;

  Anvil() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0)) {
      port = socket.getLocalPort();
    }
    url = "http://127.0.0.1:" + port;
    Path binary =
        Path.of("src/test/js/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil")
            .toAbsolutePath();
    process =
        new ProcessBuilder(
                binary.toString(),
                "--silent",
                "--no-mining",
                "--port",
                Integer.toString(port),
                "--chain-id",
                "31338",
                "--order",
                "fifo",
                "--timestamp",
                "1767225600")
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.to(Path.of("target/anvil.log").toFile()))
            .start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    await().atMost(Duration.ofSeconds(20)).ignoreExceptions().until(() -> head() == 0);
  }

  String url() {
    return url;
  }

  JsonNode call(String method, String params) {
    try {
      JsonNode reply =
          JSON.readTree(
              Parts.post(
                      url,
                      "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":%s}"
                          .formatted(method, params))
                  .body());
      assertThat(reply.path("error").toString()).as(method).isEqualTo("");
      return reply.get("result");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  long head() {
    return Long.decode(call("eth_blockNumber", "[]").asText());
  }

  /** Deploys the contract that logs; returns its address. */
  String deployLogger() {
    String hash =
        call(
                "eth_sendTransaction",
                "[{\"from\":\"%s\",\"gas\":\"0x30000\",\"data\":\"%s\"}]".formatted(SENDER, LOGGER))
            .asText();
    mine();
    return call("eth_getTransactionReceipt", "[\"" + hash + "\"]").get("contractAddress").asText();
  }

  static String transaction(String to, long value) {
    return "{\"from\":\"%s\",\"to\":\"%s\",\"value\":\"0x%x\",\"gas\":\"0x10000\"}"
        .formatted(SENDER, to, value);
  }

  /** Mines a block with this many transactions to an address. */
  void mine(String to, int transactions, long seed) {
    for (int i = 0; i < transactions; i++) {
      call("eth_sendTransaction", "[" + transaction(to, seed * 1000 + i) + "]");
    }
    mine();
  }

  void mine() {
    call("anvil_mine", "[\"0x1\"]");
  }

  /**
   * Replaces the newest blocks.
   *
   * @param pairs transactions, each with the number of the new block that it goes into
   */
  void reorg(int depth, List<String> pairs) {
    call("anvil_reorg", "[%d, [%s]]".formatted(depth, String.join(",", pairs)));
  }

  /** The chain as it is now. */
  Recorded read() {
    Recorded recorded = new Recorded();
    for (long number = 0; number <= head(); number++) {
      String at = "\"0x%x\"".formatted(number);
      recorded.add(call("eth_getBlockByNumber", "[" + at + ",true]"));
      recorded.add(call("eth_getBlockReceipts", "[" + at + "]"));
    }
    return recorded;
  }

  /** Pairs for a reorg: this many transactions, spread over the new blocks. */
  static List<String> spread(String to, int transactions, int depth, long seed) {
    List<String> pairs = new ArrayList<>();
    for (int i = 0; i < transactions; i++) {
      pairs.add("[%s,%d]".formatted(transaction(to, seed * 1000 + i), i * depth / transactions));
    }
    return pairs;
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
