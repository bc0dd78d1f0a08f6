package io.cryptoetl.datasets.values;

import io.cryptoetl.schemas.DeadLetterCode;
import java.time.Instant;

/** Times that tables can hold and that sources can mean. */
public final class Times {
  private static final Instant END = Instant.parse("9999-01-01T00:00:00Z");

  private Times() {}

  /**
   * Refuses a time that must be a mistake, such as one in another unit.
   *
   * @param what names it in messages
   */
  public static void require(String what, Instant time) throws BadRecordException {
    if (time.isBefore(Instant.EPOCH) || !time.isBefore(END)) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          "%s is %d s since 1970, a time from 1970 to 9998 is expected"
              .formatted(what, time.getEpochSecond()));
    }
  }
}
