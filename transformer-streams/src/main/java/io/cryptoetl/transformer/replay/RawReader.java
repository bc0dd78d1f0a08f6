package io.cryptoetl.transformer.replay;

import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Reads records of raw topics that are processed again. */
public interface RawReader extends AutoCloseable {
  /**
   * Gives the committed records of a range, in their order; none where they are not kept any more.
   *
   * @param from first offset, inclusive
   * @param to first offset that is not read
   */
  void read(
      String topic,
      int partition,
      long from,
      long to,
      Consumer<ConsumerRecord<byte[], byte[]>> records);

  @Override
  void close();
}
