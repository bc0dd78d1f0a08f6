package io.cryptoetl.datasets.values;

/** A raw record that cannot be normalized. */
public final class BadRecordException extends Exception {
  private static final long serialVersionUID = 1L;

  private final String code;
  private final String column;

  /**
   * Bad data.
   *
   * @param code countable reason, such as {@code field_invalid}
   * @param message what was given and what was expected
   */
  public BadRecordException(String code, String message) {
    this(code, null, message);
  }

  /**
   * Bad data in a column of a file.
   *
   * @param column as the file names it; null if it is no single one
   */
  public BadRecordException(String code, String column, String message) {
    super(message);
    this.code = code;
    this.column = column;
  }

  /** Countable reason. */
  public String code() {
    return code;
  }

  /** Column of the file, null if it is no single one. */
  public String column() {
    return column;
  }
}
