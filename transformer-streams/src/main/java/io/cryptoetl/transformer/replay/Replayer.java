package io.cryptoetl.transformer.replay;

import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.replay.Replay;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.raw.RawNormalizer;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.function.Function;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Gives records of a raw topic to its normalizer again. A request names a range of a partition and
 * stands in the partition of the same number, so it comes to the task that has the state of these
 * records. The range is done in the transaction that commits the request: after a crash it is done
 * again from its begin, which changes nothing.
 */
public final class Replayer implements Processor<SpecificRecord, SpecificRecord, byte[], byte[]> {
  private final Function<Map<String, Object>, RawReader> readers;
  private ProcessorContext<byte[], byte[]> context;
  private RawReader reader;

  /**
   * A processor.
   *
   * @param readers makes a reader with the settings of the Kafka Streams application
   */
  public Replayer(Function<Map<String, Object>, RawReader> readers) {
    this.readers = readers;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> processorContext) {
    context = processorContext;
  }

  @Override
  public void process(Record<SpecificRecord, SpecificRecord> record) {
    if (!(record.value() instanceof Replay request)) {
      throw new BadRecordException("it is no request of a replay");
    }
    int partition = context.recordMetadata().orElseThrow().partition();
    String topic = Topics.replayedBy(context.recordMetadata().orElseThrow().topic()).name();
    if (!request.getTopic().equals(topic) || request.getFromOffset() > request.getToOffset()) {
      throw new BadRecordException(
          "a request for offsets %d to %d of %s, where requests for %s stand"
              .formatted(
                  request.getFromOffset(), request.getToOffset(), request.getTopic(), topic));
    }
    if (request.getPartition() != partition) {
      throw new BadRecordException(
          "a request for partition %d stands in partition %d of its topic"
              .formatted(request.getPartition(), partition));
    }
    if (reader == null) {
      reader = readers.apply(context.appConfigs());
    }
    reader.read(
        request.getTopic(),
        partition,
        request.getFromOffset(),
        request.getToOffset(),
        raw -> {
          Headers headers = new RecordHeaders(raw.headers());
          headers.add(
              RawNormalizer.REPLAYED,
              ByteBuffer.allocate(Long.BYTES).putLong(raw.offset()).array());
          context.forward(new Record<>(raw.key(), raw.value(), raw.timestamp(), headers));
        });
  }

  @Override
  public void close() {
    if (reader != null) {
      reader.close();
      reader = null;
    }
  }
}
