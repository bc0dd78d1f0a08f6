package io.cryptoetl.transformer.replay;

import io.cryptoetl.kafka.BadRecordException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.streams.StreamsConfig;

/** Reads raw topics with a consumer of its own, without group. */
public final class KafkaRawReader implements RawReader {
  private static final Duration POLL = Duration.ofSeconds(1);

  /**
   * Brokers that give nothing for so long are away: the request is taken up again later. Shorter
   * than a transaction may take.
   */
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final KafkaConsumer<byte[], byte[]> consumer;
  private final Map<String, Object> adminConfig;

  /**
   * A reader.
   *
   * @param settings of the Kafka Streams application: brokers, security, fetching
   */
  public KafkaRawReader(Map<String, Object> settings) {
    Map<String, Object> config = new StreamsConfig(settings).getRestoreConsumerConfigs("replay");
    config.put(ConsumerConfig.ISOLATION_LEVEL_CONFIG, "read_committed");
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    this.adminConfig = new StreamsConfig(settings).getAdminConfigs("replay");
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
    long end = end(partition);
    if (to > end) {
      throw new BadRecordException(
          "offsets up to %d of %s are asked for, which ends at %d".formatted(to, partition, end));
    }
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

  /** Where a partition ends, open transactions included. */
  private long end(TopicPartition partition) {
    try (Admin admin = Admin.create(adminConfig)) {
      return admin
          .listOffsets(
              Map.of(partition, OffsetSpec.latest()),
              new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
          .partitionResult(partition)
          .get()
          .offset();
    } catch (ExecutionException e) {
      throw new KafkaException("the end of " + partition + " cannot be read", e.getCause());
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    }
  }

  @Override
  public void close() {
    consumer.close();
  }
}
