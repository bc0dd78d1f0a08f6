package io.cryptoetl.loader.table;

/**
 * How a dialect connects.
 *
 * @param url JDBC URL
 * @param statementTimeoutMs longest statement, in milliseconds
 * @param lockTimeoutMs longest wait for a lock, in milliseconds
 * @param keepsOffsets whether offsets are written with the rows: a commit that the server takes
 *     back is loaded again then
 */
public record DatabaseSettings(
    String url,
    String user,
    String password,
    int statementTimeoutMs,
    int lockTimeoutMs,
    boolean keepsOffsets) {
  @Override
  public String toString() {
    // URLs may hold passwords.
    return "DatabaseSettings[user=" + user + "]";
  }
}
