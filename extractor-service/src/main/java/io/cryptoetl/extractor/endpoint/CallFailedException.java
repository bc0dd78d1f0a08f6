package io.cryptoetl.extractor.endpoint;

import java.time.Duration;
import java.util.Optional;

/** A call to an endpoint failed. The message holds the endpoint's name and never its URL. */
public final class CallFailedException extends Exception {
  private static final long serialVersionUID = 1L;

  private final Kind kind;
  private final String code;
  private final transient Duration pause;
  private final int calls;

  /** What the caller can do. */
  public enum Kind {
    /** Not reached, or in trouble: ask later, or another endpoint. */
    OUTAGE,
    /** Asked too much: slow down. */
    LIMITED,
    /** Asked for too much at once: ask for less. */
    TOO_LARGE,
    /** It does not have this, at least not yet. */
    NOT_THERE,
    /** It answered what cannot be used: whatever words it found, they prove nothing. */
    REFUSED
  }

  /**
   * A failure.
   *
   * @param code countable, such as {@code unreachable}
   * @param pause how long the endpoint asks to be left alone, or null
   */
  public CallFailedException(Kind kind, String code, String message, Duration pause) {
    this(kind, code, message, pause, 1, null);
  }

  private CallFailedException(
      Kind kind, String code, String message, Duration pause, int calls, Throwable cause) {
    super(message, cause);
    this.kind = kind;
    this.code = code;
    this.pause = pause;
    this.calls = calls;
  }

  /** A failure without a pause that was asked for. */
  public CallFailedException(Kind kind, String code, String message) {
    this(kind, code, message, null);
  }

  /** The same failure, of a request that held so many calls. */
  public CallFailedException of(int held) {
    return new CallFailedException(kind, code, getMessage(), pause, held, this);
  }

  /** Calls that the request held: of more than one it is not known which failed. */
  public int calls() {
    return calls;
  }

  /** What the caller can do. */
  public Kind kind() {
    return kind;
  }

  /** Whether it is the endpoint that is in trouble, whatever it is asked for. */
  public boolean isTrouble() {
    return kind == Kind.OUTAGE || kind == Kind.LIMITED;
  }

  /** Countable reason. */
  public String code() {
    return code;
  }

  /** How long the endpoint asks to be left alone. */
  public Optional<Duration> pause() {
    return Optional.ofNullable(pause);
  }
}
