package io.cryptoetl.loader.connect;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.loader.table.TableLoader;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.RetriableException;

/**
 * Where each partition is read on. The database says so, whatever Connect has committed; it is
 * asked when a partition comes, and again after a failure, as nobody knows then whether the last
 * commit has come about.
 */
final class Positions {
  private final BulkSinkConfig config;
  private final Map<String, String> settings;

  /** Partitions of which the database has not been asked how far they are loaded. */
  private final Set<TopicPartition> unknown = new HashSet<>();

  /**
   * Where to go on if the database knows nothing: the first record of each partition that this task
   * took. What it loaded since is gone then, too.
   */
  private final Map<TopicPartition, Long> first = new HashMap<>();

  /**
   * Positions.
   *
   * @param settings of the connector, for the client that asks for the ids of topics
   */
  Positions(BulkSinkConfig config, Map<String, String> settings) {
    this.config = config;
    this.settings = settings;
  }

  /** Partitions come, or are to be asked for again as loading failed. */
  void open(Collection<TopicPartition> partitions) {
    unknown.addAll(partitions);
  }

  /** Partitions go. */
  void close(Collection<TopicPartition> partitions) {
    unknown.removeAll(partitions);
    first.keySet().removeAll(partitions);
  }

  /** Records were taken from these offsets on. */
  void taken(Map<TopicPartition, Long> from) {
    from.forEach(first::putIfAbsent);
  }

  /** Whether the database is to be asked. */
  boolean areUnknown() {
    return !unknown.isEmpty();
  }

  /**
   * Asks the database.
   *
   * @return offsets to go on from; partitions of which nothing is known are absent
   * @throws SQLException if the database failed
   * @throws RetriableException if Kafka does not tell the ids of topics
   */
  Map<TopicPartition, Long> ask(TableLoader loader) throws SQLException {
    Map<TopicPartition, Long> places = new HashMap<>(first);
    places.keySet().retainAll(unknown);
    places.putAll(loader.positions(unknown, topicIds()));
    unknown.clear();
    return places;
  }

  /** Ids of topics, which tell a topic that was made anew; none without brokers to ask. */
  private Map<String, String> topicIds() {
    if (config.brokers().isEmpty()) {
      return Map.of();
    }
    Set<String> topics = unknown.stream().map(TopicPartition::topic).collect(Collectors.toSet());
    Map<String, String> ids = new HashMap<>();
    try (Admin admin = Admin.create(BulkSinkConfig.kafka(settings, ClientSettings.Kind.ADMIN))) {
      admin
          .describeTopics(topics)
          .allTopicNames()
          .get()
          .forEach((topic, described) -> ids.put(topic, described.topicId().toString()));
      return ids;
    } catch (ExecutionException | KafkaException e) {
      throw new RetriableException(
          "the ids of topics cannot be read from Kafka: " + e.getMessage(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RetriableException("interrupted while reading the ids of topics", e);
    }
  }
}
