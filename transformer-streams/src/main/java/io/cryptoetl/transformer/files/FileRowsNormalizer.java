package io.cryptoetl.transformer.files;

import io.cryptoetl.datasets.Target;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.files.FileRowsKey;
import io.cryptoetl.kafka.BadRecordException;
import java.util.Set;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/** Gives rows that chunks of files make to the table that they are of. */
public final class FileRowsNormalizer
    implements Processor<SpecificRecord, SpecificRecord, SpecificRecord, SpecificRecord> {
  private final Set<Target> parts;
  private final Rows table;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;

  /** A table that takes rows of files. */
  public interface Rows {
    /** Opens its stores. */
    void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext);

    /** Takes what a chunk makes now in place of what it made before. */
    void take(FileRows chunk, long timestamp);
  }

  /**
   * A normalizer.
   *
   * @param parts that the table takes
   */
  public FileRowsNormalizer(Set<Target> parts, Rows table) {
    this.parts = parts;
    this.table = table;
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    table.init(processorContext);
  }

  @Override
  public void process(Record<SpecificRecord, SpecificRecord> record) {
    if (!(record.value() instanceof FileRows chunk)) {
      throw new BadRecordException("it has no rows of a chunk");
    }
    if (Target.of(chunk.getPart()).filter(parts::contains).isEmpty()) {
      throw new BadRecordException("rows of %s do not belong here".formatted(chunk.getPart()));
    }
    int partition = ((FileRowsKey) record.key()).getPartition();
    if (partition != context.recordMetadata().orElseThrow().partition()) {
      throw new BadRecordException(
          "rows for partition %d stand in partition %d"
              .formatted(partition, context.recordMetadata().orElseThrow().partition()));
    }
    table.take(chunk, record.timestamp());
  }
}
