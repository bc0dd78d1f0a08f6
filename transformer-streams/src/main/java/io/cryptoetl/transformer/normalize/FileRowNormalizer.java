package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.files.FileRow;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Puts rows of files into the tables of blocks, where no node's block is known. */
public final class FileRowNormalizer
    implements Processor<SpecificRecord, SpecificRecord, SpecificRecord, SpecificRecord> {
  private final FileBlockRows files;
  private KeyValueStore<byte[], byte[]> winners;

  /**
   * A normalizer.
   *
   * @param sink name of the node that writes a topic
   * @param economics name of the node that takes what blocks cost, still without price
   */
  public FileRowNormalizer(UnaryOperator<String> sink, String economics) {
    this.files = new FileBlockRows(sink, economics);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    files.init(processorContext);
    winners = processorContext.getStateStore(BlockNormalizer.STORE);
  }

  @Override
  public void process(Record<SpecificRecord, SpecificRecord> record) {
    BlockKey block = (BlockKey) record.key();
    boolean hidden = winners.get(BlockNormalizer.storeKey(block)) != null;
    files.take(block, (FileRow) record.value(), hidden, record.timestamp());
  }
}
