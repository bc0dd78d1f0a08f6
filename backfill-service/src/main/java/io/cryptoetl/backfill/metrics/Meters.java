package io.cryptoetl.backfill.metrics;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.function.Supplier;

/** What is counted; docs/metrics.md describes each meter. */
public final class Meters {
  private final MeterRegistry registry;

  /** The registry itself holds what it asks only weakly. */
  private Supplier<Number> skipped;

  private final Counter chunks;
  private final Counter bytes;

  /** Meters of a registry. */
  public Meters(MeterRegistry registry) {
    this.registry = registry;
    this.chunks = registry.counter("backfill.chunks");
    this.bytes = registry.counter("backfill.bytes");
  }

  /** Counts records of the topic of states that could not be read. */
  public void skipped(Supplier<Number> records) {
    skipped = records;
    FunctionCounter.builder("backfill.records.skipped", this, m -> m.skipped.get().doubleValue())
        .register(registry);
  }

  /** Chunks that were committed. */
  public void published(long howMany, long rowBytes) {
    chunks.increment((double) howMany);
    bytes.increment((double) rowBytes);
  }

  /** A file or member was done, or failed. */
  public void file(String state) {
    registry.counter("backfill.files", "state", state).increment();
  }

  /** Something failed that is tried again. */
  public void retried(String location) {
    registry.counter("backfill.retries", "location", location).increment();
  }

  /** Files of a location, as the last listing found them. */
  public void listed(String location, Supplier<Number> files) {
    Gauge.builder("backfill.location.files", files).tag("location", location).register(registry);
  }
}
