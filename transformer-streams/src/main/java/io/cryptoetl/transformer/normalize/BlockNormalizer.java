package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.values.BadRecordException;
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
 * Turns raw blocks into rows. A raw block that is worse than the one whose rows are out is dropped;
 * a better one replaces its rows, and tombstones take away the rows that are too many. The one
 * whose rows are out is mapped again when it comes again: that is how a replay brings what has
 * changed in the mapping.
 */
public final class BlockNormalizer extends RawNormalizer<RawBlock> {
  /** Name of the store of winners. */
  public static final String STORE = "block-winners";

  private final UnaryOperator<String> sink;
  private final String economics;
  private final FileBlockRows files;
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
    super(
        Topics.RAW_EVM_BLOCKS,
        RawBlock.class,
        deserializer,
        sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.sink = sink;
    this.economics = economics;
    this.files = new FileBlockRows(sink, economics);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    winners = processorContext.getStateStore(STORE);
    files.init(processorContext);
  }

  @Override
  protected void describe(RawBlock raw, DeadLetter.Builder letter) {
    letter
        .setSource(raw.getSource())
        .setEndpoint(raw.getEndpoint())
        .setChainId(raw.getChainId())
        .setBlockNumber(raw.getNumber());
  }

  @Override
  protected void normalize(Record<byte[], byte[]> record, RawBlock raw) throws BadRecordException {
    if (raw == null) {
      return;
    }
    BlockKey block = new BlockKey(raw.getChainId(), raw.getNumber());
    byte[] stored = winners.get(storeKey(block));
    Winner before = stored == null ? null : Winner.fromBytes(stored);
    if (raw.getHash().remaining() != 32) {
      throw new BadRecordException(
          "field_invalid",
          "the hash of raw block %d has %d bytes, 32 are expected"
              .formatted(raw.getNumber(), raw.getHash().remaining()));
    }
    Winner challenger = Winner.of(raw, digest(record.value()));
    int rank = before == null ? 1 : challenger.compareRank(before);
    if (rank < 0) {
      return;
    }
    BlockRows rows;
    try {
      rows = BlockMapper.map(raw);
    } catch (BadRecordException e) {
      if (rank == 0) {
        withdraw(record, block, before);
      }
      throw e;
    }
    put(record, block, rows, challenger, before);
  }

  private void put(
      Record<byte[], byte[]> record,
      BlockKey block,
      BlockRows rows,
      Winner challenger,
      Winner before) {
    int[] counts = new int[ChildTable.values().length];
    for (ChildTable table : ChildTable.values()) {
      List<? extends SpecificRecord> children = table.rows(rows);
      counts[table.slot()] = children.size();
      String node = sink.apply(table.topic().name());
      for (int i = 0; i < children.size(); i++) {
        forward(record, node, table.key(block.getChainId(), block.getNumber(), i), children.get(i));
      }
      takeAway(record, block, table, children.size(), before);
    }
    if (before == null) {
      files.hide(block, counts, record.timestamp());
    }
    forward(record, sink.apply(Topics.CHAIN_BLOCKS.name()), block, rows.block());
    winners.put(storeKey(block), challenger.withCounts(counts).toBytes());
    forward(record, economics, block, Economics.of(rows));
  }

  /** Tombstones for rows of a block from a position on. */
  private void takeAway(
      Record<byte[], byte[]> record, BlockKey block, ChildTable table, int from, Winner before) {
    int count = before == null ? 0 : before.counts()[table.slot()];
    for (int i = from; i < count; i++) {
      forward(
          record,
          sink.apply(table.topic().name()),
          table.key(block.getChainId(), block.getNumber(), i),
          null);
    }
  }

  /** Takes away the rows of a block that cannot be mapped any more. */
  private void withdraw(Record<byte[], byte[]> record, BlockKey block, Winner before) {
    for (ChildTable table : ChildTable.values()) {
      takeAway(record, block, table, 0, before);
    }
    forward(record, sink.apply(Topics.CHAIN_BLOCKS.name()), block, null);
    forward(record, economics, block, null);
    winners.delete(storeKey(block));
    files.show(block, record.timestamp());
  }

  static byte[] storeKey(BlockKey block) {
    return ByteBuffer.allocate(2 * Long.BYTES)
        .putLong(block.getChainId())
        .putLong(block.getNumber())
        .array();
  }
}
