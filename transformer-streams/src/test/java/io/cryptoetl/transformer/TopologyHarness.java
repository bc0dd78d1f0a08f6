package io.cryptoetl.transformer;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The topology without a broker. Records are framed like on the wire (a zero byte and a four-byte
 * id), so that what is not so framed can be told apart.
 */
final class TopologyHarness implements AutoCloseable {
  private static final int FRAME = 5;

  private final TopologyTestDriver driver;
  private final TestInputTopic<byte[], byte[]> rawBlocks;
  private final Map<String, Map<GenericRecord, GenericRecord>> tables = new TreeMap<>();

  TopologyHarness(Path stateDir) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
    config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
    driver = new TopologyTestDriver(PipelineTopology.build(formats()), config, Instant.EPOCH);
    rawBlocks =
        driver.createInputTopic(
            Topics.RAW_EVM_BLOCKS.name(), new ByteArraySerializer(), new ByteArraySerializer());
  }

  static PipelineTopology.Formats formats() {
    return new PipelineTopology.Formats() {
      @Override
      public Deserializer<RawBlock> rawBlocks() {
        return (topic, data) -> {
          try {
            return new SpecificDatumReader<>(RawBlock.class)
                .read(
                    null,
                    DecoderFactory.get().binaryDecoder(data, FRAME, data.length - FRAME, null));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        };
      }

      @Override
      public Serializer<SpecificRecord> keys() {
        return (topic, record) -> encode(record);
      }

      @Override
      public Serializer<SpecificRecord> values() {
        return (topic, record) -> record == null ? null : encode(record);
      }
    };
  }

  static byte[] encode(SpecificRecord record) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[FRAME]);
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    try {
      new SpecificDatumWriter<SpecificRecord>(
              record.getSchema(),
              org.apache.avro.specific.SpecificData.getForClass(record.getClass()))
          .write(record, encoder);
      encoder.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  /** Pipes a raw block in and takes what comes out into the tables. */
  void pipe(RawBlock raw) {
    pipe(encode(new BlockKey(raw.getChainId(), raw.getNumber())), encode(raw));
  }

  void pipe(byte[] key, byte[] value) {
    rawBlocks.pipeInput(key, value, Instant.ofEpochSecond(1));
    for (Topic topic : Topics.all()) {
      if (topic.table()) {
        take(topic);
      }
    }
  }

  private void take(Topic topic) {
    var output =
        driver.createOutputTopic(
            topic.name(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    Map<GenericRecord, GenericRecord> table =
        tables.computeIfAbsent(topic.name(), t -> new LinkedHashMap<>());
    for (TestRecord<byte[], byte[]> record : output.readRecordsToList()) {
      GenericRecord key = decode(topic.key(), record.key());
      if (record.value() == null) {
        table.remove(key);
      } else {
        table.put(key, decode(topic.value(), record.value()));
      }
    }
  }

  private static GenericRecord decode(org.apache.avro.Schema schema, byte[] data) {
    try {
      return new GenericDatumReader<GenericRecord>(schema)
          .read(null, DecoderFactory.get().binaryDecoder(data, FRAME, data.length - FRAME, null));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Rows of a table, sorted by key. */
  List<GenericRecord> rows(Topic topic) {
    return tables.getOrDefault(topic.name(), Map.of()).entrySet().stream()
        .sorted(
            Map.Entry.comparingByKey(
                (a, b) -> org.apache.avro.generic.GenericData.get().compare(a, b, topic.key())))
        .map(Map.Entry::getValue)
        .toList();
  }

  /** All tables as text, for comparison. */
  String everything() {
    StringBuilder text = new StringBuilder();
    for (Topic topic : Topics.all()) {
      if (topic.table()) {
        text.append(topic.name()).append('\n');
        rows(topic).forEach(r -> text.append("  ").append(r).append('\n'));
      }
    }
    return text.toString();
  }

  static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }

  @Override
  public void close() {
    driver.close();
  }
}
