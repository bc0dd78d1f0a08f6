package io.cryptoetl.extractor.metrics;

import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;

/** Metrics of the extractor, as docs/metrics.md lists them. */
public final class Meters {
  private final MeterRegistry registry;

  /** The registry itself holds what it asks only weakly. */
  private Supplier<Number> skipped;

  private final Map<String, AtomicInteger> halted = new ConcurrentHashMap<>();

  /** Metrics in a registry. */
  public Meters(MeterRegistry registry) {
    this.registry = registry;
  }

  /** A planner looked for something new. */
  public void tick(String source) {
    registry.counter("extractor.ticks", "source", source).increment();
  }

  /** A tick fell out, because the one before was not done. */
  public void tickSkipped(String source) {
    registry.counter("extractor.ticks.skipped", "source", source).increment();
  }

  /** Counts records of the topics of requests and results that could not be read. */
  public void skipped(Supplier<Number> records) {
    skipped = records;
    FunctionCounter.builder("extractor.records.skipped", this, m -> m.skipped.get().doubleValue())
        .register(registry);
  }

  /** Ranges are fetched again, because the chain replaced them. */
  public void replaced(String feed, int ranges) {
    registry.counter("extractor.ranges.replaced", "source", feed).increment((double) ranges);
  }

  /** Whether planning of a feed stopped until somebody looks at it. */
  public void halted(String feed, boolean now) {
    halted
        .computeIfAbsent(
            feed,
            name ->
                registry.gauge("extractor.halted", Tags.of("source", name), new AtomicInteger()))
        .set(now ? 1 : 0);
  }

  /** Watches the head of a feed. */
  public void head(String feed, Supplier<Number> head) {
    Gauge.builder("extractor.head", head).tag("source", feed).register(registry);
  }

  /** Watches the endpoints of a source. */
  public void endpoints(
      String source, List<String> names, Supplier<List<EndpointStatus>> endpoints) {
    for (String name : names) {
      Tags tags = Tags.of("source", source, "endpoint", name);
      gauge("extractor.endpoint.healthy", tags, name, endpoints, e -> healthy(e) ? 1 : 0);
      gauge("extractor.endpoint.in.flight", tags, name, endpoints, EndpointStatus::inFlight);
      gauge("extractor.endpoint.concurrency", tags, name, endpoints, EndpointStatus::concurrency);
      gauge("extractor.endpoint.batch.calls", tags, name, endpoints, EndpointStatus::batchCalls);
      gauge(
          "extractor.endpoint.rate",
          tags,
          name,
          endpoints,
          e -> e.ratePerSecond().orElse(Double.POSITIVE_INFINITY));
      gauge(
          "extractor.endpoint.latency.seconds",
          tags,
          name,
          endpoints,
          e -> e.latencyMillis() / 1000.0);
      gauge(
          "extractor.endpoint.head",
          tags,
          name,
          endpoints,
          e -> e.head().map(Long::doubleValue).orElse(Double.NaN));
      gauge(
          "extractor.endpoint.failures",
          tags,
          name,
          endpoints,
          e -> e.failures().values().stream().mapToLong(Long::longValue).sum());
    }
  }

  private static boolean healthy(EndpointStatus endpoint) {
    return endpoint.health().equals("healthy");
  }

  private void gauge(
      String metric,
      Tags tags,
      String name,
      Supplier<List<EndpointStatus>> endpoints,
      ToDoubleFunction<EndpointStatus> value) {
    Gauge.builder(
            metric,
            () ->
                endpoints.get().stream()
                    .filter(e -> e.name().equals(name))
                    .mapToDouble(value)
                    .findFirst()
                    .orElse(Double.NaN))
        .tags(tags)
        .register(registry);
  }

  /** A range was published. */
  public void published(String source, long records, long deadLetters, long bytes, Duration took) {
    registry.counter("extractor.blocks", "source", source).increment((double) records);
    registry.counter("extractor.dead.letters", "source", source).increment((double) deadLetters);
    registry.counter("extractor.bytes", "source", source).increment((double) bytes);
    registry.timer("extractor.range", "source", source).record(took);
  }

  /** A range failed, and is tried again or given up. */
  public void failed(String source, String code) {
    registry.counter("extractor.range.failures", "source", source, "code", code).increment();
  }
}
