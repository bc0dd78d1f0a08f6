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
    return source(pool);
  }

  private Source source(EndpointPool<HttpCaller> pool) {
    return new BinanceKlines(
        new BinanceKlines.Settings("spot", List.of("ETHUSDT", "BTCUSDT"), List.of("1m", "1h"), 600),
        pool,
        clock);
  }

  @Override
  protected Range range() {
    return new Range(FIRST, FIRST + 2_499);
  }

  private Source both() {
    return source(pool(caller("alpha", binance), caller("beta", mirror)));
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
  void shouldHaveAFeedForEachSymbolAndInterval() throws Exception {
    assertThat(both().feeds())
        .extracting(Feed::name)
        .containsExactly(
            "spot.ETHUSDT.1m", "spot.ETHUSDT.1h", "spot.BTCUSDT.1m", "spot.BTCUSDT.1h");
    // 22:13:50: the minute of 22:13 is not closed yet, that of 22:12 is the last one.
    binance.now = mirror.now = Instant.parse("2023-11-14T22:13:50Z").toEpochMilli();
    Feed feed = both().feeds().getFirst();
    assertThat(feed.head())
        .isEqualTo(feed.numberAt(Instant.parse("2023-11-14T22:12:00Z")).orElseThrow());
  }

  @Test
  void shouldPageThroughARangeAndKeepTheBytes() throws Exception {
    Feed feed = both().feeds().getFirst();
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

    List<Item> items = fetch(both().feeds().getFirst(), new Range(FIRST, FIRST + 9), false);

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
        assertThat(fetch(both().feeds().getFirst(), new Range(FIRST, FIRST + 5), false))
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
    Feed feed = both().feeds().getFirst();

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
      fetch(source.feeds().getFirst(), new Range(FIRST, FIRST + 5), false);
    }

    assertThat(binance.requests.get()).isLessThanOrEqualTo(1);
    assertThat(source.endpoints().getFirst().health()).isIn("paused", "healthy");
  }
}
