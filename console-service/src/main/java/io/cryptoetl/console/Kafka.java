package io.cryptoetl.console;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.schemas.Topic;
import io.quarkus.runtime.ShutdownEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;

/** The cluster of the pipeline, and its registry. */
@ApplicationScoped
public class Kafka {
  private static final Duration AT_MOST = Duration.ofSeconds(5);

  private final ClientSettings settings = ClientSettings.fromEnvironment();
  private final KafkaClients clients = new KafkaClients(settings);

  /** One that is away is told of at once. */
  private final SchemaRegistry registry = new SchemaRegistry(settings.registry(), Duration.ZERO);

  private Admin admin;
  private Producer<SpecificRecord, SpecificRecord> producer;

  /** Clients of the cluster. */
  public KafkaClients clients() {
    return clients;
  }

  /** Registry of the schemas; it is asked once. */
  public SchemaRegistry registry() {
    return registry;
  }

  /**
   * Writes a record, or a tombstone, and waits until it is written.
   *
   * @throws Problem.Refused if Kafka does not answer
   */
  public void write(Topic topic, SpecificRecord key, SpecificRecord value)
      throws InterruptedException {
    try {
      producer()
          .send(new ProducerRecord<>(topic.name(), key, value))
          .get(AT_MOST.multipliedBy(2).toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException | KafkaException e) {
      throw new Problem.Refused(
          503, "kafka_away", "It could not be written: Kafka does not answer. Try again.");
    }
  }

  private synchronized Producer<SpecificRecord, SpecificRecord> producer() {
    if (producer == null) {
      producer = clients.promptProducer(AT_MOST);
    }
    return producer;
  }

  /** Made when it is wanted: while the brokers' names are not known, no client can be. */
  public synchronized Admin admin() {
    if (admin == null) {
      admin = clients.admin();
    }
    return admin;
  }

  synchronized void stop(@Observes ShutdownEvent event) {
    if (admin != null) {
      admin.close(Duration.ofSeconds(1));
    }
    if (producer != null) {
      producer.close(Duration.ofSeconds(1));
    }
  }
}
