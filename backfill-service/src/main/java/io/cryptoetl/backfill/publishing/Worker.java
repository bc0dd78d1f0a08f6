package io.cryptoetl.backfill.publishing;

import io.cryptoetl.backfill.files.FileStore;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TransactionalWorker;
import io.cryptoetl.kafka.TransactionalWorker.Attempt;
import io.cryptoetl.kafka.TransactionalWorker.Request;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.jboss.logging.Logger;

/**
 * Works off requests for files: checks a file, then publishes it chunk by chunk. All workers of all
 * instances are one consumer group; the requests of one file stand in one partition, so that one
 * worker at a time has it.
 */
public final class Worker implements Runnable, TransactionalWorker.Task {
  /** Consumer group of all workers. */
  public static final String GROUP = "backfill";

  private static final Logger LOG = Logger.getLogger(Worker.class);

  /** Longest time between two signs of life. */
  private static final Duration MAX_WORK = Duration.ofMinutes(10);

  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);
  private static final Duration LEDGER_TIMEOUT = Duration.ofMinutes(2);

  /** Bytes up to which a file is read within a moment. */
  private static final long SMALL = 1024 * 1024;

  private static final Duration AT_ONCE = Duration.ofMillis(200);

  /** Requests that a worker remembers until it asks the ledger again. */
  private static final int MOST_WORKED_OFF = 1_000;

  private final Settings settings;
  private final Map<String, Location> locations;
  private final Outages outages;
  private final Ledger ledger;
  private final Detector detector;
  private final Clock clock;
  private final Meters meters;
  private final TransactionalWorker worker;
  private final KafkaClients kafka;
  private final Set<String> workedOff = new HashSet<>();
  private Limits limits;
  private boolean ledgerIsBehind;
  private volatile boolean leads;

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
      Outages outages,
      KafkaClients kafka,
      Ledger ledger,
      Detector detector,
      Clock clock,
      Meters meters) {
    this.settings = settings;
    this.locations = locations;
    this.outages = outages;
    this.ledger = ledger;
    this.detector = detector;
    this.clock = clock;
    this.meters = meters;
    this.kafka = kafka;
    this.limits = settings.limits();
    this.worker =
        new TransactionalWorker(
            new TransactionalWorker.Settings(
                GROUP,
                settings.name(),
                List.of(Topics.OPS_FILE_REQUESTS),
                "backfill",
                settings.retryDelay(),
                MAX_WORK,
                TRANSACTION_TIMEOUT),
            kafka,
            clock,
            this);
  }

  /** What keeps the worker from working, if anything does. */
  public Optional<String> problem() {
    return worker.problem();
  }

  /** Whether the worker has the first partition: its instance lists the locations. */
  public boolean leads() {
    return leads;
  }

  /** Makes {@link #run} return, in the middle of a file if need be: it is taken up again. */
  public void stop() {
    worker.stop();
  }

  @Override
  public void run() {
    worker.run();
  }

  @Override
  public void opened(Admin admin) throws InterruptedException {
    ledgerIsBehind = true;
    // Of a record the half is for the row, the rest for the head of its file and others.
    int most = kafka.maxMessageBytes(admin, Topics.RAW_CSV_ROWS.name()) / 2;
    limits =
        new Limits(
            Math.min(settings.limits().rowBytes(), most),
            settings.limits().expansion(),
            settings.limits().members());
  }

  @Override
  public void assigned(Set<TopicPartition> partitions) {
    leads = partitions.stream().anyMatch(p -> p.partition() == 0);
    ledgerIsBehind = true;
  }

  @Override
  public boolean takes(SpecificRecord value) {
    if (!(value instanceof FileRequest)) {
      throw new BadRecordException(
          "a %s is no request for a file".formatted(value.getSchema().getFullName()));
    }
    return true;
  }

  @Override
  public Attempt work(Request asked) throws InterruptedException {
    FileRequest request = (FileRequest) asked.value();
    if (ledgerIsBehind || asked.failures() > 0 || workedOff.size() > MOST_WORKED_OFF) {
      awaitLedger(asked);
    }
    if (isWorkedOff(request)) {
      LOG.debugf("worker=%s event=request_dropped file=\"%s\"", settings.name(), request.getFile());
      asked.commit();
      return new Attempt.Done();
    }
    Optional<String> outage = outages.reason(request.getLocation(), request.getRequestedAt());
    if (outage.isPresent()) {
      publication(request, Map.of(), asked).setAside(outage.get());
      return new Attempt.Done();
    }
    if (request.getSize() > SMALL) {
      asked.commitOthers();
    }
    Location location = locations.get(request.getLocation());
    try {
      if (location == null) {
        throw new RefusedException(
            "location_unknown",
            "location %s is not configured here; it is where %s was found"
                .formatted(request.getLocation(), request.getFile()));
      }
      publish(request, location.store(), asked);
      outages.answered(request.getLocation());
    } catch (RefusedException e) {
      fail(asked, request, e);
      LOG.warnf(
          "worker=%s event=file_failed file=\"%s\" code=%s reason=\"%s\"",
          settings.name(), request.getFile(), e.code(), e.getMessage());
    } catch (IOException e) {
      return failed(asked, request, location, e);
    }
    workedOff.add(request.getRequestId());
    return new Attempt.Done();
  }

  /** Writes down that a file cannot be read. */
  private void fail(Request asked, FileRequest request, RefusedException reason)
      throws InterruptedException {
    awaitLedger(asked);
    publication(request, Map.of(), asked).fail(reason);
  }

  /** Writes down that a file's store does not answer, and goes on with other files. */
  private void setAside(Request asked, FileRequest request, String reason)
      throws InterruptedException {
    awaitLedger(asked);
    publication(request, Map.of(), asked).setAside(reason);
    LOG.warnf(
        "worker=%s event=file_set_aside file=\"%s\" reason=\"%s\"",
        settings.name(), request.getFile(), reason);
  }

  /**
   * Waits until the ledger has all that was written. What other workers have done with the files of
   * a partition is known from then on for as long as the worker has it; what it has done itself it
   * remembers.
   */
  private void awaitLedger(Request asked) throws InterruptedException {
    // It waits for open transactions, its own ones too.
    asked.commitOthers();
    ledger.awaitUpToDate(asked.admin(), LEDGER_TIMEOUT);
    ledgerIsBehind = false;
    workedOff.clear();
  }

  private boolean isWorkedOff(FileRequest request) {
    return workedOff.contains(request.getRequestId())
        || ledger
            .progress(request.getFile(), request.getFileVersion(), request.getRequestId())
            .filter(Ledger.Progress::isEnd)
            .isPresent();
  }

  private void publish(FileRequest request, FileStore store, Request asked)
      throws IOException, InterruptedException {
    StoredFile file =
        new StoredFile(
            request.getFile(),
            request.getFile(),
            request.getFileVersion(),
            request.getSize(),
            request.getModifiedAt(),
            request.getAlone());
    // Whichever version is asked for is read, or none.
    FileSource source = new Check.Source(store, file, asked::alive);
    if (file.size() <= SMALL) {
      source = promptly(asked, source);
    }
    if (!file.alone() && request.getFile().startsWith("s3://")) {
      // It is asked for its checksum, which may take its time, too.
      asked.commitOthers();
    }
    Optional<Check.Part> checked =
        ledger
            .state(request.getFile(), request.getFileVersion())
            .filter(s -> s.getRequestId().equals(request.getRequestId()))
            .flatMap(Check.Part::of);
    Map<String, Check.Part> parts =
        checked.isPresent()
            ? Map.of(request.getFile(), checked.get())
            : Check.of(request, file, source, store, limits, detector, asked::alive);
    Publication publication = publication(request, parts, asked);
    FileReader.read(source, limits, publication);
    if (!parts.containsKey(request.getFile())) {
      publication.endArchive();
    }
    LOG.infof(
        "worker=%s event=file_published file=\"%s\" rows=%d",
        settings.name(),
        request.getFile(),
        parts.values().stream().mapToLong(Check.Part::rows).sum());
  }

  /** Reads a small file; what was done before it is committed if that does not come at once. */
  private static FileSource promptly(Request asked, FileSource file)
      throws IOException, InterruptedException {
    try (ExecutorService reader = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<FileSource> reading = reader.submit(() -> FileSource.of(file));
      try {
        return reading.get(AT_ONCE.toMillis(), TimeUnit.MILLISECONDS);
      } catch (TimeoutException e) {
        asked.commitOthers();
        return reading.get();
      }
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case IOException failure -> throw failure;
        case RuntimeException failure -> throw failure;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  private Publication publication(
      FileRequest request, Map<String, Check.Part> parts, Request asked) {
    Instant began =
        ledger.ofRequest(request.getRequestId()).stream()
            .map(FileState::getFetchedAt)
            .filter(Objects::nonNull)
            .findFirst()
            .orElseGet(clock::instant);
    return new Publication(request, parts, ledger, asked, settings.name(), began, clock, meters);
  }

  private Attempt failed(Request asked, FileRequest request, Location location, IOException e)
      throws InterruptedException {
    meters.retried(request.getLocation());
    boolean reachable = isReachable(location);
    int failed = asked.fruitless() + 1;
    LOG.warnf(
        "worker=%s event=file_retried file=\"%s\" try=%d store_reachable=%b reason=\"%s\"",
        settings.name(), request.getFile(), failed, reachable, e.getMessage());
    if (!reachable) {
      outages.failed(request.getLocation(), String.valueOf(e.getMessage()));
      setAside(asked, request, String.valueOf(e.getMessage()));
      return new Attempt.Done();
    }
    if (failed >= settings.tries()) {
      fail(
          asked,
          request,
          new RefusedException(
              "file_unreadable",
              "%d tries failed, the last one with: %s".formatted(failed, e.getMessage())));
      return new Attempt.Done();
    }
    return new Attempt.Retry(String.valueOf(e.getMessage()), true);
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
}
