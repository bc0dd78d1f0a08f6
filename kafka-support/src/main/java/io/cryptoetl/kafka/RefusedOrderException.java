package io.cryptoetl.kafka;

/** An order cannot be obeyed; the message says what was given, what is allowed, what to do next. */
public final class RefusedOrderException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private final int status;

  /**
   * A refusal.
   *
   * @param status of HTTP, for orders by REST
   */
  public RefusedOrderException(int status, String message) {
    super(message);
    this.status = status;
  }

  /** Status of HTTP. */
  public int status() {
    return status;
  }
}
