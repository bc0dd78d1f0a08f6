package io.cryptoetl.transformer;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.Registry;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.raw.RawCsvRowsKey;
import io.cryptoetl.raw.RawInstruments;
import io.cryptoetl.raw.RawInstrumentsKey;
import io.cryptoetl.replay.Replay;
import io.cryptoetl.replay.ReplayKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.raw.RawNormalizer;
import io.cryptoetl.transformer.replay.RawReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.test.TestRecord;

/**
 * The topology without a broker. Records are framed like on the wire (a zero byte and a four-byte
 * id), so that what is not so framed can be told apart.
 */
final class TopologyHarness implements AutoCloseable {
  private static final int FRAME = AvroSerdes.FRAME;

  /** Records on the wire, by a registry that gives schemas numbers as they come. */
  private static final AvroSerdes SERDES =
      new AvroSerdes(
          new Registry() {
            private final List<Schema> schemas = new ArrayList<>();

            @Override
            public synchronized int idOf(String subject, Schema schema) {
              if (!schemas.contains(schema)) {
                schemas.add(schema);
              }
              return schemas.indexOf(schema);
            }

            @Override
            public synchronized Schema byId(int id) {
              return schemas.get(id);
            }
          });

  private final TopologyTestDriver driver;
  private Path deleteAtClose;
  private boolean restarted;
  private boolean pending;
  private final Map<String, TestInputTopic<byte[], byte[]>> inputs = new TreeMap<>();
  private final Map<String, List<ConsumerRecord<byte[], byte[]>>> piped = new TreeMap<>();
  private final Map<String, Integer> written = new TreeMap<>();
  private final Map<String, Map<GenericRecord, GenericRecord>> tables = new TreeMap<>();

  TopologyHarness(Path stateDir) {
    this(stateDir, PriceRules.defaults());
  }

  TopologyHarness(Path stateDir, PriceRules rules) {
    this(stateDir, rules, Layouts.defaults());
  }

  TopologyHarness(Path stateDir, PriceRules rules, Layouts layouts) {
    Properties config = new Properties();
    config.put(StreamsConfig.APPLICATION_ID_CONFIG, "test");
    config.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
    config.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
    config.put(StreamsConfig.STATE_DIR_CONFIG, stateDir.toString());
    driver =
        new TopologyTestDriver(
            PipelineTopology.build(formats(this::read), rules, layouts), config, Instant.EPOCH);
  }

  /** A topology whose state is gone when it is closed. */
  static TopologyHarness temporary(PriceRules rules) throws IOException {
    Path state = Files.createTempDirectory("topology");
    TopologyHarness harness = new TopologyHarness(state, rules);
    harness.deleteAtClose = state;
    return harness;
  }

  private interface Source {
    void read(String topic, long from, long to, Consumer<ConsumerRecord<byte[], byte[]>> records);
  }

  /** Gives what was piped in again. */
  private void read(
      String topic, long from, long to, Consumer<ConsumerRecord<byte[], byte[]>> records) {
    piped.getOrDefault(topic, List.of()).subList((int) from, (int) to).forEach(records);
  }

  static PipelineTopology.Formats formats() {
    return formats(
        (topic, from, to, records) -> {
          throw new IllegalStateException("nothing is read again here");
        });
  }

  private static PipelineTopology.Formats formats(Source source) {
    return new PipelineTopology.Formats() {
      @Override
      public Deserializer<SpecificRecord> reader() {
        return SERDES.deserializer();
      }

      @Override
      public Serializer<SpecificRecord> keys() {
        return SERDES.serializer(true);
      }

      @Override
      public Serializer<SpecificRecord> values() {
        return SERDES.serializer(false);
      }

      @Override
      public int partitions(Topic topic) {
        return 1;
      }

      @Override
      public int maxBytes(Topic topic) {
        return topic.maxMessageBytes();
      }

      @Override
      public RawReader rawReader(Map<String, Object> settings) {
        return new RawReader() {
          @Override
          public void read(
              String topic,
              int partition,
              long from,
              long to,
              Consumer<ConsumerRecord<byte[], byte[]>> records) {
            source.read(topic, from, to, records);
          }

          @Override
          public void close() {
            // Nothing is held.
          }
        };
      }
    };
  }

  static byte[] encode(SpecificRecord record) {
    return SERDES.serializer(false).serialize("any", record);
  }

  /** Pipes a raw record in and takes what comes out into the tables. */
  void pipe(SpecificRecord raw) {
    switch (raw) {
      case RawBlock block ->
          pipe(
              Topics.RAW_EVM_BLOCKS,
              encode(new BlockKey(block.getChainId(), block.getNumber())),
              encode(raw));
      case RawCandle candle -> pipe(Topics.RAW_MARKET_CANDLES, encode(keyOf(candle)), encode(raw));
      case RawInstruments instruments ->
          pipe(
              Topics.RAW_MARKET_INSTRUMENTS,
              encode(new RawInstrumentsKey(instruments.getVenue(), instruments.getAsOf())),
              encode(raw));
      case RawCsvRows rows ->
          pipe(
              Topics.RAW_CSV_ROWS,
              encode(new RawCsvRowsKey(rows.getFile(), rows.getFileVersion(), rows.getFirstLine())),
              encode(raw));
      default -> throw new IllegalArgumentException(raw.getSchema().getFullName());
    }
  }

  static CandleKey keyOf(RawCandle candle) {
    return new CandleKey(
        candle.getVenue(), candle.getSymbol(), candle.getInterval(), candle.getOpenTime());
  }

  void pipe(Topic into, byte[] key, byte[] value) {
    pipe(into, key, value, 1000);
  }

  /** Pipes a record in that was made at a time, in milliseconds. */
  void pipe(Topic into, byte[] key, byte[] value, long at) {
    List<ConsumerRecord<byte[], byte[]>> before =
        piped.computeIfAbsent(into.name(), name -> new ArrayList<>());
    RecordHeaders headers = new RecordHeaders();
    if (restarted) {
      // The driver counts from zero again, which a topic does not.
      headers.add(
          RawNormalizer.REPLAYED, ByteBuffer.allocate(Long.BYTES).putLong(before.size()).array());
    }
    inputs
        .computeIfAbsent(
            into.name(),
            name ->
                driver.createInputTopic(name, new ByteArraySerializer(), new ByteArraySerializer()))
        .pipeInput(new TestRecord<>(key, value, headers, Instant.ofEpochMilli(at)));
    before.add(
        new ConsumerRecord<>(
            into.name(),
            0,
            before.size(),
            at,
            TimestampType.CREATE_TIME,
            0,
            0,
            key,
            value,
            new RecordHeaders(),
            Optional.empty()));
    takeTables();
    pending = true;
  }

  /** Has what goes out from time to time go out. */
  void awaitPeriod() {
    driver.advanceWallClockTime(Duration.ofMinutes(1));
    takeTables();
    pending = false;
  }

  private void takeTables() {
    for (Topic topic : Topics.all()) {
      if (topic.table()) {
        take(topic);
      }
    }
  }

  /** The topology with other settings, its state and topics kept; this one is closed. */
  TopologyHarness restarted(Path stateDir, PriceRules rules, Layouts layouts) {
    // State comes to the new one when it runs already, so that it cannot find what is to go out.
    awaitPeriod();
    TopologyHarness after = new TopologyHarness(stateDir, rules, layouts);
    driver
        .getAllStateStores()
        .keySet()
        .forEach(
            name -> {
              KeyValueStore<byte[], byte[]> from = driver.getKeyValueStore(name);
              KeyValueStore<byte[], byte[]> to = after.driver.getKeyValueStore(name);
              try (KeyValueIterator<byte[], byte[]> all = from.all()) {
                all.forEachRemaining(entry -> to.put(entry.key, entry.value));
              }
            });
    after.restarted = true;
    after.piped.putAll(piped);
    after.tables.putAll(tables);
    after.deleteAtClose = deleteAtClose == null ? null : stateDir;
    close();
    return after;
  }

  /** Has all records of a raw topic processed again. */
  void replay(Topic raw) {
    long end = piped.getOrDefault(raw.name(), List.of()).size();
    pipe(
        Topics.REPLAYS.get(raw),
        encode(new ReplayKey(raw.name(), 0, 0L)),
        encode(new Replay("test", raw.name(), 0, 0L, end, Instant.EPOCH)));
  }

  private void take(Topic topic) {
    var output =
        driver.createOutputTopic(
            topic.name(), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    Map<GenericRecord, GenericRecord> table =
        tables.computeIfAbsent(topic.name(), t -> new LinkedHashMap<>());
    for (TestRecord<byte[], byte[]> record : output.readRecordsToList()) {
      written.merge(topic.name(), 1, Integer::sum);
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

  /** Records that were written to a topic since the last call. */
  int written(Topic topic) {
    if (pending) {
      awaitPeriod();
    }
    Integer count = written.remove(topic.name());
    return count == null ? 0 : count;
  }

  /** Rows of a table, sorted by key. */
  List<GenericRecord> rows(Topic topic) {
    if (pending) {
      awaitPeriod();
    }
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
    if (deleteAtClose != null) {
      try {
        Utils.delete(deleteAtClose.toFile());
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
