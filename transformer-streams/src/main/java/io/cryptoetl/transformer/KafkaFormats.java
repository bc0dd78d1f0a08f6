package io.cryptoetl.transformer;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.transformer.normalize.RawReader;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** How records of a real cluster are read and written. */
final class KafkaFormats implements PipelineTopology.Formats {
  private final KafkaClients kafka;
  private final TopicLimits limits;

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
  public RawReader rawReader(Map<String, Object> streams) {
    return new KafkaRawReader(streams);
  }
}
