package io.cryptoetl.transformer.prices;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** Which market prices which chain, as {@code prices.yaml} tells. */
public final class PriceRules {
  private static final YAMLMapper YAML =
      YAMLMapper.builder().enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

  private final Duration staleness;
  private final Map<String, Optional<String>> quotes = new HashMap<>();
  private final Map<Long, List<Period>> chains = new HashMap<>();
  private final Map<String, List<Market>> assets = new HashMap<>();
  private final Map<String, List<Period>> pricedBy = new HashMap<>();

  /** The file as it is written. */
  private record Written(
      String staleness,
      Map<String, String> quotes,
      Map<Long, List<WrittenPeriod>> chains,
      Map<String, List<String>> assets) {}

  private record WrittenPeriod(String asset, String from, String until) {}

  /**
   * A time in which a chain has one native asset.
   *
   * @param from first moment of it
   * @param until first moment after it
   */
  public record Period(long chainId, String asset, Instant from, Instant until) {}

  /**
   * A market that prices an asset.
   *
   * @param quote what it is priced in
   * @param assumption what makes that a price in USD; empty if it is USD
   */
  public record Market(String venue, String symbol, String quote, Optional<String> assumption) {}

  /**
   * The two sides of a market.
   *
   * @param base asset that is priced
   * @param quote asset that prices are in
   */
  public record Pair(String base, String quote) {}

  private PriceRules(Written written) {
    staleness = parse("staleness", written.staleness(), Duration::parse, "a duration such as PT2H");
    if (staleness.isNegative() || staleness.isZero()) {
      throw invalid("staleness", written.staleness(), "a duration above zero");
    }
    written.quotes().forEach((quote, usd) -> quotes.put(quote, Optional.ofNullable(usd)));
    written
        .assets()
        .forEach(
            (asset, markets) ->
                assets.put(
                    asset,
                    listed("assets." + asset, markets).stream()
                        .map(m -> market(asset, m))
                        .toList()));
    written
        .chains()
        .forEach(
            (id, periods) ->
                chains.put(
                    id, listed("chains." + id, periods).stream().map(p -> period(id, p)).toList()));
    chains.forEach(PriceRules::requireApart);
    for (List<Period> periods : chains.values()) {
      for (Period period : periods) {
        for (Market market : markets(period.asset())) {
          pricedBy
              .computeIfAbsent(market.venue() + '/' + market.symbol(), _ -> new ArrayList<>())
              .add(period);
        }
      }
    }
  }

  /** The rules that come with the service. */
  public static PriceRules defaults() {
    try (InputStream file = PriceRules.class.getResourceAsStream("/prices.yaml")) {
      return read(file, "prices.yaml");
    } catch (IOException e) {
      throw new IllegalStateException("the service's own prices.yaml cannot be read", e);
    }
  }

  /**
   * The rules of a file.
   *
   * @throws IllegalArgumentException that tells what is wrong with it
   */
  public static PriceRules of(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return read(in, file.toString());
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "TRANSFORMER_PRICES_FILE names %s, which cannot be read: %s".formatted(file, e), e);
    }
  }

  private static PriceRules read(InputStream in, String name) throws IOException {
    try {
      Written written = YAML.readValue(in, Written.class);
      if (written == null
          || written.staleness() == null
          || written.quotes() == null
          || written.chains() == null
          || written.assets() == null) {
        throw new IllegalArgumentException("staleness, quotes, chains and assets are all needed");
      }
      return new PriceRules(written);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "%s, line %d: %s"
              .formatted(
                  name,
                  e.getLocation() == null ? 0 : e.getLocation().getLineNr(),
                  e.getOriginalMessage()),
          e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
  }

  private static <T> List<T> listed(String key, List<T> list) {
    if (list == null || list.contains(null)) {
      throw invalid(key, String.valueOf(list), "a list without holes");
    }
    return list;
  }

  private static void requireApart(long chainId, List<Period> periods) {
    List<Period> sorted = periods.stream().sorted(Comparator.comparing(Period::from)).toList();
    for (int i = 1; i < sorted.size(); i++) {
      Period one = sorted.get(i - 1);
      Period next = sorted.get(i);
      if (next.from().isBefore(one.until())) {
        throw invalid(
            "chains." + chainId,
            one.asset() + " and " + next.asset() + " at one time",
            "one asset at a time");
      }
    }
  }

  private Market market(String asset, String written) {
    int slash = written.indexOf('/');
    if (slash < 1 || slash == written.length() - 1) {
      throw invalid("assets." + asset, written, "venue/symbol, such as binance/ETHUSDT");
    }
    String symbol = written.substring(slash + 1);
    String quote =
        pair(symbol)
            .map(Pair::quote)
            .orElseThrow(
                () -> invalid("assets." + asset, written, "a symbol that ends in one of quotes"));
    String usd =
        quotes
            .getOrDefault(quote, Optional.empty())
            .orElseThrow(
                () ->
                    invalid(
                        "assets." + asset, written, "a symbol with a quote that counts as USD"));
    return new Market(
        written.substring(0, slash),
        symbol,
        quote,
        usd.equals(quote) ? Optional.empty() : Optional.of(usd));
  }

  private Period period(long chainId, WrittenPeriod written) {
    String key = "chains." + chainId;
    if (written.asset() == null || !assets.containsKey(written.asset())) {
      throw invalid(key, String.valueOf(written.asset()), "an asset that is listed in assets");
    }
    return new Period(
        chainId,
        written.asset(),
        written.from() == null
            ? Instant.EPOCH
            : parse(key, written.from(), Instant::parse, "a time"),
        written.until() == null
            ? Instant.ofEpochMilli(Long.MAX_VALUE)
            : parse(key, written.until(), Instant::parse, "a time"));
  }

  private static <T> T parse(String key, String text, Function<String, T> parser, String allowed) {
    try {
      return parser.apply(text);
    } catch (DateTimeException e) {
      throw invalid(key, text, allowed);
    }
  }

  private static IllegalArgumentException invalid(String key, String given, String allowed) {
    return new IllegalArgumentException("%s is %s, %s is expected".formatted(key, given, allowed));
  }

  /** Oldest close that still prices a block. */
  public Duration staleness() {
    return staleness;
  }

  /** The native asset of a chain at a time. */
  public Optional<String> asset(long chainId, Instant time) {
    return chains.getOrDefault(chainId, List.of()).stream()
        .filter(p -> !time.isBefore(p.from()) && time.isBefore(p.until()))
        .map(Period::asset)
        .findFirst();
  }

  /** Markets of an asset, the preferred one first. */
  public List<Market> markets(String asset) {
    return assets.getOrDefault(asset, List.of());
  }

  /** Where a market may give the price. */
  public List<Period> pricedBy(String venue, String symbol) {
    return pricedBy.getOrDefault(venue + '/' + symbol, List.of());
  }

  /** The sides of a market, told from its symbol: by a separator, or by the longest known quote. */
  public Optional<Pair> pair(String symbol) {
    String[] parts = symbol.split("[-/_]", -1);
    if (parts.length == 2 && !parts[0].isEmpty() && quotes.containsKey(parts[1])) {
      return Optional.of(new Pair(parts[0], parts[1]));
    }
    return quotes.keySet().stream()
        .filter(quote -> parts.length == 1 && symbol.endsWith(quote))
        .filter(quote -> symbol.length() > quote.length())
        .max(Comparator.comparingInt(String::length))
        .map(quote -> new Pair(symbol.substring(0, symbol.length() - quote.length()), quote));
  }
}
