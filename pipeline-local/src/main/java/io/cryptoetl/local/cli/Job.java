package io.cryptoetl.local.cli;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;

/**
 * How far a job is.
 *
 * @param ranges that it is made of; 0 if nobody ordered it
 * @param rangesDone ranges that are worked off
 * @param rangesCancelled of them
 * @param numbers that are worked off
 * @param records that were published
 * @param absent numbers that the source has not
 */
record Job(
    long ranges,
    long rangesDone,
    long rangesCancelled,
    long numbers,
    long records,
    long absent,
    long deadLetters,
    long retries) {
  static final String COLUMNS =
      "coalesce(r.ranges, 0), coalesce(ranges_done, 0), coalesce(ranges_cancelled, 0), coalesce(numbers, 0), coalesce(records, 0), coalesce(absent, 0), coalesce(dead_letters, 0), coalesce(j.retries, 0)";

  /**
   * How far a job is.
   *
   * @param ranges that it is made of, as whoever ordered it was told
   */
  static Job of(Connection db, String id, int ranges) throws SQLException {
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT "
                + COLUMNS
                + " FROM (SELECT ?::text AS job_id, ?::bigint AS ranges) AS r LEFT JOIN ops.jobs AS j ON j.job_id = r.job_id")) {
      query.setString(1, id);
      query.setInt(2, ranges);
      try (ResultSet row = query.executeQuery()) {
        row.next();
        return of(row);
      }
    }
  }

  /** The first columns of a row are {@link #COLUMNS}. */
  static Job of(ResultSet row) throws SQLException {
    return new Job(
        row.getLong(1),
        row.getLong(2),
        row.getLong(3),
        row.getLong(4),
        row.getLong(5),
        row.getLong(6),
        row.getLong(7),
        row.getLong(8));
  }

  boolean isRunning() {
    return rangesDone < ranges;
  }

  boolean isCancelled() {
    return rangesCancelled > 0;
  }

  String state() {
    return isRunning() ? "running" : isCancelled() ? "cancelled" : "done";
  }
}
