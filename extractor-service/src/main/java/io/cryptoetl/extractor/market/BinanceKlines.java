package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.json.Json;
import io.cryptoetl.extractor.json.JsonValue;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.math.BigDecimal;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Candles of Binance: one feed for each symbol and interval. The number of a candle is the time at
 * which it opened, in intervals since 1970. A number without a candle is absent, not missing: the
 * exchange stood still, or did not list the symbol yet.
 */
public final class BinanceKlines implements Source {
  /** Most candles that the API gives for one request. */
  private static final int PAGE = 1000;

  /**
   * open time, open, high, low, close, volume, close time, quote volume, trades, 2 taker, unused.
   */
  private static final int FIELDS = 12;

  private static final int CLOSE_TIME = 6;
  private static final List<String> CHECKS =
      List.of("candle_closed", "candle_in_range", "candle_prices", "candle_shape");
  private static final Duration TIME_IS_FRESH = Duration.ofSeconds(2);

  private final Settings settings;
  private final Binance binance;
  private final Clock clock;
  private final List<Candles> feeds = new ArrayList<>();
  private Instant venueTime = Instant.EPOCH;
  private Instant venueTimeAt = Instant.EPOCH;

  /**
   * Settings of the source.
   *
   * @param symbols names of markets as Binance writes them, such as ETHUSDT
   * @param intervals lengths of candles, such as 1m
   * @param weightLimit weight that an address may use up in a minute
   */
  public record Settings(
      String name, List<String> symbols, List<String> intervals, int weightLimit) {}

  /** The intervals that can be asked for. */
  public static String intervals() {
    return CandleInterval.labels();
  }

  /** Whether candles of this length can be asked for. */
  public static boolean isInterval(String label) {
    return CandleInterval.of(label).isPresent();
  }

  /** A source that asks these endpoints. */
  public BinanceKlines(Settings settings, EndpointPool<HttpCaller> pool, Clock clock) {
    this.settings = settings;
    this.binance = new Binance(pool, settings.weightLimit(), clock);
    this.clock = clock;
    for (String symbol : settings.symbols()) {
      for (String interval : settings.intervals()) {
        feeds.add(new Candles(symbol, CandleInterval.of(interval).orElseThrow()));
      }
    }
  }

  @Override
  public String name() {
    return settings.name();
  }

  @Override
  public List<? extends Feed> feeds() {
    return List.copyOf(feeds);
  }

  @Override
  public Topic topic() {
    return Topics.RAW_MARKET_CANDLES;
  }

  @Override
  public List<EndpointStatus> endpoints() {
    return binance.pool().status();
  }

  @Override
  public void close() {
    // Holds nothing but the endpoints, which share the service's HTTP client.
  }

  /** The venue's time, asked for once for all feeds of a tick. */
  private synchronized Instant venueTime() throws TransientException, InterruptedException {
    if (Duration.between(venueTimeAt, clock.instant()).compareTo(TIME_IS_FRESH) > 0) {
      venueTime = binance.time();
      venueTimeAt = clock.instant();
    }
    return venueTime;
  }

  /** Candles of one market and one length. */
  private final class Candles implements Feed {
    private final String symbol;
    private final CandleInterval interval;

    Candles(String symbol, CandleInterval interval) {
      this.symbol = symbol;
      this.interval = interval;
    }

    @Override
    public String name() {
      return settings.name() + "." + symbol + "." + interval.label();
    }

    /** The last candle that has closed. */
    @Override
    public long head() throws TransientException, InterruptedException {
      return venueTime().toEpochMilli() / interval.millis() - 1;
    }

    @Override
    public Optional<Long> numberAt(Instant time) {
      return Optional.of(Math.floorDiv(time.toEpochMilli(), interval.millis()));
    }

    @Override
    public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
        throws TransientException, InterruptedException {
      Set<String> endpoints = new HashSet<>();
      long calls = 0;
      long retries = 0;
      for (Range page : range.cut(PAGE, Long.MAX_VALUE)) {
        Map<Long, List<Item.Answer>> refused = new TreeMap<>();
        Set<String> asked = new HashSet<>();
        Map<Long, Item> found = new TreeMap<>();
        do {
          Binance.Answer answer = binance.get(path(page), asked);
          calls++;
          retries += asked.isEmpty() ? 0 : 1;
          asked.add(answer.endpoint());
          endpoints.add(answer.endpoint());
          found.putAll(read(page, answer, refused));
        } while (!refused.isEmpty()
            && !found.keySet().containsAll(refused.keySet())
            && !asked.containsAll(binance.pool().names()));
        emit(page, found, refused, lastTry, items);
      }
      return new Effort(String.join(",", endpoints), calls, retries);
    }

    private void emit(
        Range page,
        Map<Long, Item> found,
        Map<Long, List<Item.Answer>> refused,
        boolean lastTry,
        Consumer<Item> items)
        throws TransientException {
      for (long number = page.from(); number <= page.to(); number++) {
        Item item = found.get(number);
        if (item == null && refused.containsKey(number)) {
          List<Item.Answer> answers = refused.get(number);
          if (!lastTry) {
            throw new TransientException(
                answers.getLast().code(), answers.getLast().reason(), true);
          }
          item = new Item.Rejected(number, answers);
        }
        items.accept(item == null ? new Item.Absent(number) : item);
      }
    }

    private String path(Range page) {
      return "/api/v3/klines?symbol=%s&interval=%s&startTime=%d&endTime=%d&limit=%d"
          .formatted(
              symbol,
              interval.label(),
              page.from() * interval.millis(),
              (page.to() + 1) * interval.millis() - 1,
              PAGE);
    }

    /** The candles of a page that pass; those that do not are put among the refused. */
    private Map<Long, Item> read(
        Range page, Binance.Answer answer, Map<Long, List<Item.Answer>> refused)
        throws TransientException {
      Map<Long, Item> found = new LinkedHashMap<>();
      List<JsonValue> candles;
      try {
        JsonValue all = Json.parse(answer.body());
        if (!all.isArray()) {
          throw new IOException("not an array");
        }
        candles = all.items();
      } catch (IOException e) {
        throw new TransientException(
            "reply_malformed",
            "endpoint %s answered %s with what is not a list of candles: %s"
                .formatted(answer.endpoint(), name(), e.getMessage()));
      }
      long before = page.from() - 1;
      for (JsonValue json : candles) {
        long number = before + 1;
        try {
          List<JsonValue> candle = fields(json);
          number = number(candle, page, before);
          check(candle, number, answer.at());
          found.put(number, accepted(number, json, answer));
          before = number;
        } catch (BadDataException e) {
          binance.pool().refused(answer.endpoint(), e.code(), e.getMessage());
          refused
              .computeIfAbsent(number, _ -> new ArrayList<>())
              .add(new Item.Answer(e.code(), e.getMessage(), answer.endpoint(), json.toBytes()));
        }
      }
      return found;
    }

    private List<JsonValue> fields(JsonValue json) throws BadDataException {
      List<JsonValue> candle = json.isArray() ? json.items() : List.of();
      require(
          candle.size() == FIELDS && isTime(candle.get(0)) && isTime(candle.get(CLOSE_TIME)),
          "candle_shape",
          "a candle of %s is not an array of %d that has times at 0 and %d"
              .formatted(name(), FIELDS, CLOSE_TIME));
      return candle;
    }

    private static boolean isTime(JsonValue value) {
      return value.isInteger() && value.text().matches("[0-9]{1,15}");
    }

    private long number(List<JsonValue> candle, Range page, long before) throws BadDataException {
      long open = Long.parseLong(candle.get(0).text());
      long number = Math.floorDiv(open, interval.millis());
      require(
          open % interval.millis() == 0
              && number >= page.from()
              && number <= page.to()
              && number > before,
          "candle_in_range",
          "a candle of %s opens at %s: not in the range that was asked for, not in order, or not at the beginning of an interval"
              .formatted(name(), Instant.ofEpochMilli(open)));
      return number;
    }

    private void check(List<JsonValue> candle, long number, Instant now) throws BadDataException {
      long close = Long.parseLong(candle.get(CLOSE_TIME).text());
      long end = (number + 1) * interval.millis() - 1;
      require(
          close == end && end < now.toEpochMilli() + TIME_IS_FRESH.toMillis(),
          "candle_closed",
          "the candle of %s that opens at %s closes at %s: it is not closed, or not of its interval"
              .formatted(
                  name(),
                  Instant.ofEpochMilli(number * interval.millis()),
                  Instant.ofEpochMilli(close)));
      try {
        BigDecimal open = new BigDecimal(candle.get(1).text());
        BigDecimal high = new BigDecimal(candle.get(2).text());
        BigDecimal low = new BigDecimal(candle.get(3).text());
        BigDecimal last = new BigDecimal(candle.get(4).text());
        BigDecimal volume = new BigDecimal(candle.get(5).text());
        require(
            low.signum() > 0
                && volume.signum() >= 0
                && low.compareTo(open.min(last)) <= 0
                && high.compareTo(open.max(last)) >= 0,
            "candle_prices",
            "the candle of %s that opens at %s has open %s, high %s, low %s, close %s: high and low must enclose the others, and be above 0"
                .formatted(
                    name(),
                    Instant.ofEpochMilli(number * interval.millis()),
                    open,
                    high,
                    low,
                    last));
      } catch (NumberFormatException e) {
        throw new BadDataException(
            "candle_prices",
            "the candle of %s that opens at %s holds a price that is not a number"
                .formatted(name(), Instant.ofEpochMilli(number * interval.millis())));
      }
    }

    private Item accepted(long number, JsonValue json, Binance.Answer answer) {
      Instant open = Instant.ofEpochMilli(number * interval.millis());
      RawCandle raw =
          RawCandle.newBuilder()
              .setSource(settings.name())
              .setVenue(Binance.VENUE)
              .setSymbol(symbol)
              .setInterval(interval.label())
              .setOpenTime(open)
              .setCloseTime(open.plusMillis(interval.millis() - 1))
              .setCandleJson(json.buffer())
              .setEndpoint(answer.endpoint())
              .setFetchedAt(answer.at())
              .setChecks(CHECKS)
              .build();
      return new Item.Accepted(
          number,
          Topics.RAW_MARKET_CANDLES,
          new CandleKey(Binance.VENUE, symbol, interval.label(), open),
          raw,
          json.size(),
          CHECKS,
          answer.endpoint(),
          Optional.empty());
    }
  }

  private static void require(boolean holds, String code, String message) throws BadDataException {
    if (!holds) {
      throw new BadDataException(code, message);
    }
  }
}
