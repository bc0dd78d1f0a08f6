package io.cryptoetl.datasets;

import io.cryptoetl.datasets.Conventions.DateOrder;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Hex;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.text.ParsePosition;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.ResolverStyle;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A way to write a time. Tables hold milliseconds, so what is finer is cut. */
sealed interface TimeFormat {
  /** How people may write a time where no layout tells. */
  List<TimeFormat> GIVEN = List.of(new Unix("unix"), new Iso());

  /**
   * The time; empty if the text is not written in this way.
   *
   * @throws BadRecordException if it is, and is no single moment
   */
  Optional<Instant> parse(String text, Conventions conventions) throws BadRecordException;

  /**
   * The moment of a local time.
   *
   * @throws BadRecordException if clocks were changed then, so that it was twice, or never
   */
  private static Instant moment(LocalDateTime local, ZoneId zone, String text)
      throws BadRecordException {
    if (zone instanceof ZoneOffset offset) {
      return local.toInstant(offset);
    }
    List<ZoneOffset> offsets = zone.getRules().getValidOffsets(local);
    if (offsets.size() == 1) {
      return local.toInstant(offsets.getFirst());
    }
    throw new BadRecordException(
        DeadLetterCode.TIME_AMBIGUOUS.code(),
        "'%s' was %s in %s, because clocks were changed: write such times with their offset, or in UTC"
            .formatted(text, offsets.isEmpty() ? "never" : "twice", zone));
  }

  /** Nanoseconds of a fraction of a second; none of null. */
  private static int nanos(String fraction) {
    return fraction == null ? 0 : Integer.parseInt(fraction + "0".repeat(9 - fraction.length()));
  }

  /**
   * A number since 1970: {@code unix_s}, {@code unix_ms}, {@code unix_us} or {@code unix_ns};
   * {@code unix} tells them apart by their magnitude, for times from 1973 to 5138. Hex quantities
   * are numbers too.
   */
  record Unix(String resolution) implements TimeFormat {
    private static final BigDecimal MAX = BigDecimal.TEN.pow(20);
    private static final int LONGEST = 40;
    private static final BigDecimal LEAST_S = BigDecimal.TEN.pow(8);
    private static final BigDecimal LEAST_MS = BigDecimal.TEN.pow(11);
    private static final BigDecimal LEAST_US = BigDecimal.TEN.pow(14);
    private static final BigDecimal LEAST_NS = BigDecimal.TEN.pow(17);

    @Override
    public Optional<Instant> parse(String text, Conventions conventions) {
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
            case "unix_ns" -> -6;
            default -> power(number);
          };
      BigDecimal ms = number.scaleByPowerOfTen(power);
      return ms.compareTo(BigDecimal.valueOf(Long.MAX_VALUE)) > 0
          ? Optional.empty()
          : Optional.of(Instant.ofEpochMilli(ms.longValue()));
    }

    private static int power(BigDecimal number) {
      if (number.compareTo(LEAST_MS) < 0) {
        return 3;
      }
      if (number.compareTo(LEAST_US) < 0) {
        return 0;
      }
      return number.compareTo(LEAST_NS) < 0 ? -3 : -6;
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
   * Year, month and day in this order, as <a href="https://www.rfc-editor.org/rfc/rfc3339">RFC
   * 3339</a>, databases and warehouses write them: {@code 2024-01-31}, perhaps with slashes, with a
   * time behind {@code T} or a space, a fraction of up to nine digits, and {@code Z}, {@code UTC}
   * or an offset.
   */
  record Iso() implements TimeFormat {
    /** Its name in layouts. */
    static final String NAME = "iso";

    private static final Pattern WRITTEN =
        Pattern.compile(
            "([0-9]{4})([-/])([0-9]{2})\\2([0-9]{2})(?:[T ]+([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?(?: ?(Z|UTC|GMT|[-+][0-9]{2}(?::?[0-9]{2})?))?)?");

    @Override
    public Optional<Instant> parse(String text, Conventions conventions) throws BadRecordException {
      if (text.length() < 10 || (text.charAt(4) != '-' && text.charAt(4) != '/')) {
        return Optional.empty();
      }
      Matcher matcher = WRITTEN.matcher(text);
      if (!matcher.matches()) {
        return Optional.empty();
      }
      LocalDateTime local;
      ZoneId zone;
      try {
        LocalDate date = LocalDate.of(number(matcher, 1), number(matcher, 3), number(matcher, 4));
        local =
            date.atTime(
                number(matcher, 5),
                number(matcher, 6),
                number(matcher, 7),
                nanos(matcher.group(8)));
        zone =
            switch (matcher.group(9)) {
              case null -> conventions.zoneOrUtc();
              case "Z", "UTC", "GMT" -> ZoneOffset.UTC;
              default -> ZoneOffset.of(matcher.group(9));
            };
      } catch (DateTimeException e) {
        return Optional.empty();
      }
      return Optional.of(moment(local, zone, text));
    }

    private static int number(Matcher matcher, int group) {
      return matcher.group(group) == null ? 0 : Integer.parseInt(matcher.group(group));
    }

    @Override
    public String toString() {
      return "yyyy-MM-dd, with or without HH:mm:ss and offset";
    }
  }

  /**
   * Day and month before the year, in the order that the file has: without one, taken where one
   * order gives no date or both give the same, refused where nobody can tell. A time may follow, by
   * 12 hours if {@code AM} or {@code PM} stands behind it.
   */
  record DayAndMonth() implements TimeFormat {
    /** Its name in layouts. */
    static final String NAME = "day_or_month_first";

    private static final Pattern WRITTEN =
        Pattern.compile(
            "([0-9]{1,2})([-/.])([0-9]{1,2})\\2([0-9]{4})(?:,?[T ]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.]([0-9]{1,9}))?)?(?: ?([AaPp][Mm]))?(?: ?(Z|UTC|GMT|[-+][0-9]{2}:?[0-9]{2}))?)?");

    private static final int NOON = 12;

    @Override
    public Optional<Instant> parse(String text, Conventions conventions) throws BadRecordException {
      Matcher matcher = WRITTEN.matcher(text);
      if (!matcher.matches()) {
        return Optional.empty();
      }
      Optional<LocalDate> dayFirst = date(matcher, 1, 3);
      Optional<LocalDate> monthFirst = date(matcher, 3, 1);
      if (conventions.dates().isEmpty()
          && dayFirst.isPresent()
          && monthFirst.isPresent()
          && !dayFirst.equals(monthFirst)) {
        throw new BadRecordException(
            Values.CONVENTION_UNKNOWN,
            "'%s' is %s as day/month and %s as month/day: say which with the parameter %s=%s or %s=%s"
                .formatted(
                    text,
                    dayFirst.get(),
                    monthFirst.get(),
                    Conventions.DATES,
                    DateOrder.DAY_FIRST.word(),
                    Conventions.DATES,
                    DateOrder.MONTH_FIRST.word()));
      }
      Optional<LocalDate> date =
          conventions
              .dates()
              .map(order -> order == DateOrder.DAY_FIRST ? dayFirst : monthFirst)
              .orElse(dayFirst.isPresent() ? dayFirst : monthFirst);
      if (date.isEmpty()) {
        return Optional.empty();
      }
      try {
        ZoneId zone =
            switch (matcher.group(10)) {
              case null -> conventions.zoneOrUtc();
              case "Z", "UTC", "GMT" -> ZoneOffset.UTC;
              default -> ZoneOffset.of(matcher.group(10));
            };
        return Optional.of(moment(date.get().atTime(time(matcher)), zone, text));
      } catch (DateTimeException e) {
        return Optional.empty();
      }
    }

    private static Optional<LocalDate> date(Matcher matcher, int day, int month) {
      try {
        return Optional.of(
            LocalDate.of(
                Integer.parseInt(matcher.group(4)),
                Integer.parseInt(matcher.group(month)),
                Integer.parseInt(matcher.group(day))));
      } catch (DateTimeException e) {
        return Optional.empty();
      }
    }

    private static LocalTime time(Matcher matcher) {
      if (matcher.group(5) == null) {
        return LocalTime.MIDNIGHT;
      }
      int hour = Integer.parseInt(matcher.group(5));
      String half = matcher.group(9);
      if (half != null) {
        if (hour < 1 || hour > NOON) {
          throw new DateTimeException("no hour of twelve");
        }
        hour = hour % NOON + (half.equalsIgnoreCase("PM") ? NOON : 0);
      }
      return LocalTime.of(
          hour,
          Integer.parseInt(matcher.group(6)),
          matcher.group(7) == null ? 0 : Integer.parseInt(matcher.group(7)),
          nanos(matcher.group(8)));
    }

    @Override
    public String toString() {
      return "dd/MM/yyyy or MM/dd/yyyy";
    }
  }

  /** A pattern of {@link DateTimeFormatter}; in the file's zone where it has no offset. */
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
          DateTimeFormatter.ofPattern(pattern.replace('y', 'u'), Locale.ENGLISH)
              .withResolverStyle(ResolverStyle.STRICT));
    }

    @Override
    public Optional<Instant> parse(String text, Conventions conventions) throws BadRecordException {
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
      ZoneId told = time.query(TemporalQueries.zone());
      return Optional.of(
          moment(
              date.atTime(ofDay == null ? LocalTime.MIDNIGHT : ofDay),
              told == null ? conventions.zoneOrUtc() : told,
              text));
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
