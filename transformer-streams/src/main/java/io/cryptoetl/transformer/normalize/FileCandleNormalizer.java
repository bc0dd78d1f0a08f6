package io.cryptoetl.transformer.normalize;

import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.transformer.join.PriceRules;
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
    table.take((CandleKey) record.key(), (FileRow) record.value(), record.timestamp());
  }
}
