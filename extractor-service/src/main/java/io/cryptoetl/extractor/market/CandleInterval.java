package io.cryptoetl.extractor.market;

import java.time.DayOfWeek;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Lengths of candles, by the names that Binance gives them. Each numbers its candles since 1970:
 * they begin at multiples of their length, weeks on Mondays, months on their first days.
 */
enum CandleInterval {
  S1("1s", Duration.ofSeconds(1)),
  M1("1m", Duration.ofMinutes(1)),
  M3("3m", Duration.ofMinutes(3)),
  M5("5m", Duration.ofMinutes(5)),
  M15("15m", Duration.ofMinutes(15)),
  M30("30m", Duration.ofMinutes(30)),
  H1("1h", Duration.ofHours(1)),
  H2("2h", Duration.ofHours(2)),
  H4("4h", Duration.ofHours(4)),
  H6("6h", Duration.ofHours(6)),
  H8("8h", Duration.ofHours(8)),
  H12("12h", Duration.ofHours(12)),
  D1("1d", Duration.ofDays(1)),
  D3("3d", Duration.ofDays(3)),
  WEEK("1w", Duration.ofDays(7)),
  MONTH("1M", Duration.ZERO);

  private static final LocalDate EPOCH = LocalDate.EPOCH;

  /** 1970 began on a Thursday: its first Monday begins week 0. */
  private static final long FIRST_MONDAY =
      Duration.ofDays(
              Math.floorMod(DayOfWeek.MONDAY.getValue() - EPOCH.getDayOfWeek().getValue(), 7))
          .toMillis();

  private final String label;
  private final long millis;

  CandleInterval(String label, Duration length) {
    this.label = label;
    this.millis = length.toMillis();
  }

  /** Name in the API, such as 15m; M is a month. */
  String label() {
    return label;
  }

  /** The number of the candle that a time is within. */
  long number(Instant time) {
    if (this == MONTH) {
      return ChronoUnit.MONTHS.between(
          EPOCH, LocalDate.ofInstant(time, ZoneOffset.UTC).withDayOfMonth(1));
    }
    return Math.floorDiv(time.toEpochMilli() - offset(), millis);
  }

  /** When a candle opens, in milliseconds since 1970. */
  long open(long number) {
    if (this == MONTH) {
      return EPOCH.plusMonths(number).atStartOfDay(ZoneOffset.UTC).toInstant().toEpochMilli();
    }
    return number * millis + offset();
  }

  /** The last millisecond of a candle. */
  long close(long number) {
    return open(number + 1) - 1;
  }

  private long offset() {
    return this == WEEK ? FIRST_MONDAY : 0;
  }

  static Optional<CandleInterval> of(String label) {
    return Arrays.stream(values()).filter(i -> i.label.equals(label)).findFirst();
  }

  static String labels() {
    return Arrays.stream(values()).map(CandleInterval::label).collect(Collectors.joining(", "));
  }
}
