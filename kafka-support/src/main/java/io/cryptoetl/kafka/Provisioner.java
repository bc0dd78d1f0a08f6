package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Creates what the services expect to find: every topic of the catalogue with its settings, and
 * every schema in the registry under the BACKWARD rule. It can run again at any time; records are
 * left as they are, and a number of partitions that would move keys is refused.
 */
public final class Provisioner {
  private static final String RULE = "BACKWARD";
  private static final Duration REGISTRY_PATIENCE = Duration.ofMinutes(1);

  /**
   * Topics of the Iceberg sink, whose records are its own: where its tasks agree on commits, and
   * records that cannot be read.
   */
  private static final Set<String> ICEBERG = Set.of("iceberg.control", "iceberg.dead_letters");

  private static final int USAGE = 2;

  private final TopicSettings settings;

  /** A provisioner with what operators set. */
  public Provisioner(TopicSettings settings) {
    this.settings = settings;
  }

  /**
   * Runs with {@link ClientSettings} and {@link TopicSettings} of the environment. Exit code 2
   * tells of a mistake in them, 1 of a cluster or registry that did not do what was asked.
   */
  public static void main(String[] args) throws InterruptedException {
    try {
      ClientSettings clients = ClientSettings.fromEnvironment();
      Provisioner provisioner = new Provisioner(TopicSettings.from(System.getenv()));
      SchemaRegistry registry = new SchemaRegistry(clients.registry(), REGISTRY_PATIENCE);
      try (Admin admin = new KafkaClients(clients).admin()) {
        provisioner.topics(admin).forEach(System.out::println);
      }
      provisioner.schemas(registry);
      System.out.printf(
          "%d topics and %d schemas are in place%n", Topics.all().size(), 2 * Topics.all().size());
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(USAGE);
    } catch (KafkaException e) {
      // Messages made here say it all; others are explained.
      System.err.println(e instanceof RegistryException ? e.getMessage() : Failures.told(e));
      System.exit(1);
    }
  }

  /**
   * Creates missing topics and sets the configuration of all of them.
   *
   * @return what an operator should know
   * @throws IllegalArgumentException if topics are there with another number of partitions than is
   *     asked for
   * @throws KafkaException if the cluster refuses; the message names the topic and the setting
   */
  public List<String> topics(Admin admin) throws InterruptedException {
    Map<String, TopicDescription> present = present(admin);
    Map<String, Integer> partitions = partitions(present);
    List<String> notes = new ArrayList<>();
    List<NewTopic> missing = new ArrayList<>();
    Map<ConfigResource, Collection<AlterConfigOp>> changes = new HashMap<>();
    for (Topic topic : Topics.all()) {
      Map<String, String> config = settings.config(topic);
      short factor = settings.replicationFactor(topic);
      TopicDescription there = present.get(topic.name());
      if (there == null) {
        missing.add(
            new NewTopic(
                    topic.name(),
                    Optional.of(partitions.get(topic.name())),
                    factor < 0 ? Optional.empty() : Optional.of(factor))
                .configs(config));
        continue;
      }
      int copies = there.partitions().get(0).replicas().size();
      if (factor > 0 && copies != factor) {
        notes.add(
            "%s has replication factor %d, TOPIC_REPLICATION_FACTOR is %d: left as it is; kafka-reassign-partitions.sh changes it"
                .formatted(topic.name(), copies, factor));
      }
      changes.put(
          new ConfigResource(ConfigResource.Type.TOPIC, topic.name()),
          config.entrySet().stream()
              .map(
                  e ->
                      new AlterConfigOp(
                          new ConfigEntry(e.getKey(), e.getValue()), AlterConfigOp.OpType.SET))
              .toList());
    }
    short copiesOfSmall = settings.replicationFactor(Topics.OPS_FILES);
    for (String topic : ICEBERG) {
      if (!present.containsKey(topic)) {
        missing.add(
            new NewTopic(
                topic,
                Optional.of(1),
                copiesOfSmall < 0 ? Optional.empty() : Optional.of(copiesOfSmall)));
      }
    }
    admin.createTopics(missing).values().forEach(Provisioner::created);
    admin
        .incrementalAlterConfigs(changes)
        .values()
        .forEach((topic, done) -> configured(topic.name(), done));
    return notes;
  }

  private static Map<String, TopicDescription> present(Admin admin) throws InterruptedException {
    Set<String> known = Topics.all().stream().map(Topic::name).collect(Collectors.toSet());
    known.addAll(ICEBERG);
    try {
      known.retainAll(admin.listTopics().names().get());
      return admin.describeTopics(known).allTopicNames().get();
    } catch (ExecutionException e) {
      throw new KafkaException(
          "the topics of the cluster cannot be listed: %s"
              .formatted(Failures.explain(e.getCause())),
          e.getCause());
    }
  }

  /** The number of partitions of each topic, there or not. */
  private Map<String, Integer> partitions(Map<String, TopicDescription> present) {
    Map<String, Integer> partitions = new TreeMap<>();
    List<String> refused = new ArrayList<>();
    // Internal topics stand beside the raw ones, partition by partition.
    OptionalInt beside =
        Topics.all().stream()
            .filter(t -> isBeside(t) && present.containsKey(t.name()))
            .mapToInt(t -> present.get(t.name()).partitions().size())
            .findFirst();
    for (Topic topic : Topics.all()) {
      OptionalInt asked = settings.partitions(topic);
      TopicDescription there = present.get(topic.name());
      int wanted =
          asked.isPresent()
              ? asked.getAsInt()
              : isBeside(topic)
                  ? beside.orElse(topic.partitions())
                  : there != null ? there.partitions().size() : topic.partitions();
      if (topic.partitions() == 1) {
        wanted = 1;
      }
      partitions.put(topic.name(), wanted);
      if (there != null && there.partitions().size() != wanted) {
        refused.add("%s has %d, not %d".formatted(topic.name(), there.partitions().size(), wanted));
      }
    }
    if (!refused.isEmpty()) {
      throw new IllegalArgumentException(
          "the number of partitions cannot change: keys would move to partitions where the copies before them are not, and two winners would stand for one block. "
              + String.join("; ", refused)
              + ". Set TOPIC_PARTITIONS and TOPIC_RAW_PARTITIONS to what is there, or begin with new topics in another cluster and load the raw records into them");
    }
    return partitions;
  }

  private static boolean isBeside(Topic topic) {
    return topic.partitions() > 1
        && (topic.kind() == Topic.Kind.RAW || topic.kind() == Topic.Kind.INTERNAL);
  }

  private static void created(String topic, KafkaFuture<Void> done) {
    await(
        done,
        "topic " + topic + " cannot be created",
        "Look at TOPIC_REPLICATION_FACTOR, TOPIC_MIN_INSYNC_REPLICAS, TOPIC_PARTITIONS and TOPIC_MAX_MESSAGE_BYTES");
  }

  private static void configured(String topic, KafkaFuture<Void> done) {
    await(
        done,
        "topic " + topic + " cannot be configured",
        "Look at TOPIC_MIN_INSYNC_REPLICAS, TOPIC_RETENTION and TOPIC_MAX_MESSAGE_BYTES");
  }

  private static void await(KafkaFuture<Void> done, String what, String advice) {
    try {
      done.get();
    } catch (ExecutionException e) {
      throw new KafkaException(
          "%s: %s. %s".formatted(what, Failures.explain(e.getCause()), advice), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("interrupted", e);
    }
  }

  /**
   * Registers the key and value schemas of every topic, each subject under the rule BACKWARD.
   *
   * @throws RegistryException if the registry refuses a schema, as it does one that is not backward
   *     compatible; the message names the subject and what the registry said
   */
  public void schemas(SchemaRegistry registry) {
    for (Topic topic : Topics.all()) {
      register(registry, AvroSerdes.subject(topic.name(), true), AvroSerdes.ofKey(topic.key()));
      register(registry, AvroSerdes.subject(topic.name(), false), topic.value());
    }
  }

  private static void register(SchemaRegistry registry, String subject, Schema schema) {
    boolean isNew = false;
    try {
      registry.setCompatibility(subject, RULE);
    } catch (RegistryException.NotFound e) {
      // Some registries have no rules for subjects that are not there yet.
      isNew = true;
    }
    registry.register(subject, schema);
    if (isNew) {
      registry.setCompatibility(subject, RULE);
    }
  }
}
