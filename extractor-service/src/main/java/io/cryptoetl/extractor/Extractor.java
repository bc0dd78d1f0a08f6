package io.cryptoetl.extractor;

import io.cryptoetl.extractor.ExtractorSettings.EndpointSettings;
import io.cryptoetl.extractor.ExtractorSettings.Kind;
import io.cryptoetl.extractor.ExtractorSettings.SourceSettings;
import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.market.BinanceExchangeInfo;
import io.cryptoetl.extractor.market.BinanceKlines;
import io.cryptoetl.extractor.metrics.Meters;
import io.cryptoetl.extractor.planning.Ledger;
import io.cryptoetl.extractor.planning.Orders;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.extractor.publishing.Worker;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.micrometer.core.instrument.MeterRegistry;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.scheduler.Scheduled;
import io.quarkus.scheduler.Scheduler;
import io.quarkus.scheduler.SkippedExecution;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.http.HttpClient;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jboss.logging.Logger;

/** Wires sources, planners and workers together, and starts and stops them with the service. */
@ApplicationScoped
public class Extractor {
  private static final Logger LOG = Logger.getLogger(Extractor.class);
  private static final String HTTP_BUFFER = "jdk.httpclient.bufsize";
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(10);
  private static final String JOB = "plan-";

  private final ExtractorSettings settings;
  private final Scheduler scheduler;
  private final Meters meters;
  private final Map<String, Running> running = new TreeMap<>();
  private final List<Thread> threads = new ArrayList<>();
  private final Clock clock = Clock.systemUTC();
  private KafkaClients kafka;
  private Ledger ledger;
  private Orders orders;

  /** A source with what works for it. */
  public record Running(
      SourceSettings settings, Source source, Planner planner, List<Worker> workers) {
    /** What keeps it from working now. */
    public List<String> problems() {
      return Stream.of(
              planner.problems().stream(),
              source.feeds().stream().flatMap(feed -> feed.problems().stream()),
              workers.stream().map(Worker::problem).flatMap(Optional::stream))
          .flatMap(problems -> problems)
          .distinct()
          .toList();
    }
  }

  Extractor(ExtractorConfig config, Scheduler scheduler, MeterRegistry registry) {
    // Replies are megabytes long, and the JDK's client reads 16 KiB at a time unless it is told.
    if (System.getProperty(HTTP_BUFFER) == null) {
      System.setProperty(HTTP_BUFFER, Integer.toString(256 * 1024));
    }
    this.settings = ExtractorSettings.from(config);
    this.scheduler = scheduler;
    this.meters = new Meters(registry);
  }

  /** The sources that run, by name. */
  public Map<String, Running> sources() {
    return running;
  }

  /** Where people's orders go. */
  public Orders orders() {
    return orders;
  }

  /** What was asked for and what came of it. */
  public Ledger ledger() {
    return ledger;
  }

  /** Name of this instance. */
  public String instance() {
    return settings.instance();
  }

  void start(@Observes StartupEvent event) {
    kafka = new KafkaClients(ClientSettings.fromEnvironment());
    orders = new Orders(kafka, settings.instance(), clock);
    ledger = new Ledger(kafka);
    meters.skipped(ledger::skipped);
    threads.add(Thread.ofPlatform().name("ledger").start(ledger));
    if (settings.sources().isEmpty()) {
      LOG.warn(
          "event=no_sources reason=\"no source has an endpoint URL; set one, such as CHAINSTACK_ETHEREUM_URL\"");
    }
    HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(10)).build();
    settings.sources().forEach((name, source) -> start(name, source, http));
    scheduler.resume();
  }

  private void start(String name, SourceSettings config, HttpClient http) {
    Source source = source(config, http);
    List<Worker> workers = new CopyOnWriteArrayList<>();
    Planner planner =
        new Planner(
            source,
            new Planner.Settings(
                config.start(), config.rangeSize(), settings.rangesPerTick(), settings.instance()),
            () -> workers.stream().anyMatch(Worker::leads),
            kafka,
            ledger,
            meters,
            clock);
    for (int i = 0; i < settings.workers(); i++) {
      Worker worker =
          new Worker(
              source,
              // It plans at once: whoever starts the service wants to see something, and what fell
              // due while the service was down, or by another instance, is planned by it.
              () -> Thread.ofVirtual().name("first-tick-" + name).start(() -> tick(planner)),
              kafka,
              ledger,
              settings.instance() + "-" + i,
              settings.retryDelay(),
              settings.tries(),
              clock,
              meters);
      workers.add(worker);
      threads.add(Thread.ofPlatform().name("worker-" + name + "-" + i).start(worker));
    }
    running.put(name, new Running(config, source, planner, workers));
    for (Feed feed : source.feeds()) {
      meters.head(feed.name(), () -> planner.status(feed.name()).head().orElse(0L));
    }
    meters.endpoints(
        name, config.endpoints().stream().map(EndpointSettings::name).toList(), source::endpoints);
    Scheduler.JobDefinition<?> job =
        scheduler
            .newJob(JOB + name)
            .setConcurrentExecution(Scheduled.ConcurrentExecution.SKIP)
            .setTask(_ -> tick(planner));
    if (config.cron().isPresent()) {
      job.setCron(config.cron().get()).schedule();
    } else {
      job.setInterval(config.every().toMillis() + "ms").schedule();
    }
    LOG.infof(
        "source=%s event=started feeds=%d endpoints=%s workers=%d",
        name,
        source.feeds().size(),
        config.endpoints().stream().map(EndpointSettings::name).toList(),
        settings.workers());
  }

  private Source source(SourceSettings config, HttpClient http) {
    List<EndpointPool.Member<HttpCaller>> callers =
        config.endpoints().stream()
            .map(
                e ->
                    new EndpointPool.Member<>(
                        e.name(),
                        new HttpCaller(
                            new Endpoint(e.name(), e.url(), e.headers()),
                            http,
                            settings.requestTimeout(),
                            settings.maxReplyBytes(),
                            clock),
                        e.rate()))
            .toList();
    return switch (config.kind()) {
      case Kind.Evm evm -> EvmSource.over(evm.settings(), callers, settings.limits(), clock);
      case Kind.Klines klines ->
          new BinanceKlines(
              klines.settings(),
              new EndpointPool<>(callers, settings.limits(), System::nanoTime),
              clock);
      case Kind.ExchangeInfo info ->
          new BinanceExchangeInfo(
              info.settings(),
              new EndpointPool<>(callers, settings.limits(), System::nanoTime),
              clock);
    };
  }

  private static void tick(Planner planner) {
    try {
      planner.tick(Planner.Trigger.SCHEDULE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  void skipped(@Observes SkippedExecution event) {
    String job = event.getExecution().getTrigger().getId();
    if (job.startsWith(JOB)) {
      meters.tickSkipped(job.substring(JOB.length()));
    }
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    scheduler.pause();
    running.values().forEach(r -> r.workers().forEach(Worker::stop));
    if (ledger != null) {
      ledger.stop();
    }
    for (Thread thread : threads) {
      if (!thread.join(STOP_TIMEOUT)) {
        thread.interrupt();
      }
    }
    running.values().forEach(r -> r.planner().close());
    running.values().forEach(r -> r.source().close());
    if (orders != null) {
      orders.close();
    }
  }
}
