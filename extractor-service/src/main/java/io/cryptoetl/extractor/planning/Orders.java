package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.ops.Control;
import io.cryptoetl.ops.ControlKey;
import io.cryptoetl.schemas.KafkaSettings;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * What people order: ranges to be fetched, sources to be paused, jobs to be cancelled. Every
 * instance learns it from the topics.
 */
public final class Orders implements AutoCloseable {
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);

  private final KafkaSettings kafka;
  private final String transactionalId;
  private final Clock clock;
  private Producer<SpecificRecord, SpecificRecord> producer;

  /** Orders taken by one instance. */
  public Orders(KafkaSettings kafka, String instance, Clock clock) {
    this.kafka = kafka;
    this.transactionalId = "jobs-" + instance;
    this.clock = clock;
  }

  /** Writes the requests of a job: all of them or none; returns the job's id. */
  public String submit(String feed, List<Range> ranges, String requestedBy) {
    String job = UUID.randomUUID().toString();
    Instant now = clock.instant();
    inTransaction(p -> Requests.send(p, job, feed, ranges, requestedBy, now));
    return job;
  }

  /** Pauses a source, or lets it go on. */
  public void pause(String source, boolean paused, String by) {
    control("source", source, paused ? "paused" : "running", by);
  }

  /** Cancels what is left of a job. */
  public void cancel(String job, String by) {
    control("job", job, "cancelled", by);
  }

  private void control(String kind, String id, String state, String by) {
    Control control = new Control(kind, id, state, by, clock.instant());
    inTransaction(
        p ->
            p.send(
                new ProducerRecord<>(
                    Topics.OPS_CONTROLS.name(), new ControlKey(kind, id), control)));
  }

  private synchronized void inTransaction(
      java.util.function.Consumer<Producer<SpecificRecord, SpecificRecord>> sends) {
    try {
      if (producer == null) {
        producer = kafka.producer(transactionalId, TRANSACTION_TIMEOUT);
        producer.initTransactions();
      }
      producer.beginTransaction();
      sends.accept(producer);
      producer.commitTransaction();
    } catch (RuntimeException e) {
      // Whatever it was, the next order shall not find this transaction open.
      close();
      throw e;
    }
  }

  @Override
  public synchronized void close() {
    if (producer != null) {
      producer.close(Duration.ofSeconds(1));
      producer = null;
    }
  }
}
