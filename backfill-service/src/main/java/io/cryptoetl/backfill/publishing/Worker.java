package io.cryptoetl.backfill.publishing;

import io.cryptoetl.backfill.files.FileStore;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.schemas.GroupWait;
import io.cryptoetl.schemas.KafkaSettings;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.jboss.logging.Logger;

/**
 * Works off requests for files: checks a file, then publishes it chunk by chunk. All workers of all
 * instances are one consumer group; the requests of one file stand in one partition, so that one
 * worker at a time has it.
 */
public final class Worker implements Runnable {
  /** Consumer group of all workers. */
  public static final String GROUP = "backfill";

  private static final Logger LOG = Logger.getLogger(Worker.class);
  private static final String KAFKA = "Kafka: ";
  private static final String TRANSACTIONAL_IDS = "backfill/";
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** Longest time between two signs of life. */
  private static final Duration MAX_WORK = Duration.ofMinutes(10);

  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration LEDGER_TIMEOUT = Duration.ofMinutes(2);

  private final Settings settings;
  private final Map<String, Location> locations;
  private final KafkaSettings kafka;
  private final Ledger ledger;
  private final Detector detector;
  private final Clock clock;
  private final Meters meters;
  private final Map<TopicPartition, Integer> failures = new HashMap<>();
  private boolean othersMayBeGone;
  private volatile boolean leads;
  private volatile boolean stopped;
  private volatile Optional<String> problem = Optional.empty();

  /**
   * How a worker works.
   *
   * @param name unique among running workers and the same after a restart
   * @param retryDelay first pause after a failure; it doubles with each further one
   * @param tries tries after which a file that cannot be read, while its store can, is given up
   */
  public record Settings(String name, Duration retryDelay, int tries, Limits limits) {}

  /** A worker. */
  public Worker(
      Settings settings,
      Map<String, Location> locations,
      KafkaSettings kafka,
      Ledger ledger,
      Detector detector,
      Clock clock,
      Meters meters) {
    this.settings = settings;
    this.locations = locations;
    this.kafka = kafka;
    this.ledger = ledger;
    this.detector = detector;
    this.clock = clock;
    this.meters = meters;
  }

  /** The partition that the worker had is another one's now. */
  private static final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** What keeps the worker from working, if anything does. */
  public Optional<String> problem() {
    return problem;
  }

  /** Whether the worker has the first partition: its instance lists the locations. */
  public boolean leads() {
    return leads;
  }

  /** Makes {@link #run} return, in the middle of a file if need be: it is taken up again. */
  public void stop() {
    stopped = true;
  }

  @Override
  public void run() {
    int broken = 0;
    while (!stopped) {
      try (Consumer<SpecificRecord, SpecificRecord> consumer =
              kafka.consumer(GROUP, settings.name(), MAX_WORK);
          Producer<SpecificRecord, SpecificRecord> producer =
              kafka.producer(TRANSACTIONAL_IDS + settings.name(), TRANSACTION_TIMEOUT);
          Admin admin = Admin.create(kafka.shared())) {
        producer.initTransactions();
        consumer.subscribe(List.of(Topics.OPS_FILE_REQUESTS.name()), listener(consumer));
        while (!stopped) {
          if (othersMayBeGone) {
            othersMayBeGone = false;
            endTransactionsOfTheGone(admin);
          }
          ConsumerRecords<SpecificRecord, SpecificRecord> records = consumer.poll(POLL);
          problem = problem.filter(p -> !p.startsWith(KAFKA));
          for (ConsumerRecord<SpecificRecord, SpecificRecord> r : records) {
            workOn(consumer, producer, admin, r);
            broken = 0;
          }
        }
      } catch (InterruptedException | InterruptException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (LostException e) {
        LOG.infof("worker=%s event=partition_lost", settings.name());
      } catch (RuntimeException e) {
        // Kafka's failures, and any that nobody thought of: a worker never ends silently. New
        // clients begin from the last commit: nothing of the broken transaction is visible.
        broken++;
        problem = Optional.of(KAFKA + e.getMessage());
        LOG.warnf(
            e, "worker=%s event=clients_reopened reason=\"%s\"", settings.name(), e.getMessage());
        pause(broken);
      } finally {
        leads = false;
      }
    }
  }

  private void pause(int failuresSoFar) {
    try {
      Thread.sleep(delay(failuresSoFar));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stopped = true;
    }
  }

  private Duration delay(int failuresSoFar) {
    Duration delay = settings.retryDelay().multipliedBy(1L << Math.min(10, failuresSoFar - 1));
    return delay.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : delay;
  }

  private void workOn(
      Consumer<SpecificRecord, SpecificRecord> consumer,
      Producer<SpecificRecord, SpecificRecord> producer,
      Admin admin,
      ConsumerRecord<SpecificRecord, SpecificRecord> polled)
      throws InterruptedException {
    TopicPartition partition = new TopicPartition(polled.topic(), polled.partition());
    if (!(polled.value() instanceof FileRequest request)) {
      return;
    }
    ledger.awaitUpToDate(admin, LEDGER_TIMEOUT);
    Runnable alive = () -> alive(consumer, partition);
    if (isWorkedOff(request)) {
      LOG.debugf("worker=%s event=request_dropped file=\"%s\"", settings.name(), request.getFile());
      pass(consumer, producer, partition, polled.offset() + 1);
      return;
    }
    Publication.Place place =
        new Publication.Place(partition, polled.offset(), consumer::groupMetadata);
    Location location = locations.get(request.getLocation());
    try {
      if (location == null) {
        throw new RefusedException(
            "location_unknown",
            "location %s is not configured here; it is where %s was found"
                .formatted(request.getLocation(), request.getFile()));
      }
      publish(request, location.store(), producer, place, alive);
      failures.remove(partition);
      problem = Optional.empty();
    } catch (RefusedException e) {
      ledger.awaitUpToDate(admin, LEDGER_TIMEOUT);
      publication(request, Map.of(), producer, place).fail(e);
      failures.remove(partition);
      LOG.warnf(
          "worker=%s event=file_failed file=\"%s\" code=%s reason=\"%s\"",
          settings.name(), request.getFile(), e.code(), e.getMessage());
    } catch (IOException e) {
      failed(consumer, producer, admin, place, request, location, e);
    }
  }

  private boolean isWorkedOff(FileRequest request) {
    return ledger
        .state(request.getFile(), request.getFileVersion())
        .filter(s -> s.getRequestId().equals(request.getRequestId()))
        .map(FileState::getState)
        .filter(s -> s.equals("done") || s.equals("failed"))
        .isPresent();
  }

  private void pass(
      Consumer<SpecificRecord, SpecificRecord> consumer,
      Producer<SpecificRecord, SpecificRecord> producer,
      TopicPartition partition,
      long offset) {
    producer.beginTransaction();
    producer.sendOffsetsToTransaction(
        Map.of(partition, new OffsetAndMetadata(offset)), consumer.groupMetadata());
    producer.commitTransaction();
  }

  private void publish(
      FileRequest request,
      FileStore store,
      Producer<SpecificRecord, SpecificRecord> producer,
      Publication.Place place,
      Runnable alive)
      throws IOException {
    StoredFile file =
        store
            .find(request.getFile())
            .filter(f -> f.version().equals(request.getFileVersion()))
            .orElseThrow(() -> FileStore.changed(request.getFile()));
    Map<String, Check.Part> parts =
        Check.of(request, file, store, settings.limits(), detector, alive);
    Publication publication = publication(request, parts, producer, place);
    try (InputStream in = new Check.Alive(store.open(file), alive)) {
      FileReader.read(in, settings.limits(), publication);
    }
    if (!parts.containsKey(request.getFile())) {
      publication.endArchive();
    }
    LOG.infof(
        "worker=%s event=file_published file=\"%s\" rows=%d",
        settings.name(),
        request.getFile(),
        parts.values().stream().mapToLong(Check.Part::rows).sum());
  }

  private Publication publication(
      FileRequest request,
      Map<String, Check.Part> parts,
      Producer<SpecificRecord, SpecificRecord> producer,
      Publication.Place place) {
    Instant began =
        ledger.ofRequest(request.getRequestId()).stream()
            .map(FileState::getFetchedAt)
            .filter(Objects::nonNull)
            .findFirst()
            .orElseGet(clock::instant);
    return new Publication(
        request, parts, ledger, producer, place, settings.name(), began, clock, meters);
  }

  private void failed(
      Consumer<SpecificRecord, SpecificRecord> consumer,
      Producer<SpecificRecord, SpecificRecord> producer,
      Admin admin,
      Publication.Place place,
      FileRequest request,
      Location location,
      IOException e)
      throws InterruptedException {
    meters.retried(request.getLocation());
    problem = Optional.of(String.valueOf(e.getMessage()));
    boolean reachable = isReachable(location);
    int failed =
        reachable ? failures.merge(place.partition(), 1, Integer::sum) : settings.tries() - 1;
    LOG.warnf(
        "worker=%s event=file_retried file=\"%s\" try=%d store_reachable=%b reason=\"%s\"",
        settings.name(), request.getFile(), failed, reachable, e.getMessage());
    if (reachable && failed >= settings.tries()) {
      failures.remove(place.partition());
      ledger.awaitUpToDate(admin, LEDGER_TIMEOUT);
      publication(request, Map.of(), producer, place)
          .fail(
              new RefusedException(
                  "file_unreadable",
                  "%d tries failed, the last one with: %s".formatted(failed, e.getMessage())));
      problem = Optional.empty();
      return;
    }
    GroupWait.during(consumer, delay(Math.max(1, failed)), clock, () -> stopped);
    if (consumer.assignment().contains(place.partition())) {
      consumer.seek(place.partition(), place.offset());
    }
  }

  /** Whether the store answers: if it does not, waiting helps, and no file is to blame. */
  private static boolean isReachable(Location location) {
    try {
      location.store().reach();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Tells the group that the worker lives, while it has a file in hand. */
  private void alive(Consumer<?, ?> consumer, TopicPartition partition) {
    if (stopped) {
      throw new LostException();
    }
    GroupWait.once(consumer, Duration.ZERO);
    if (!consumer.assignment().contains(partition)) {
      throw new LostException();
    }
    consumer.resume(consumer.assignment());
  }

  private void endTransactionsOfTheGone(Admin admin) throws InterruptedException {
    try {
      List<String> gone = kafka.endTransactionsOfTheGone(admin, GROUP, TRANSACTIONAL_IDS);
      if (!gone.isEmpty()) {
        LOG.warnf("worker=%s event=transactions_ended of=\"%s\"", settings.name(), gone);
      }
    } catch (ExecutionException e) {
      // They end by themselves, later.
      LOG.warnf(
          "worker=%s event=transactions_not_ended reason=\"%s\"", settings.name(), e.getCause());
    }
  }

  private ConsumerRebalanceListener listener(Consumer<?, ?> consumer) {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(failures::remove);
        leads = false;
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        othersMayBeGone = true;
        leads = consumer.assignment().stream().anyMatch(p -> p.partition() == 0);
      }
    };
  }
}
