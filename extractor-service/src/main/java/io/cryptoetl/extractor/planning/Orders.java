package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TransactionalSender;
import io.cryptoetl.ops.Control;
import io.cryptoetl.ops.ControlKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.UUID;

/**
 * What people order: ranges to be fetched, sources to be paused, jobs to be cancelled. Every
 * instance learns it from the topics.
 */
public final class Orders implements AutoCloseable {
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);

  private final TransactionalSender sender;
  private final Clock clock;

  /** Orders taken by one instance. */
  public Orders(KafkaClients kafka, String instance, Clock clock) {
    this.sender = new TransactionalSender(kafka, "jobs-" + instance, TRANSACTION_TIMEOUT);
    this.clock = clock;
  }

  /** Writes the requests of a job: all of them or none; returns the job's id. */
  public String submit(String feed, List<Range> ranges, String requestedBy) {
    String job = UUID.randomUUID().toString();
    sender.send(p -> requests(Requests.Outlet.of(p), job, feed, ranges, requestedBy));
    return job;
  }

  /** Writes the requests of a job. */
  public void requests(
      Requests.Outlet outlet, String job, String feed, List<Range> ranges, String requestedBy) {
    Requests.send(
        outlet, Topics.OPS_EXTRACT_BULK_REQUESTS, job, feed, ranges, requestedBy, clock.instant());
  }

  /** Pauses a source, or lets it go on. */
  public void pause(String source, boolean paused, String by) {
    sender.send(p -> pause(Requests.Outlet.of(p), source, paused, by));
  }

  /** Pauses a source, or lets it go on. */
  public void pause(Requests.Outlet outlet, String source, boolean paused, String by) {
    control(outlet, "source", source, paused ? "paused" : "running", by);
  }

  /** Cancels what is left of a job. */
  public void cancel(String job, String by) {
    sender.send(p -> cancel(Requests.Outlet.of(p), job, by));
  }

  /** Cancels what is left of a job. */
  public void cancel(Requests.Outlet outlet, String job, String by) {
    control(outlet, "job", job, "cancelled", by);
  }

  private void control(Requests.Outlet outlet, String kind, String id, String state, String by) {
    outlet.send(
        Topics.OPS_CONTROLS.name(),
        new ControlKey(kind, id),
        new Control(kind, id, state, by, clock.instant()));
  }

  @Override
  public void close() {
    sender.close();
  }
}
