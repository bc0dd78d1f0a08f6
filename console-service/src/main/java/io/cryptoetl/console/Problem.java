package io.cryptoetl.console;

/**
 * Why a request is refused, as a page tells it.
 *
 * @param status of HTTP
 * @param code countable reason, such as too_many_queries
 * @param message what was given, what is allowed, what to do next
 */
public record Problem(int status, String code, String message) {
  /** A request is refused. */
  public static final class Refused extends RuntimeException {
    private static final long serialVersionUID = 1L;
    private final transient Problem problem;

    /** It is refused for a reason. */
    public Refused(int status, String code, String message) {
      super(message);
      this.problem = new Problem(status, code, message);
    }

    /** The reason. */
    public Problem problem() {
      return problem;
    }
  }
}
