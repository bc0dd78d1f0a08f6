package io.cryptoetl.transformer.blocks;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.raw.RawNormalizer;
import io.cryptoetl.transformer.state.BlockWinner;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** Turns raw blocks into rows, of which {@link BlockTable} decides. */
public final class BlockNormalizer extends RawNormalizer<RawBlock> {
  private static final int HASH = 32;

  private final BlockTable table;

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
    this.table = new BlockTable(sink, economics);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    table.init(processorContext);
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
    if (raw.getHash().remaining() != HASH) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          "the hash of raw block %d has %d bytes, %d are expected"
              .formatted(raw.getNumber(), raw.getHash().remaining(), HASH));
    }
    table.offer(
        new BlockKey(raw.getChainId(), raw.getNumber()),
        BlockWinner.of(raw, digest(record.value())),
        record.timestamp(),
        () -> BlockMapper.map(raw));
  }
}
