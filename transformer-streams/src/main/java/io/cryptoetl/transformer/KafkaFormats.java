package io.cryptoetl.transformer;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.transformer.replay.KafkaRawReader;
import io.cryptoetl.transformer.replay.RawReader;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** How records of a real cluster are read and written. */
final class KafkaFormats implements PipelineTopology.Formats {
  private final KafkaClients kafka;
  private final TopicLimits limits;
  private final Map<String, Integer> partitions = new HashMap<>();

  KafkaFormats(KafkaClients kafka) {
    this.kafka = kafka;
    this.limits = new TopicLimits(kafka);
  }

  @Override
  public Deserializer<SpecificRecord> reader() {
    return kafka.serdes().deserializer();
  }

  @Override
  public Serializer<SpecificRecord> keys() {
    return kafka.serdes().serializer(true);
  }

  @Override
  public Serializer<SpecificRecord> values() {
    return new LimitedSerializer(kafka.serdes().serializer(false), limits::of);
  }

  @Override
  public synchronized int partitions(Topic topic) {
    return partitions.computeIfAbsent(
        topic.name(),
        name -> {
          try (Admin admin = kafka.admin()) {
            return kafka.partitions(admin, name);
          } catch (InterruptedException e) {
            throw new InterruptException(e);
          }
        });
  }

  @Override
  public int maxBytes(Topic topic) {
    return limits.of(topic.name());
  }

  @Override
  public RawReader rawReader(Map<String, Object> streams) {
    return new KafkaRawReader(streams);
  }
}
