package io.cryptoetl.extractor;

import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.evm.Finality;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The settings, validated.
 *
 * @param sources the sources that have an endpoint, by name
 */
public record ExtractorSettings(
    String kafkaBootstrapServers,
    String schemaRegistryUrl,
    String instance,
    int workers,
    int maxReplyBytes,
    Duration requestTimeout,
    Duration retryDelay,
    int tries,
    int rangesPerTick,
    Map<String, ChainSource> sources) {

  /** Where planning begins when there is no cursor. */
  public sealed interface Start {
    /** At a height. */
    record Height(long number) implements Start {}

    /** At the head that the first tick finds. */
    record Head() implements Start {}

    /** Nowhere: the source is read on request only. */
    record OnRequest() implements Start {}
  }

  /**
   * A source of blocks.
   *
   * @param endpoints endpoint URLs by name
   */
  public record ChainSource(
      EvmSource.Settings evm,
      Start start,
      Duration every,
      int rangeSize,
      Map<String, URI> endpoints) {}

  /** One or more settings are wrong; the message has a line for each. */
  public static final class InvalidException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    InvalidException(List<String> problems) {
      super(
          "The configuration is not valid:\n  "
              + String.join("\n  ", problems)
              + "\nSee docs/configuration.md");
    }
  }

  /**
   * Validates the configuration.
   *
   * @throws InvalidException naming each wrong key, its value, and what is allowed. Values of keys
   *     that hold secrets are not shown
   */
  public static ExtractorSettings from(ExtractorConfig config) {
    Problems problems = new Problems();
    problems.range("extractor.workers", config.workers(), 1, 64);
    problems.range("extractor.batch-calls", config.batchCalls(), 2, 1000);
    problems.range("extractor.batch-bytes", config.batchBytes(), 1024, Integer.MAX_VALUE);
    problems.range(
        "extractor.max-reply-bytes", config.maxReplyBytes(), 1024, Integer.MAX_VALUE - 8);
    problems.range("extractor.concurrency", config.concurrency(), 1, 64);
    problems.range("extractor.tries", config.tries(), 1, 100);
    problems.range("extractor.ranges-per-tick", config.rangesPerTick(), 1, 10_000);
    problems.positive("extractor.request-timeout", config.requestTimeout());
    problems.positive("extractor.retry-delay", config.retryDelay());
    Map<String, ChainSource> sources = new TreeMap<>();
    config.sources().forEach((name, source) -> source(config, name, source, problems, sources));
    problems.throwIfAny();
    return new ExtractorSettings(
        config.kafkaBootstrapServers(),
        config.schemaRegistryUrl(),
        config.instance(),
        config.workers(),
        config.maxReplyBytes(),
        config.requestTimeout(),
        config.retryDelay(),
        config.tries(),
        config.rangesPerTick(),
        sources);
  }

  private static void source(
      ExtractorConfig config,
      String name,
      ExtractorConfig.SourceConfig source,
      Problems problems,
      Map<String, ChainSource> sources) {
    String key = "extractor.sources." + name;
    Map<String, URI> endpoints = new LinkedHashMap<>();
    source
        .endpoints()
        .forEach(
            (endpoint, value) ->
                value
                    .url()
                    .filter(url -> !url.isBlank())
                    .flatMap(url -> problems.url(key + ".endpoints." + endpoint + ".url", url))
                    .ifPresent(url -> endpoints.put(endpoint, url)));
    problems.matches(key, name, "[a-z][a-z0-9-]{0,39}", "lower case letters, digits and hyphens");
    problems.range(key + ".chain-id", source.chainId(), 1, Long.MAX_VALUE);
    problems.range(key + ".range-size", source.rangeSize(), 1, 10_000);
    problems.positive(key + ".every", source.every());
    Finality finality = new Finality.Finalized();
    try {
      finality = Finality.of(source.finality());
    } catch (IllegalArgumentException e) {
      problems.add(key + ".finality " + e.getMessage());
    }
    EvmSource.Receipts receipts = EvmSource.Receipts.REQUIRED;
    if (problems.matches(
        key + ".receipts",
        source.receipts(),
        "required|optional|none",
        "required, optional or none")) {
      receipts = EvmSource.Receipts.valueOf(source.receipts().toUpperCase(Locale.ROOT));
    }
    Start start = new Start.Head();
    if (problems.matches(
        key + ".start", source.start(), "head|none|[0-9]{1,15}", "a height, head or none")) {
      start =
          switch (source.start()) {
            case "head" -> new Start.Head();
            case "none" -> new Start.OnRequest();
            default -> new Start.Height(Long.parseLong(source.start()));
          };
    }
    if (!endpoints.isEmpty()) {
      sources.put(
          name,
          new ChainSource(
              new EvmSource.Settings(
                  name,
                  source.chainId(),
                  finality,
                  receipts,
                  config.batchCalls(),
                  config.batchBytes(),
                  config.concurrency(),
                  config.retryDelay()),
              start,
              source.every(),
              source.rangeSize(),
              endpoints));
    }
  }

  /** Collects what is wrong, so that all of it is told at once. */
  private static final class Problems {
    private final List<String> found = new ArrayList<>();

    void add(String problem) {
      found.add(problem);
    }

    void range(String key, long value, long least, long most) {
      if (value < least || value > most) {
        add("%s is %d, allowed is %d to %d".formatted(key, value, least, most));
      }
    }

    void positive(String key, Duration value) {
      if (value.isZero() || value.isNegative()) {
        add("%s is %s, a duration above 0 is allowed, such as 10s".formatted(key, value));
      }
    }

    boolean matches(String key, String value, String pattern, String allowed) {
      boolean matches = value.matches(pattern);
      if (!matches) {
        add("%s is '%s', allowed: %s".formatted(key, value, allowed));
      }
      return matches;
    }

    java.util.Optional<URI> url(String key, String value) {
      try {
        URI url = new URI(value.trim());
        if (url.getHost() != null
            && Stream.of("http", "https").anyMatch(s -> s.equalsIgnoreCase(url.getScheme()))) {
          return java.util.Optional.of(url);
        }
      } catch (URISyntaxException e) {
        // The exception quotes the URL, which is a secret: the line below says enough.
      }
      add(key + " is not a valid URL (its value is not shown), allowed: http://... or https://...");
      return java.util.Optional.empty();
    }

    void throwIfAny() {
      if (!found.isEmpty()) {
        throw new InvalidException(found);
      }
    }
  }
}
