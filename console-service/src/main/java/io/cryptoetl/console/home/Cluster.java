package io.cryptoetl.console.home;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Kafka;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.RegistryException;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.jboss.logging.Logger;

/**
 * What the cluster tells of the pipeline: the ends of topics, how far groups are, Connect's tasks.
 */
@ApplicationScoped
class Cluster {
  private static final Logger LOG = Logger.getLogger(Cluster.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String TRANSFORMER = "transformer-streams";
  private static final Duration AT_MOST = Duration.ofSeconds(5);

  /** Name of a task; a connector's own has no number. */
  static final String TASK = ".*-[0-9]+";

  private static final Duration PAUSE = Duration.ofSeconds(2);

  private final Kafka kafka;
  private final String statusTopic;
  private final Map<String, Task> tasks = new ConcurrentHashMap<>();
  private final Thread follower =
      Thread.ofPlatform().name("connect-status").unstarted(this::follow);
  private volatile boolean stopped;

  Cluster(Kafka kafka, ConsoleConfig config) {
    this.kafka = kafka;
    this.statusTopic = config.connectStatusTopic();
  }

  /**
   * A connector's task, or the connector itself.
   *
   * @param trace why it failed; empty if it did not
   */
  record Task(String name, String state, String worker, String trace) {}

  /**
   * How far readers are.
   *
   * @param ends of the committed records by topic and partition, as {@code topic/partition}
   * @param transformed next offset that the transformer reads, likewise
   */
  record Positions(Map<String, Long> ends, Map<String, Long> transformed) {}

  void start(@Observes StartupEvent event) {
    follower.start();
  }

  void stop(@Observes ShutdownEvent event) {
    stopped = true;
  }

  /** Tasks that Connect's workers tell of, by name. */
  Map<String, Task> tasks() {
    return new TreeMap<>(tasks);
  }

  /** Whether somebody reads for each connector: a worker that was killed has told of nothing. */
  boolean isLoaded() throws InterruptedException, ExecutionException, TimeoutException {
    Set<String> groups =
        tasks.keySet().stream()
            .filter(name -> name.matches(TASK))
            .map(name -> "connect-" + name.substring(0, name.lastIndexOf('-')))
            .collect(Collectors.toSet());
    try {
      return get(kafka.admin().describeConsumerGroups(groups).all()).values().stream()
          .noneMatch(group -> group.members().isEmpty());
    } catch (ExecutionException e) {
      if (e.getCause() instanceof GroupIdNotFoundException) {
        return false;
      }
      throw e;
    }
  }

  /** Whether the registry answers. */
  boolean hasRegistry() {
    try {
      kafka.registry().latest(AvroSerdes.subject(Topics.OPS_STATUS.name(), false));
      return true;
    } catch (RegistryException.Away e) {
      LOG.debugf("event=registry_away reason=\"%s\"", e.getMessage());
      return false;
    } catch (RegistryException e) {
      // It answers, though not with a schema.
      LOG.debugf("event=registry_refused reason=\"%s\"", e.getMessage());
      return true;
    }
  }

  Positions positions() throws InterruptedException, ExecutionException, TimeoutException {
    Set<String> names =
        Topics.all().stream()
            .filter(t -> t.table() || t.kind() == Topic.Kind.RAW)
            .map(Topic::name)
            .collect(Collectors.toSet());
    names.retainAll(get(kafka.admin().listTopics().names()));
    Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
    get(kafka.admin().describeTopics(names).allTopicNames())
        .forEach(
            (name, topic) ->
                topic
                    .partitions()
                    .forEach(
                        p ->
                            asked.put(
                                new TopicPartition(name, p.partition()), OffsetSpec.latest())));
    Map<String, Long> ends = new HashMap<>();
    get(kafka
            .admin()
            .listOffsets(asked, new ListOffsetsOptions(IsolationLevel.READ_COMMITTED))
            .all())
        .forEach((partition, end) -> ends.put(place(partition), end.offset()));
    Map<String, Long> transformed = new HashMap<>();
    for (Map.Entry<TopicPartition, OffsetAndMetadata> offset :
        get(kafka.admin().listConsumerGroupOffsets(TRANSFORMER).partitionsToOffsetAndMetadata())
            .entrySet()) {
      if (offset.getValue() != null) {
        transformed.put(place(offset.getKey()), offset.getValue().offset());
      }
    }
    return new Positions(ends, transformed);
  }

  /**
   * How many records there are before the end of partitions. Offsets are no count of them: each
   * transaction leaves a mark behind its last one.
   *
   * @param from offset to begin at by partition, as {@code topic/partition}
   */
  Map<String, Long> records(Map<String, Long> from) {
    Map<String, Long> counts = new HashMap<>();
    Map<TopicPartition, Long> starts = new HashMap<>();
    from.forEach(
        (place, offset) -> {
          int slash = place.lastIndexOf('/');
          starts.put(
              new TopicPartition(
                  place.substring(0, slash), Integer.parseInt(place.substring(slash + 1))),
              offset);
          counts.put(place, 0L);
        });
    try (Consumer<byte[], byte[]> consumer = kafka.clients().reader()) {
      consumer.assign(starts.keySet());
      starts.forEach(consumer::seek);
      Map<TopicPartition, Long> ends = consumer.endOffsets(starts.keySet(), AT_MOST);
      long deadline = System.nanoTime() + AT_MOST.toNanos();
      while (System.nanoTime() < deadline
          && ends.entrySet().stream()
              .anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
          counts.merge(record.topic() + "/" + record.partition(), 1L, Long::sum);
        }
      }
    }
    return counts;
  }

  private static String place(TopicPartition partition) {
    return partition.topic() + "/" + partition.partition();
  }

  private static <T> T get(org.apache.kafka.common.KafkaFuture<T> future)
      throws InterruptedException, ExecutionException, TimeoutException {
    return future.get(AT_MOST.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Reads Connect's status topic from its beginning and follows it. */
  private void follow() {
    while (!stopped) {
      try (Consumer<byte[], byte[]> consumer = kafka.clients().reader()) {
        List<TopicPartition> partitions =
            consumer.partitionsFor(statusTopic).stream()
                .map(p -> new TopicPartition(p.topic(), p.partition()))
                .toList();
        if (partitions.isEmpty()) {
          throw new KafkaException("there is no topic " + statusTopic + " yet");
        }
        consumer.assign(partitions);
        consumer.seekToBeginning(partitions);
        while (!stopped) {
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
            take(record);
          }
        }
      } catch (RuntimeException e) {
        LOG.debugf("event=connect_status_unread reason=\"%s\"", e.getMessage());
        try {
          Thread.sleep(PAUSE.toMillis());
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          return;
        }
      }
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    if (record.key() == null) {
      return;
    }
    String key = new String(record.key(), StandardCharsets.UTF_8);
    if (!key.startsWith("status-connector-") && !key.startsWith("status-task-")) {
      return;
    }
    String name = key.replaceFirst("status-(connector|task)-", "");
    try {
      JsonNode status = record.value() == null ? null : JSON.readTree(record.value());
      if (status == null || status.path("state").asText().equals("DESTROYED")) {
        tasks.remove(name);
      } else {
        tasks.put(
            name,
            new Task(
                name,
                status.path("state").asText(),
                status.path("worker_id").asText(),
                status.path("trace").asText("")));
      }
    } catch (IOException e) {
      LOG.debugf("event=connect_status_foreign key=%s", key);
    }
  }
}
