package io.cryptoetl.loader;

import org.apache.kafka.connect.errors.DataException;

/**
 * A record that cannot be a row of its table: it goes to the dead letters, the others are loaded.
 */
final class BadRowException extends DataException {
  private static final long serialVersionUID = 1L;

  private final String code;

  /**
   * A bad record.
   *
   * @param code countable reason
   */
  BadRowException(String code, String message) {
    super(message);
    this.code = code;
  }

  String code() {
    return code;
  }
}
