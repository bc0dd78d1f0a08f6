package io.cryptoetl.transformer;

import io.cryptoetl.transformer.normalize.RawReader;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.streams.StreamsConfig;

/** Reads raw topics with a consumer of its own, without group. */
final class KafkaRawReader implements RawReader {
  private static final Duration POLL = Duration.ofSeconds(1);

  /**
   * Brokers that give nothing for so long are away: the request is taken up again later. Shorter
   * than a transaction may take.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final KafkaConsumer<byte[], byte[]> consumer;

  /**
   * A reader.
   *
   * @param settings of the Kafka Streams application: brokers, security, fetching
   */
  KafkaRawReader(Map<String, Object> settings) {
    Map<String, Object> config = new StreamsConfig(settings).getRestoreConsumerConfigs("replay");
    config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    this.consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  @Override
  public void read(
      String topic,
      int number,
      long from,
      long to,
      Consumer<ConsumerRecord<byte[], byte[]>> records) {
    TopicPartition partition = new TopicPartition(topic, number);
    consumer.assign(List.of(partition));
    consumer.seek(partition, from);
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    long position = from;
    while (position < to) {
      ConsumerRecords<byte[], byte[]> some = consumer.poll(POLL);
      for (ConsumerRecord<byte[], byte[]> each : some) {
        if (each.offset() < to) {
          records.accept(each);
        }
      }
      long now = consumer.position(partition);
      if (now != position) {
        position = now;
        deadline = System.nanoTime() + PATIENCE.toNanos();
      } else if (System.nanoTime() > deadline) {
        throw new TimeoutException(
            "%s gave nothing from offset %d on for %s".formatted(partition, position, PATIENCE));
      }
    }
  }

  @Override
  public void close() {
    consumer.close();
  }
}
