package io.cryptoetl.transformer.normalize;

import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.transformer.join.PriceRules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** Puts candles of files into {@link CandleTable}, beside those of venues. */
public final class FileCandleNormalizer
    implements Processor<SpecificRecord, SpecificRecord, SpecificRecord, SpecificRecord> {
  private final CandleTable table;

  /**
   * A normalizer.
   *
   * @param rules tell which markets price chains
   * @param sink name of the node that writes a topic
   */
  public FileCandleNormalizer(PriceRules rules, UnaryOperator<String> sink) {
    this.table = new CandleTable(rules, sink);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    table.init(processorContext);
  }

  @Override
  public void process(Record<SpecificRecord, SpecificRecord> record) {
    CandleKey key = (CandleKey) record.key();
    FileRow copy = (FileRow) record.value();
    Rank rank = Rank.ofFile(copy);
    if (copy.getRow() == null) {
      table.withdraw(key, rank, record.timestamp());
      return;
    }
    try {
      table.offer(key, rank, record.timestamp(), () -> decode(copy));
    } catch (BadRecordException e) {
      throw new IllegalStateException("a candle of a file is mapped before it comes here", e);
    }
  }

  private static Candle decode(FileRow copy) {
    try {
      return Candle.fromByteBuffer(copy.getRow());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }
}
