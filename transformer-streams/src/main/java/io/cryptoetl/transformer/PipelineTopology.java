package io.cryptoetl.transformer;

import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceJoin;
import io.cryptoetl.transformer.join.PriceRules;
import io.cryptoetl.transformer.normalize.BlockNormalizer;
import io.cryptoetl.transformer.normalize.CandleNormalizer;
import io.cryptoetl.transformer.normalize.InstrumentsNormalizer;
import java.util.List;
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
import org.apache.kafka.streams.state.Stores;

/**
 * The topology: raw topics in, rows out. Every node, store and internal topic has a name of its
 * own; a golden file fails the build when one changes, because a renamed store has lost its state.
 *
 * <p>Blocks are normalized and joined with prices where they are: the candles that prices are made
 * of go to every partition of {@code transformer.prices}, so blocks need not be moved, and all
 * tasks share the work on a chain.
 */
public final class PipelineTopology {
  private static final String NORMALIZE_BLOCKS = "normalize-blocks";
  private static final String NORMALIZE_CANDLES = "normalize-candles";
  private static final String NORMALIZE_INSTRUMENTS = "normalize-instruments";
  private static final String JOIN_PRICES = "join-prices";

  private PipelineTopology() {}

  /** How records are read and written. */
  public interface Formats {
    /** A reader of keys. */
    Deserializer<SpecificRecord> keyReader();

    /** A reader of values. */
    Deserializer<SpecificRecord> valueReader();

    /** A writer of keys. */
    Serializer<SpecificRecord> keys();

    /** A writer of values. */
    Serializer<SpecificRecord> values();
  }

  /** Builds the topology. */
  public static Topology build(Formats formats, PriceRules rules) {
    Topology topology = new Topology();
    raw(topology, Topics.RAW_EVM_BLOCKS);
    topology.addProcessor(
        NORMALIZE_BLOCKS,
        () ->
            new BlockNormalizer(formats.valueReader(), t -> sink(NORMALIZE_BLOCKS, t), JOIN_PRICES),
        source(Topics.RAW_EVM_BLOCKS));
    store(topology, BlockNormalizer.STORE, NORMALIZE_BLOCKS);
    for (Topic topic : Topics.all()) {
      if (topic.name().startsWith("chain.")) {
        sink(topology, formats, topic, NORMALIZE_BLOCKS);
      }
    }
    sink(topology, formats, Topics.OPS_DEAD_LETTERS, NORMALIZE_BLOCKS);

    raw(topology, Topics.RAW_MARKET_CANDLES);
    topology.addProcessor(
        NORMALIZE_CANDLES,
        () ->
            new CandleNormalizer(
                formats.keyReader(), formats.valueReader(), rules, t -> sink(NORMALIZE_CANDLES, t)),
        source(Topics.RAW_MARKET_CANDLES));
    store(topology, CandleNormalizer.STORE, NORMALIZE_CANDLES);
    sink(topology, formats, Topics.MARKET_CANDLES, NORMALIZE_CANDLES);
    sink(topology, formats, Topics.OPS_DEAD_LETTERS, NORMALIZE_CANDLES);
    topology.addSink(
        sink(NORMALIZE_CANDLES, Topics.TRANSFORMER_PRICES.name()),
        Topics.TRANSFORMER_PRICES.name(),
        formats.keys(),
        formats.values(),
        new ToEveryPartition(),
        NORMALIZE_CANDLES);

    raw(topology, Topics.RAW_MARKET_INSTRUMENTS);
    topology.addProcessor(
        NORMALIZE_INSTRUMENTS,
        () ->
            new InstrumentsNormalizer(
                formats.keyReader(), formats.valueReader(), t -> sink(NORMALIZE_INSTRUMENTS, t)),
        source(Topics.RAW_MARKET_INSTRUMENTS));
    store(topology, InstrumentsNormalizer.STORE, NORMALIZE_INSTRUMENTS);
    sink(topology, formats, Topics.MARKET_INSTRUMENTS, NORMALIZE_INSTRUMENTS);
    sink(topology, formats, Topics.OPS_DEAD_LETTERS, NORMALIZE_INSTRUMENTS);

    topology.addSource(
        source(Topics.TRANSFORMER_PRICES),
        formats.keyReader(),
        formats.valueReader(),
        Topics.TRANSFORMER_PRICES.name());
    topology.addProcessor(
        JOIN_PRICES,
        () -> new PriceJoin(rules),
        NORMALIZE_BLOCKS,
        source(Topics.TRANSFORMER_PRICES));
    for (String store : List.of(PriceJoin.ROWS, PriceJoin.ROWS_BY_TIME, PriceJoin.CLOSES)) {
      store(topology, store, JOIN_PRICES);
    }
    sink(topology, formats, Topics.BUSINESS_BLOCK_ECONOMICS, JOIN_PRICES);
    return topology;
  }

  /** Bytes are read by the normalizer, so that what cannot be read goes to the dead letters. */
  private static void raw(Topology topology, Topic topic) {
    topology.addSource(
        source(topic), new ByteArrayDeserializer(), new ByteArrayDeserializer(), topic.name());
  }

  private static void store(Topology topology, String name, String processor) {
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
            .withCachingDisabled(),
        processor);
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
