package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.RecordedNode;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.ops.Control;
import io.cryptoetl.ops.ControlKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.replay.Replay;
import io.cryptoetl.replay.ReplayKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whatever stands in whatever topic, what is good is worked off, and nothing is lost in silence.
 */
class ForeignRecordsIT {
  private static final long CHAIN = 31337;
  private static final Duration LONG = Duration.ofMinutes(3);
  private static final int CANDLES = 100;

  @TempDir static Path folder;
  private static EmbeddedStack stack;
  private static HttpServer node;

  @BeforeAll
  static void start() throws Exception {
    Path root = Path.of(System.getProperty("project.root"));
    node =
        RecordedNode.serve(Recording.read(root.resolve("pipeline-local/recording/anvil")), CHAIN);
    stack = EmbeddedStack.start(p -> List.of(), p -> List.of(), TopicSettings.defaults());
  }

  @AfterAll
  static void stop() throws IOException {
    if (stack != null) {
      stack.close();
    }
    node.stop(0);
  }

  /** Puts what nobody can read into every partition of every topic. */
  private static void spoil() throws Exception {
    byte[][] broken = {
      "{\"json\":true}".getBytes(java.nio.charset.StandardCharsets.UTF_8),
      {0, 0x70, 0, 0, 1, 2, 3},
      {0},
      null
    };
    try (KafkaProducer<byte[], byte[]> producer =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", stack.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer());
        Admin admin = stack.kafka().admin()) {
      for (Topic topic : Topics.all()) {
        int partitions =
            admin
                .describeTopics(List.of(topic.name()))
                .allTopicNames()
                .get()
                .get(topic.name())
                .partitions()
                .size();
        assertThat(partitions).isEqualTo(topic.partitions());
        for (int partition = 0; partition < partitions; partition++) {
          for (byte[] value : broken) {
            // Compacted topics take nothing without a key.
            byte[] key = value == null ? new byte[] {9} : value;
            producer.send(new ProducerRecord<>(topic.name(), partition, key, value)).get();
          }
        }
      }
    }
    // What can be read, and makes no sense where it stands.
    AvroSerdes serdes = stack.kafka().serdes();
    try (var producer = stack.kafka().producer()) {
      Instant now = Instant.EPOCH;
      producer.send(
          new ProducerRecord<>(
              Topics.OPS_EXTRACT_REQUESTS.name(),
              new ExtractRequestKey("upside-down"),
              new ExtractRequest("upside-down", "job", "recorded", 9L, 3L, "test", now)));
      producer.send(
          new ProducerRecord<>(
              Topics.OPS_CONTROLS.name(),
              new ControlKey("moon", "x"),
              new Control("moon", "x", "full", "test", now)));
      for (Replay replay :
          List.of(
              new Replay("a", "raw.csv.rows", 0, 0L, 1L, now),
              new Replay("b", "raw.evm.blocks", 0, 5L, 2L, now),
              new Replay("c", "raw.evm.blocks", 0, 0L, 1_000_000L, now))) {
        producer.send(
            new ProducerRecord<>(
                "transformer.replay.evm.blocks",
                0,
                new ReplayKey(replay.getId(), 0, replay.getFromOffset()),
                replay));
      }
    }
    foreign(serdes, Topics.OPS_EXTRACT_REQUESTS, Topics.OPS_FILE_REQUESTS, Topics.OPS_CURSORS);
    foreign(serdes, Topics.OPS_FILES, Topics.TRANSFORMER_FILE_ROWS, Topics.TRANSFORMER_PRICES);
  }

  /** A control of the extractor, in topics of others. */
  private static void foreign(AvroSerdes serdes, Topic... topics) throws Exception {
    SpecificRecord key = new ControlKey("source", "recorded");
    SpecificRecord value = new Control("source", "recorded", "paused", "test", Instant.EPOCH);
    byte[] keyBytes = serdes.serializer(true).serialize(Topics.OPS_CONTROLS.name(), key);
    byte[] valueBytes = serdes.serializer(false).serialize(Topics.OPS_CONTROLS.name(), value);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(
            Map.of("bootstrap.servers", stack.bootstrapServers()),
            new ByteArraySerializer(),
            new ByteArraySerializer())) {
      for (Topic topic : topics) {
        producer.send(new ProducerRecord<>(topic.name(), 0, keyBytes, valueBytes)).get();
      }
    }
  }

  @Test
  void shouldWorkOffWhatIsGood() throws Exception {
    spoil();
    Parts parts = stack.parts();
    Path files = Files.createDirectories(folder.resolve("files/venue=v/symbol=BESIDE/interval=1m"));
    StringBuilder candles = new StringBuilder("time,open,high,low,close,volume\n");
    for (int i = 0; i < CANDLES; i++) {
      candles.append(1_600_000_020L + 60L * i).append(",1,2,1,2,3\n");
    }
    Files.writeString(files.resolve("candles.csv"), candles);
    stack.startPart(parts.transformer(Map.of()));
    stack.startPart(
        parts.extractor(
            "one",
            Map.of(
                "EXTRACTOR_SOURCES_RECORDED_CHAIN_ID",
                Long.toString(CHAIN),
                "EXTRACTOR_SOURCES_RECORDED_START",
                "2000",
                "EXTRACTOR_SOURCES_RECORDED_EVERY",
                "500ms",
                "EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL",
                "http://127.0.0.1:" + node.getAddress().getPort())));
    stack.startPart(
        parts.backfill(
            Map.of(
                "BACKFILL_LOCATIONS_FOLDER_URL", folder.resolve("files").toString(),
                "BACKFILL_INBOX_URL", "",
                "BACKFILL_SETTLE", "1s")));

    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(Tables.number(stack, "SELECT count(*) FROM chain.blocks")).isEqualTo(200);
              assertThat(Tables.number(stack, "SELECT count(*) FROM audit.incomplete_blocks"))
                  .isZero();
              assertThat(
                      Tables.number(
                          stack, "SELECT count(*) FROM market.candles WHERE symbol = 'BESIDE'"))
                  .isEqualTo(CANDLES);
            });
    // Three unreadable values in each of six partitions, and what makes no sense.
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(letters("extract", "ops.extract_requests")).isEqualTo(6 * 3 + 2);
              assertThat(letters("backfill", "ops.file_requests")).isEqualTo(6 * 3 + 1);
              for (String topic :
                  List.of(
                      "raw.evm.blocks",
                      "raw.csv.rows",
                      "transformer.file_rows",
                      "transformer.prices")) {
                assertThat(letters("transform", topic)).as(topic).isGreaterThanOrEqualTo(18);
              }
              assertThat(letters("transform", "transformer.replay.evm.blocks"))
                  .isGreaterThanOrEqualTo(18 + 3);
              assertThat(
                      Tables.number(
                          stack,
                          "SELECT count(*) FROM ops.dead_letters WHERE stage = 'transform' AND code <> 'record_unreadable'"))
                  .as("letters that take bad records for mistakes in the code")
                  .isZero();
              for (Topic topic : Topics.all()) {
                if (topic.table()) {
                  assertThat(letters("load", topic.name()))
                      .as(topic.name())
                      .isGreaterThanOrEqualTo(4L * topic.partitions());
                }
              }
            });
    for (String url : List.of(parts.extractorUrl(), parts.backfillUrl())) {
      assertThat(Parts.get(url + "/q/metrics").body())
          .containsPattern("(extractor|backfill)_records_skipped_total [1-9]");
      assertThat(Parts.get(url + "/q/health/ready").statusCode()).isEqualTo(200);
    }
    for (String part : List.of("transformer", "extractor", "backfill")) {
      assertThat(Files.readString(stack.log(part)))
          .as(part)
          .doesNotContain("event=thread_replaced")
          .doesNotContain("event=clients_reopened");
    }
  }

  private static long letters(String stage, String topic) throws java.sql.SQLException {
    return Tables.number(
        stack,
        "SELECT count(*) FROM ops.dead_letters WHERE stage = '%s' AND topic = '%s'"
            .formatted(stage, topic));
  }

  @Test
  void shouldHaveTheSettingsOfTheCatalogueAndRefuseToMoveKeys() throws Exception {
    try (Admin admin = stack.kafka().admin()) {
      for (Topic topic : Topics.all()) {
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic.name());
        var config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
        topic
            .config()
            .forEach(
                (name, value) ->
                    assertThat(config.get(name).value())
                        .as("%s %s", topic.name(), name)
                        .isEqualTo(value));
      }
      assertThatIllegalArgumentException()
          .isThrownBy(
              () ->
                  new Provisioner(TopicSettings.from(Map.of("TOPIC_ROWS_PARTITIONS", "12")))
                      .topics(admin))
          .withMessageContaining("keys would move")
          .withMessageContaining("chain.blocks has 6, not 12");
      new Provisioner(TopicSettings.from(Map.of("TOPIC_RAW_RETENTION", "400d"))).topics(admin);
      ConfigResource raw = new ConfigResource(ConfigResource.Type.TOPIC, "raw.evm.blocks");
      assertThat(
              admin.describeConfigs(List.of(raw)).all().get().get(raw).get("retention.ms").value())
          .isEqualTo(Long.toString(Duration.ofDays(400).toMillis()));
      assertThat(
              new Provisioner(TopicSettings.from(Map.of("TOPIC_REPLICATION_FACTOR", "3")))
                  .topics(admin))
          .as("what an operator should know")
          .hasSize(Topics.all().size());
    }
  }
}
