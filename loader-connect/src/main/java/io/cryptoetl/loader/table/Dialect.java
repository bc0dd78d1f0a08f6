package io.cryptoetl.loader.table;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * A kind of database: its SQL, types, errors and locks. Transactions, bad rows, offsets and missing
 * columns are {@link TableLoader}'s, and the same for all.
 */
public interface Dialect {
  /** What an error says of its cause. */
  enum Failure {
    /** The database is away, busy or full: the same may work later. */
    OUTAGE,
    /** User, password or database are refused. */
    ACCESS,
    /** The server takes no writes. */
    READ_ONLY,
    /** A row is at fault. */
    ROW,
    /** The program or its settings. */
    OTHER
  }

  /**
   * Records of one schema.
   *
   * @param fit how their values go with the table; of deletes, how their keys do
   */
  record Rows(TableShape.Fit fit, List<SinkRecord> records) {}

  /** Opens a connection that commits on demand, with timeouts for statements and locks. */
  Connection connect() throws SQLException;

  /** Called when a transaction begins. */
  default void begin(Connection db) throws SQLException {}

  /**
   * Reads what a table looks like.
   *
   * @return a table without columns if there is none of that name
   */
  TableShape read(Connection db, String schema, String table) throws SQLException;

  /** Keeps a table from being changed by others until the transaction ends, if need be. */
  default void hold(Connection db, TableShape shape) throws SQLException {}

  /** Called when a table is not what it was: what was remembered of it is of no use any more. */
  default void forget(TableShape shape) {}

  /**
   * Puts rows into a table; those of known keys replace what is there if they differ from it.
   *
   * @throws DataException if a value does not fit its column
   */
  void put(Connection db, TableShape shape, List<Rows> rows) throws SQLException;

  /** Takes the rows of the records' keys out of a table. */
  void delete(Connection db, TableShape shape, List<Rows> keys) throws SQLException;

  /** Has constraints that may be deferred wait for {@link #check}. */
  default void defer(Connection db) throws SQLException {}

  /** Checks them: at the commit they would blame all rows of the transaction. */
  default void check(Connection db) throws SQLException {}

  /** Has the commit of this transaction wait for the disk, if it would not. */
  default void waitForDisk(Connection db) throws SQLException {}

  /** What an error says of its cause. */
  Failure failure(SQLException e);

  /** What to do about an error, beyond what its message says; empty if that is all. */
  default String advice(SQLException e) {
    return "";
  }

  /** Whether a row that is refused so may be taken later, when others have come. */
  boolean mayPassLater(SQLException e);
}
