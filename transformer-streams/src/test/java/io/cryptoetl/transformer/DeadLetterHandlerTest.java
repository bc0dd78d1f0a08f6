package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.raw.RawNormalizer;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Properties;
import org.apache.kafka.common.errors.DisconnectException;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.test.TestRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DeadLetterHandlerTest {
  @TempDir Path state;

  private static final class Failing extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
    @Override
    public void process(Record<byte[], byte[]> record) {
      String text = new String(record.value(), StandardCharsets.UTF_8);
      if (text.equals("away")) {
        throw new DisconnectException("the brokers are away");
      }
      if (text.equals("wrapped")) {
        throw new IllegalStateException(new DisconnectException("the brokers are away"));
      }
      context().forward(record.withValue(new byte[Integer.parseInt(text)]));
    }
  }

  private TopologyTestDriver driver() {
    Topology topology =
        new Topology()
            .addSource(
                "from", new ByteArrayDeserializer(), new ByteArrayDeserializer(), "raw.evm.blocks")
            .addProcessor("failing", Failing::new, "from")
            .addSink("to", "out", new ByteArraySerializer(), new ByteArraySerializer(), "failing");
    return driver(topology);
  }

  private TopologyTestDriver driver(Topology topology) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
    config.put(StreamsConfig.STATE_DIR_CONFIG, state.toString());
    config.put(StreamsConfig.PROCESSING_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
    config.put(
        StreamsConfig.DESERIALIZATION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
    config.put(StreamsConfig.PRODUCTION_EXCEPTION_HANDLER_CLASS_CONFIG, DeadLetterHandler.class);
    config.put(StreamsSettings.FORMATS, TopologyHarness.formats());
    return new TopologyTestDriver(topology, config, Instant.EPOCH);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void shouldKeepWhatOurCodeFailsOnAndGoOn() {
    try (TopologyTestDriver driver = driver()) {
      var in =
          driver.createInputTopic(
              "raw.evm.blocks", new ByteArraySerializer(), new ByteArraySerializer());
      in.pipeInput(bytes("k"), bytes("one"));
      in.pipeInput(bytes("k"), bytes("1"));

      var out =
          driver.createOutputTopic("out", new ByteArrayDeserializer(), new ByteArrayDeserializer());
      assertThat(out.readValue()).hasSize(1);
      var letters =
          driver.createOutputTopic(
              Topics.OPS_DEAD_LETTERS.name(),
              new ByteArrayDeserializer(),
              new ByteArrayDeserializer());
      assertThat(new String(letters.readValue(), StandardCharsets.UTF_8))
          .contains("processing_failed", "raw.evm.blocks", "NumberFormatException", "one");
      assertThat(letters.isEmpty()).isTrue();
    }
  }

  @Test
  void shouldNameThePlaceOfTheRawRecordInAReplay() {
    Topology topology =
        new Topology()
            .addSource(
                "from",
                new ByteArrayDeserializer(),
                new ByteArrayDeserializer(),
                "transformer.replay.evm.blocks")
            .addProcessor("failing", Failing::new, "from");
    try (TopologyTestDriver driver = driver(topology)) {
      driver
          .createInputTopic(
              "transformer.replay.evm.blocks", new ByteArraySerializer(), new ByteArraySerializer())
          .pipeInput(
              new TestRecord<>(
                  bytes("k"),
                  bytes("one"),
                  new RecordHeaders()
                      .add(
                          RawNormalizer.REPLAYED,
                          ByteBuffer.allocate(Long.BYTES).putLong(77).array())));

      byte[] key =
          driver
              .createOutputTopic(
                  Topics.OPS_DEAD_LETTERS.name(),
                  new ByteArrayDeserializer(),
                  new ByteArrayDeserializer())
              .readRecord()
              .key();
      assertThat(new String(key, StandardCharsets.UTF_8))
          .endsWith("transform:raw.evm.blocks:0:77:failing");
    }
  }

  @Test
  void shouldNotBlameARecordForWhatIsAway() {
    for (String value : new String[] {"away", "wrapped"}) {
      try (TopologyTestDriver driver = driver()) {
        var in =
            driver.createInputTopic(
                "raw.evm.blocks", new ByteArraySerializer(), new ByteArraySerializer());

        assertThatThrownBy(() -> in.pipeInput(bytes("k"), bytes(value)))
            .rootCause()
            .isInstanceOf(DisconnectException.class);
      }
    }
  }

  private String letters(TopologyTestDriver driver) {
    return driver
        .createOutputTopic(
            Topics.OPS_DEAD_LETTERS.name(),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())
        .readValuesToList()
        .stream()
        .map(letter -> new String(letter, StandardCharsets.UTF_8))
        .reduce("", String::concat);
  }

  @Test
  void shouldKeepWhatCannotBeReadAndGoOn() {
    Topology topology =
        new Topology()
            .addSource(
                "from",
                TopologyHarness.formats().reader(),
                TopologyHarness.formats().reader(),
                "transformer.prices")
            .addSink(
                "to",
                "out",
                TopologyHarness.formats().keys(),
                TopologyHarness.formats().values(),
                "from");
    try (TopologyTestDriver driver = driver(topology)) {
      var in =
          driver.createInputTopic(
              "transformer.prices", new ByteArraySerializer(), new ByteArraySerializer());
      byte[] good = TopologyHarness.encode(new BlockKey(1L, 2L));
      in.pipeInput(good, bytes("garbage"));
      in.pipeInput(bytes("garbage"), good);
      in.pipeInput(good, good);

      assertThat(
              driver
                  .createOutputTopic(
                      "out", new ByteArrayDeserializer(), new ByteArrayDeserializer())
                  .readValuesToList())
          .hasSize(1);
      assertThat(letters(driver))
          .contains("record_unreadable", "transformer.prices:0:0", "transformer.prices:0:1");
    }
  }

  @Test
  void shouldKeepARowThatItsTopicDoesNotTakeAndGoOn() {
    LimitedSerializer limited =
        new LimitedSerializer(
            TopologyHarness.formats().values(),
            topic -> topic.equals("out") ? 4096 + 7 : Integer.MAX_VALUE);
    Topology topology =
        new Topology()
            .addSource(
                "from",
                TopologyHarness.formats().reader(),
                TopologyHarness.formats().reader(),
                "transformer.prices")
            .addSink("to", "out", TopologyHarness.formats().keys(), limited, "from");
    try (TopologyTestDriver driver = driver(topology)) {
      var in =
          driver.createInputTopic(
              "transformer.prices", new ByteArraySerializer(), new ByteArraySerializer());
      byte[] key = TopologyHarness.encode(new BlockKey(1L, 1L));
      in.pipeInput(key, TopologyHarness.encode(new BlockKey(1L, Long.MAX_VALUE)));
      in.pipeInput(key, key);

      assertThat(
              driver
                  .createOutputTopic(
                      "out", new ByteArrayDeserializer(), new ByteArrayDeserializer())
                  .readValuesToList())
          .hasSize(1);
      assertThat(letters(driver)).contains("row_too_large", "transformer.prices:0:0");
    }
  }
}
