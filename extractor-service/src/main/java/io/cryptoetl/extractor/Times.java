package io.cryptoetl.extractor;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.Optional;

/** Dates and times as people give them. */
public final class Times {
  private Times() {}

  /** Reads {@code 2024-01-01} (midnight UTC) or {@code 2024-01-01T12:00:00Z}, with any offset. */
  public static Optional<Instant> parse(String text) {
    try {
      return Optional.of(
          text.matches("[0-9]{4}-[0-9]{2}-[0-9]{2}")
              ? LocalDate.parse(text).atStartOfDay(ZoneOffset.UTC).toInstant()
              : OffsetDateTime.parse(text).toInstant());
    } catch (DateTimeException e) {
      // Not a time: the caller says what is allowed.
      return Optional.empty();
    }
  }
}
