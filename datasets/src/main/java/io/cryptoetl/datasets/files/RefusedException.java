package io.cryptoetl.datasets.files;

import java.io.IOException;

/** A file that cannot be taken as it is. Trying again does not help. */
public final class RefusedException extends IOException {
  private static final long serialVersionUID = 1L;

  private final String code;

  /**
   * A refusal.
   *
   * @param code countable reason, such as {@code file_expands}
   * @param message what was found, what is allowed, what to do next
   */
  public RefusedException(String code, String message) {
    super(message);
    this.code = code;
  }

  /** Countable reason. */
  public String code() {
    return code;
  }
}
