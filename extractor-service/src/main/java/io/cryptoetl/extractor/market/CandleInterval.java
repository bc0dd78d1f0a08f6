package io.cryptoetl.extractor.market;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** Lengths of candles, by the names that Binance gives them; all begin at multiples since 1970. */
enum CandleInterval {
  S1(Duration.ofSeconds(1)),
  M1(Duration.ofMinutes(1)),
  M3(Duration.ofMinutes(3)),
  M5(Duration.ofMinutes(5)),
  M15(Duration.ofMinutes(15)),
  M30(Duration.ofMinutes(30)),
  H1(Duration.ofHours(1)),
  H2(Duration.ofHours(2)),
  H4(Duration.ofHours(4)),
  H6(Duration.ofHours(6)),
  H8(Duration.ofHours(8)),
  H12(Duration.ofHours(12)),
  D1(Duration.ofDays(1));

  private final long millis;

  CandleInterval(Duration length) {
    this.millis = length.toMillis();
  }

  /** Length in milliseconds. */
  long millis() {
    return millis;
  }

  /** Name in the API, such as 15m. */
  String label() {
    return name().substring(1) + name().substring(0, 1).toLowerCase(Locale.ROOT);
  }

  static Optional<CandleInterval> of(String label) {
    return Arrays.stream(values()).filter(i -> i.label().equals(label)).findFirst();
  }

  static String labels() {
    return Arrays.stream(values()).map(CandleInterval::label).collect(Collectors.joining(", "));
  }
}
