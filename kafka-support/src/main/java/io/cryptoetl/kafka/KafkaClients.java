package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * Makes the Kafka clients of services: transactional producers, consumers of committed records.
 * What users set comes before the defaults here, but for what the pipeline relies on ({@link
 * ClientSettings}).
 *
 * <p>Consumers give bytes: a record that cannot be read must not hold up those behind it, so that
 * reading is done record by record, with {@link #serdes}.
 */
public class KafkaClients {
  private static final int MIB = 1024 * 1024;

  /** How long a registry that is away is asked again before its user hears of it. */
  private static final Duration REGISTRY_PATIENCE = Duration.ofSeconds(20);

  private final ClientSettings settings;
  private final AvroSerdes serdes;

  /** Clients of a cluster and a registry. */
  public KafkaClients(ClientSettings settings) {
    this.settings = settings;
    this.serdes = new AvroSerdes(new SchemaRegistry(settings.registry(), REGISTRY_PATIENCE));
  }

  /** How records are written and read. */
  public AvroSerdes serdes() {
    return serdes;
  }

  private Map<String, Object> base(ClientSettings.Kind kind) {
    Map<String, Object> config = settings.of(kind);
    config.putIfAbsent("reconnect.backoff.max.ms", 5_000);
    return config;
  }

  /**
   * A producer that writes in transactions.
   *
   * @param transactionalId of two producers with the same id the later one fences the earlier one
   * @param timeout after which the broker aborts a transaction whose producer is gone
   */
  public Producer<SpecificRecord, SpecificRecord> producer(
      String transactionalId, Duration timeout) {
    return producer(
        Map.of(
            "transactional.id",
            transactionalId,
            "transaction.timeout.ms",
            Math.toIntExact(timeout.toMillis())));
  }

  /** A producer without transactions. */
  public Producer<SpecificRecord, SpecificRecord> producer() {
    return producer(Map.of());
  }

  /**
   * A producer without transactions, for who waits for the outcome: what is not written within the
   * time is given up.
   */
  public Producer<SpecificRecord, SpecificRecord> promptProducer(Duration atMost) {
    int millis = Math.toIntExact(atMost.toMillis());
    return producer(
        Map.of(
            "linger.ms",
            0,
            "max.block.ms",
            millis,
            "request.timeout.ms",
            millis / 2,
            "delivery.timeout.ms",
            millis));
  }

  private Producer<SpecificRecord, SpecificRecord> producer(Map<String, Object> more) {
    Map<String, Object> config = base(ClientSettings.Kind.PRODUCER);
    config.putIfAbsent("compression.type", "zstd");
    // Of JSON in hex it makes as little as the default does, in two thirds of the time.
    config.putIfAbsent("compression.zstd.level", 1);
    config.putIfAbsent("linger.ms", 20);
    config.putIfAbsent("batch.size", MIB);
    // The topic's own limit decides; it is compared before a record is sent.
    config.putIfAbsent("max.request.size", Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    config.putIfAbsent("buffer.memory", 2L * Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    config.putAll(more);
    config.put("partitioner.class", KeyPartitioner.class.getName());
    return new KafkaProducer<>(config, serdes.serializer(true), serdes.serializer(false));
  }

  /**
   * A consumer of a group that reads committed records only and commits by transaction.
   *
   * @param instance unique among running members and the same after a restart
   * @param maxWork longest time between two polls
   */
  public Consumer<byte[], byte[]> member(String group, String instance, Duration maxWork) {
    Map<String, Object> config = base(ClientSettings.Kind.CONSUMER);
    config.putIfAbsent("session.timeout.ms", 20_000);
    config.put("group.id", group);
    config.put("client.id", group + "-" + instance);
    // A restarted worker takes back its partitions at once.
    config.put("group.instance.id", instance);
    config.put("max.poll.records", 1);
    config.put("max.poll.interval.ms", Math.toIntExact(maxWork.toMillis()));
    return consumer(config);
  }

  /** A consumer without a group, for reading a topic from its beginning. */
  public Consumer<byte[], byte[]> reader() {
    return consumer(base(ClientSettings.Kind.CONSUMER));
  }

  private static Consumer<byte[], byte[]> consumer(Map<String, Object> config) {
    config.put("enable.auto.commit", false);
    config.put("auto.offset.reset", "earliest");
    config.put("isolation.level", "read_committed");
    config.put("allow.auto.create.topics", false);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** Largest record that producers send, in bytes, whatever its topic takes. */
  public int maxRequestBytes() {
    Object configured = settings.of(ClientSettings.Kind.PRODUCER).get("max.request.size");
    return configured == null
        ? Topics.OPS_DEAD_LETTERS.maxMessageBytes()
        : Integer.parseInt(configured.toString().strip());
  }

  /**
   * Largest record that a topic takes and producers send, in bytes.
   *
   * @throws KafkaException if the cluster does not say; the message tells why
   */
  public int maxMessageBytes(Admin admin, String topic) throws InterruptedException {
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    try {
      return Math.min(
          maxRequestBytes(),
          Integer.parseInt(
              admin
                  .describeConfigs(List.of(resource))
                  .all()
                  .get()
                  .get(resource)
                  .get("max.message.bytes")
                  .value()));
    } catch (ExecutionException e) {
      throw new KafkaException(
          "topic %s cannot be described: %s".formatted(topic, Failures.explain(e.getCause())),
          e.getCause());
    }
  }

  /**
   * How many partitions a topic has.
   *
   * @throws KafkaException if the cluster does not say; the message tells why
   */
  public int partitions(Admin admin, String topic) throws InterruptedException {
    try {
      return admin
          .describeTopics(List.of(topic))
          .allTopicNames()
          .get()
          .get(topic)
          .partitions()
          .size();
    } catch (ExecutionException e) {
      throw new KafkaException(
          "topic %s cannot be described: %s".formatted(topic, Failures.explain(e.getCause())),
          e.getCause());
    }
  }

  /** What asks the cluster and its groups. */
  public Admin admin() {
    return Admin.create(base(ClientSettings.Kind.ADMIN));
  }
}
