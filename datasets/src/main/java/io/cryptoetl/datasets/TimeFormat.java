package io.cryptoetl.datasets;

import io.cryptoetl.datasets.values.Hex;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.text.ParsePosition;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.ResolverStyle;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;

/** A way to write a time. Tables hold milliseconds, so what is finer is cut. */
sealed interface TimeFormat {
  /** How people may write a time where no layout tells. */
  List<TimeFormat> GIVEN =
      List.of(
          new Unix("unix"),
          Text.of("yyyy-MM-dd'T'HH:mm:ss[.SSS]X"),
          Text.of("yyyy-MM-dd'T'HH:mm:ss[.SSS]XXX"),
          Text.of("yyyy-MM-dd HH:mm:ss[.SSS]XXX"),
          Text.of("yyyy-MM-dd HH:mm:ss[.SSS]X"),
          Text.of("yyyy-MM-dd HH:mm:ss[.SSSSSS] 'UTC'"),
          Text.of("yyyy-MM-dd"));

  /** The time; empty if the text is not written in this way. */
  Optional<Instant> parse(String text);

  /**
   * A number since 1970: {@code unix_s}, {@code unix_ms} or {@code unix_us}; {@code unix} tells
   * seconds, milliseconds and microseconds apart by their magnitude, for times from 1973 to 5138.
   * Hex quantities are numbers too.
   */
  record Unix(String resolution) implements TimeFormat {
    private static final BigDecimal MAX = BigDecimal.TEN.pow(18);
    private static final int LONGEST = 40;
    private static final BigDecimal LEAST_S = BigDecimal.TEN.pow(8);
    private static final BigDecimal LEAST_MS = BigDecimal.TEN.pow(11);
    private static final BigDecimal LEAST_US = BigDecimal.TEN.pow(14);

    @Override
    public Optional<Instant> parse(String text) {
      if (text.length() > LONGEST || !mayBeNumber(text)) {
        return Optional.empty();
      }
      BigDecimal number;
      try {
        BigInteger hex = Hex.quantity(text);
        number = hex == null ? new BigDecimal(text) : new BigDecimal(hex);
      } catch (NumberFormatException e) {
        return Optional.empty();
      }
      if (number.signum() < 0 || number.compareTo(MAX) > 0) {
        return Optional.empty();
      }
      if (resolution.equals("unix") && number.compareTo(LEAST_S) < 0) {
        return Optional.empty();
      }
      int power =
          switch (resolution) {
            case "unix_s" -> 3;
            case "unix_ms" -> 0;
            case "unix_us" -> -3;
            default -> number.compareTo(LEAST_MS) < 0 ? 3 : number.compareTo(LEAST_US) < 0 ? 0 : -3;
          };
      return Optional.of(Instant.ofEpochMilli(number.scaleByPowerOfTen(power).longValue()));
    }

    /**
     * Most times are none, and to find that out by an exception takes long. One with an exponent
     * was rounded by a spreadsheet.
     */
    private static boolean mayBeNumber(String text) {
      if (text.startsWith("0x")) {
        return true;
      }
      for (int i = 0; i < text.length(); i++) {
        char c = text.charAt(i);
        boolean isSign = i == 0 && (c == '-' || c == '+');
        if (!isSign && (c < '0' || c > '9') && c != '.') {
          return false;
        }
      }
      return !text.isEmpty();
    }

    @Override
    public String toString() {
      return resolution;
    }
  }

  /**
   * Day and month with slashes, in either order: taken where one order gives no date or both give
   * the same, refused where nobody can tell.
   */
  record Slashes() implements TimeFormat {
    /** Its name in layouts. */
    static final String NAME = "slashes";

    private static final Text DAY_FIRST = Text.of("dd/MM/yyyy");
    private static final Text MONTH_FIRST = Text.of("MM/dd/yyyy");

    @Override
    public Optional<Instant> parse(String text) {
      Optional<Instant> day = DAY_FIRST.parse(text);
      Optional<Instant> month = MONTH_FIRST.parse(text);
      return day.isPresent() && month.isPresent() && !day.equals(month)
          ? Optional.empty()
          : day.or(() -> month);
    }

    /** Whether both orders give a date, and not the same. */
    static boolean isAmbiguous(String text) {
      return DAY_FIRST.parse(text).isPresent()
          && MONTH_FIRST.parse(text).isPresent()
          && !DAY_FIRST.parse(text).equals(MONTH_FIRST.parse(text));
    }

    /** Both readings, for people. */
    static String readings(String text) {
      return "%s as day/month and %s as month/day"
          .formatted(
              DAY_FIRST.parse(text).orElseThrow().toString().substring(0, 10),
              MONTH_FIRST.parse(text).orElseThrow().toString().substring(0, 10));
    }

    @Override
    public String toString() {
      return "dd/MM/yyyy or MM/dd/yyyy";
    }
  }

  /** A pattern of {@link DateTimeFormatter}; UTC where it has no offset. */
  final class Text implements TimeFormat {
    private final String pattern;
    private final DateTimeFormatter formatter;

    /** Whether the text before was written like that: the next one will be, too. */
    private volatile boolean likely;

    private Text(String pattern, DateTimeFormatter formatter) {
      this.pattern = pattern;
      this.formatter = formatter;
    }

    /**
     * A pattern that takes no day which does not exist.
     *
     * @throws IllegalArgumentException if it is none
     */
    static Text of(String pattern) {
      // Strictly, y is a year of an era, which nobody writes.
      return new Text(
          pattern,
          DateTimeFormatter.ofPattern(pattern.replace('y', 'u'), Locale.ROOT)
              .withResolverStyle(ResolverStyle.STRICT));
    }

    @Override
    public Optional<Instant> parse(String text) {
      if (!likely && !looksLikeIt(text)) {
        return Optional.empty();
      }
      TemporalAccessor time;
      try {
        time = formatter.parse(text);
      } catch (DateTimeException e) {
        likely = false;
        return Optional.empty();
      }
      likely = true;
      LocalDate date = time.query(TemporalQueries.localDate());
      if (date == null) {
        return Optional.empty();
      }
      LocalTime ofDay = time.query(TemporalQueries.localTime());
      if (ofDay == null) {
        return Optional.of(date.atStartOfDay().toInstant(ZoneOffset.UTC));
      }
      ZoneOffset offset = time.query(TemporalQueries.offset());
      return Optional.of(
          date.atTime(ofDay).toInstant(Objects.requireNonNullElse(offset, ZoneOffset.UTC)));
    }

    /** Tells without an exception, which takes long. */
    private boolean looksLikeIt(String text) {
      ParsePosition end = new ParsePosition(0);
      return formatter.parseUnresolved(text, end) != null && end.getIndex() == text.length();
    }

    @Override
    public String toString() {
      return pattern;
    }
  }
}
