package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.KeyPartitioner;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.RecordedNode;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;

/** Extraction by several instances, over a chain that is replaced, operated by hand. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ExtractionIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(3);
  private static final int INSTANCES = 4;
  private static final long RECORDED_CHAIN = 31337;
  private static final long REPLACED_CHAIN = 31338;
  private static final int WINDOW = 64;

  private static HttpServer node;
  private static Anvil anvil;
  private static EmbeddedStack stack;
  private static Map<String, String> sources;

  @BeforeAll
  static void start() throws Exception {
    Path js = Path.of("src/test/js").toAbsolutePath();
    Npm.install(js);
    Path root = Path.of(System.getProperty("project.root"));
    node =
        RecordedNode.serve(
            Recording.read(root.resolve("pipeline-local/recording/anvil")), RECORDED_CHAIN);
    anvil = new Anvil();
    sources = new TreeMap<>();
    sources.put("EXTRACTOR_SOURCES_RECORDED_CHAIN_ID", Long.toString(RECORDED_CHAIN));
    sources.put("EXTRACTOR_SOURCES_RECORDED_START", "none");
    sources.put("EXTRACTOR_SOURCES_RECORDED_RANGE_SIZE", "5");
    sources.put(
        "EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL",
        "http://127.0.0.1:" + node.getAddress().getPort());
    // Slow enough that a kill hits work in hand.
    sources.put("EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_RATE", "60");
    sources.put("EXTRACTOR_SOURCES_REPLACED_CHAIN_ID", Long.toString(REPLACED_CHAIN));
    sources.put("EXTRACTOR_SOURCES_REPLACED_START", "0");
    sources.put("EXTRACTOR_SOURCES_REPLACED_EVERY", "500ms");
    sources.put("EXTRACTOR_SOURCES_REPLACED_FINALITY", "0");
    sources.put("EXTRACTOR_SOURCES_REPLACED_RANGE_SIZE", "5");
    sources.put("EXTRACTOR_SOURCES_REPLACED_REORG_WINDOW", Integer.toString(WINDOW));
    sources.put("EXTRACTOR_SOURCES_REPLACED_ENDPOINTS_NODE_URL", anvil.url());
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
    anvil.close();
    node.stop(0);
  }

  private static JsonNode get(String path) throws Exception {
    return JSON.readTree(Parts.get(stack.parts().extractorUrl() + path).body());
  }

  private static JsonNode post(String path, String json, int status) throws Exception {
    var response = Parts.post(stack.parts().extractorUrl() + path, json);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    return JSON.readTree(response.body());
  }

  private static JsonNode source(String name) throws Exception {
    for (JsonNode each : get("/sources")) {
      if (each.get("name").asText().equals(name)) {
        return each;
      }
    }
    throw new AssertionError("no source " + name);
  }

  /** Every committed record of a topic. */
  private static List<ConsumerRecord<byte[], byte[]>> read(Topic topic) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", stack.bootstrapServers());
    settings.put("isolation.level", "read_committed");
    settings.put("auto.offset.reset", "earliest");
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (int i = 0; i < topic.partitions(); i++) {
        partitions.add(new TopicPartition(topic.name(), i));
      }
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        consumer.poll(Duration.ofMillis(200)).forEach(records::add);
      }
    }
    return records;
  }

  @Test
  @Order(1)
  void shouldShareRangesAmongInstancesThatComeAndGo() throws Exception {
    List<Part> more = new ArrayList<>();
    for (int i = 2; i <= INSTANCES; i++) {
      try (ServerSocket socket = new ServerSocket(0)) {
        more.add(stack.parts().extractor("extractor-" + i, socket.getLocalPort(), sources));
      }
    }
    for (Part part : more) {
      stack.startPart(part);
    }
    String job =
        post("/sources/recorded/requests", "{\"from\":\"0\",\"to\":\"1199\"}", 202)
            .get("jobId")
            .asText();
    awaitDone(job, 100);
    Child second = stack.child("extractor-2");
    second.kill();
    awaitDone(job, 400);
    stack.child("extractor-3").kill();
    stack.startPart(second.part());
    awaitDone(job, 1200);

    Map<Long, Integer> copies = new TreeMap<>();
    Map<String, Integer> workers = new TreeMap<>();
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.number(
                            stack,
                            "SELECT count(*) FROM ops.extract_results WHERE job_id = '"
                                + job
                                + "'"))
                    .isEqualTo(240));
    Tables.texts(stack, "SELECT worker FROM ops.extract_results WHERE job_id = '" + job + "'")
        .forEach(w -> workers.merge(w, 1, Integer::sum));
    assertThat(workers).hasSizeGreaterThanOrEqualTo(3);
    KafkaClients kafka = stack.kafka();
    for (ConsumerRecord<byte[], byte[]> record : read(Topics.RAW_EVM_BLOCKS)) {
      BlockKey key = (BlockKey) kafka.serdes().read(record.topic(), record.key());
      if (key.getChainId() == RECORDED_CHAIN) {
        copies.merge(key.getNumber(), 1, Integer::sum);
      }
    }
    assertThat(copies).hasSize(1200);
    assertThat(copies.values()).as("each block is published exactly once").containsOnly(1);
    for (String part : List.of("extractor-2", "extractor-4")) {
      stack.child(part).stop();
    }
  }

  private static void awaitDone(String job, long numbers) {
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(200))
        .ignoreExceptions()
        .until(() -> get("/jobs/" + job).get("done").asLong() >= numbers);
  }

  @Test
  @Order(2)
  void shouldBeOperated() throws Exception {
    post("/sources/recorded/pause", "", 202);
    await().atMost(LONG).until(() -> source("recorded").get("paused").asBoolean());
    String job =
        post("/sources/recorded/requests", "{\"from\":\"1200\",\"to\":\"1399\"}", 202)
            .get("jobId")
            .asText();
    await().atMost(LONG).until(() -> source("recorded").at("/feeds/0/outstanding").asLong() == 200);
    assertThat(Parts.post(stack.parts().extractorUrl() + "/sources/recorded/runs", "").body())
        .contains("paused");
    post("/jobs/" + job + "/cancel", "", 202);
    await().atMost(LONG).until(() -> get("/jobs/" + job).get("state").asText().equals("cancelled"));

    post("/sources/recorded/resume", "", 202);
    awaitDone(job, 200);

    JsonNode state = get("/jobs/" + job);
    assertThat(state.get("records").asLong()).isZero();
    assertThat(state.get("rangesDone").asInt()).isEqualTo(40);
    JsonNode run = post("/sources/replaced/runs", "", 200);
    assertThat(run.at("/feeds/0/head").asLong()).isGreaterThanOrEqualTo(0);
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT DISTINCT trigger FROM ops.extract_runs WHERE source = 'replaced' ORDER BY 1"))
                    .contains("manual", "schedule"));
    assertThat(Parts.get(stack.parts().extractorUrl() + "/q/openapi").body())
        .contains("/sources/{feed}/requests")
        .contains("/jobs/{job}/cancel");
    assertThat(Parts.post(stack.parts().extractorUrl() + "/jobs/none/cancel", "").statusCode())
        .isEqualTo(404);
  }

  @Test
  @Order(3)
  void shouldFollowAChainThatIsReplaced() throws Exception {
    String logger = anvil.deployLogger();
    for (int i = 0; i < 90; i++) {
      anvil.mine(logger, 1 + i % 3, i);
    }
    awaitEqualToTheChain();

    int seed = 1000;
    for (int depth : new int[] {1, 2, 5, 17, WINDOW}) {
      // More transactions than before, then fewer, then others in other blocks.
      for (int transactions : new int[] {4 * depth, 1, depth}) {
        anvil.reorg(depth, Anvil.spread(logger, transactions, depth, seed++));
        awaitEqualToTheChain();
      }
    }
    assertThat(source("replaced").at("/feeds/0/halted").asBoolean()).isFalse();
    assertThat(
            Tables.number(
                stack, "SELECT sum(replaced) FROM ops.extract_runs WHERE source = 'replaced'"))
        .isPositive();
  }

  @Test
  @Order(4)
  void shouldHaltWhenTheChainIsReplacedBelowTheWindow() throws Exception {
    String logger = anvil.deployLogger();
    awaitEqualToTheChain();
    long head = anvil.head();

    anvil.reorg(WINDOW + 6, Anvil.spread(logger, 5, WINDOW + 6, 7777));
    await().atMost(LONG).until(() -> source("replaced").at("/feeds/0/halted").asBoolean());
    anvil.mine();

    assertThat(source("replaced").get("problems").toString())
        .contains("reorg-window")
        .contains("./pipeline extract replaced");
    assertThat(Parts.get(stack.parts().extractorUrl() + "/q/metrics").body())
        .contains("extractor_halted{source=\"replaced\"} 1.0");
    assertThat(source("replaced").at("/feeds/0/nextNumber").asLong()).isEqualTo(head + 1);

    // What the problem says is done, and the source goes on.
    post(
        "/sources/replaced/requests",
        "{\"from\":\"%d\",\"to\":\"%d\"}".formatted(head - WINDOW - 10, head),
        202);
    await().atMost(LONG).until(() -> !source("replaced").at("/feeds/0/halted").asBoolean());
    awaitEqualToTheChain();
  }

  private static void awaitEqualToTheChain() throws Exception {
    Oracle oracle = anvil.read().oracle(REPLACED_CHAIN, "replaced");
    await()
        .atMost(LONG)
        .pollInterval(Duration.ofMillis(500))
        .untilAsserted(() -> Tables.assertEqual(stack, oracle, REPLACED_CHAIN));
  }

  @Test
  @Order(5)
  void shouldTakeCandlesOfAProducerInAnotherLanguage() throws Exception {
    Path example = Path.of(System.getProperty("project.root"), "docs/examples/candle-producer");
    Npm.install(example);
    Path file = Files.createTempFile("candles", ".json");
    // Of the hours before and after the recorded chain begins.
    String first = "[1767222000000, \"2281.5\",\"2290.0\",\"2270.1\",\"2285.0\",\"12.5\"]";
    String second = "[1767225600000,\"2285.0\", \"2291.0\",\"2280.0\",\"2290.5\",\"8\"]";
    Files.writeString(file, "[" + first + ",\n " + second + "]");

    Npm.run(
        example,
        "node",
        "candles.mjs",
        "--brokers",
        stack.bootstrapServers(),
        "--registry",
        stack.registryUrl(),
        "--source",
        "example",
        "--venue",
        "kraken",
        "--symbol",
        "ETHUSD",
        "--interval",
        "1h",
        file.toString());

    KafkaClients kafka = stack.kafka();
    List<String> candles = new ArrayList<>();
    for (ConsumerRecord<byte[], byte[]> record : read(Topics.RAW_MARKET_CANDLES)) {
      RawCandle candle = (RawCandle) kafka.serdes().read(record.topic(), record.value());
      candles.add(StandardCharsets.UTF_8.decode(candle.getCandleJson()).toString());
      assertThat(candle.getVenue()).isEqualTo("kraken");
      assertThat(candle.getCloseTime())
          .isEqualTo(candle.getOpenTime().plusSeconds(3600).minusMillis(1));
      assertThat(record.partition())
          .as("placed as the services place it")
          .isEqualTo(
              KeyPartitioner.partition(
                  record.topic(), record.key(), Topics.RAW_MARKET_CANDLES.partitions()));
    }
    assertThat(candles).containsExactlyInAnyOrder(first, second);
    await().atMost(LONG).untilAsserted(ExtractionIT::assertPriced);
  }

  /** Prices and fees as SQL finds them in the tables that they are made of. */
  private static void assertPriced() throws Exception {
    assertThat(Tables.number(stack, "SELECT count(*) FROM market.candles")).isEqualTo(2);
    assertThat(
            Tables.texts(
                stack,
                """
                SELECT count(DISTINCT price) || ' ' || (sum(fees_paid_usd) > 0) || ' ' || max(price_symbol)
                FROM business.block_economics WHERE chain_id = 31337 AND price IS NOT NULL"""))
        .containsExactly("2 true ETHUSD");
    assertThat(
            Tables.texts(
                stack,
                """
                SELECT e.number || ': ' || coalesce(e.price::text, 'none')
                FROM business.block_economics AS e
                WHERE chain_id = 31337 AND e.price IS DISTINCT FROM (
                    SELECT c.close FROM market.candles AS c
                    WHERE c.close_time < e.timestamp
                        AND e.timestamp - c.close_time <= interval '2 hours 1 millisecond'
                    ORDER BY c.close_time DESC LIMIT 1)"""))
        .isEmpty();
    assertThat(
            Tables.texts(
                stack,
                """
                SELECT e.chain_id || ' ' || e.number
                FROM business.block_economics AS e
                WHERE e.fees_paid IS DISTINCT FROM (
                    SELECT coalesce(sum(t.fee + t.blob_fee), 0) FROM business.transaction_costs AS t
                    WHERE t.chain_id = e.chain_id AND t.block_number = e.number)"""))
        .isEmpty();
    assertThat(
            Tables.number(
                stack,
                "SELECT count(*) FROM chain.blocks FULL JOIN business.block_economics USING (chain_id, number, hash) WHERE miner IS NULL OR legacy_count IS NULL"))
        .as("blocks without economics, and economics without block")
        .isZero();
    assertThat(
            Tables.number(
                stack,
                "SELECT sum(blocks) - (SELECT count(*) FROM chain.blocks) FROM business.daily_chain_metrics"))
        .isZero();
  }
}
