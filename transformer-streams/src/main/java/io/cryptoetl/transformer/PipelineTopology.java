package io.cryptoetl.transformer;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.files.FileRowsKey;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.blocks.BlockNormalizer;
import io.cryptoetl.transformer.blocks.BlockTable;
import io.cryptoetl.transformer.candles.CandleNormalizer;
import io.cryptoetl.transformer.candles.CandleTable;
import io.cryptoetl.transformer.files.FileNormalizer;
import io.cryptoetl.transformer.files.FileRowsNormalizer;
import io.cryptoetl.transformer.instruments.InstrumentsNormalizer;
import io.cryptoetl.transformer.prices.PriceJoin;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.replay.RawReader;
import io.cryptoetl.transformer.replay.Replayer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.processor.StreamPartitioner;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorSupplier;
import org.apache.kafka.streams.state.StoreBuilder;

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

  private PipelineTopology() {}

  /** How records are read and written. */
  public interface Formats {
    /** A reader of keys and values. */
    Deserializer<SpecificRecord> reader();

    /** A writer of keys. */
    Serializer<SpecificRecord> keys();

    /** A writer of values. */
    Serializer<SpecificRecord> values();

    /** How many partitions a topic has in the cluster. */
    int partitions(Topic topic);

    /** Largest record that a topic takes, in bytes. */
    int maxBytes(Topic topic);

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
    Set<StoreBuilder<?>> stores = BlockTable.stores();
    normalizer(
        topology,
        formats,
        Topics.RAW_EVM_BLOCKS,
        NORMALIZE_BLOCKS,
        stores,
        () -> new BlockNormalizer(formats.reader(), t -> sink(NORMALIZE_BLOCKS, t), JOIN_PRICES));
    for (Topic topic : Topics.all()) {
      if (topic.name().startsWith("chain.")) {
        sink(topology, formats, topic, NORMALIZE_BLOCKS);
      }
    }
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_BLOCKS);
    fileRows(
        topology,
        formats,
        Topics.TRANSFORMER_FILE_ROWS,
        NORMALIZE_FILE_ROWS,
        BlockTable.PARTS,
        stores,
        () -> new BlockTable(t -> sink(NORMALIZE_FILE_ROWS, t), JOIN_PRICES));
    for (Target part : BlockTable.PARTS) {
      Topics.all().stream()
          .filter(table -> table.name().equals(part.label()))
          .forEach(table -> sink(topology, formats, table, NORMALIZE_FILE_ROWS));
    }

    source(topology, formats, Topics.TRANSFORMER_PRICES);
    topology.addProcessor(
        JOIN_PRICES,
        supplier(PriceJoin.stores(), () -> new PriceJoin(rules)),
        NORMALIZE_BLOCKS,
        NORMALIZE_FILE_ROWS,
        source(Topics.TRANSFORMER_PRICES));
    sink(topology, formats, Topics.BUSINESS_BLOCK_ECONOMICS, JOIN_PRICES);
  }

  private static void candles(Topology topology, Formats formats, PriceRules rules) {
    Set<StoreBuilder<?>> stores = CandleTable.stores();
    normalizer(
        topology,
        formats,
        Topics.RAW_MARKET_CANDLES,
        NORMALIZE_CANDLES,
        stores,
        () -> new CandleNormalizer(formats.reader(), rules, t -> sink(NORMALIZE_CANDLES, t)));
    sink(topology, formats, Topics.OPS_FILE_LOADS, NORMALIZE_CANDLES);
    fileRows(
        topology,
        formats,
        Topics.TRANSFORMER_FILE_CANDLES,
        NORMALIZE_FILE_CANDLES,
        CandleTable.PARTS,
        stores,
        () -> new CandleTable(rules, t -> sink(NORMALIZE_FILE_CANDLES, t)));
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

  /** What puts rows of files into a table whose stores are declared already. */
  private static void fileRows(
      Topology topology,
      Formats formats,
      Topic topic,
      String name,
      Set<Target> parts,
      Set<StoreBuilder<?>> stores,
      Supplier<FileRowsNormalizer.Rows> table) {
    source(topology, formats, topic);
    topology.addProcessor(name, () -> new FileRowsNormalizer(parts, table.get()), source(topic));
    // Declared twice, a store would not keep its processors in one task.
    topology.connectProcessorAndStateStores(
        name, stores.stream().map(StoreBuilder::name).toArray(String[]::new));
    sink(topology, formats, Topics.OPS_FILE_LOADS, name);
  }

  private static void instruments(Topology topology, Formats formats) {
    normalizer(
        topology,
        formats,
        Topics.RAW_MARKET_INSTRUMENTS,
        NORMALIZE_INSTRUMENTS,
        InstrumentsNormalizer.stores(),
        () -> new InstrumentsNormalizer(formats.reader(), t -> sink(NORMALIZE_INSTRUMENTS, t)));
    sink(topology, formats, Topics.MARKET_INSTRUMENTS, NORMALIZE_INSTRUMENTS);
  }

  private static void files(Topology topology, Formats formats, PriceRules rules, Layouts layouts) {
    normalizer(
        topology,
        formats,
        Topics.RAW_CSV_ROWS,
        NORMALIZE_FILES,
        FileNormalizer.stores(),
        () ->
            new FileNormalizer(
                formats.reader(),
                layouts,
                rules,
                formats::partitions,
                formats::maxBytes,
                t -> sink(NORMALIZE_FILES, t)));
    for (Topic rows : List.of(Topics.TRANSFORMER_FILE_ROWS, Topics.TRANSFORMER_FILE_CANDLES)) {
      topology.addSink(
          sink(NORMALIZE_FILES, rows.name()),
          rows.name(),
          formats.keys(),
          formats.values(),
          new ToItsPartition(),
          NORMALIZE_FILES);
    }
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
      Set<StoreBuilder<?>> stores,
      Supplier<Processor<byte[], byte[], SpecificRecord, SpecificRecord>> normalizer) {
    topology.addSource(
        source(raw), new ByteArrayDeserializer(), new ByteArrayDeserializer(), raw.name());
    Topic replay = Topics.REPLAYS.get(raw);
    source(topology, formats, replay);
    String again = "replay-" + raw.name();
    topology.addProcessor(again, () -> new Replayer(formats::rawReader), source(replay));
    topology.addProcessor(name, supplier(stores, normalizer), source(raw), again);
    sink(topology, formats, Topics.OPS_DEAD_LETTERS, name);
  }

  private static void source(Topology topology, Formats formats, Topic topic) {
    topology.addSource(
        source(topic),
        AvroSerdes.only(topic.key(), formats.reader()),
        AvroSerdes.only(topic.value(), formats.reader()),
        topic.name());
  }

  /** What makes a processor and declares its stores. */
  private static <K, V> ProcessorSupplier<K, V, SpecificRecord, SpecificRecord> supplier(
      Set<StoreBuilder<?>> stores, Supplier<Processor<K, V, SpecificRecord, SpecificRecord>> make) {
    return new ProcessorSupplier<>() {
      @Override
      public Processor<K, V, SpecificRecord, SpecificRecord> get() {
        return make.get();
      }

      @Override
      public Set<StoreBuilder<?>> stores() {
        return stores;
      }
    };
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

  /** Puts rows of files into the partition that their key names. */
  private static final class ToItsPartition
      implements StreamPartitioner<SpecificRecord, SpecificRecord> {
    @Override
    public Optional<Set<Integer>> partitions(
        String topic, SpecificRecord key, SpecificRecord value, int numPartitions) {
      return Optional.of(Set.of(((FileRowsKey) key).getPartition()));
    }
  }
}
