package io.cryptoetl.datasets.values;

import io.cryptoetl.schemas.DeadLetterCode;

/** Texts that tables can hold. */
public final class Texts {
  private Texts() {}

  /**
   * Refuses what PostgreSQL does not keep: zero characters, which JSON and Avro allow.
   *
   * @param what names it in messages
   */
  public static String require(String what, String text) throws BadRecordException {
    if (text.indexOf('\0') >= 0) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          what + " holds a zero character, which no table can hold");
    }
    return text;
  }
}
