package io.cryptoetl.extractor;

import io.cryptoetl.extractor.ExtractorSettings.ChainSource;
import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.planning.Cursors;
import io.cryptoetl.extractor.planning.Jobs;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.extractor.publishing.KafkaSettings;
import io.cryptoetl.extractor.publishing.Meters;
import io.cryptoetl.extractor.publishing.Worker;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.http.HttpClient;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.jboss.logging.Logger;

/** Wires sources, planners and workers together, and starts and stops them with the service. */
@ApplicationScoped
public class Extractor {
  private static final Logger LOG = Logger.getLogger(Extractor.class);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);

  private final ExtractorSettings settings;
  private final Scheduler scheduler;
  private final MeterRegistry registry;
  private final Map<String, Running> running = new TreeMap<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Clock clock = Clock.systemUTC();
  private KafkaSettings kafka;
  private Jobs jobs;

  /** A source with what works for it. */
  public record Running(
      ChainSource config, EvmSource source, Planner planner, List<Worker> workers) {}

  Extractor(ExtractorConfig config, Scheduler scheduler, MeterRegistry registry) {
    this.settings = ExtractorSettings.from(config);
    this.scheduler = scheduler;
    this.registry = registry;
  }

  /** The sources that run, by name. */
  public Map<String, Running> sources() {
    return running;
  }

  /** Where historical ranges are asked for. */
  public Jobs jobs() {
    return jobs;
  }

  /** The committed cursors. */
  public Cursors cursors() {
    return new Cursors(kafka);
  }

  void start(@Observes StartupEvent event) {
    kafka = new KafkaSettings(settings.kafkaBootstrapServers(), settings.schemaRegistryUrl());
    jobs = new Jobs(kafka, settings.instance(), clock, Extractor::id);
    if (settings.sources().isEmpty()) {
      LOG.warn(
          "event=no_sources reason=\"no source has an endpoint URL; set one, such as CHAINSTACK_ETHEREUM_URL\"");
    }
    HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    settings.sources().forEach((name, source) -> start(name, source, http));
    scheduler.resume();
  }

  private void start(String name, ChainSource config, HttpClient http) {
    EvmSource source =
        EvmSource.over(
            config.evm(),
            config.endpoints(),
            http,
            settings.requestTimeout(),
            settings.maxReplyBytes(),
            clock);
    Planner planner =
        new Planner(
            source,
            config.start(),
            config.every(),
            config.rangeSize(),
            settings.rangesPerTick(),
            kafka,
            clock,
            Extractor::id);
    List<Worker> workers = new ArrayList<>();
    for (int i = 0; i < settings.workers(); i++) {
      Worker worker =
          new Worker(
              source,
              kafka,
              settings.instance() + "-" + i,
              settings.retryDelay(),
              settings.tries(),
              clock,
              new Meters(registry));
      workers.add(worker);
      threads.add(Thread.ofPlatform().name("worker-" + name + "-" + i).start(worker));
    }
    running.put(name, new Running(config, source, planner, workers));
    registry.gauge(
        "extractor.head",
        io.micrometer.core.instrument.Tags.of("source", name),
        planner,
        p -> p.status().head().orElse(0L));
    // The first tick follows at once: whoever starts the service wants to see blocks.
    Thread.ofVirtual().name("first-tick-" + name).start(() -> tick(planner));
    scheduler
        .newJob("plan-" + name)
        .setInterval(config.every().toMillis() + "ms")
        .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
        .setTask(_ -> tick(planner))
        .schedule();
    LOG.infof(
        "source=%s event=started chain_id=%d endpoints=%s workers=%d",
        name, config.evm().chainId(), config.endpoints().keySet(), settings.workers());
  }

  private static void tick(Planner planner) {
    try {
      planner.tick();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    scheduler.pause();
    running.values().forEach(r -> r.workers().forEach(Worker::stop));
    for (Thread thread : threads) {
      if (!thread.join(STOP_TIMEOUT)) {
        thread.interrupt();
      }
    }
    running.values().forEach(r -> r.planner().close());
    running.values().forEach(r -> r.source().close());
    if (jobs != null) {
      jobs.close();
    }
  }

  private static String id() {
    return UUID.randomUUID().toString();
  }
}
