package io.cryptoetl.extractor.source;

/** The source gave data that is wrong or incomplete. The message never holds a URL. */
public class BadDataException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String code;

  /**
   * Wrong data.
   *
   * @param code countable reason, such as {@code receipts_missing}
   * @param message what was given and what was expected
   */
  public BadDataException(String code, String message) {
    super(message);
    this.code = code;
  }

  /** Countable reason. */
  public String code() {
    return code;
  }
}
