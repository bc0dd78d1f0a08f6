package io.cryptoetl.datasets.values;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lengths of candles as venues write them: a number and s, m, h, d, w, or M for calendar months,
 * such as 1m, 4h or 1M.
 */
public final class CandleLength {
  private static final Pattern LENGTH = Pattern.compile("([1-9][0-9]{0,4})([smhdwM])");

  private CandleLength() {}

  /**
   * When a candle is closed.
   *
   * @param length such as 1m
   * @return the first moment after the candle; empty if the length is not written like that
   */
  public static Optional<Instant> end(Instant open, String length) {
    Matcher matcher = LENGTH.matcher(length);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    long count = Long.parseLong(matcher.group(1));
    return Optional.of(
        switch (matcher.group(2)) {
          case "s" -> open.plusSeconds(count);
          case "m" -> open.plus(count, ChronoUnit.MINUTES);
          case "h" -> open.plus(count, ChronoUnit.HOURS);
          case "d" -> open.plus(count, ChronoUnit.DAYS);
          case "w" -> open.plus(7 * count, ChronoUnit.DAYS);
          default -> open.atZone(ZoneOffset.UTC).plusMonths(count).toInstant();
        });
  }
}
