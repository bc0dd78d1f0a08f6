package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.raw.RawInstruments;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MarketTest {
  @TempDir Path state;
  private TopologyHarness topology;

  @BeforeEach
  void open() {
    topology = new TopologyHarness(state);
  }

  @AfterEach
  void close() {
    topology.close();
  }

  private static BigDecimal decimal(GenericRecord row, String field) {
    ByteBuffer unscaled = (ByteBuffer) row.get(field);
    return unscaled == null ? null : new BigDecimal(new BigInteger(unscaled.array()), 18);
  }

  private void withdraw(RawCandle candle, long at) {
    topology.pipe(
        Topics.RAW_MARKET_CANDLES, TopologyHarness.encode(TopologyHarness.keyOf(candle)), null, at);
  }

  @Test
  void shouldMakeARowOfACandleWithItsNumbersExactly() {
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "4321.123456789012345678", 5_000));

    GenericRecord row = topology.rows(Topics.MARKET_CANDLES).getFirst();
    assertThat(decimal(row, "close")).isEqualTo(new BigDecimal("4321.123456789012345678"));
    assertThat(decimal(row, "volume")).isEqualByComparingTo("12");
    assertThat(decimal(row, "taker_quote_volume")).isEqualByComparingTo("12.25");
    assertThat(row.get("trades")).isEqualTo(7L);
    assertThat(row.get("base")).hasToString("ETH");
    assertThat(row.get("quote")).hasToString("USDT");
    assertThat(row.get("open_time")).isEqualTo(600_000L);
  }

  @Test
  void shouldTakeACorrectionAndNoOlderCopyAndForgetWhatTheVenueTookBack() {
    RawCandle first = Candles.candle("binance", "ETHUSDT", 600, "2", 5_000);
    topology.pipe(first);
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "3", 6_000));
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "4", 4_000));

    assertThat(decimal(topology.rows(Topics.MARKET_CANDLES).getFirst(), "close"))
        .isEqualByComparingTo("3");

    withdraw(first, 5_500);
    assertThat(topology.rows(Topics.MARKET_CANDLES)).hasSize(1);
    withdraw(first, 6_000);
    assertThat(topology.rows(Topics.MARKET_CANDLES)).isEmpty();
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "5", 6_000));
    assertThat(topology.rows(Topics.MARKET_CANDLES)).isEmpty();
  }

  @Test
  void shouldKeepCandlesThatCannotBeRightAsDeadLetters() {
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "1e400", 1));
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "0.1234567890123456789", 1));
    topology.pipe(Candles.candle("binance", "ETHUSDT", "1m", 600, 700, "1", 1));
    topology.pipe(Candles.candle("binance", "ETHUSDT", "minute", 600, 660, "1", 1));
    RawCandle other = Candles.candle("binance", "ETHUSDT", 600, "1", 1);
    other.setOpenTime(Instant.ofEpochSecond(1200));
    other.setCloseTime(Instant.ofEpochSecond(1260).minusMillis(1));
    topology.pipe(other);
    RawCandle broken = Candles.candle("binance", "ETHUSDT", 600, "1", 1);
    broken.setCandleJson(TopologyHarness.bytes("[1,"));
    topology.pipe(broken);
    topology.pipe(Topics.RAW_MARKET_CANDLES, new byte[] {1}, null);
    topology.pipe(Topics.RAW_MARKET_CANDLES, null, null);
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "1E+2147483647", 1));
    topology.pipe(Candles.candle("binance", "ETHUSDT", 300_000_000_000L, "1", 1));
    topology.pipe(Candles.candle("bin\0ance", "ETHUSDT", 600, "1", 1));

    assertThat(topology.rows(Topics.OPS_DEAD_LETTERS))
        .extracting(r -> r.get("code").toString())
        .containsExactly(
            "field_invalid",
            "field_invalid",
            // Ids are sorted as texts: this is the tenth.
            "field_invalid",
            "candle_interval",
            "candle_interval",
            "raw_inconsistent",
            "json_invalid",
            "record_unreadable",
            "record_unreadable",
            "field_invalid",
            "field_invalid");
    assertThat(topology.rows(Topics.OPS_DEAD_LETTERS).getFirst().get("reason"))
        .hasToString(
            "close of the candle of binance ETHUSDT 1m that opens at 1970-01-01T00:10:00Z is '1e400', a number with at most 20 digits before and 18 after the point is expected");
    assertThat(topology.rows(Topics.MARKET_CANDLES)).isEmpty();
  }

  @Test
  void shouldEndInTheSameRowOfCopiesThatDifferInTheirOriginOnly() throws IOException {
    RawCandle one = Candles.candle("binance", "ETHUSDT", 600, "1", 1);
    RawCandle other = Candles.candle("binance", "ETHUSDT", 600, "1", 1);
    other.setEndpoint("beta");
    topology.pipe(one);
    topology.pipe(other);
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      turned.pipe(other);
      turned.pipe(one);

      assertThat(turned.everything()).isEqualTo(topology.everything());
    }
  }

  private static RawInstruments instruments(long fetchedAtMs, String... symbols) {
    String json =
        java.util.Arrays.stream(symbols)
            .map(
                s ->
                    """
                    {"symbol":"%sUSDT","status":"TRADING","baseAsset":"%s","quoteAsset":"USDT","baseAssetPrecision":8,
                     "filters":[{"filterType":"PRICE_FILTER","minPrice":"0.01","maxPrice":"1000000","tickSize":"0.01000000"},
                                {"filterType":"LOT_SIZE","minQty":"0.0001","maxQty":"9000","stepSize":"0.0001"},
                                {"filterType":"NOTIONAL","minNotional":"5.0"}]}"""
                        .formatted(s, s))
            .collect(java.util.stream.Collectors.joining(",", "{\"symbols\":[", "]}"));
    return RawInstruments.newBuilder()
        .setSource("test")
        .setVenue("binance")
        .setAsOf(Instant.ofEpochSecond(86_400))
        .setInstrumentsJson(TopologyHarness.bytes(json))
        .setEndpoint("alpha")
        .setFetchedAt(Instant.ofEpochMilli(fetchedAtMs))
        .setChecks(List.of("instruments_shape"))
        .build();
  }

  @Test
  void shouldMakeRowsOfInstrumentsAndTakeAwayThoseThatABetterSnapshotHasNot() {
    topology.pipe(instruments(1, "ETH", "BTC", "BNB"));

    GenericRecord row = topology.rows(Topics.MARKET_INSTRUMENTS).getLast();
    assertThat(row.get("symbol")).hasToString("ETHUSDT");
    assertThat(decimal(row, "tick_size")).isEqualByComparingTo("0.01");
    assertThat(decimal(row, "min_notional")).isEqualByComparingTo("5");
    assertThat(row.get("base_precision")).isEqualTo(8);

    topology.pipe(instruments(2, "ETH", "POL"));
    topology.pipe(instruments(1, "ETH", "BTC", "BNB"));

    assertThat(topology.rows(Topics.MARKET_INSTRUMENTS))
        .extracting(r -> r.get("symbol").toString())
        .containsExactly("ETHUSDT", "POLUSDT");
  }
}
