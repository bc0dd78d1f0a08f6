package io.cryptoetl.datasets.values;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;

/**
 * Lengths of candles as venues write them: a number and s, m, h, d, w, or M for calendar months,
 * such as 1m, 4h or 1M.
 */
public final class CandleLength {
  private static final int MAX_DIGITS = 5;
  private static final long QUARTER_OF_AN_HOUR_MS = 900_000;

  private CandleLength() {}

  /**
   * When a candle is closed.
   *
   * @param length such as 1m
   * @return the first moment after the candle; empty if the length is not written like that
   */
  public static Optional<Instant> end(Instant open, String length) {
    return moved(open, length, 1);
  }

  /**
   * When a candle opened.
   *
   * @param end the first moment after the candle
   * @param length such as 1m
   * @return empty if the length is not written like that
   */
  public static Optional<Instant> start(Instant end, String length) {
    return moved(end, length, -1);
  }

  private static Optional<Instant> moved(Instant from, String length, int direction) {
    int digits = length.length() - 1;
    if (digits < 1 || digits > MAX_DIGITS || length.charAt(0) == '0') {
      return Optional.empty();
    }
    long count = 0;
    for (int i = 0; i < digits; i++) {
      char c = length.charAt(i);
      if (c < '0' || c > '9') {
        return Optional.empty();
      }
      count = 10 * count + c - '0';
    }
    count *= direction;
    return switch (length.charAt(digits)) {
      case 's' -> Optional.of(from.plusSeconds(count));
      case 'm' -> Optional.of(from.plus(count, ChronoUnit.MINUTES));
      case 'h' -> Optional.of(from.plus(count, ChronoUnit.HOURS));
      case 'd' -> Optional.of(from.plus(count, ChronoUnit.DAYS));
      case 'w' -> Optional.of(from.plus(7 * count, ChronoUnit.DAYS));
      case 'M' -> Optional.of(from.atZone(ZoneOffset.UTC).plusMonths(count).toInstant());
      default -> Optional.empty();
    };
  }

  /**
   * Whether a candle may open at a time: up to a quarter of an hour at multiples of the length,
   * longer ones at what the length and a quarter of an hour are multiples of, because hours and
   * days of other time zones and of exchanges begin there.
   *
   * @param length such as 1m
   */
  public static boolean mayOpen(Instant open, String length) {
    long whole = end(Instant.EPOCH, length).map(Instant::toEpochMilli).orElse(1L);
    long step = whole;
    for (long rest = QUARTER_OF_AN_HOUR_MS; whole > QUARTER_OF_AN_HOUR_MS && rest != 0; ) {
      long next = step % rest;
      step = rest;
      rest = next;
    }
    return Math.floorMod(open.toEpochMilli(), step) == 0;
  }
}
