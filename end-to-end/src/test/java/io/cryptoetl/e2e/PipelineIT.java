package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.RecordedNode;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** The services as they are shipped, between nodes and a database that are real. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class PipelineIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final String SECRET = "s3cr3t-api-key-987654";
  private static final long RECORDED_CHAIN = 31337;
  private static final long LARGE_CHAIN = 4242;
  private static final int MIB = 1024 * 1024;

  @TempDir static Path large;

  private static final List<HttpServer> NODES = new ArrayList<>();
  private static EmbeddedStack stack;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    Path root = Path.of(System.getProperty("project.root"));
    Map<String, String> sources = new TreeMap<>();
    source(
        sources,
        "RECORDED",
        RECORDED_CHAIN,
        serve(root.resolve("pipeline-local/recording/anvil"), RECORDED_CHAIN),
        "0",
        "required");
    if (Files.exists(Oracle.corpus())) {
      source(sources, "CORPUS", 1, serve(Oracle.corpus(), 1), "none", "optional");
    }
    writeLargeBlocks();
    source(sources, "LARGE", LARGE_CHAIN, serve(large, LARGE_CHAIN), "0", "required");
    // Sources that cannot work, each in its own way.
    source(sources, "UNREACHABLE", 5, "http://127.0.0.1:1/" + SECRET, "0", "required");
    source(
        sources,
        "WRONGCHAIN",
        6,
        serve(root.resolve("pipeline-local/recording/anvil"), 7),
        "0",
        "required");
    source(sources, "MALFORMED", 8, html(), "0", "required");
    sources.put("EXTRACTOR_RETRY_DELAY", "100ms");
    stack =
        EmbeddedStack.start(
            p -> List.of(),
            p -> {
              try {
                return List.of(p.extractor("one", sources), p.transformer(Map.of()));
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            },
            TopicSettings.defaults());
  }

  @AfterAll
  static void stop() throws IOException {
    if (stack != null) {
      stack.close();
    }
    NODES.forEach(n -> n.stop(0));
  }

  private static void source(
      Map<String, String> env,
      String name,
      long chainId,
      String url,
      String start,
      String receipts) {
    String prefix = "EXTRACTOR_SOURCES_" + name + "_";
    env.put(prefix + "CHAIN_ID", Long.toString(chainId));
    env.put(prefix + "START", start);
    env.put(prefix + "EVERY", "1s");
    env.put(prefix + "RECEIPTS", receipts);
    env.put(prefix + "ENDPOINTS_NODE_URL", url);
  }

  private static String serve(Path recording, long chainId) throws IOException {
    HttpServer node = RecordedNode.serve(Recording.read(recording), chainId);
    NODES.add(node);
    return "http://127.0.0.1:" + node.getAddress().getPort();
  }

  private static String html() throws IOException {
    HttpServer server =
        HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
    server.createContext(
        "/",
        exchange -> {
          byte[] page =
              "<html>Service temporarily unavailable</html>".getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(200, page.length);
          exchange.getResponseBody().write(page);
          exchange.close();
        });
    server.start();
    NODES.add(server);
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/" + SECRET;
  }

  /** Block 0 is small, block 1 has 32 MiB of JSON, block 2 is larger than the topic takes. */
  private static void writeLargeBlocks() throws IOException {
    for (int n = 0; n < 3; n++) {
      int bytes = new int[] {0, 32 * MIB, 41 * MIB}[n];
      String hash = "0x%064x".formatted(100 + n);
      String block =
          """
          {"number":"0x%x","hash":"%s","parentHash":"0x%064x","timestamp":"0x1","miner":"0x%040x","gasLimit":"0x1","gasUsed":"0x0",
          "difficulty":"0x0","extraData":"0x","logsBloom":"0x%s","sha3Uncles":"%s","stateRoot":"%s","transactionsRoot":"%s","receiptsRoot":"%s",
          "uncles":[],"transactions":[],"padding":"%s"}"""
              .formatted(
                  n,
                  hash,
                  n == 0 ? 0 : 99 + n,
                  0,
                  "00".repeat(256),
                  hash,
                  hash,
                  hash,
                  hash,
                  "x".repeat(bytes));
      Files.writeString(large.resolve(n + ".json"), block);
    }
  }

  private static void awaitBlocks(long chainId, long blocks) {
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofSeconds(1))
        .untilAsserted(
            () -> {
              assertThat(
                      Tables.number(
                          stack, "SELECT count(*) FROM chain.blocks WHERE chain_id = " + chainId))
                  .isEqualTo(blocks);
              assertThat(
                      Tables.number(
                          stack,
                          "SELECT count(*) FROM audit.incomplete_blocks WHERE chain_id = "
                              + chainId))
                  .isZero();
            });
  }

  @Test
  @Order(1)
  void shouldLoadTheRecordedChainAsTheOracleSays() throws Exception {
    Recorded recorded =
        Recorded.read(
            Path.of(System.getProperty("project.root")).resolve("pipeline-local/recording/anvil"));
    assertThat(recorded.blocks).hasSizeGreaterThanOrEqualTo(2000);

    awaitBlocks(RECORDED_CHAIN, recorded.blocks.size());

    Oracle oracle = recorded.oracle(RECORDED_CHAIN, "recorded");
    Tables.assertEqual(stack, oracle, RECORDED_CHAIN);
    assertThat(
            Tables.texts(
                stack,
                "SELECT DISTINCT type FROM chain.transactions WHERE chain_id = 31337 ORDER BY 1"))
        .containsExactly("0", "1", "2", "3", "4");
    assertThat(
            Tables.texts(stack, "SELECT DISTINCT standard FROM chain.token_transfers ORDER BY 1"))
        .contains("erc1155", "erc20", "erc721");
  }

  @Test
  @Order(2)
  void shouldLoadEveryRecordedMainnetBlockAsTheOracleSays() throws Exception {
    assumeThat(Oracle.corpus()).as("the corpus of recorded blocks is not on this machine").exists();
    Recorded recorded =
        Recorded.read(Oracle.corpus().resolve("blocks"), Oracle.corpus().resolve("receipts"));
    List<long[]> ranges = new ArrayList<>();
    for (long n : recorded.blocks.keySet()) {
      if (!ranges.isEmpty() && ranges.getLast()[1] + 1 == n) {
        ranges.getLast()[1] = n;
      } else {
        ranges.add(new long[] {n, n});
      }
    }
    for (long[] range : ranges) {
      assertThat(
              Parts.post(
                      stack.parts().extractorUrl() + "/sources/corpus/requests",
                      "{\"from\":%d,\"to\":%d}".formatted(range[0], range[1]))
                  .statusCode())
          .isEqualTo(202);
    }

    awaitBlocks(1, recorded.blocks.size() - recorded.hashesOnly().size());

    Tables.assertEqual(stack, recorded.oracle(1, "corpus"), 1);
    // Blocks that were recorded with transaction hashes only are partial answers.
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT block_number || ' ' || code FROM ops.dead_letters WHERE source = 'corpus' ORDER BY block_number"))
                    .isEqualTo(
                        recorded.hashesOnly().stream()
                            .map(n -> n + " transactions_not_full")
                            .toList()));
  }

  @Test
  @Order(3)
  void shouldTakeLargeBlocksAndKeepTheLargestAsDeadLetters() {
    awaitBlocks(LARGE_CHAIN, 2);
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT concat_ws(' ', block_number, code, length(payload) > 42991616, reason LIKE '%TOPIC_RAW_MAX_MESSAGE_BYTES%') FROM ops.dead_letters WHERE source = 'large'"))
                    .containsExactly("2 record_too_large t t"));
  }

  @Test
  @Order(4)
  void shouldNameTheSourcesThatCannotWorkAndNeverTheirUrls() throws Exception {
    JsonNode list = JSON.readTree(Parts.get(stack.parts().extractorUrl() + "/sources").body());
    Map<String, String> problems = new TreeMap<>();
    list.forEach(s -> problems.put(s.get("name").asText(), s.get("problems").toString()));

    assertThat(problems.get("unreachable")).contains("endpoint node refuses connections");
    assertThat(problems.get("wrongchain")).contains("chain id 7").contains("chain id 6");
    assertThat(problems.get("malformed")).contains("cannot be read");
    assertThat(problems.get("recorded")).isEqualTo("[]");
    for (String part : List.of("extractor", "transformer", "connect")) {
      assertThat(Files.readString(stack.log(part))).doesNotContain(SECRET);
    }
    assertThat(list.toString()).doesNotContain(SECRET);
    assertThat(Parts.get(stack.parts().extractorUrl() + "/q/metrics").body())
        .contains("extractor_blocks_total{source=\"recorded\"}")
        .doesNotContain(SECRET);
    assertThat(Parts.get(stack.parts().extractorUrl() + "/q/health/ready").statusCode())
        .isEqualTo(200);
  }

  @Test
  @Order(5)
  void shouldRefuseRangesThatMakeNoSense() throws Exception {
    String url = stack.parts().extractorUrl() + "/sources/";
    assertThat(Parts.post(url + "nobody/requests", "{\"from\":1,\"to\":2}").body())
        .contains("there is no feed 'nobody'");
    assertThat(Parts.post(url + "recorded/requests", "{\"from\":3,\"to\":2}").statusCode())
        .isEqualTo(400);
    assertThat(Parts.post(url + "recorded/requests", "{}").statusCode()).isEqualTo(400);
    assertThat(Parts.post(url + "recorded/requests", "{\"from\":0,\"to\":999999999999}").body())
        .contains("100000 ranges of 50");
    assertThat(Parts.post(url + "recorded/requests", "{\"from\":0,\"to\":9999}").body())
        .contains("can be read up to");
  }

  @Test
  @Order(6)
  void shouldBeReadableByConfluentsJavaScriptClient() throws Exception {
    // One that died within a transaction would hold up readers of committed records.
    assertThat(stack.child("extractor").isAlive()).as(stack.child("extractor").tail()).isTrue();
    Path js = Path.of("src/test/js").toAbsolutePath();
    Npm.install(js);
    String output =
        Npm.run(js, "node", "decode.mjs", stack.bootstrapServers(), stack.registryUrl());

    JsonNode decoded = JSON.readTree(output.lines().reduce((a, b) -> b).orElseThrow());
    assertThat(decoded.at("/raw/chain_id").asLong()).isEqualTo(RECORDED_CHAIN);
    long number = decoded.at("/raw/number").asLong();
    assertThat(decoded.at("/raw/block/number").asText()).isEqualTo("0x" + Long.toHexString(number));
    JsonNode transaction = decoded.get("transaction");
    assertThat(
            Tables.texts(
                stack,
                "SELECT encode(hash, 'hex') FROM chain.transactions WHERE chain_id = %s AND block_number = %s AND transaction_index = %s"
                    .formatted(
                        transaction.get("chain_id").asText(),
                        transaction.get("block_number").asText(),
                        transaction.get("transaction_index").asText())))
        .containsExactly(transaction.get("hash").asText());
  }
}
