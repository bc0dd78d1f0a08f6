package io.cryptoetl.extractor;

import com.cronutils.model.CronType;
import com.cronutils.model.definition.CronDefinitionBuilder;
import com.cronutils.parser.CronParser;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.evm.Finality;
import io.cryptoetl.extractor.market.Binance;
import io.cryptoetl.extractor.market.BinanceExchangeInfo;
import io.cryptoetl.extractor.market.BinanceKlines;
import io.cryptoetl.extractor.planning.Start;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.extractor.verify.Check;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The settings, validated.
 *
 * @param sources the sources that have an endpoint, by name
 */
public record ExtractorSettings(
    String instance,
    int workers,
    int maxReplyBytes,
    Duration requestTimeout,
    Duration retryDelay,
    int tries,
    int rangesPerTick,
    EndpointPool.Limits limits,
    Map<String, SourceSettings> sources) {

  /**
   * A source with endpoints.
   *
   * @param every how often it is planned, if {@code cron} is empty
   * @param chainId of an EVM source
   */
  public record SourceSettings(
      Kind kind,
      Start start,
      Duration every,
      Optional<String> cron,
      int rangeSize,
      Optional<Long> chainId,
      List<EndpointSettings> endpoints) {}

  /**
   * An endpoint.
   *
   * @param url where it listens; a secret
   * @param headers of each request; secrets
   * @param rate most calls a second; infinite if there is no ceiling
   */
  public record EndpointSettings(String name, URI url, Map<String, String> headers, double rate) {}

  /** What a source reads. */
  public sealed interface Kind {
    /** Blocks of an EVM chain. */
    record Evm(EvmSource.Settings settings) implements Kind {}

    /** Candles of Binance. */
    record Klines(BinanceKlines.Settings settings) implements Kind {}

    /** Instruments of Binance. */
    record ExchangeInfo(BinanceExchangeInfo.Settings settings) implements Kind {}
  }

  /** A header that a request may have; the client itself sets some others. */
  private static final Pattern HEADER =
      Pattern.compile(
          "(?i)\\s*(?!(?:host|connection|content-length|expect|upgrade)\\s*:)([a-z0-9!#$%&'*+.^_`|~-]+)\\s*:\\s*([\\x21-\\x7e](?:[\\x20-\\x7e\\t]*[\\x21-\\x7e])?)\\s*");

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
    problems.range("extractor.batch-calls", config.batchCalls(), 1, 1000);
    problems.range("extractor.batch-bytes", config.batchBytes(), 1024, Integer.MAX_VALUE);
    problems.range(
        "extractor.max-reply-bytes", config.maxReplyBytes(), 1024, Integer.MAX_VALUE - 8);
    problems.range("extractor.concurrency", config.concurrency(), 1, 64);
    problems.range("extractor.tries", config.tries(), 1, 100);
    problems.range("extractor.ranges-per-tick", config.rangesPerTick(), 1, 10_000);
    problems.positive("extractor.request-timeout", config.requestTimeout());
    problems.positive("extractor.retry-delay", config.retryDelay());
    Map<String, SourceSettings> sources = new TreeMap<>();
    config.sources().forEach((name, source) -> source(config, name, source, problems, sources));
    problems.throwIfAny();
    return new ExtractorSettings(
        config.instance(),
        config.workers(),
        config.maxReplyBytes(),
        config.requestTimeout(),
        config.retryDelay(),
        config.tries(),
        config.rangesPerTick(),
        new EndpointPool.Limits(config.concurrency(), config.batchCalls(), config.retryDelay()),
        sources);
  }

  private static void source(
      ExtractorConfig config,
      String name,
      ExtractorConfig.SourceConfig source,
      Problems problems,
      Map<String, SourceSettings> sources) {
    String key = "extractor.sources." + name;
    problems.matches(key, name, "[a-z][a-z0-9-]{0,39}", "lower case letters, digits and hyphens");
    if (!problems.matches(
        key + ".type",
        source.type(),
        "evm|binance-klines|binance-exchange-info",
        "evm, binance-klines or binance-exchange-info")) {
      return;
    }
    boolean evm = source.type().equals("evm");
    Binance.Market market =
        problems.matches(key + ".market", source.market(), "spot|usdm", "spot or usdm")
            ? Binance.Market.valueOf(source.market().toUpperCase(Locale.ROOT))
            : Binance.Market.SPOT;
    boolean klines = source.type().equals("binance-klines");
    int rangeSize = source.rangeSize().orElse(evm ? 50 : klines ? 1000 : 1);
    Duration every =
        source
            .every()
            .orElse(
                evm ? Duration.ofSeconds(10) : klines ? Duration.ofMinutes(1) : Duration.ofDays(1));
    problems.range(key + ".range-size", rangeSize, 1, 10_000);
    problems.positive(key + ".every", every);
    source.cron().ifPresent(cron -> problems.cron(key + ".cron", cron));
    problems.range(key + ".weight-limit", source.weightLimit(), 100, 1_000_000);
    Start start = start(key + ".start", source.start(), !evm, problems);
    List<EndpointSettings> endpoints = endpoints(key + ".endpoints.", source, problems);
    Kind kind =
        switch (source.type()) {
          case "evm" -> evm(config, name, key, source, endpoints.size(), problems);
          case "binance-klines" ->
              klines(name, key, source, market, !endpoints.isEmpty(), problems);
          default ->
              new Kind.ExchangeInfo(
                  new BinanceExchangeInfo.Settings(name, market, every, source.weightLimit()));
        };
    if (!endpoints.isEmpty()) {
      sources.put(
          name,
          new SourceSettings(
              kind,
              start,
              every,
              source.cron(),
              rangeSize,
              evm ? source.chainId() : Optional.empty(),
              endpoints));
    }
  }

  private static List<EndpointSettings> endpoints(
      String key, ExtractorConfig.SourceConfig source, Problems problems) {
    List<EndpointSettings> endpoints = new ArrayList<>();
    source
        .endpoints()
        .forEach(
            (name, endpoint) -> {
              double rate = endpoint.rate().orElse(Double.POSITIVE_INFINITY);
              if (!(rate > 0)) {
                problems.add(
                    "%s%s.rate is %s, a number above 0 is allowed".formatted(key, name, rate));
              }
              endpoint
                  .url()
                  .filter(url -> !url.isBlank())
                  .flatMap(url -> problems.url(key + name + ".url", url))
                  .ifPresent(
                      url ->
                          endpoints.add(
                              new EndpointSettings(
                                  name,
                                  url,
                                  headers(
                                      key + name + ".headers",
                                      endpoint.headers().orElse(List.of()),
                                      problems),
                                  rate)));
            });
    return endpoints;
  }

  private static Map<String, String> headers(String key, List<String> given, Problems problems) {
    Map<String, String> headers = new LinkedHashMap<>();
    for (String header : given) {
      Matcher parts = HEADER.matcher(header);
      if (parts.matches()) {
        headers.put(parts.group(1), parts.group(2));
      } else {
        problems.add(
            key
                + " has an entry that is no header (its value is not shown), allowed: Name: value, separated by commas");
      }
    }
    return headers;
  }

  private static Start start(String key, String text, boolean market, Problems problems) {
    switch (text) {
      case "head" -> {
        return new Start.Head();
      }
      case "none" -> {
        return new Start.OnRequest();
      }
      default -> {
        Optional<Instant> time = market ? Times.parse(text) : Optional.empty();
        if (time.isPresent()) {
          return new Start.Time(time.get());
        }
        if (problems.matches(
            key,
            text,
            "[0-9]{1,15}",
            market
                ? "a date or time such as 2024-01-01 or 2024-01-01T12:00:00Z, a number, head or none"
                : "a height, head or none")) {
          return new Start.Height(Long.parseLong(text));
        }
        return new Start.Head();
      }
    }
  }

  private static Kind evm(
      ExtractorConfig config,
      String name,
      String key,
      ExtractorConfig.SourceConfig source,
      int endpoints,
      Problems problems) {
    if (source.chainId().isEmpty()) {
      problems.add(key + ".chain-id is missing; give the EIP-155 id of the chain, such as 1");
    }
    long chainId = source.chainId().orElse(1L);
    problems.range(key + ".chain-id", chainId, 1, Long.MAX_VALUE);
    problems.range(key + ".reorg-window", source.reorgWindow(), 1, 4096);
    ChainProfile profile = ChainProfile.ofChain(chainId);
    if (source.profile().isPresent()
        && problems.matches(
            key + ".profile",
            source.profile().get(),
            ChainProfile.labels().replace(", ", "|"),
            ChainProfile.labels())) {
      profile =
          ChainProfile.valueOf(source.profile().get().toUpperCase(Locale.ROOT).replace('-', '_'));
    }
    Set<Check> mayFail = EnumSet.noneOf(Check.class);
    for (String label : source.mayFail().orElse(List.of())) {
      Optional<Check> check =
          ChainProfile.optional().stream().filter(c -> c.label().equals(label)).findFirst();
      check.ifPresent(mayFail::add);
      if (check.isEmpty()) {
        problems.add(
            "%s.may-fail has '%s', allowed: %s"
                .formatted(
                    key,
                    label,
                    ChainProfile.optional().stream()
                        .map(Check::label)
                        .collect(Collectors.joining(", "))));
      }
    }
    if (endpoints > 0) {
      problems.range(key + ".quorum", source.quorum(), 1, endpoints);
    }
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
    return new Kind.Evm(
        new EvmSource.Settings(
            name,
            chainId,
            profile,
            mayFail,
            source.quorum(),
            source.verify(),
            finality,
            source.reorgWindow(),
            receipts,
            config.batchCalls(),
            config.batchBytes(),
            Math.max(1, config.concurrency() * endpoints),
            config.retryDelay()));
  }

  private static Kind klines(
      String name,
      String key,
      ExtractorConfig.SourceConfig source,
      Binance.Market market,
      boolean used,
      Problems problems) {
    List<String> symbols = source.symbols().orElse(List.of());
    if (used && symbols.isEmpty()) {
      problems.add(
          key + ".symbols is missing; give markets as Binance names them, such as ETHUSDT");
    }
    for (String symbol : symbols) {
      problems.matches(
          key + ".symbols", symbol, "[A-Z0-9_]{2,40}", "names in capitals such as ETHUSDT");
    }
    for (String interval : source.intervals()) {
      if (!BinanceKlines.isInterval(interval)) {
        problems.add(
            "%s.intervals is '%s', allowed: %s"
                .formatted(key, interval, BinanceKlines.intervals()));
      }
    }
    return new Kind.Klines(
        new BinanceKlines.Settings(
            name,
            market,
            symbols.stream().distinct().toList(),
            source.intervals().stream().filter(BinanceKlines::isInterval).distinct().toList(),
            source.weightLimit()));
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

    void cron(String key, String value) {
      try {
        new CronParser(CronDefinitionBuilder.instanceDefinitionFor(CronType.QUARTZ))
            .parse(value)
            .validate();
      } catch (IllegalArgumentException e) {
        add(
            "%s is '%s', allowed: a Quartz cron expression, such as 0 */5 * * * ? (%s)"
                .formatted(key, value, e.getMessage()));
      }
    }

    Optional<URI> url(String key, String value) {
      try {
        URI url = new URI(value.trim());
        if (url.getHost() != null
            && Stream.of("http", "https").anyMatch(s -> s.equalsIgnoreCase(url.getScheme()))) {
          return Optional.of(url);
        }
      } catch (URISyntaxException e) {
        // The exception quotes the URL, which is a secret: the line below says enough.
      }
      add(key + " is not a valid URL (its value is not shown), allowed: http://... or https://...");
      return Optional.empty();
    }

    void throwIfAny() {
      if (!found.isEmpty()) {
        throw new InvalidException(found);
      }
    }
  }
}
