package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Futures;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.schemas.DeadLetterCode;
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
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongFunction;
import java.util.stream.Collectors;
import org.jboss.logging.Logger;

/**
 * Candles of Binance: one feed for each interval, which reads all symbols together, so that many
 * symbols cost one request and one transaction; its members are the feeds of each symbol. The
 * number of a candle is the time at which it opened, in intervals since 1970. A number without a
 * candle is absent if the venue has a later one, or does not trade the symbol: it stood still, or
 * did not list the symbol yet. Otherwise it is late.
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
      List.of(
          DeadLetterCode.CANDLE_CLOSED.code(),
          DeadLetterCode.CANDLE_IN_RANGE.code(),
          DeadLetterCode.CANDLE_PRICES.code(),
          DeadLetterCode.CANDLE_SHAPE.code());
  private static final Duration TIME_IS_FRESH = Duration.ofSeconds(2);

  /** Time after the end of a candle in which the venue may still change it. */
  private static final Duration SETTLES = Duration.ofSeconds(5);

  /** Newest candles that are read once more, in case they changed later than that. */
  private static final int READ_AGAIN = 2;

  /** Candles that are held before they are handed over in order. */
  private static final int MAX_HELD = 50_000;

  private static final Logger LOG = Logger.getLogger(BinanceKlines.class);

  /** Code of candles that are waited for. */
  private static final String NOT_THERE_YET = "candle_not_there_yet";

  private final Settings settings;
  private final Binance binance;
  private final Clock clock;
  private final Symbols symbols;
  private final List<Together> feeds = new ArrayList<>();
  private final ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor();
  private Instant venueTime = Instant.EPOCH;
  private Instant venueTimeAt = Instant.EPOCH;

  /**
   * Settings of the source.
   *
   * @param market spot or futures
   * @param symbols names of markets as Binance writes them, such as ETHUSDT
   * @param intervals lengths of candles, such as 1m
   * @param weightLimit weight that an address may use up in a minute
   */
  public record Settings(
      String name,
      Binance.Market market,
      List<String> symbols,
      List<String> intervals,
      int weightLimit) {}

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
    this.binance = new Binance(settings.market(), pool, settings.weightLimit(), clock);
    this.symbols = new Symbols(binance, clock);
    this.clock = clock;
    for (String interval : settings.intervals()) {
      feeds.add(new Together(CandleInterval.of(interval).orElseThrow()));
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
    readers.shutdownNow();
  }

  /** The venue's time, asked for once for all feeds of a tick. */
  private synchronized Instant venueTime() throws TransientException, InterruptedException {
    if (Duration.between(venueTimeAt, clock.instant()).compareTo(TIME_IS_FRESH) > 0) {
      venueTime = binance.time();
      venueTimeAt = clock.instant();
    }
    return venueTime;
  }

  /** Candles of all symbols and one length. */
  private final class Together implements Feed {
    private final CandleInterval interval;
    private final List<Candles> members;
    private volatile List<String> problems = List.of();

    Together(CandleInterval interval) {
      this.interval = interval;
      this.members =
          settings.symbols().stream().map(symbol -> new Candles(symbol, interval)).toList();
    }

    @Override
    public String name() {
      return settings.name() + "." + interval.label();
    }

    @Override
    public List<? extends Feed> members() {
      return members;
    }

    @Override
    public int readAgain() {
      return READ_AGAIN;
    }

    @Override
    public List<String> problems() {
      return problems;
    }

    @Override
    public long head() throws TransientException, InterruptedException {
      findUnknown();
      return members.getFirst().head();
    }

    private void findUnknown() throws InterruptedException {
      Set<String> unknown = symbols.unknown(settings.symbols());
      List<String> found =
          unknown.isEmpty()
              ? List.of()
              : List.of(
                  "%s has no symbol %s; nothing is read of it, correct symbols of source %s"
                      .formatted(
                          settings.market().venue(), String.join(", ", unknown), settings.name()));
      if (!found.isEmpty() && !found.equals(problems)) {
        LOG.errorf("source=%s event=unknown_symbol reason=\"%s\"", name(), found.getFirst());
      }
      problems = found;
    }

    @Override
    public Optional<Long> numberAt(Instant time) {
      return members.getFirst().numberAt(time);
    }

    @Override
    public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
        throws TransientException, InterruptedException {
      Work work = new Work();
      for (Range page : range.cut(Math.clamp(MAX_HELD / members.size(), 1, PAGE), range.size())) {
        List<Future<Map<Long, Item>>> reading = new ArrayList<>();
        for (Candles member : members) {
          reading.add(readers.submit(() -> member.read(page, member.symbol, work)));
        }
        List<Map<Long, Item>> read = new ArrayList<>();
        try {
          for (Future<Map<Long, Item>> each : reading) {
            read.add(Futures.get(each));
          }
        } finally {
          reading.forEach(each -> each.cancel(true));
        }
        if (!lastTry) {
          requireAny(read);
        }
        for (long number = page.from(); number <= page.to(); number++) {
          for (Map<Long, Item> member : read) {
            items.accept(settled(member.get(number), lastTry));
          }
        }
      }
      return work.effort();
    }

    /** Where everything is late, it is tried again at once some times: the venue may be slow. */
    private static void requireAny(List<Map<Long, Item>> read) throws TransientException {
      Item.Late late = null;
      for (Map<Long, Item> member : read) {
        for (Item item : member.values()) {
          if (item instanceof Item.Late found) {
            late = found;
          } else if (!(item instanceof Item.Absent)) {
            return;
          }
        }
      }
      if (late != null) {
        throw new TransientException(NOT_THERE_YET, late.reason(), true);
      }
    }
  }

  /** Refuses to give something up before the last try. */
  private static Item settled(Item item, boolean lastTry) throws TransientException {
    if (item instanceof Item.Rejected rejected && !lastTry) {
      Item.Answer last = rejected.answers().getLast();
      throw new TransientException(last.code(), last.reason(), true);
    }
    return item;
  }

  /** What reading a range took, by all who read. */
  private static final class Work {
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private final Set<String> endpoints = new ConcurrentSkipListSet<>();

    Feed.Effort effort() {
      return new Feed.Effort(String.join(",", endpoints), calls.get(), retries.get());
    }
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

    /** The last candle that has closed, and does not change any more. */
    @Override
    public long head() throws TransientException, InterruptedException {
      return interval.number(venueTime().minus(SETTLES)) - 1;
    }

    @Override
    public Optional<Long> numberAt(Instant time) {
      return Optional.of(interval.number(time));
    }

    @Override
    public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
        throws TransientException, InterruptedException {
      Work work = new Work();
      for (Range page : range.cut(PAGE, Long.MAX_VALUE)) {
        for (Item item : read(page, "", work).values()) {
          items.accept(settled(late(item, lastTry), lastTry));
        }
      }
      return work.effort();
    }

    /** What is late is tried again at once some times, and then later. */
    private static Item late(Item item, boolean lastTry) throws TransientException {
      if (item instanceof Item.Late late && !lastTry) {
        throw new TransientException(NOT_THERE_YET, late.reason(), true);
      }
      return item;
    }

    /** An item for each number of a page. */
    private Map<Long, Item> read(Range page, String of, Work work)
        throws TransientException, InterruptedException {
      TreeMap<Long, Item> items = new TreeMap<>();
      Map<Long, List<Item.Answer>> refused = new TreeMap<>();
      Set<String> asked = new HashSet<>();
      String endpoint = "";
      try {
        do {
          Binance.Answer answer = binance.get(path(page), asked);
          endpoint = answer.endpoint();
          work.calls.incrementAndGet();
          work.retries.addAndGet(asked.isEmpty() ? 0 : 1);
          asked.add(answer.endpoint());
          work.endpoints.add(answer.endpoint());
          items.putAll(read(page, of, answer, refused));
        } while (!items.keySet().containsAll(refused.keySet())
            && !asked.containsAll(binance.pool().names()));
      } catch (TransientException e) {
        boolean isUnknown = e.code().equals(Binance.UNKNOWN_SYMBOL);
        if (!isUnknown && !e.code().equals(Binance.REFUSED)) {
          throw e;
        }
        // Whatever it is refused for, it holds up no other symbol.
        boolean isAbsent = isUnknown && symbols.isUnknown(symbol);
        fill(
            page,
            items,
            number ->
                isAbsent ? new Item.Absent(number, of) : new Item.Late(number, of, e.getMessage()));
        return items;
      }
      refused.forEach(
          (number, answers) ->
              items.computeIfAbsent(number, _ -> new Item.Rejected(number, answers, of)));
      long last = items.isEmpty() ? -1 : items.lastKey();
      // Where a candle is refused, it may not be known which number it is of.
      boolean isPast =
          refused.isEmpty()
              && (last == page.to() || symbols.isStopped(symbol) || hasLater(page, endpoint, work));
      fill(
          page,
          items,
          number ->
              isPast || (refused.isEmpty() && number < last)
                  ? new Item.Absent(number, of)
                  : new Item.Late(number, of, late(number)));
      return items;
    }

    private static void fill(Range page, Map<Long, Item> items, LongFunction<Item> item) {
      for (long number = page.from(); number <= page.to(); number++) {
        if (!items.containsKey(number)) {
          items.put(number, item.apply(number));
        }
      }
    }

    private String late(long number) {
      return "%s has no candle yet that opens at %s, and no later one; it is asked for again"
          .formatted(name(), Instant.ofEpochMilli(interval.open(number)));
    }

    /** Whether the venue has a candle after a page: what it lacks before will not come any more. */
    private boolean hasLater(Range page, String endpoint, Work work)
        throws TransientException, InterruptedException {
      Binance.Answer answer =
          binance.get(
              "/klines?symbol=%s&interval=%s&startTime=%d&limit=1"
                  .formatted(symbol, interval.label(), interval.open(page.to() + 1)),
              // Of another one it would not tell whether this one has all.
              binance.pool().names().stream()
                  .filter(name -> !name.equals(endpoint))
                  .collect(Collectors.toSet()));
      work.calls.incrementAndGet();
      try {
        JsonValue found = Json.parse(answer.body());
        return found.isArray() && !found.items().isEmpty();
      } catch (IOException e) {
        throw malformed(answer, e);
      }
    }

    private TransientException malformed(Binance.Answer answer, IOException e) {
      return new TransientException(
          "reply_malformed",
          "endpoint %s answered %s with what is not a list of candles: %s"
              .formatted(answer.endpoint(), name(), e.getMessage()));
    }

    private String path(Range page) {
      return "/klines?symbol=%s&interval=%s&startTime=%d&endTime=%d&limit=%d"
          .formatted(
              symbol,
              interval.label(),
              interval.open(page.from()),
              interval.close(page.to()),
              PAGE);
    }

    /** The candles of a page that pass; those that do not are put among the refused. */
    private Map<Long, Item> read(
        Range page, String of, Binance.Answer answer, Map<Long, List<Item.Answer>> refused)
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
        throw malformed(answer, e);
      }
      long before = page.from() - 1;
      for (JsonValue json : candles) {
        long number = before + 1;
        try {
          List<JsonValue> candle = fields(json);
          number = number(candle, page, before);
          check(candle, number, answer.at());
          found.put(number, accepted(number, of, json, answer));
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
          DeadLetterCode.CANDLE_SHAPE.code(),
          "a candle of %s is not an array of %d that has times at 0 and %d"
              .formatted(name(), FIELDS, CLOSE_TIME));
      return candle;
    }

    private static boolean isTime(JsonValue value) {
      return value.isInteger() && value.text().matches("[0-9]{1,15}");
    }

    private long number(List<JsonValue> candle, Range page, long before) throws BadDataException {
      long open = Long.parseLong(candle.get(0).text());
      long number = interval.number(Instant.ofEpochMilli(open));
      require(
          open == interval.open(number)
              && number >= page.from()
              && number <= page.to()
              && number > before,
          DeadLetterCode.CANDLE_IN_RANGE.code(),
          "a candle of %s opens at %s: not in the range that was asked for, not in order, or not at the beginning of an interval"
              .formatted(name(), Instant.ofEpochMilli(open)));
      return number;
    }

    private void check(List<JsonValue> candle, long number, Instant now) throws BadDataException {
      long close = Long.parseLong(candle.get(CLOSE_TIME).text());
      long end = interval.close(number);
      require(
          close == end && end < now.toEpochMilli() + TIME_IS_FRESH.toMillis(),
          DeadLetterCode.CANDLE_CLOSED.code(),
          "the candle of %s that opens at %s closes at %s: it is not closed, or not of its interval"
              .formatted(
                  name(),
                  Instant.ofEpochMilli(interval.open(number)),
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
            DeadLetterCode.CANDLE_PRICES.code(),
            "the candle of %s that opens at %s has open %s, high %s, low %s, close %s: high and low must enclose the others, and be above 0"
                .formatted(
                    name(), Instant.ofEpochMilli(interval.open(number)), open, high, low, last));
      } catch (NumberFormatException e) {
        throw new BadDataException(
            DeadLetterCode.CANDLE_PRICES.code(),
            "the candle of %s that opens at %s holds a price that is not a number"
                .formatted(name(), Instant.ofEpochMilli(interval.open(number))));
      }
    }

    private Item accepted(long number, String of, JsonValue json, Binance.Answer answer) {
      Instant open = Instant.ofEpochMilli(interval.open(number));
      RawCandle raw =
          RawCandle.newBuilder()
              .setSource(settings.name())
              .setVenue(settings.market().venue())
              .setSymbol(symbol)
              .setInterval(interval.label())
              .setOpenTime(open)
              .setCloseTime(Instant.ofEpochMilli(interval.close(number)))
              .setCandleJson(json.buffer())
              .setEndpoint(answer.endpoint())
              .setFetchedAt(answer.at())
              .setChecks(CHECKS)
              .build();
      return new Item.Accepted(
          number,
          Topics.RAW_MARKET_CANDLES,
          new CandleKey(settings.market().venue(), symbol, interval.label(), open),
          raw,
          json.size(),
          CHECKS,
          answer.endpoint(),
          Optional.empty(),
          of);
    }
  }

  private static void require(boolean holds, String code, String message) throws BadDataException {
    if (!holds) {
      throw new BadDataException(code, message);
    }
  }
}
