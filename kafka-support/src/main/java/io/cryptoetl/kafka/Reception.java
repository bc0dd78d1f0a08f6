package io.cryptoetl.kafka;

import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.Status;
import io.cryptoetl.ops.StatusKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Where people's orders come in to an instance of a service, and where records of how it does go
 * out.
 */
public final class Reception {
  /** An instance that has said nothing for so long does not run. */
  public static final Duration SILENT = Duration.ofSeconds(20);

  private static final Logger LOG = LoggerFactory.getLogger(Reception.class);
  private static final Duration EVERY = Duration.ofSeconds(5);
  private static final Duration RETRY = Duration.ofSeconds(1);
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(5);
  private static final String TELLER = "status";

  private final KafkaClients kafka;
  private final String service;
  private final String instance;
  private final Clock clock;
  private final Instant startedAt;

  /** Whoever gave an order looks for what it changed: the next word is told at once. */
  private final Semaphore wanted = new Semaphore(0);

  private final List<TransactionalWorker> workers = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private volatile boolean stopped;

  /** What a service does with orders. All calls come from one thread. */
  public interface Owner {
    /**
     * Whether orders can be obeyed now.
     *
     * @param atMost how long to wait for it
     */
    boolean isReady(Duration atMost) throws InterruptedException;

    /** Whether an order is for this service. */
    boolean owns(Order order);

    /**
     * Obeys an order. What it sends by the request is committed with the order's result.
     *
     * @throws RefusedOrderException if it cannot be obeyed
     */
    Done obey(Order order, TransactionalWorker.Request request) throws InterruptedException;
  }

  /**
   * What came of an order that was obeyed.
   *
   * @param message what is done now
   * @param job whose requests were made
   * @param request of a file
   */
  public record Done(String message, Optional<Job> job, Optional<String> request) {
    /** Nothing to follow comes of it. */
    public static Done of(String message) {
      return new Done(message, Optional.empty(), Optional.empty());
    }

    /** A job comes of it. */
    public static Done job(String message, Job job) {
      return new Done(message, Optional.of(job), Optional.empty());
    }

    /** A request of a file comes of it. */
    public static Done request(String message, String request) {
      return new Done(message, Optional.empty(), Optional.of(request));
    }
  }

  /**
   * A job.
   *
   * @param ranges requests that it is made of
   * @param from first number
   * @param to last number, inclusive
   */
  public record Job(String id, int ranges, long from, long to) {}

  /**
   * How an instance does.
   *
   * @param problems what keeps it from working now
   * @param detail what it knows, as JSON
   */
  public record Word(List<String> problems, String detail) {
    /** A word of a moment. */
    public Word {
      problems = List.copyOf(problems);
    }
  }

  /**
   * A reception.
   *
   * @param service name of the service, such as extractor
   * @param instance name of the instance, unique among running ones and the same after a restart
   */
  public Reception(KafkaClients kafka, String service, String instance, Clock clock) {
    this.kafka = kafka;
    this.service = service;
    this.instance = instance;
    this.clock = clock;
    this.startedAt = clock.instant();
  }

  /**
   * Takes orders, until it is stopped.
   *
   * @param group of instances that share the orders
   * @param stage of the dead letters of what is no order
   * @param maxWork longest time that an order may take
   */
  public void take(String group, String stage, Duration maxWork, Owner owner) {
    TransactionalWorker worker =
        new TransactionalWorker(
            new TransactionalWorker.Settings(
                group,
                instance,
                List.of(Topics.OPS_ORDERS),
                stage,
                RETRY,
                maxWork,
                TRANSACTION_TIMEOUT),
            kafka,
            clock,
            new OrderTaker(instance, owner, clock, wanted::release));
    workers.add(worker);
    start(new Thread(worker, group));
  }

  /** Tells how the instance does every few seconds, until it is stopped. */
  public void tell(Callable<Word> word) {
    start(new Thread(() -> tellOn(word), TELLER));
  }

  private void start(Thread thread) {
    threads.add(thread);
    thread.start();
  }

  private void tellOn(Callable<Word> word) {
    while (!stopped) {
      try (Producer<SpecificRecord, SpecificRecord> producer = kafka.producer()) {
        while (!stopped) {
          producer.send(
              new ProducerRecord<>(
                  Topics.OPS_STATUS.name(), new StatusKey(service, instance), status(word.call())));
          rest();
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (Exception e) {
        // Kafka's failures, and any that nobody thought of: it never ends silently.
        notTold(e);
        try {
          Thread.sleep(EVERY.toMillis());
        } catch (InterruptedException interrupted) {
          Thread.currentThread().interrupt();
          return;
        }
      }
    }
  }

  private static void notTold(Exception failure) {
    LOG.warn("event=status_not_told reason=\"{}\"", failure.getMessage());
  }

  private void rest() throws InterruptedException {
    if (wanted.tryAcquire(EVERY.toMillis(), TimeUnit.MILLISECONDS)) {
      wanted.drainPermits();
    }
  }

  private Status status(Word word) {
    return Status.newBuilder()
        .setService(service)
        .setInstance(instance)
        .setStartedAt(startedAt)
        .setSeenAt(clock.instant())
        .setProblems(word.problems())
        .setDetail(word.detail())
        .build();
  }

  /** Ends both; an order at hand is brought to its end if that does not take long. */
  public void stop() throws InterruptedException {
    stopped = true;
    workers.forEach(TransactionalWorker::stop);
    for (Thread thread : threads) {
      if (!thread.getName().equals(TELLER)) {
        thread.join(STOP_TIMEOUT.toMillis());
      }
      thread.interrupt();
    }
  }
}
