package io.cryptoetl.extractor.market;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.FakeServer;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.SourceContract;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.raw.RawCandle;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BinanceKlinesTest extends SourceContract {
  private static final long MINUTE = 60_000;
  private static final long FIRST = 28_330_000;

  private final FakeBinance binance = new FakeBinance();
  private final FakeBinance mirror = new FakeBinance();

  @AfterEach
  void close() {
    binance.close();
    mirror.close();
  }

  @Override
  protected FakeServer server() {
    return new FakeBinance();
  }

  @Override
  protected Source source(EndpointPool<HttpCaller> pool, HttpCaller unused) {
    return source(pool, "ETHUSDT");
  }

  private Source source(EndpointPool<HttpCaller> pool, String... symbols) {
    return new BinanceKlines(
        new BinanceKlines.Settings(
            "spot", Binance.Market.SPOT, List.of(symbols), List.of("1m", "1h"), 600),
        pool,
        clock);
  }

  @Override
  protected Range range() {
    return new Range(FIRST, FIRST + 2_499);
  }

  private Source both() {
    return both("ETHUSDT", "BTCUSDT");
  }

  private Source both(String... symbols) {
    return source(pool(caller("alpha", binance), caller("beta", mirror)), symbols);
  }

  /** The feed of one symbol. */
  private static Feed one(Source source) {
    return source.feeds().getFirst().members().getFirst();
  }

  private HttpCaller caller(String name, FakeServer server) {
    return new HttpCaller(
        new Endpoint(name, server.url()), HTTP, Duration.ofSeconds(5), 1 << 24, clock);
  }

  private static List<Item> fetch(Feed feed, Range range, boolean lastTry) throws Exception {
    List<Item> items = new ArrayList<>();
    Feed.Effort unused = feed.fetch(range, lastTry, items::add);
    return items;
  }

  @Test
  void shouldReadAllSymbolsOfAnIntervalTogether() throws Exception {
    assertThat(both().allFeeds())
        .extracting(Feed::name)
        .containsExactly(
            "spot.1m",
            "spot.ETHUSDT.1m",
            "spot.BTCUSDT.1m",
            "spot.1h",
            "spot.ETHUSDT.1h",
            "spot.BTCUSDT.1h");
    // 22:13:50: the minute of 22:13 is not closed yet, that of 22:12 is the last one.
    binance.now = mirror.now = Instant.parse("2023-11-14T22:13:50Z").toEpochMilli();
    Feed feed = both().feeds().getFirst();
    assertThat(feed.head())
        .isEqualTo(feed.numberAt(Instant.parse("2023-11-14T22:12:00Z")).orElseThrow());
    binance.now = mirror.now = Instant.parse("2023-11-14T22:14:03Z").toEpochMilli();
    assertThat(both().feeds().getFirst().head())
        .as("a candle may change for some seconds after its end")
        .isEqualTo(feed.numberAt(Instant.parse("2023-11-14T22:12:00Z")).orElseThrow());
  }

  @Test
  void shouldPageThroughARangeAndKeepTheBytes() throws Exception {
    Feed feed = one(both());
    // exchangeInfo is asked for once.
    fetch(feed, new Range(FIRST, FIRST), false);
    binance.requests.set(0);
    mirror.requests.set(0);

    List<Item> items = fetch(feed, range(), false);

    assertThat(binance.requests.get() + mirror.requests.get()).isEqualTo(3);
    assertThat(items).hasSize(2_500).allMatch(i -> i instanceof Item.Accepted);
    RawCandle candle = (RawCandle) ((Item.Accepted) items.get(1_700)).value();
    long open = (FIRST + 1_700) * MINUTE;
    assertThat(StandardCharsets.UTF_8.decode(candle.getCandleJson()).toString())
        .isEqualTo(FakeBinance.candle(open, MINUTE));
    assertThat(candle.getOpenTime()).isEqualTo(Instant.ofEpochMilli(open));
    assertThat(candle.getCloseTime()).isEqualTo(Instant.ofEpochMilli(open + MINUTE - 1));
  }

  @Test
  void shouldCallANumberWithoutCandleAbsent() throws Exception {
    binance.halted.addAll(List.of((FIRST + 3) * MINUTE, (FIRST + 4) * MINUTE));
    mirror.halted.addAll(binance.halted);

    List<Item> items = fetch(one(both()), new Range(FIRST, FIRST + 9), false);

    assertThat(
            new TreeSet<>(
                items.stream().filter(i -> i instanceof Item.Absent).map(Item::number).toList()))
        .containsExactly(FIRST + 3, FIRST + 4);
  }

  @Test
  void shouldAskAnotherEndpointForACandleThatIsWrong() throws Exception {
    String good = FakeBinance.candle((FIRST + 2) * MINUTE, MINUTE);
    for (String bad :
        List.of(
            good.replace("\"1.25000000\"", "\"much\""),
            good.replaceFirst("\"[0-9]+\\.00\"", "\"1.00\""),
            good.replace(",7,", ",7,8,"),
            good.replace(
                Long.toString((FIRST + 3) * MINUTE - 1), Long.toString((FIRST + 9) * MINUTE)),
            good.replace(
                Long.toString((FIRST + 2) * MINUTE), Long.toString((FIRST + 2) * MINUTE + 1)))) {
      assertThat(bad).isNotEqualTo(good);
      binance.distortion = text -> text.replace(good, bad);
      // Both endpoints are asked in turn: whoever comes first, all candles are had.
      for (int i = 0; i < 4; i++) {
        assertThat(fetch(one(both()), new Range(FIRST, FIRST + 5), false))
            .as(bad)
            .allMatch(item -> item instanceof Item.Accepted);
      }
    }
  }

  @Test
  void shouldRejectACandleThatAllHaveWrongWithEachAnswer() throws Exception {
    String good = FakeBinance.candle((FIRST + 2) * MINUTE, MINUTE);
    binance.distortion =
        text -> text.replace(good, good.replaceFirst("\"[0-9]+\\.00\"", "\"1.00\""));
    mirror.distortion = binance.distortion;
    Feed feed = one(both());

    TransientException failure =
        catchThrowableOfType(
            TransientException.class, () -> fetch(feed, new Range(FIRST, FIRST + 5), false));
    List<Item> items = fetch(feed, new Range(FIRST, FIRST + 5), true);

    assertThat(failure.answered()).isTrue();
    assertThat(failure.code()).isEqualTo("candle_prices");
    assertThat(items).filteredOn(i -> i instanceof Item.Accepted).hasSize(5);
    assertThat(((Item.Rejected) items.get(2)).answers())
        .extracting(Item.Answer::endpoint)
        .containsExactlyInAnyOrder("alpha", "beta");
  }

  @Test
  void shouldLeaveAnEndpointAloneWhoseWeightIsUsedUp() throws Exception {
    binance.headers.put("X-MBX-USED-WEIGHT-1M", "590");
    Source source = both();

    for (int i = 0; i < 6; i++) {
      fetch(one(source), new Range(FIRST, FIRST + 5), false);
    }

    assertThat(binance.requests.get()).isLessThanOrEqualTo(1);
    assertThat(source.endpoints().getFirst().health()).isIn("paused", "healthy");
  }

  @Test
  void shouldHandOverAllSymbolsInOrder() throws Exception {
    List<Item> items = fetch(both().feeds().getFirst(), new Range(FIRST, FIRST + 1_200), false);

    assertThat(items).hasSize(2 * 1_201).allMatch(i -> i instanceof Item.Accepted);
    assertThat(items).extracting(Item::number).isSorted();
    assertThat(items.subList(0, 2)).extracting(Item::of).containsExactly("ETHUSDT", "BTCUSDT");
  }

  @Test
  void shouldNotCallAbsentWhatMayStillCome() throws Exception {
    long last = FIRST + 5;
    for (FakeBinance each : List.of(binance, mirror)) {
      each.until.put("ETHUSDT", last * MINUTE);
    }
    Source source = both();

    List<Item> items = fetch(source.feeds().getFirst(), new Range(FIRST, FIRST + 6), false);
    TransientException alone =
        catchThrowableOfType(
            TransientException.class, () -> fetch(one(source), new Range(FIRST, FIRST + 6), false));

    assertThat(items)
        .filteredOn(i -> i.number() == FIRST + 6)
        .satisfiesExactly(
            i -> assertThat(i).isInstanceOf(Item.Late.class),
            i -> assertThat(i).isInstanceOf(Item.Accepted.class));
    assertThat(alone.code()).isEqualTo("candle_not_there_yet");
    assertThat(fetch(one(source), new Range(FIRST, FIRST + 6), true).getLast())
        .as("it is asked for again later")
        .isInstanceOf(Item.Late.class);
  }

  @Test
  void shouldWaitWhileTheVenueStandsStill() throws Exception {
    binance.until.put("ETHUSDT", FIRST * MINUTE);
    binance.until.put("BTCUSDT", FIRST * MINUTE);
    mirror.until.putAll(binance.until);

    TransientException failure =
        catchThrowableOfType(
            TransientException.class,
            () -> fetch(both().feeds().getFirst(), new Range(FIRST + 1, FIRST + 1), false));

    assertThat(failure.code()).isEqualTo("candle_not_there_yet");
    assertThat(fetch(both().feeds().getFirst(), new Range(FIRST + 1, FIRST + 1), true))
        .hasSize(2)
        .allMatch(item -> item instanceof Item.Late);
  }

  @Test
  void shouldTellUnknownSymbolsAndReadTheOthers() throws Exception {
    Source source = both("NOSUCH", "ETHUSDT", "OLDUSDT");
    binance.until.put("OLDUSDT", 0L);
    mirror.until.put("OLDUSDT", 0L);
    Feed feed = source.feeds().getFirst();
    long head = feed.head();

    assertThat(feed.problems()).singleElement().asString().contains("binance has no symbol NOSUCH");
    assertThat(fetch(feed, new Range(FIRST, FIRST), false))
        .satisfiesExactly(
            i -> assertThat(i).isInstanceOf(Item.Absent.class),
            i -> assertThat(i).isInstanceOf(Item.Accepted.class),
            i -> assertThat(i).as("not traded any more").isInstanceOf(Item.Absent.class));
    assertThat(head).isPositive();
  }

  @Test
  void shouldNumberCandlesOfAnyLength() {
    for (CandleInterval interval : CandleInterval.values()) {
      for (String time :
          List.of("1970-01-01T00:00:00Z", "2024-02-29T23:59:59Z", "2017-08-14T00:00:00Z")) {
        Instant instant = Instant.parse(time);
        long number = interval.number(instant);
        assertThat(interval.open(number)).isLessThanOrEqualTo(instant.toEpochMilli());
        assertThat(interval.close(number)).isGreaterThanOrEqualTo(instant.toEpochMilli());
        assertThat(interval.number(Instant.ofEpochMilli(interval.open(number)))).isEqualTo(number);
        assertThat(interval.number(Instant.ofEpochMilli(interval.close(number)))).isEqualTo(number);
      }
    }
    CandleInterval week = CandleInterval.of("1w").orElseThrow();
    assertThat(Instant.ofEpochMilli(week.open(week.number(Instant.parse("2024-01-04T12:00:00Z")))))
        .isEqualTo("2024-01-01T00:00:00Z");
    CandleInterval month = CandleInterval.of("1M").orElseThrow();
    assertThat(
            Instant.ofEpochMilli(month.close(month.number(Instant.parse("2024-02-10T00:00:00Z")))))
        .isEqualTo("2024-02-29T23:59:59.999Z");
  }

  @Test
  void shouldKeepFuturesApartFromSpot() throws Exception {
    Source futures =
        new BinanceKlines(
            new BinanceKlines.Settings(
                "futures", Binance.Market.USDM, List.of("ETHUSDT"), List.of("1m"), 600),
            pool(caller("alpha", binance)),
            clock);

    Item.Accepted item =
        (Item.Accepted)
            fetch(futures.feeds().getFirst(), new Range(FIRST, FIRST), false).getFirst();

    assertThat(((RawCandle) item.value()).getVenue()).isEqualTo("binance-usdm");
    futures.close();
  }

  @Test
  void shouldNotCallAbsentWhatStandsBesideWhatIsRefused() throws Exception {
    // A field more than there was: which number each candle is of is not known any more.
    for (FakeBinance each : List.of(binance, mirror)) {
      each.distortion = text -> text.replace("\"0\"]", "\"0\",\"new\"]");
    }

    List<Item> items = fetch(one(both()), new Range(FIRST, FIRST + 9), true);

    assertThat(items).hasSize(10).noneMatch(item -> item instanceof Item.Absent);
    assertThat(items.getFirst()).isInstanceOf(Item.Rejected.class);
  }
}
