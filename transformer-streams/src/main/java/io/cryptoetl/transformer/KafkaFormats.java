package io.cryptoetl.transformer;

import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.transformer.normalize.RawReader;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/** How records of a real cluster are read and written. */
final class KafkaFormats implements PipelineTopology.Formats {
  private final AvroSerdes serdes;
  private final Map<String, Integer> limits;

  /**
   * Formats.
   *
   * @param limits largest record of each topic, in bytes
   */
  KafkaFormats(AvroSerdes serdes, Map<String, Integer> limits) {
    this.serdes = serdes;
    this.limits = limits;
  }

  @Override
  public Deserializer<SpecificRecord> reader() {
    return serdes.deserializer();
  }

  @Override
  public Serializer<SpecificRecord> keys() {
    return serdes.serializer(true);
  }

  @Override
  public Serializer<SpecificRecord> values() {
    return new LimitedSerializer(serdes.serializer(false), limits);
  }

  @Override
  public RawReader rawReader(Map<String, Object> streams) {
    return new KafkaRawReader(streams);
  }
}
