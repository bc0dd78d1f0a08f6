package io.cryptoetl.backfill;

import io.cryptoetl.backfill.files.FileStore;
import io.cryptoetl.backfill.files.FolderStore;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.S3Access;
import io.cryptoetl.backfill.files.S3Events;
import io.cryptoetl.backfill.files.S3Store;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.backfill.publishing.Ledger;
import io.cryptoetl.backfill.publishing.Outages;
import io.cryptoetl.backfill.publishing.Requests;
import io.cryptoetl.backfill.publishing.Worker;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.enterprise.inject.Instance;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.Logger;
import software.amazon.awssdk.services.s3.S3Client;

/** Wires locations, requests and workers together, and starts and stops them with the service. */
@ApplicationScoped
public class Backfill {
  private static final Logger LOG = Logger.getLogger(Backfill.class);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

  /** How many times as long as its listing takes a location is left alone: a request is paid. */
  private static final int REST = 20;

  private static final Duration LONGEST_REST = Duration.ofHours(1);

  private final BackfillSettings settings;
  private final Instance<S3Client> s3;
  private final String region;
  private final Scheduler scheduler;
  private final Meters meters;
  private final Clock clock = Clock.systemUTC();
  private final Map<String, Location> locations = new TreeMap<>();
  private final Map<String, Listing> listings = new ConcurrentHashMap<>();
  private final Outages outages = new Outages(clock);
  private final List<Worker> workers = new ArrayList<>();
  private final List<S3Events> events = new ArrayList<>();
  private final List<Thread> threads = new ArrayList<>();
  private Ledger ledger;
  private Requests requests;

  /**
   * How the last listing of a location went.
   *
   * @param files that it found
   * @param next when it is listed again at the earliest; sooner if somebody asks for it
   * @param problem why it could not be listed
   */
  public record Listing(Instant at, long files, Instant next, Optional<String> problem) {}

  Backfill(
      BackfillConfig config,
      Instance<S3Client> s3,
      @ConfigProperty(name = "quarkus.s3.aws.region") String region,
      Scheduler scheduler,
      MeterRegistry registry) {
    this.region = region;
    this.settings = BackfillSettings.from(config);
    this.s3 = s3;
    this.scheduler = scheduler;
    this.meters = new Meters(registry);
  }

  /** Name of this instance. */
  public String instance() {
    return settings.config().instance();
  }

  /** Where files are, by name. */
  public Map<String, Location> locations() {
    return locations;
  }

  /** How the last listings of this instance went, by location; it lists only while it leads. */
  public Map<String, Listing> listings() {
    return listings;
  }

  /** Which files are known. */
  public Ledger ledger() {
    return ledger;
  }

  /** Where files are asked for. */
  public Requests requests() {
    return requests;
  }

  /** What keeps workers or listings from working now. */
  public List<String> problems() {
    List<String> problems = new ArrayList<>();
    workers.forEach(w -> w.problem().ifPresent(problems::add));
    listings.values().forEach(l -> l.problem().ifPresent(problems::add));
    problems.addAll(outages.problems());
    events.forEach(e -> e.problem().ifPresent(problems::add));
    return problems.stream().distinct().toList();
  }

  void start(@Observes StartupEvent event) {
    BackfillConfig config = settings.config();
    KafkaClients kafka = new KafkaClients(ClientSettings.fromEnvironment());
    ledger = new Ledger(kafka);
    meters.skipped(ledger::skipped);
    requests = new Requests(kafka, ledger, config.instance(), config.settle(), clock);
    threads.add(Thread.ofPlatform().name("ledger").start(ledger));
    settings.places().forEach((name, place) -> locations.put(name, location(name, place)));
    if (locations.isEmpty()) {
      LOG.warn(
          "event=no_locations reason=\"no location has a URL; set one, such as BACKFILL_INBOX_URL\"");
    }
    Detector detector = new Detector(settings.layouts());
    Limits limits =
        new Limits(Limits.DEFAULT.rowBytes(), config.expansion(), Limits.DEFAULT.members());
    for (int i = 0; i < config.workers(); i++) {
      Worker worker =
          new Worker(
              new Worker.Settings(
                  config.instance() + "-" + i, config.retryDelay(), config.tries(), limits),
              locations,
              outages,
              kafka,
              ledger,
              detector,
              clock,
              meters);
      workers.add(worker);
      threads.add(Thread.ofPlatform().name("worker-" + i).start(worker));
    }
    for (Location location : locations.values()) {
      meters.listed(
          location.name(),
          () -> {
            Listing last = listings.get(location.name());
            return last == null ? 0 : last.files();
          });
      scheduler
          .newJob("list-" + location.name())
          .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
          .setInterval(config.every().toMillis() + "ms")
          .setTask(_ -> listIfLeading(location))
          .schedule();
      LOG.infof("location=%s event=started url=\"%s\"", location.name(), location.url());
    }
    settings
        .queues()
        .forEach(
            (queue, location) -> {
              S3Events reader =
                  new S3Events(
                      settings.access(location).queues(queue, config.instance(), region),
                      queue,
                      this::notice);
              events.add(reader);
              threads.add(Thread.ofPlatform().name("events-" + location).start(reader));
              LOG.infof("location=%s event=queue_read queue=\"%s\"", location, queue);
            });
    scheduler.resume();
  }

  /** Asks for objects that a queue says to be new, whichever location has them. */
  private void notice(List<String> names) throws IOException, InterruptedException {
    for (String name : names) {
      for (Location location : locations.values()) {
        if (!location.url().startsWith("s3://")) {
          continue;
        }
        Optional<StoredFile> file = location.store().find(name);
        if (file.isPresent()) {
          requests.notice(location, file.get());
          break;
        }
      }
    }
  }

  private Location location(String name, BackfillSettings.Place place) {
    BackfillConfig.LocationConfig config = settings.config().locations().get(name);
    List<Location.Route> routes =
        new TreeMap<>(config.routes())
            .entrySet().stream()
                .map(
                    r ->
                        new Location.Route(
                            r.getKey(),
                            r.getValue().files(),
                            r.getValue().dataset(),
                            BackfillSettings.parameters(r.getValue())))
                .toList();
    return new Location(
        name, config.url().orElseThrow().strip(), store(name, place), routes, settings.layouts());
  }

  private FileStore store(String location, BackfillSettings.Place place) {
    return switch (place) {
      case BackfillSettings.Place.Bucket bucket -> {
        S3Access access = settings.access(location);
        S3Client client =
            access.isOwn() ? access.client(settings.config().instance(), region) : s3.get();
        yield new S3Store(client, bucket.name(), bucket.prefix(), access.requesterPays());
      }
      case BackfillSettings.Place.Folder folder -> {
        try {
          yield new FolderStore(folder.path());
        } catch (IOException e) {
          throw new UncheckedIOException(folder.path() + " cannot be read", e);
        }
      }
    };
  }

  /** Whether this instance lists the locations. */
  public boolean leads() {
    return workers.stream().anyMatch(Worker::leads);
  }

  private void listIfLeading(Location location) {
    if (leads()) {
      Listing last = listings.get(location.name());
      if (last == null || !clock.instant().isBefore(last.next())) {
        list(location);
      } else {
        askForWaiting(location);
      }
    } else {
      listings.remove(location.name());
    }
  }

  /** Asks for files that wait for a location, between its listings. */
  private void askForWaiting(Location location) {
    if (ledger.waiting(location.name()).isEmpty()) {
      return;
    }
    try {
      location.store().reach();
      outages.answered(location.name());
      requests.askForWaiting(location);
    } catch (IOException | RuntimeException e) {
      LOG.debugf("location=%s event=still_away reason=\"%s\"", location.name(), e.getMessage());
    }
  }

  /** Lists a location and asks for what is new in it. */
  public Listing list(Location location) {
    Listing last = listings.get(location.name());
    Listing listing;
    try {
      location.store().reach();
      outages.answered(location.name());
      Requests.Listed listed = requests.list(location);
      Duration rest = listed.took().multipliedBy(REST);
      Instant now = clock.instant();
      listing =
          new Listing(
              now,
              listed.files(),
              now.plus(rest.compareTo(LONGEST_REST) < 0 ? rest : LONGEST_REST),
              Optional.empty());
    } catch (IOException | RuntimeException e) {
      // The store's, Kafka's, or any that nobody thought of: the next listing tries again.
      LOG.warnf(
          e, "location=%s event=listing_failed reason=\"%s\"", location.name(), e.getMessage());
      listing =
          new Listing(
              clock.instant(),
              last == null ? 0 : last.files(),
              clock.instant(),
              Optional.of(String.valueOf(e.getMessage())));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return last;
    }
    listings.put(location.name(), listing);
    return listing;
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    scheduler.pause();
    workers.forEach(Worker::stop);
    events.forEach(S3Events::stop);
    if (ledger != null) {
      ledger.stop();
    }
    for (Thread thread : threads) {
      if (!thread.join(STOP_TIMEOUT)) {
        thread.interrupt();
      }
    }
    if (requests != null) {
      requests.close();
    }
  }
}
