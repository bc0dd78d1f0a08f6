package io.cryptoetl.datasets;

import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.schemas.DeadLetterCode;
import java.time.DateTimeException;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a whole file writes what a single cell does not tell: the order of day and month, what
 * separates a fraction, and the zone of times without one. They are told by the layout or as
 * parameters of the file, or found in its first rows and kept with it; no row decides for itself.
 *
 * @param dates which of day and month comes first; empty if that is not known
 * @param decimals what separates the fraction of a number; empty if that is not known, so that a
 *     point does, and nothing stands between thousands
 * @param zone of times that have none themselves; UTC if nobody says otherwise
 */
public record Conventions(
    Optional<DateOrder> dates, Optional<DecimalMark> decimals, Optional<ZoneId> zone) {
  /** Parameter of the order of day and month. */
  static final String DATES = "dates";

  /** Parameter of the decimal mark; a key of layouts, too. */
  static final String DECIMALS = "decimals";

  /** Parameter of the zone; a key of layouts, too. */
  static final String ZONE = "zone";

  /** Nothing is known. */
  static final Conventions NONE =
      new Conventions(Optional.empty(), Optional.empty(), Optional.empty());

  /** Which of day and month comes first. */
  enum DateOrder {
    /** 31/12/2024. */
    DAY_FIRST,
    /** 12/31/2024. */
    MONTH_FIRST;

    /** As parameters have it. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What separates the fraction of a number. */
  enum DecimalMark {
    /** 1,234.5: a comma, space or apostrophe may stand between thousands. */
    POINT(
        Pattern.compile(
            "[-+]?(?:[0-9]+|[1-9][0-9]{0,2}([,'’ \u00a0\u202f])[0-9]{3}(?:\\1[0-9]{3})*)(?:[.][0-9]*)?(?:[eE][-+]?[0-9]+)?")),
    /** 1.234,5: a point, space or apostrophe may stand between thousands. */
    COMMA(
        Pattern.compile(
            "[-+]?(?:[0-9]+|[1-9][0-9]{0,2}([.'’ \u00a0\u202f])[0-9]{3}(?:\\1[0-9]{3})*)(?:,[0-9]*)?(?:[eE][-+]?[0-9]+)?"));

    private static final Pattern BETWEEN_THOUSANDS = Pattern.compile("[.,'’ \u00a0\u202f]");

    private static final Pattern SPACED =
        Pattern.compile("[-+]?[1-9][0-9]{0,2}(['’ \u00a0\u202f])[0-9]{3}(?:\\1[0-9]{3})*");

    private final Pattern number;

    DecimalMark(Pattern number) {
      this.number = number;
    }

    /** As parameters and layouts have it. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    /** A number with a point before its fraction and nothing else; empty if it is none. */
    Optional<String> plain(String text) {
      if (!number.matcher(text).matches()) {
        return Optional.empty();
      }
      int mark = text.indexOf(this == POINT ? '.' : ',');
      String whole = mark < 0 ? text : text.substring(0, mark);
      String rest = mark < 0 ? "" : "." + text.substring(mark + 1);
      return Optional.of(BETWEEN_THOUSANDS.matcher(whole).replaceAll("") + rest);
    }

    /** A number without fraction and with spaces or apostrophes between thousands, without them. */
    static Optional<String> plainWhole(String text) {
      return SPACED.matcher(text).matches()
          ? Optional.of(BETWEEN_THOUSANDS.matcher(text).replaceAll(""))
          : Optional.empty();
    }

    /** Whether a text is a number by some mark, whatever it may be without. */
    static boolean someNumber(String text) {
      return POINT.plain(text).isPresent() || COMMA.plain(text).isPresent();
    }
  }

  /** Whether a parameter tells a convention, and fills no field. */
  public static boolean isConvention(String parameter) {
    return parameter.equals(DATES) || parameter.equals(DECIMALS) || parameter.equals(ZONE);
  }

  /**
   * Conventions that parameters tell, or else these.
   *
   * @throws BadRecordException if a parameter tells none
   */
  Conventions or(Map<String, String> parameters) throws BadRecordException {
    Optional<DateOrder> order = dates;
    Optional<DecimalMark> mark = decimals;
    Optional<ZoneId> where = zone;
    if (parameters.containsKey(DATES)) {
      order = Optional.of(word(DateOrder.class, DATES, parameters.get(DATES)));
    }
    if (parameters.containsKey(DECIMALS)) {
      mark = Optional.of(word(DecimalMark.class, DECIMALS, parameters.get(DECIMALS)));
    }
    if (parameters.containsKey(ZONE)) {
      where = Optional.of(zone(parameters.get(ZONE)));
    }
    return new Conventions(order, mark, where);
  }

  /** These conventions with another zone. */
  Conventions in(ZoneId other) {
    return new Conventions(dates, decimals, Optional.of(other));
  }

  /** The zone of times without one. */
  ZoneId zoneOrUtc() {
    return zone.orElse(ZoneOffset.UTC);
  }

  static <T extends Enum<T>> T word(Class<T> words, String what, String text)
      throws BadRecordException {
    for (T word : words.getEnumConstants()) {
      if (word.name().equalsIgnoreCase(text.strip())) {
        return word;
      }
    }
    throw new BadRecordException(
        DeadLetterCode.PARAMETER_INVALID.code(),
        "%s is '%s', %s is expected"
            .formatted(
                what,
                text,
                String.join(
                        " or ",
                        java.util.Arrays.stream(words.getEnumConstants()).map(Enum::name).toList())
                    .toLowerCase(Locale.ROOT)));
  }

  /** A zone such as Europe/Berlin, UTC or +08:00. */
  static ZoneId zone(String text) throws BadRecordException {
    try {
      // An abbreviation such as EST or IST means several zones.
      if (text.matches("(?i)utc|gmt|z") || text.matches("[-+0-9].*|UTC.+|GMT.+|.*/.*")) {
        return text.equalsIgnoreCase("z") || text.matches("(?i)utc|gmt")
            ? ZoneOffset.UTC
            : ZoneId.of(text);
      }
    } catch (DateTimeException e) {
      throw noZone(text);
    }
    throw noZone(text);
  }

  private static BadRecordException noZone(String text) {
    return new BadRecordException(
        DeadLetterCode.PARAMETER_INVALID.code(),
        "zone is '%s', one such as UTC, +08:00 or America/New_York is expected".formatted(text));
  }
}
