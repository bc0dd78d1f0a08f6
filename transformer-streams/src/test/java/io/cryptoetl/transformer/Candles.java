package io.cryptoetl.transformer;

import io.cryptoetl.raw.RawCandle;
import java.time.Instant;
import java.util.List;

/** Raw candles for tests. */
final class Candles {
  private Candles() {}

  /** A candle of a minute. */
  static RawCandle candle(
      String venue, String symbol, long openSecond, String close, long fetchedAtMs) {
    return candle(venue, symbol, "1m", openSecond, openSecond + 60, close, fetchedAtMs);
  }

  static RawCandle candle(
      String venue,
      String symbol,
      String interval,
      long openSecond,
      long endSecond,
      String close,
      long fetchedAtMs) {
    return RawCandle.newBuilder()
        .setSource("test")
        .setVenue(venue)
        .setSymbol(symbol)
        .setInterval(interval)
        .setOpenTime(Instant.ofEpochSecond(openSecond))
        .setCloseTime(Instant.ofEpochSecond(endSecond).minusMillis(1))
        .setCandleJson(
            TopologyHarness.bytes(
                "[%d,\"1\",\"9000\",\"0.5\",\"%s\",\"12.00000000\",%d,\"24.5\",7,\"6\",\"12.25\",\"0\"]"
                    .formatted(openSecond * 1000, close, endSecond * 1000 - 1)))
        .setEndpoint("alpha")
        .setFetchedAt(Instant.ofEpochMilli(fetchedAtMs))
        .setChecks(List.of("candle_shape"))
        .build();
  }
}
