package io.cryptoetl.transformer;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.transformer.prices.PriceRules;
import io.smallrye.common.annotation.Identifier;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Gives the topology to the Kafka Streams runtime. */
@ApplicationScoped
class Transformer {
  private static final long MIN_STATE_MEMORY = 16L << 20;

  private final ClientSettings clients = ClientSettings.fromEnvironment();
  private final TopicSettings topics = TopicSettings.from(System.getenv());
  private final KafkaFormats formats = new KafkaFormats(new KafkaClients(clients));

  // A singleton, because Kafka Streams reads fields of the topology, which a proxy does not have.
  @Produces
  @Singleton
  Topology topology(
      @ConfigProperty(name = "transformer.prices-file") Optional<String> pricesFile,
      @ConfigProperty(name = "transformer.datasets-dir") Optional<String> datasetsDir,
      @ConfigProperty(name = "kafka-streams.rocksdb.memory.bytes") long stateMemory) {
    if (stateMemory < MIN_STATE_MEMORY) {
      throw new IllegalArgumentException(
          "TRANSFORMER_STATE_MEMORY is %d, at least %d bytes are needed"
              .formatted(stateMemory, MIN_STATE_MEMORY));
    }
    return PipelineTopology.build(
        formats,
        pricesFile.map(Path::of).map(PriceRules::of).orElseGet(PriceRules::defaults),
        datasetsDir.map(Path::of).map(Layouts::with).orElseGet(Layouts::defaults));
  }

  /** Where Quarkus looks for what its Kafka clients are told. */
  @Produces
  @Singleton
  @Identifier("default-kafka-broker")
  Map<String, Object> kafka() {
    return StreamsSettings.of(clients, topics, formats);
  }

  @Produces
  @Singleton
  StreamsUncaughtExceptionHandler replaceFailedThreads() {
    return new ThreadReplacement();
  }
}
