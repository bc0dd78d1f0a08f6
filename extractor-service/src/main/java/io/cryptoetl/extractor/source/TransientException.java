package io.cryptoetl.extractor.source;

/** The source cannot serve now: try again later. The message never holds a URL. */
public final class TransientException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String code;
  private final boolean answered;

  /**
   * The source cannot serve.
   *
   * @param code countable reason, such as {@code unreachable}
   * @param message what happened and what to do, without secrets
   * @param answered whether the source answered, only not with data that can be used: asking again
   *     and again is then vain
   */
  public TransientException(String code, String message, boolean answered) {
    super(message);
    this.code = code;
    this.answered = answered;
  }

  /** An outage: asking again may help however often it has failed. */
  public TransientException(String code, String message) {
    this(code, message, false);
  }

  /** Countable reason. */
  public String code() {
    return code;
  }

  /** Whether the source answered, only not with data that can be used. */
  public boolean answered() {
    return answered;
  }
}
