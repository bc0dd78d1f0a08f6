package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import java.math.BigDecimal;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The sink in a real Connect worker, from Kafka to PostgreSQL. */
@ExtendWith(StackExtension.class)
class BulkSinkIT {
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final BigDecimal ONE = new BigDecimal("1.000000000000000000");

  private final Stack stack;

  BulkSinkIT(Stack stack) {
    this.stack = stack;
  }

  @AfterEach
  void withoutConstraint() throws SQLException {
    execute("ALTER TABLE market.candles DROP CONSTRAINT IF EXISTS small_volume");
  }

  private void execute(String sql) throws SQLException {
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute(sql);
    }
  }

  private Producer<SpecificRecord, SpecificRecord> producer() {
    return stack.kafka().producer();
  }

  private static ProducerRecord<SpecificRecord, SpecificRecord> candle(
      String symbol, int minute, String volume) {
    Instant open = Instant.ofEpochSecond(60L * minute);
    Candle candle =
        Candle.newBuilder()
            .setVenue("test")
            .setSymbol(symbol)
            .setInterval("1m")
            .setOpenTime(open)
            .setCloseTime(open.plusMillis(59_999))
            .setOpen(ONE)
            .setHigh(ONE)
            .setLow(ONE)
            .setClose(ONE)
            .setVolume(new BigDecimal(volume).setScale(18))
            .setSource("test")
            .setEndpoint("test")
            .setFetchedAt(open)
            .setChecks(List.of())
            .build();
    return new ProducerRecord<>(
        Topics.MARKET_CANDLES.name(), new CandleKey("test", symbol, "1m", open), candle);
  }

  private JsonNode connector() throws Exception {
    return new ObjectMapper()
        .readTree(Parts.get(stack.connectUrl() + "/connectors/tables/status").body());
  }

  @Test
  void shouldKeepRowsThatTheDatabaseRefusesAndLoadTheOthers() throws Exception {
    execute("ALTER TABLE market.candles ADD CONSTRAINT small_volume CHECK (volume < 1000)");
    List<String> refused = new ArrayList<>();
    try (Producer<SpecificRecord, SpecificRecord> producer = producer()) {
      for (int i = 0; i < 1500; i++) {
        producer.send(candle("GOOD", i, "1"));
        if (i % 500 == 250) {
          refused.add(place(producer.send(candle("BAD", i, "1000")).get()) + " sqlstate_23514");
          refused.add(place(producer.send(candle("B\0D", i, "1")).get()) + " value_invalid");
        }
      }
    }

    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(
                      Tables.texts(
                          stack, "SELECT count(*) FROM market.candles WHERE symbol = 'GOOD'"))
                  .containsExactly("1500");
              assertThat(
                      Tables.texts(
                          stack,
                          "SELECT id || ' ' || code FROM ops.dead_letters WHERE stage = 'load' AND topic = 'market.candles'"))
                  .containsExactlyInAnyOrderElementsOf(refused);
            });
    assertThat(Tables.texts(stack, "SELECT count(*) FROM market.candles WHERE symbol <> 'GOOD'"))
        .containsExactly("0");
    assertThat(
            Tables.texts(
                stack,
                "SELECT DISTINCT position('small_volume' IN reason) > 0 AND length(payload) > 50 FROM ops.dead_letters WHERE code = 'sqlstate_23514'"))
        .containsExactly("t");
    JsonNode connector = connector();
    assertThat(connector.at("/connector/state").asText()).isEqualTo("RUNNING");
    connector
        .get("tasks")
        .forEach(task -> assertThat(task.get("state").asText()).isEqualTo("RUNNING"));

    // A later row of the key withdraws the letter.
    try (Producer<SpecificRecord, SpecificRecord> producer = producer()) {
      producer.send(candle("BAD", 250, "1")).get();
    }
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT id FROM ops.dead_letters WHERE stage = 'load' AND topic = 'market.candles'"))
                    .hasSize(refused.size() - 1)
                    .doesNotContain(refused.get(0).split(" ")[0]));
  }

  @Test
  void shouldFailForAMistakeOfConfigurationAndSayWhich() throws Exception {
    ObjectMapper json = new ObjectMapper();
    String connectors = stack.connectUrl() + "/connectors/";
    ObjectNode config = (ObjectNode) json.readTree(Parts.get(connectors + "tables/config").body());
    config
        .put("name", "mistake")
        .put("topics", Topics.MARKET_INSTRUMENTS.name())
        .put("tasks.max", "1")
        .put("database.password", "guessed-at");
    HttpClient http = HttpClient.newHttpClient();
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(connectors + "mistake/config"))
            .header("Content-Type", "application/json");
    assertThat(
            http.send(
                    request.PUT(HttpRequest.BodyPublishers.ofString(config.toString())).build(),
                    HttpResponse.BodyHandlers.discarding())
                .statusCode())
        .isEqualTo(201);

    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(Parts.get(connectors + "mistake/status").body())
                    .contains("FAILED", "28P01", "password authentication failed")
                    .doesNotContain("guessed-at"));
    http.send(
        HttpRequest.newBuilder(URI.create(connectors + "mistake")).DELETE().build(),
        HttpResponse.BodyHandlers.discarding());
  }

  private static String place(RecordMetadata record) {
    return "load:market.candles:" + record.partition() + ":" + record.offset();
  }

  @Test
  void shouldWaitForALockThatOthersHoldAndThenLoad() throws Exception {
    try (Connection blocker = stack.database();
        Statement statement = blocker.createStatement();
        Producer<SpecificRecord, SpecificRecord> producer = producer()) {
      blocker.setAutoCommit(false);
      statement.execute("LOCK TABLE market.candles IN ACCESS EXCLUSIVE MODE");
      producer.send(candle("LOCKED", 1, "1")).get();
      await()
          .atMost(LONG)
          .untilAsserted(
              () ->
                  assertThat(
                          Tables.texts(
                              stack,
                              "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'crypto-etl-loader' AND wait_event_type = 'Lock'"))
                      .containsExactly("t"));
      blocker.rollback();
    }

    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack, "SELECT count(*) FROM market.candles WHERE symbol = 'LOCKED'"))
                    .containsExactly("1"));
  }

  @Test
  void shouldKeepForeignRecordsAndLoadTheTablesOfTheOthers() throws Exception {
    String topic = Topics.MARKET_INSTRUMENTS.name();
    List<String> kept = new ArrayList<>();
    try (Producer<SpecificRecord, SpecificRecord> producer = producer();
        KafkaProducer<byte[], byte[]> foreign =
            new KafkaProducer<>(
                Map.of("bootstrap.servers", stack.bootstrapServers()),
                new ByteArraySerializer(),
                new ByteArraySerializer())) {
      kept.add(
          foreign.send(new ProducerRecord<>(topic, "a".getBytes(), "{}".getBytes())).get()
              + " record_unreadable");
      kept.add(
          foreign.send(new ProducerRecord<>(topic, "a".getBytes(), null)).get()
              + " record_unreadable");
      kept.add(
          foreign
                  .send(
                      new ProducerRecord<>(
                          topic, new byte[] {0, 127, 0, 0, 1, 2}, new byte[] {0, 127, 0, 0, 1, 2}))
                  .get()
              + " record_unreadable");
      // A candle in the topic of instruments.
      ProducerRecord<SpecificRecord, SpecificRecord> candle = candle("FOREIGN", 1, "1");
      AvroSerdes serdes = stack.kafka().serdes();
      kept.add(
          foreign
                  .send(
                      new ProducerRecord<>(
                          topic,
                          serdes.serializer(true).serialize(candle.topic(), candle.key()),
                          serdes.serializer(false).serialize(candle.topic(), candle.value())))
                  .get()
              + " schema_unfit");
      producer.send(candle("BESIDE", 1, "1")).get();
    }
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(
                      Tables.texts(
                          stack,
                          "SELECT concat(topic, '-', partition, '@', \"offset\", ' ', code) FROM ops.dead_letters WHERE stage = 'load' AND topic = '%s'"
                              .formatted(topic)))
                  .containsExactlyInAnyOrderElementsOf(kept);
              assertThat(
                      Tables.texts(
                          stack, "SELECT count(*) FROM market.candles WHERE symbol = 'BESIDE'"))
                  .containsExactly("1");
            });
  }
}
