package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Reception;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.OrderKey;
import io.cryptoetl.ops.OrderResult;
import io.cryptoetl.ops.Status;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.function.Supplier;
import java.util.regex.Pattern;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;

/**
 * The pipeline that commands are for: that of the cluster which {@code KAFKA_BOOTSTRAP_SERVERS}
 * names, wherever it runs, or else the one that runs on this machine. It tells of itself by records
 * of ops.status and by its tables, and is told by records of ops.orders.
 *
 * @param clients of its cluster; made only for what needs them
 * @param database its tables, by a role that may only read
 * @param local the parts of the one on this machine; empty for another one
 */
record Deployment(Supplier<KafkaClients> clients, DatabaseUser database, Optional<Parts> local) {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration ANSWER_WITHIN = Duration.ofSeconds(30);
  private static final Duration WRITTEN_WITHIN = Duration.ofSeconds(10);

  /** What means something between a shell's double quotes. */
  private static final Pattern OF_SHELLS = Pattern.compile("[\"$`\\\\!]");

  private static final Duration POLL = Duration.ofMillis(200);

  /** Opens connections to the database of the tables. */
  interface DatabaseUser {
    Connection connect() throws SQLException;
  }

  /**
   * The pipeline that is meant.
   *
   * @throws MisuseException if none runs, or the environment does not say enough
   */
  static Deployment current() throws IOException {
    String brokers = System.getenv().getOrDefault("KAFKA_BOOTSTRAP_SERVERS", "");
    if (brokers.isBlank()) {
      Parts parts = PipelineCommand.running().parts();
      return new Deployment(parts::kafka, parts::reader, Optional.of(parts));
    }
    String url = System.getenv("DATABASE_URL");
    if (url == null) {
      throw new MisuseException(
          "KAFKA_BOOTSTRAP_SERVERS names a cluster: unset it to use the pipeline of this machine, or set DATABASE_URL, such as jdbc:postgresql://host:5432/pipeline, and CONSOLE_READER_PASSWORD (and CONSOLE_READER_USER, if it is not console_reader) for its tables, too");
    }
    Screen.system().error("For the cluster at " + brokers);
    Map<String, String> env = System.getenv();
    return new Deployment(
        () -> new KafkaClients(ClientSettings.fromEnvironment()),
        () ->
            DriverManager.getConnection(
                url,
                env.getOrDefault("CONSOLE_READER_USER", Database.READER),
                env.getOrDefault("CONSOLE_READER_PASSWORD", env.get("CONSOLE_DATABASE_PASSWORD"))),
        Optional.empty());
  }

  KafkaClients kafka() {
    return clients.get();
  }

  /** An order of somebody who uses this program, to be filled in. */
  static Order.Builder order(String kind, String target) {
    return Order.newBuilder()
        .setOrderId(UUID.randomUUID().toString())
        .setKind(kind)
        .setTarget(target)
        .setRequestedBy(System.getProperty("user.name", "pipeline"))
        .setOrderedAt(Instant.now().truncatedTo(ChronoUnit.MILLIS));
  }

  /**
   * Gives an order and waits for what comes of it.
   *
   * @throws MisuseException with what the service says, if it refuses
   */
  OrderResult give(Order order) throws IOException, InterruptedException {
    TopicPartition results = new TopicPartition(Topics.OPS_ORDER_RESULTS.name(), 0);
    KafkaClients kafka = kafka();
    try (Consumer<byte[], byte[]> consumer = kafka.reader();
        Producer<SpecificRecord, SpecificRecord> producer = kafka.promptProducer(WRITTEN_WITHIN)) {
      consumer.assign(List.of(results));
      consumer.seekToEnd(List.of(results));
      // An end is looked up when it is first asked for.
      consumer.position(results);
      producer
          .send(
              new ProducerRecord<>(
                  Topics.OPS_ORDERS.name(), new OrderKey(order.getOrderId()), order))
          .get();
      long end = System.nanoTime() + ANSWER_WITHIN.toNanos();
      while (System.nanoTime() < end) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          if (kafka.serdes().read(record.topic(), record.value()) instanceof OrderResult result
              && result.getOrderId().equals(order.getOrderId())) {
            if (result.getOutcome().equals("refused")) {
              throw new MisuseException(result.getMessage());
            }
            return result;
          }
        }
      }
    } catch (ExecutionException e) {
      throw new IOException("Kafka did not take the order: " + e.getCause().getMessage(), e);
    }
    throw new IOException(
        "Nobody has answered for %d s: no service that runs has %s. The order stands for ten minutes"
            .formatted(ANSWER_WITHIN.toSeconds(), order.getTarget()));
  }

  /** The sources of the extractors that run: of two words about one the newer counts. */
  JsonNode sources() throws IOException, InterruptedException {
    ArrayNode sources = JSON.createArrayNode();
    Set<String> seen = new HashSet<>();
    for (JsonNode word : words("extractor")) {
      for (JsonNode source : word) {
        if (seen.add(source.path("name").asText())) {
          sources.add(source);
        }
      }
    }
    return sources;
  }

  /**
   * What the instances of a service that run tell of themselves, newest first. One that has just
   * started is waited for.
   *
   * @throws IOException if none tells
   */
  List<JsonNode> words(String service) throws IOException, InterruptedException {
    TopicPartition partition = new TopicPartition(Topics.OPS_STATUS.name(), 0);
    Map<String, JsonNode> words = new LinkedHashMap<>();
    KafkaClients kafka = kafka();
    try (Consumer<byte[], byte[]> consumer = kafka.reader()) {
      consumer.assign(List.of(partition));
      long lately = Instant.now().minus(Reception.SILENT).toEpochMilli();
      OffsetAndTimestamp first =
          consumer.offsetsForTimes(Map.of(partition, lately), WRITTEN_WITHIN).get(partition);
      long end = consumer.endOffsets(List.of(partition), WRITTEN_WITHIN).get(partition);
      consumer.seek(partition, first == null ? end : first.offset());
      long deadline = System.nanoTime() + WRITTEN_WITHIN.toNanos();
      while (consumer.position(partition) < end
          || (words.isEmpty() && System.nanoTime() < deadline)) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
          if (record.value() != null
              && kafka.serdes().read(record.topic(), record.value()) instanceof Status status
              && status.getService().equals(service)) {
            words.remove(status.getInstance());
            words.put(status.getInstance(), JSON.readTree(status.getDetail()));
          }
        }
      }
    } catch (TimeoutException e) {
      throw new IOException("Kafka does not answer: is it down, or its address wrong?", e);
    }
    if (words.isEmpty()) {
      throw new IOException(
          "no %s has told of itself for %d s: none runs, or it does not reach Kafka"
              .formatted(service, Reception.SILENT.toSeconds()));
    }
    return new ArrayList<>(words.values()).reversed();
  }

  /**
   * Checks the name of a source or feed.
   *
   * @throws MisuseException if no extractor has told of it
   */
  Deployment knowing(String name) throws IOException, InterruptedException {
    Set<String> known = new TreeSet<>();
    for (JsonNode source : sources()) {
      known.add(source.path("name").asText());
      source.path("feeds").forEach(feed -> known.add(feed.path("name").asText()));
    }
    if (!known.contains(name)) {
      throw new MisuseException(
          "no extractor has told of a source or feed '%s'; there are: %s"
              .formatted(name, String.join(", ", known)));
    }
    return this;
  }

  /** The source that has a feed; empty if nobody has told of it. */
  Optional<JsonNode> sourceOf(String feed) throws IOException, InterruptedException {
    for (JsonNode source : sources()) {
      for (JsonNode each : source.path("feeds")) {
        if (each.path("name").asText().equals(feed)) {
          return Optional.of(source);
        }
      }
    }
    return Optional.empty();
  }

  /** A query as a command: names of files may hold what a shell takes for its own. */
  static String shown(String sql) {
    return "./pipeline query "
        + (OF_SHELLS.matcher(sql).find()
            ? "'" + sql.replace("'", "'\\''") + "'"
            : "\"" + sql + "\"");
  }
}
