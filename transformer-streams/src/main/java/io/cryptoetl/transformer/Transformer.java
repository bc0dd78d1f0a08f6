package io.cryptoetl.transformer;

import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.schemas.WireFormat;
import io.cryptoetl.transformer.join.PriceRules;
import io.cryptoetl.transformer.normalize.RawReader;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;

/** Gives the topology to the Kafka Streams runtime. */
@ApplicationScoped
class Transformer {
  private static final Logger LOG = Logger.getLogger(Transformer.class);

  private static final long LEAST_STATE_MEMORY = 16L << 20;

  // A singleton, because Kafka Streams reads fields of the topology, which a proxy does not have.
  @Produces
  @Singleton
  Topology topology(
      @ConfigProperty(name = "transformer.schema-registry-url") String schemaRegistryUrl,
      @ConfigProperty(name = "transformer.prices-file") Optional<String> pricesFile,
      @ConfigProperty(name = "transformer.datasets-dir") Optional<String> datasetsDir,
      @ConfigProperty(name = "kafka-streams.rocksdb.memory.bytes") long stateMemory) {
    if (stateMemory < LEAST_STATE_MEMORY) {
      throw new IllegalArgumentException(
          "TRANSFORMER_STATE_MEMORY is %d, at least %d bytes are needed"
              .formatted(stateMemory, LEAST_STATE_MEMORY));
    }
    Map<String, Object> settings = WireFormat.settings(schemaRegistryUrl);
    return PipelineTopology.build(
        new PipelineTopology.Formats() {
          @Override
          public Deserializer<SpecificRecord> keyReader() {
            return reader(true);
          }

          @Override
          public Deserializer<SpecificRecord> valueReader() {
            return reader(false);
          }

          private Deserializer<SpecificRecord> reader(boolean key) {
            AvroKafkaDeserializer<SpecificRecord> deserializer = new AvroKafkaDeserializer<>();
            deserializer.configure(settings, key);
            return deserializer;
          }

          @Override
          public Serializer<SpecificRecord> keys() {
            return serializer(true);
          }

          @Override
          public Serializer<SpecificRecord> values() {
            return serializer(false);
          }

          private Serializer<SpecificRecord> serializer(boolean key) {
            AvroKafkaSerializer<SpecificRecord> serializer = new AvroKafkaSerializer<>();
            serializer.configure(settings, key);
            return serializer;
          }

          @Override
          public RawReader rawReader(Map<String, Object> streams) {
            return new KafkaRawReader(streams);
          }
        },
        pricesFile.map(Path::of).map(PriceRules::of).orElseGet(PriceRules::defaults),
        datasetsDir.map(Path::of).map(Layouts::with).orElseGet(Layouts::defaults));
  }

  /**
   * A thread that fails, say because the brokers were away for long, is replaced. Its transaction
   * is aborted and its work repeated from the last commit, so nothing is lost or doubled.
   */
  @Produces
  @Singleton
  StreamsUncaughtExceptionHandler replaceFailedThreads() {
    return failure -> {
      LOG.errorf(failure, "event=thread_replaced reason=\"%s\"", failure.getMessage());
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    };
  }
}
