package io.cryptoetl.transformer;

import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.normalize.BlockNormalizer;
import java.util.function.Supplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.state.Stores;

/**
 * The topology: raw topics in, rows out. Every node, store and internal topic has a name of its
 * own; a golden file fails the build when one changes, because a renamed store has lost its state.
 */
public final class PipelineTopology {
  private static final String RAW_BLOCKS = "from-raw.evm.blocks";
  private static final String NORMALIZE_BLOCKS = "normalize-blocks";

  private PipelineTopology() {}

  /** How records are read and written. */
  public interface Formats {
    /** A reader of raw blocks, one for each task. */
    Deserializer<RawBlock> rawBlocks();

    /** A writer of keys. */
    Serializer<SpecificRecord> keys();

    /** A writer of values. */
    Serializer<SpecificRecord> values();
  }

  /** Builds the topology. */
  public static Topology build(Formats formats) {
    Topology topology = new Topology();
    topology.addSource(
        RAW_BLOCKS,
        new ByteArrayDeserializer(),
        new ByteArrayDeserializer(),
        Topics.RAW_EVM_BLOCKS.name());
    Supplier<BlockNormalizer> normalizer = () -> new BlockNormalizer(formats.rawBlocks());
    topology.addProcessor(NORMALIZE_BLOCKS, normalizer::get, RAW_BLOCKS);
    topology.addStateStore(
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(BlockNormalizer.STORE),
                Serdes.ByteArray(),
                Serdes.ByteArray())
            .withCachingDisabled(),
        NORMALIZE_BLOCKS);
    for (Topic topic : Topics.all()) {
      if (topic.owner().equals("transformer-streams") || topic.equals(Topics.OPS_DEAD_LETTERS)) {
        topology.addSink(
            BlockNormalizer.sink(topic.name()),
            topic.name(),
            formats.keys(),
            formats.values(),
            NORMALIZE_BLOCKS);
      }
    }
    return topology;
  }
}
