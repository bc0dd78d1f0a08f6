package io.cryptoetl.local.cli;

import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Parts;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Optional;

/**
 * How far the pipeline is, as the database tells.
 *
 * @param planned blocks that the scheduled planners have planned
 * @param fetched blocks that were published
 * @param deadLetters heights that went to the dead letters when they were fetched, and records that
 *     could not be processed later
 * @param loaded rows of chain.blocks
 * @param rows rows of the chain tables that belong to these blocks
 * @param incomplete blocks that have not all their child rows yet
 */
record Progress(
    long planned, long fetched, long deadLetters, long loaded, long rows, long incomplete) {
  private static final String SQL =
      """
      SELECT
        (SELECT coalesce(sum(next_number - first_number), 0) FROM ops.cursors WHERE source NOT LIKE '%.%'),
        (SELECT coalesce(sum(blocks), 0) FROM ops.extract_results WHERE source NOT LIKE '%.%'),
        (SELECT count(*) FROM ops.dead_letters),
        b.blocks,
        b.rows
      FROM (
        SELECT count(*) AS blocks,
          coalesce(sum(1 + coalesce(transaction_count, 0) + coalesce(log_count, 0)
            + coalesce(token_transfer_count, 0) + coalesce(withdrawal_count, 0)
            + coalesce(access_list_entry_count, 0) + coalesce(authorization_count, 0)), 0) AS rows
        FROM chain.blocks
      ) AS b
      """;

  /** Reads the progress; counting incomplete blocks takes long with many blocks. */
  static Progress read(Parts parts, boolean withIncomplete) throws SQLException {
    try (Connection db = parts.connection(Database.PIPELINE);
        Statement statement = db.createStatement()) {
      db.setReadOnly(true);
      long incomplete = 0;
      if (withIncomplete) {
        try (ResultSet r = statement.executeQuery("SELECT count(*) FROM audit.incomplete_blocks")) {
          r.next();
          incomplete = r.getLong(1);
        }
      }
      try (ResultSet r = statement.executeQuery(SQL)) {
        r.next();
        return new Progress(
            r.getLong(1), r.getLong(2), r.getLong(3), r.getLong(4), r.getLong(5), incomplete);
      }
    }
  }

  /**
   * Whether everything that was asked for is in the tables or the dead letters.
   *
   * @param expected blocks that are expected, if that is known
   */
  boolean isCaughtUp(Optional<Long> expected) {
    long wanted = expected.orElse(planned);
    return incomplete == 0 && wanted > 0 && loaded + deadLetters >= Math.max(wanted, planned);
  }

  /** One line for people. */
  String line(Optional<Long> expected, double rowsPerSecond) {
    String text =
        "blocks planned %,d · fetched %,d · loaded %,d | rows %,d (%,.0f/s)"
            .formatted(
                Math.max(planned, expected.orElse(0L)), fetched, loaded, rows, rowsPerSecond);
    return deadLetters == 0 ? text : text + " | dead letters %,d".formatted(deadLetters);
  }
}
