package io.cryptoetl.schemas;

import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;

/** Makes the Kafka clients of services: transactional producers, read_committed consumers. */
public class KafkaSettings {
  private static final int MIB = 1024 * 1024;

  private final String bootstrapServers;
  private final String registryUrl;

  /**
   * Clients of one cluster and one registry.
   *
   * @param registryUrl base URL of the schema registry
   */
  public KafkaSettings(String bootstrapServers, String registryUrl) {
    this.bootstrapServers = bootstrapServers;
    this.registryUrl = registryUrl;
  }

  /** Settings that every client shares. */
  public Map<String, Object> shared() {
    Map<String, Object> settings = new HashMap<>();
    settings.put("bootstrap.servers", bootstrapServers);
    settings.put("reconnect.backoff.max.ms", 5_000);
    return settings;
  }

  /**
   * A producer that writes in transactions.
   *
   * @param transactionalId of two producers with the same id the later one fences the earlier one
   * @param timeout after which the broker aborts a transaction whose producer is gone
   */
  public Producer<SpecificRecord, SpecificRecord> producer(
      String transactionalId, Duration timeout) {
    Map<String, Object> settings = shared();
    settings.put("transactional.id", transactionalId);
    settings.put("transaction.timeout.ms", Math.toIntExact(timeout.toMillis()));
    settings.put("compression.type", "zstd");
    settings.put("linger.ms", 20);
    settings.put("batch.size", MIB);
    // The topic's own limit decides; it is compared before a record is sent.
    settings.put("max.request.size", Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    settings.put("buffer.memory", 2L * Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    return new KafkaProducer<>(settings, serializer(true), serializer(false));
  }

  /**
   * A consumer of a group that reads committed records only and commits by transaction.
   *
   * @param instance unique among running members and the same after a restart
   * @param maxWork longest time between two polls
   */
  public Consumer<SpecificRecord, SpecificRecord> consumer(
      String group, String instance, Duration maxWork) {
    Map<String, Object> settings = shared();
    settings.put("group.id", group);
    settings.put("client.id", group + "-" + instance);
    // A restarted worker takes back its partitions at once.
    settings.put("group.instance.id", instance);
    settings.put("session.timeout.ms", 20_000);
    settings.put("enable.auto.commit", false);
    settings.put("auto.offset.reset", "earliest");
    settings.put("isolation.level", "read_committed");
    settings.put("max.poll.records", 1);
    settings.put("max.poll.interval.ms", Math.toIntExact(maxWork.toMillis()));
    return new KafkaConsumer<>(settings, deserializer(true), deserializer(false));
  }

  /** A consumer without a group, for reading a topic from its beginning. */
  public Consumer<SpecificRecord, SpecificRecord> reader() {
    Map<String, Object> settings = shared();
    settings.put("enable.auto.commit", false);
    settings.put("auto.offset.reset", "earliest");
    settings.put("isolation.level", "read_committed");
    return new KafkaConsumer<>(settings, deserializer(true), deserializer(false));
  }

  /**
   * Aborts what members of a group left open that have left the group: until then nobody would see
   * what others committed after it. Without it that would be for as long as a transaction may take.
   *
   * @param transactionalIds what the transactional ids of all members begin with; the rest is their
   *     instance
   * @return the transactional ids whose transactions were ended
   * @throws ExecutionException if that is not possible now: then they end by themselves, later
   */
  public List<String> endTransactionsOfTheGone(Admin admin, String group, String transactionalIds)
      throws InterruptedException, ExecutionException {
    Set<String> members =
        admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().stream()
            .map(member -> transactionalIds + member.groupInstanceId().orElse(""))
            .collect(Collectors.toSet());
    List<String> gone =
        admin
            .listTransactions(
                new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING)))
            .all()
            .get()
            .stream()
            .map(TransactionListing::transactionalId)
            .filter(id -> id.startsWith(transactionalIds) && !members.contains(id))
            .toList();
    if (!gone.isEmpty()) {
      admin.fenceProducers(gone).all().get();
    }
    return gone;
  }

  private AvroKafkaSerializer<SpecificRecord> serializer(boolean key) {
    AvroKafkaSerializer<SpecificRecord> serializer = new AvroKafkaSerializer<>();
    serializer.configure(WireFormat.settings(registryUrl), key);
    return serializer;
  }

  private AvroKafkaDeserializer<SpecificRecord> deserializer(boolean key) {
    AvroKafkaDeserializer<SpecificRecord> deserializer = new AvroKafkaDeserializer<>();
    deserializer.configure(WireFormat.settings(registryUrl), key);
    return deserializer;
  }
}
