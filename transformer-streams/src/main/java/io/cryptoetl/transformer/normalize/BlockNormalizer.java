package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Turns raw blocks into rows. A raw block that does not beat the one whose rows are out already is
 * dropped; one that does replaces its rows, and tombstones take away the rows that are too many.
 */
public final class BlockNormalizer extends RawNormalizer<RawBlock> {
  /** Name of the store of winners. */
  public static final String STORE = "block-winners";

  private final UnaryOperator<String> sink;
  private final String economics;
  private KeyValueStore<byte[], byte[]> winners;

  /**
   * A normalizer.
   *
   * @param deserializer reads the value of raw records
   * @param sink name of the node that writes a topic
   * @param economics name of the node that takes what blocks cost, still without price
   */
  public BlockNormalizer(
      Deserializer<SpecificRecord> deserializer, UnaryOperator<String> sink, String economics) {
    super(RawBlock.class, deserializer, sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.sink = sink;
    this.economics = economics;
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    winners = processorContext.getStateStore(STORE);
  }

  @Override
  void describe(RawBlock raw, DeadLetter.Builder letter) {
    letter
        .setSource(raw.getSource())
        .setEndpoint(raw.getEndpoint())
        .setChainId(raw.getChainId())
        .setBlockNumber(raw.getNumber());
  }

  @Override
  void normalize(Record<byte[], byte[]> record, RawBlock raw) throws BadRecordException {
    if (raw == null) {
      return;
    }
    byte[] key = storeKey(raw.getChainId(), raw.getNumber());
    byte[] stored = winners.get(key);
    Winner before = stored == null ? null : Winner.fromBytes(stored);
    if (raw.getHash().remaining() != 32) {
      throw new BadRecordException(
          "field_invalid",
          "the hash of raw block %d has %d bytes, 32 are expected"
              .formatted(raw.getNumber(), raw.getHash().remaining()));
    }
    Winner challenger = Winner.of(raw, digest(record.value()));
    if (before != null && !challenger.beats(before)) {
      return;
    }
    BlockRows rows = BlockMapper.map(raw);
    int[] counts = new int[ChildTable.values().length];
    for (ChildTable table : ChildTable.values()) {
      List<? extends SpecificRecord> children = table.rows(rows);
      counts[table.slot()] = children.size();
      String node = sink.apply(table.topic().name());
      for (int i = 0; i < children.size(); i++) {
        forward(record, node, table.key(raw.getChainId(), raw.getNumber(), i), children.get(i));
      }
      int surplus = before == null ? 0 : before.counts()[table.slot()];
      for (int i = children.size(); i < surplus; i++) {
        forward(record, node, table.key(raw.getChainId(), raw.getNumber(), i), null);
      }
    }
    BlockKey block = new BlockKey(raw.getChainId(), raw.getNumber());
    forward(record, sink.apply(Topics.CHAIN_BLOCKS.name()), block, rows.block());
    winners.put(key, challenger.withCounts(counts).toBytes());
    forward(record, economics, block, Economics.of(rows));
  }

  private static byte[] storeKey(long chainId, long number) {
    return ByteBuffer.allocate(2 * Long.BYTES).putLong(chainId).putLong(number).array();
  }
}
