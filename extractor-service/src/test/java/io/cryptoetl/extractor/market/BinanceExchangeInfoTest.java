package io.cryptoetl.extractor.market;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.FakeServer;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.SourceContract;
import io.cryptoetl.raw.RawInstruments;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BinanceExchangeInfoTest extends SourceContract {
  private static final Duration PERIOD = Duration.ofDays(365 * 100);

  @Override
  protected FakeServer server() {
    return new FakeBinance();
  }

  @Override
  protected Source source(EndpointPool<HttpCaller> pool, HttpCaller unused) {
    return info(pool);
  }

  private BinanceExchangeInfo info(EndpointPool<HttpCaller> pool) {
    return new BinanceExchangeInfo(
        new BinanceExchangeInfo.Settings("instruments", Binance.Market.SPOT, PERIOD, 6000),
        pool,
        clock);
  }

  private BinanceExchangeInfo info(FakeBinance binance) {
    return info(
        pool(
            new HttpCaller(
                new Endpoint("alpha", binance.url()),
                HTTP,
                Duration.ofSeconds(5),
                1 << 24,
                clock)));
  }

  @Override
  protected Range range() {
    return new Range(0, 0);
  }

  @Test
  void shouldKeepTheReplyAndCallThePastAbsent() throws Exception {
    try (FakeBinance binance = new FakeBinance()) {
      BinanceExchangeInfo info = info(binance);
      List<Item> items = new ArrayList<>();
      info.feeds().getFirst().fetch(new Range(0, 2), false, items::add);

      RawInstruments raw = (RawInstruments) ((Item.Accepted) items.getFirst()).value();
      assertThat(StandardCharsets.UTF_8.decode(raw.getInstrumentsJson()).toString())
          .startsWith("{\"timezone\":\"UTC\", \"symbols\":[ ");
      assertThat(items.subList(1, 3)).allMatch(i -> i instanceof Item.Absent);
    }
  }

  @Test
  void shouldRejectAReplyWithoutSymbolsOnTheLastTry() throws Exception {
    try (FakeBinance binance = new FakeBinance()) {
      binance.distortion = text -> "{\"timezone\":\"UTC\"}";
      BinanceExchangeInfo info = info(binance);
      List<Item> items = new ArrayList<>();
      info.feeds().getFirst().fetch(new Range(0, 0), true, items::add);

      assertThat(((Item.Rejected) items.getFirst()).answers().getFirst().code())
          .isEqualTo("instruments_shape");
    }
  }
}
