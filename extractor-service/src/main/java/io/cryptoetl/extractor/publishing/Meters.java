package io.cryptoetl.extractor.publishing;

import io.micrometer.core.instrument.MeterRegistry;

/** Counters of the extractor, as docs/metrics.md lists them. */
public final class Meters {
  private final MeterRegistry registry;

  /** Counters in a registry. */
  public Meters(MeterRegistry registry) {
    this.registry = registry;
  }

  void published(String source, long blocks, long deadLetters, long bytes) {
    registry.counter("extractor.blocks", "source", source).increment((double) blocks);
    registry.counter("extractor.dead.letters", "source", source).increment((double) deadLetters);
    registry.counter("extractor.bytes", "source", source).increment((double) bytes);
  }

  void failed(String source, String code) {
    registry.counter("extractor.range.failures", "source", source, "code", code).increment();
  }
}
