package io.cryptoetl.transformer;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.KeyPartitioner;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;

/** What Kafka Streams is told of the cluster: what users set, and defaults beneath it. */
final class StreamsSettings {
  /** Key under which the serdes are handed to what Kafka Streams makes by name of its class. */
  static final String FORMATS = "pipeline.formats";

  private static final int MIB = 1024 * 1024;

  private StreamsSettings() {}

  /** Settings for clients of all kinds, and for the topics that Kafka Streams makes. */
  static Map<String, Object> of(
      ClientSettings clients, TopicSettings topics, KafkaFormats formats) {
    Map<String, Object> settings = new HashMap<>();
    settings.put("reconnect.backoff.max.ms", 5_000);
    settings.put("producer.compression.type", "zstd");
    settings.put("producer.linger.ms", 50);
    settings.put("producer.batch.size", MIB / 4);
    settings.put("producer.max.request.size", Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    settings.put("producer.buffer.memory", 2L * Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    // A chunk of a file or a request of a replay is done in one transaction.
    settings.put("producer.transaction.timeout.ms", 120_000);
    settings.put("consumer.session.timeout.ms", 20_000);
    // A raw block is large: a few of them at a time keep memory bounded.
    settings.put("consumer.max.poll.records", 5);
    settings.putAll(clients.all());
    settings.put("producer.partitioner.class", KeyPartitioner.class.getName());
    // Changelogs and the like: rows, with what their stores put before them.
    Topic like = Topics.TRANSFORMER_FILE_ROWS;
    Map<String, String> config = topics.config(like);
    settings.put("replication.factor", (int) topics.replicationFactor(like));
    settings.put("topic.max.message.bytes", topics.maxMessageBytes(like) + MIB);
    if (config.containsKey("min.insync.replicas")) {
      settings.put("topic.min.insync.replicas", config.get("min.insync.replicas"));
    }
    settings.put(FORMATS, formats);
    return settings;
  }

  /** Largest record of each topic, in bytes. */
  static Map<String, Integer> limits(TopicSettings topics) {
    return Topics.all().stream().collect(Collectors.toMap(Topic::name, topics::maxMessageBytes));
  }

  /** Formats over the registry that users name. */
  static KafkaFormats formats(ClientSettings clients, TopicSettings topics) {
    return new KafkaFormats(new KafkaClients(clients).serdes(), limits(topics));
  }
}
