package io.cryptoetl.transformer;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceJoin;
import io.cryptoetl.transformer.join.PriceRules;
import io.cryptoetl.transformer.normalize.BlockNormalizer;
import io.cryptoetl.transformer.normalize.CandleNormalizer;
import io.cryptoetl.transformer.normalize.CandleTable;
import io.cryptoetl.transformer.normalize.FileBlockRows;
import io.cryptoetl.transformer.normalize.FileCandleNormalizer;
import io.cryptoetl.transformer.normalize.FileNormalizer;
import io.cryptoetl.transformer.normalize.FileRowNormalizer;
import io.cryptoetl.transformer.normalize.InstrumentsNormalizer;
import io.cryptoetl.transformer.normalize.RawReader;
import io.cryptoetl.transformer.normalize.Replayer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology: raw topics in, rows out. Every node, store and internal topic has a name of its
 * own; a golden file fails the build when one changes, because a renamed store has lost its state.
 *
 * <p>Rows of files go to where the copies of their key are, those of venues and nodes included.
 *
 * <p>Blocks are normalized and joined with prices where they are: the candles that prices are made
 * of go to every partition of {@code transformer.prices}, so blocks need not be moved, and all
 * tasks share the work on a chain.
 */
public final class PipelineTopology {
  private static final String NORMALIZE_BLOCKS = "normalize-blocks";
  private static final String NORMALIZE_CANDLES = "normalize-candles";
  private static final String NORMALIZE_INSTRUMENTS = "normalize-instruments";
  private static final String NORMALIZE_FILES = "normalize-files";
  private static final String NORMALIZE_FILE_ROWS = "normalize-file-rows";
  private static final String NORMALIZE_FILE_CANDLES = "normalize-file-candles";
  private static final String JOIN_PRICES = "join-prices";

  /** Tables of blocks that rows of files can become. */
  private static final List<Topic> TABLES_OF_FILES =
      List.of(
          Topics.CHAIN_BLOCKS,
          Topics.CHAIN_TRANSACTIONS,
          Topics.CHAIN_LOGS,
          Topics.CHAIN_TOKEN_TRANSFERS);

  private PipelineTopology() {}

  /** How records are read and written. */
  public interface Formats {
    /** A reader of keys and values. */
    Deserializer<SpecificRecord> reader();

    /** A writer of keys. */
    Serializer<SpecificRecord> keys();

    /** A writer of values. */
    Serializer<SpecificRecord> values();

    /**
     * A reader of records that are processed again.
     *
     * @param settings of the Kafka Streams application
     */
    RawReader rawReader(Map<String, Object> settings);
  }

  /** Builds the topology. */
  public static Topology build(Formats formats, PriceRules rules, Layouts layouts) {
    Topology topology = new Topology();
    blocks(topology, formats, rules);
    candles(topology, formats, rules);
    instruments(topology, formats);
    files(topology, formats, rules, layouts);
    return topology;
  }

  private static void blocks(Topology topology, Formats formats, PriceRules rules) {
    normalizer(
        topology,
        formats,
        Topics.RAW_EVM_BLOCKS,
        NORMALIZE_BLOCKS,
        () -> new BlockNormalizer(formats.reader(), t -> sink(NORMALIZE_BLOCKS, t), JOIN_PRICES));
    for (Topic topic : Topics.all()) {
      if (topic.name().startsWith("chain.")) {
        sink(topology, formats, topic, NORMALIZE_BLOCKS);
      }
    }
    source(topology, formats, Topics.TRANSFORMER_FILE_ROWS);
    topology.addProcessor(
        NORMALIZE_FILE_ROWS,
        () -> new FileRowNormalizer(t -> sink(NORMALIZE_FILE_ROWS, t), JOIN_PRICES),
        source(Topics.TRANSFORMER_FILE_ROWS));
    TABLES_OF_FILES.forEach(table -> sink(topology, formats, table, NORMALIZE_FILE_ROWS));
    store(topology, BlockNormalizer.STORE, NORMALIZE_BLOCKS, NORMALIZE_FILE_ROWS);
    store(topology, FileBlockRows.STORE, NORMALIZE_BLOCKS, NORMALIZE_FILE_ROWS);
    counts(topology, FileBlockRows.LOADS, NORMALIZE_BLOCKS, NORMALIZE_FILE_ROWS);
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_BLOCKS);
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_FILE_ROWS);

    source(topology, formats, Topics.TRANSFORMER_PRICES);
    topology.addProcessor(
        JOIN_PRICES,
        () -> new PriceJoin(rules),
        NORMALIZE_BLOCKS,
        NORMALIZE_FILE_ROWS,
        source(Topics.TRANSFORMER_PRICES));
    for (String store : List.of(PriceJoin.ROWS, PriceJoin.ROWS_BY_TIME, PriceJoin.CLOSES)) {
      store(topology, store, JOIN_PRICES);
    }
    sink(topology, formats, Topics.BUSINESS_BLOCK_ECONOMICS, JOIN_PRICES);
  }

  private static void candles(Topology topology, Formats formats, PriceRules rules) {
    normalizer(
        topology,
        formats,
        Topics.RAW_MARKET_CANDLES,
        NORMALIZE_CANDLES,
        () -> new CandleNormalizer(formats.reader(), rules, t -> sink(NORMALIZE_CANDLES, t)));
    source(topology, formats, Topics.TRANSFORMER_FILE_CANDLES);
    topology.addProcessor(
        NORMALIZE_FILE_CANDLES,
        () -> new FileCandleNormalizer(rules, t -> sink(NORMALIZE_FILE_CANDLES, t)),
        source(Topics.TRANSFORMER_FILE_CANDLES));
    store(topology, CandleTable.WINNERS, NORMALIZE_CANDLES, NORMALIZE_FILE_CANDLES);
    store(topology, CandleTable.COPIES, NORMALIZE_CANDLES, NORMALIZE_FILE_CANDLES);
    counts(topology, CandleTable.LOADS, NORMALIZE_CANDLES, NORMALIZE_FILE_CANDLES);
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_CANDLES);
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_FILE_CANDLES);
    for (String parent : List.of(NORMALIZE_CANDLES, NORMALIZE_FILE_CANDLES)) {
      sink(topology, formats, Topics.MARKET_CANDLES, parent);
      topology.addSink(
          sink(parent, Topics.TRANSFORMER_PRICES.name()),
          Topics.TRANSFORMER_PRICES.name(),
          formats.keys(),
          formats.values(),
          new ToEveryPartition(),
          parent);
    }
  }

  private static void instruments(Topology topology, Formats formats) {
    normalizer(
        topology,
        formats,
        Topics.RAW_MARKET_INSTRUMENTS,
        NORMALIZE_INSTRUMENTS,
        () -> new InstrumentsNormalizer(formats.reader(), t -> sink(NORMALIZE_INSTRUMENTS, t)));
    store(topology, InstrumentsNormalizer.STORE, NORMALIZE_INSTRUMENTS);
    sink(topology, formats, Topics.MARKET_INSTRUMENTS, NORMALIZE_INSTRUMENTS);
  }

  private static void files(Topology topology, Formats formats, PriceRules rules, Layouts layouts) {
    normalizer(
        topology,
        formats,
        Topics.RAW_CSV_ROWS,
        NORMALIZE_FILES,
        () -> new FileNormalizer(formats.reader(), layouts, rules, t -> sink(NORMALIZE_FILES, t)));
    store(topology, FileNormalizer.STORE, NORMALIZE_FILES);
    sink(topology, formats, Topics.TRANSFORMER_FILE_ROWS, NORMALIZE_FILES);
    sink(topology, formats, Topics.TRANSFORMER_FILE_CANDLES, NORMALIZE_FILES);
    sink(topology, formats, Topics.OPS_FILE_CHUNKS, NORMALIZE_FILES);
  }

  /**
   * What reads a raw topic, and records of it again when that is asked for. Bytes are read by the
   * normalizer, so that what cannot be read goes to the dead letters.
   */
  private static void normalizer(
      Topology topology,
      Formats formats,
      Topic raw,
      String name,
      ProcessorSupplier<byte[], byte[], SpecificRecord, SpecificRecord> normalizer) {
    topology.addSource(
        source(raw), new ByteArrayDeserializer(), new ByteArrayDeserializer(), raw.name());
    Topic replay = Topics.REPLAYS.get(raw);
    source(topology, formats, replay);
    String again = "replay-" + raw.name();
    topology.addProcessor(again, () -> new Replayer(formats::rawReader), source(replay));
    topology.addProcessor(name, normalizer, source(raw), again);
    sink(topology, formats, Topics.OPS_DEAD_LETTERS, name);
  }

  private static void source(Topology topology, Formats formats, Topic topic) {
    topology.addSource(
        source(topic),
        AvroSerdes.only(topic.key(), formats.reader()),
        AvroSerdes.only(topic.value(), formats.reader()),
        topic.name());
  }

  private static void store(Topology topology, String name, String... processors) {
    topology.addStateStore(bytes(name).withCachingDisabled(), processors);
  }

  private static StoreBuilder<KeyValueStore<byte[], byte[]>> bytes(String name) {
    return Stores.keyValueStoreBuilder(
        Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray());
  }

  /** A store of few keys that change with each record: its cache writes each once a commit. */
  private static void counts(Topology topology, String name, String... processors) {
    topology.addStateStore(bytes(name).withCachingEnabled(), processors);
  }

  private static void sink(Topology topology, Formats formats, Topic topic, String parent) {
    topology.addSink(
        sink(parent, topic.name()), topic.name(), formats.keys(), formats.values(), parent);
  }

  private static String source(Topic topic) {
    return "from-" + topic.name();
  }

  private static String sink(String parent, String topic) {
    return parent + "-to-" + topic;
  }

  /** Puts a record into all partitions. */
  private static final class ToEveryPartition
      implements StreamPartitioner<SpecificRecord, SpecificRecord> {
    @Override
    public Optional<Set<Integer>> partitions(
        String topic, SpecificRecord key, SpecificRecord value, int numPartitions) {
      return Optional.of(
          IntStream.range(0, numPartitions).boxed().collect(Collectors.toUnmodifiableSet()));
    }
  }
}
