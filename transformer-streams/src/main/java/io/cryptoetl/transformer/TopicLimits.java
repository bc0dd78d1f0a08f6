package io.cryptoetl.transformer;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.errors.InterruptException;

/** Largest record of each topic that the transformer writes, as the cluster has it. */
final class TopicLimits {
  /** Room that stores need before a row in their changelogs. */
  private static final int CHANGELOG_ROOM = 64 * 1024;

  private final KafkaClients kafka;
  private volatile Map<String, Integer> limits;

  /** Limits of a cluster, which is asked when the first record is written. */
  TopicLimits(KafkaClients kafka) {
    this.kafka = kafka;
  }

  /** In bytes; the largest integer for a topic that is none of the pipeline's. */
  int of(String topic) {
    Map<String, Integer> known = limits == null ? read() : limits;
    return known.getOrDefault(topic, Integer.MAX_VALUE);
  }

  private synchronized Map<String, Integer> read() {
    if (limits == null) {
      Map<String, Integer> read = new HashMap<>();
      try (Admin admin = kafka.admin()) {
        for (Topic topic : Topics.all()) {
          if (topic.owner().equals("transformer-streams")
              || topic.equals(Topics.OPS_DEAD_LETTERS)) {
            int limit = kafka.maxMessageBytes(admin, topic.name());
            read.put(
                topic.name(), topic.kind() == Topic.Kind.INTERNAL ? limit - CHANGELOG_ROOM : limit);
          }
        }
      } catch (InterruptedException e) {
        throw new InterruptException(e);
      }
      limits = read;
    }
    return limits;
  }
}
