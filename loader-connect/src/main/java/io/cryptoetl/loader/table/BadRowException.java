package io.cryptoetl.loader.table;

import org.apache.kafka.connect.errors.DataException;

/**
 * A record that cannot be a row of its table: it goes to the dead letters, the others are loaded.
 */
public final class BadRowException extends DataException {
  private static final long serialVersionUID = 1L;

  private final String code;

  /**
   * A bad record.
   *
   * @param code countable reason
   */
  public BadRowException(String code, String message) {
    super(message);
    this.code = code;
  }

  public String code() {
    return code;
  }
}
