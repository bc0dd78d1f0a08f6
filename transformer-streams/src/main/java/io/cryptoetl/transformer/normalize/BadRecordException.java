package io.cryptoetl.transformer.normalize;

/** A raw record that cannot be normalized. */
public final class BadRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String code;

  /**
   * Bad data.
   *
   * @param code countable reason, such as {@code field_invalid}
   * @param message what was given and what was expected
   */
  public BadRecordException(String code, String message) {
    super(message);
    this.code = code;
  }

  /** Countable reason. */
  public String code() {
    return code;
  }
}
