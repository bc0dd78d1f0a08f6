package io.cryptoetl.console.home;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.orders.Followed;
import io.cryptoetl.console.query.RoleCheck;
import io.cryptoetl.schemas.Topics;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.common.KafkaException;
import org.jboss.logging.Logger;

/** Looks at the pipeline every few seconds, and keeps what it saw last. */
@ApplicationScoped
class Sampler implements Runnable {
  private static final Logger LOG = Logger.getLogger(Sampler.class);
  private static final Duration EVERY = Duration.ofSeconds(2);

  private static final Duration LONGEST = Duration.ofSeconds(30);

  /** A database that answers slowly is asked less often: for at most a tenth of the time. */
  private static final int SHARE = 10;

  private static final int TREND = 60;

  /** Offsets between a reader and an end that are looked at one by one. */
  private static final long FEW = 100;

  private static final String DATABASE = "PostgreSQL";
  private static final String KAFKA = "Kafka";
  private static final String REGISTRY = "Schema registry";

  /** So long after brokers came back all services have told of themselves again. */
  private static final Duration SETTLED = Duration.ofSeconds(15);

  private static final String LOADER = "Loader";
  private static final String EXTRACTORS = "extractor";

  /** Services that tell of themselves, with what it means if none does. */
  private static final Map<String, String> SERVICES =
      Map.of(
          EXTRACTORS,
          "nothing new is planned or fetched.",
          "backfill",
          "no file is listed or read.",
          "transformer",
          "raw records wait in their topics.");

  private final Tables tables;
  private final Cluster cluster;
  private final RoleCheck role;
  private final Followed followed;
  private final Clock clock = Clock.systemUTC();
  private final Thread thread = Thread.ofPlatform().name("sampler").unstarted(this);
  private final Map<String, Snapshot.Part> parts = new HashMap<>();
  private final Map<String, Deque<Long>> trends = new HashMap<>();
  private final Map<String, Counted> counted = new HashMap<>();
  private Tables.Content content = Tables.Content.EMPTY;
  private Cluster.Positions positions = new Cluster.Positions(Map.of(), Map.of());

  /** How long the last look into the database took. */
  private Duration read = Duration.ZERO;

  private volatile Snapshot last;
  private volatile Instant seenAt = Instant.EPOCH;
  private volatile boolean stopped;

  Sampler(Tables tables, Cluster cluster, RoleCheck role, Followed followed) {
    this.tables = tables;
    this.cluster = cluster;
    this.role = role;
    this.followed = followed;
  }

  /** How many records there are between two offsets. */
  private record Counted(long next, long end, long records) {
    boolean isOf(long from, long to) {
      return next == from && end == to;
    }
  }

  void start(@Observes StartupEvent event) {
    thread.start();
  }

  void stop(@Observes ShutdownEvent event) {
    stopped = true;
    thread.interrupt();
  }

  /** When it looked last, UTC. */
  Instant seenAt() {
    return seenAt;
  }

  /** What was seen last; null before the first look. */
  Snapshot last() {
    return last;
  }

  @Override
  public void run() {
    while (!stopped) {
      try {
        look();
      } catch (RuntimeException e) {
        LOG.warn("event=look_failed", e);
      }
      Duration rest = read.multipliedBy(SHARE);
      long pause = Math.clamp(rest.toMillis(), EVERY.toMillis(), LONGEST.toMillis());
      try {
        Thread.sleep(pause);
      } catch (InterruptedException e) {
        return;
      }
    }
  }

  private void look() {
    String roleProblem = null;
    long began = System.nanoTime();
    try {
      content = tables.read(content);
      part(DATABASE, true, null);
      role.check();
    } catch (SQLException e) {
      part(
          DATABASE,
          false,
          "It does not answer (SQLState %s); what is shown was seen before."
              .formatted(e.getSQLState()));
    } catch (Problem.Refused e) {
      roleProblem = e.getMessage();
    }
    read = Duration.ofNanos(System.nanoTime() - began);
    part(
        REGISTRY,
        cluster.hasRegistry(),
        "It does not answer. Services go on with the schemas that they know; ones that start wait for it.");
    try {
      positions = cluster.positions();
      part(KAFKA, true, null);
      Instant since = parts.get(KAFKA).since();
      if (since.isBefore(clock.instant().minus(SETTLED))) {
        tellOfServices();
      }
    } catch (ExecutionException | TimeoutException | KafkaException e) {
      part(KAFKA, false, "It does not answer; records wait where they are.");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return;
    }
    List<Snapshot.Queue> queues = queues();
    Map<String, Long> chains = chains();
    List<Snapshot.Feed> feeds = content.feeds().stream().map(f -> feed(f, queues, chains)).toList();
    last =
        new Snapshot(
            parts.values().stream().sorted(Comparator.comparing(Snapshot.Part::name)).toList(),
            feeds,
            queues,
            Troubles.of(
                content, feeds, parts.values(), cluster.tasks(), role.unprotected(), roleProblem),
            content.sizes(),
            cluster.tasks().values().stream()
                .sorted(Comparator.comparing(t -> t.state().equals("RUNNING")))
                .toList());
    seenAt = clock.instant();
  }

  /** While brokers are away, and just after, nobody can be heard. */
  private void tellOfServices() throws InterruptedException, ExecutionException, TimeoutException {
    SERVICES.forEach(
        (service, silence) -> {
          List<Followed.Told> instances = followed.instances(service);
          if (!instances.isEmpty()) {
            boolean up = instances.stream().anyMatch(told -> told.isUp(clock.instant()));
            String name = service.substring(0, 1).toUpperCase(Locale.ROOT) + service.substring(1);
            part(name, up, "It has not told of itself; " + silence);
          }
        });
    List<Cluster.Task> loaders =
        cluster.tasks().values().stream().filter(t -> t.name().matches(Cluster.TASK)).toList();
    if (!loaders.isEmpty()) {
      boolean up =
          loaders.stream().allMatch(t -> t.state().equals("RUNNING")) && cluster.isLoaded();
      part(LOADER, up, "Not all of its tasks run; rows wait in their topics.");
    }
  }

  /** Chain ids by source, as extractors tell, or as the newest block of a chain does. */
  private Map<String, Long> chains() {
    Map<String, Long> chains = new HashMap<>(content.sources());
    for (Followed.Told extractor : followed.instances(EXTRACTORS).reversed()) {
      for (JsonNode source : extractor.detail()) {
        if (source.path("chainId").isNumber()) {
          chains.put(source.path("name").asText(), source.get("chainId").asLong());
        }
      }
    }
    return chains;
  }

  private void part(String name, boolean up, String message) {
    Snapshot.Part before = parts.get(name);
    Instant since = before != null && before.up() == up ? before.since() : clock.instant();
    parts.put(name, new Snapshot.Part(name, up, since, up ? null : message));
  }

  private List<Snapshot.Queue> queues() {
    Map<String, Long> transformer = new HashMap<>();
    Map<String, Long> loader = new HashMap<>();
    countFew();
    positions
        .ends()
        .forEach(
            (place, end) -> {
              String topic = place.substring(0, place.lastIndexOf('/'));
              if (topic.equals(Topics.OPS_STATUS.name())) {
                // Written all the time, by those who wait for nothing.
                return;
              }
              if (topic.startsWith("raw.")) {
                long next = positions.transformed().getOrDefault(place, 0L);
                transformer.merge(topic, Math.max(0, end - next), Long::sum);
              } else {
                loader.merge(topic, waiting(place, end), Long::sum);
              }
            });
    List<Snapshot.Queue> queues = new ArrayList<>();
    transformer.forEach((topic, n) -> queues.add(new Snapshot.Queue("transformer", topic, n)));
    loader.forEach((topic, n) -> queues.add(new Snapshot.Queue("loader", topic, n)));
    queues.sort(
        Comparator.comparing(Snapshot.Queue::reader)
            .thenComparing(Snapshot.Queue::records, Comparator.reverseOrder())
            .thenComparing(Snapshot.Queue::topic));
    return queues;
  }

  private long waiting(String place, long end) {
    Counted few = counted.get(place);
    long next = content.offsets().getOrDefault(place, 0L);
    return few != null && few.isOf(next, end) ? few.records() : Math.max(0, end - next);
  }

  /** Offsets that are few are counted: most often they are the marks of transactions. */
  private void countFew() {
    Map<String, Long> from = new HashMap<>();
    positions
        .ends()
        .forEach(
            (place, end) -> {
              long next = content.offsets().getOrDefault(place, 0L);
              Counted known = counted.get(place);
              if (end > next
                  && end - next <= FEW
                  && !place.startsWith("raw.")
                  && (known == null || !known.isOf(next, end))) {
                from.put(place, next);
              }
            });
    if (from.isEmpty()) {
      return;
    }
    try {
      cluster
          .records(from)
          .forEach(
              (place, records) ->
                  counted.put(
                      place, new Counted(from.get(place), positions.ends().get(place), records)));
    } catch (KafkaException e) {
      LOG.debugf("event=records_not_counted reason=\"%s\"", e.getMessage());
    }
  }

  private Snapshot.Feed feed(
      Tables.FeedRow row, List<Snapshot.Queue> queues, Map<String, Long> chains) {
    boolean isCandles = row.source().matches(".+[.].+[.][0-9]+[smhdwM]");
    boolean isSnapshots = !isCandles && row.source().contains(".");
    Tables.LoadedRow loaded =
        isCandles
            ? content.candles().get(row.source())
            : Optional.ofNullable(chains.get(row.source())).map(content.chains()::get).orElse(null);
    String topic = isCandles ? "raw.market.candles" : "raw.evm.blocks";
    long waiting =
        queues.stream()
            .filter(q -> q.topic().equals(topic))
            .mapToLong(Snapshot.Queue::records)
            .sum();
    long normalized = Math.max(row.first() - 1, row.fetched() - waiting);
    Deque<Long> trend = trends.computeIfAbsent(row.source(), _ -> new ArrayDeque<>());
    trend.addLast(loaded == null ? 0 : loaded.count());
    if (trend.size() > TREND) {
      trend.removeFirst();
    }
    return new Snapshot.Feed(
        row.source(),
        isCandles ? "candles" : isSnapshots ? "snapshots" : "chain",
        loaded == null ? null : loaded.chainId(),
        loaded == null ? null : loaded.unitSeconds(),
        row.first(),
        row.head(),
        row.next() - 1,
        Math.min(row.fetched(), row.next() - 1),
        row.holes(),
        normalized,
        // Snapshots have no row for each of their numbers.
        isSnapshots ? Long.valueOf(normalized) : loaded == null ? null : loaded.number(),
        loaded == null ? 0 : loaded.count(),
        loaded == null ? null : loaded.newest(),
        row.plannedAt(),
        row.paused(),
        List.copyOf(trend));
  }
}
