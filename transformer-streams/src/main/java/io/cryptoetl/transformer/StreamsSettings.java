package io.cryptoetl.transformer;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KeyPartitioner;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.util.HashMap;
import java.util.Map;

/** What Kafka Streams is told of the cluster: what users set, and defaults beneath it. */
final class StreamsSettings {
  /** Key under which the serdes are handed to what Kafka Streams makes by name of its class. */
  static final String FORMATS = "pipeline.formats";

  private static final int MIB = 1024 * 1024;

  private StreamsSettings() {}

  /** Settings for clients of all kinds, and for the topics that Kafka Streams makes. */
  static Map<String, Object> of(
      ClientSettings clients, TopicSettings topics, PipelineTopology.Formats formats) {
    Map<String, Object> settings = new HashMap<>(clients.all());
    requireNameChecks(settings);
    settings.putIfAbsent("reconnect.backoff.max.ms", 5_000);
    byDefault(settings, "producer.", "compression.type", "zstd");
    byDefault(settings, "producer.", "compression.zstd.level", 1);
    byDefault(settings, "producer.", "linger.ms", 50);
    byDefault(settings, "producer.", "batch.size", MIB / 4);
    int largest = Topics.OPS_DEAD_LETTERS.maxMessageBytes();
    byDefault(settings, "producer.", "max.request.size", largest);
    byDefault(settings, "producer.", "buffer.memory", 2L * largest);
    byDefault(settings, "consumer.", "session.timeout.ms", 20_000);
    // A chunk of a file or a request of a replay is done in one transaction.
    settings.put("producer.transaction.timeout.ms", 120_000);
    // Memory is bounded by bytes: a fetch brings a partition at most max.partition.fetch.bytes, or
    // one record, and is given out whole.
    settings.put("consumer.max.poll.records", 1_000);
    settings.put("producer.partitioner.class", KeyPartitioner.class.getName());
    Topic like = Topics.TRANSFORMER_FILE_ROWS;
    Map<String, String> config = topics.config(like);
    settings.put("replication.factor", (int) topics.replicationFactor(like));
    settings.put("topic.max.message.bytes", topics.maxMessageBytes(like));
    if (config.containsKey("min.insync.replicas")) {
      settings.put("topic.min.insync.replicas", config.get("min.insync.replicas"));
    }
    settings.put(FORMATS, formats);
    return settings;
  }

  /** In Kafka Streams a name for one kind of clients comes before the same for all kinds. */
  private static void byDefault(
      Map<String, Object> settings, String kind, String name, Object value) {
    if (!settings.containsKey(name)) {
      settings.putIfAbsent(kind + name, value);
    }
  }

  /** Quarkus sets it for Kafka Streams whatever users say. */
  private static void requireNameChecks(Map<String, Object> settings) {
    settings.forEach(
        (name, value) -> {
          if (name.endsWith("ssl.endpoint.identification.algorithm")
              && !"https".equals(value.toString())) {
            throw new IllegalArgumentException(
                "KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM is '%s': the transformer always compares the name of a broker with its certificate; give brokers certificates with their names"
                    .formatted(value));
          }
        });
  }
}
