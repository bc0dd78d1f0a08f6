package io.cryptoetl.datasets;

import io.cryptoetl.datasets.values.BadRecordException;
import java.time.ZoneId;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The name of a column that tells the zone of its times, such as {@code Open time (UTC+8)}, {@code
 * date_utc} or {@code Date [Europe/Berlin]}.
 *
 * @param name without the zone
 */
record ZonedName(String name, ZoneId zone) {
  private static final Pattern WRITTEN =
      Pattern.compile(
          "(?i)(.+?)[ _]*(?:[ _(\\[]((?:UTC|GMT)(?: ?[-+][0-9]{1,2}(?::?[0-9]{2})?)?|[A-Za-z]+/[A-Za-z_/]+)[)\\]]?)");

  /** What a name tells; empty if it tells no zone. */
  static Optional<ZonedName> of(String name) {
    Matcher matcher = WRITTEN.matcher(name.strip());
    if (!matcher.matches()) {
      return Optional.empty();
    }
    try {
      String zone = matcher.group(2).replace(" ", "");
      // ZoneId takes UTC+8, UTC+08 and UTC+08:00, in capitals.
      return Optional.of(
          new ZonedName(
              matcher.group(1),
              Conventions.zone(
                  zone.contains("/") ? zone : zone.toUpperCase(java.util.Locale.ROOT))));
    } catch (BadRecordException e) {
      return Optional.empty();
    }
  }
}
