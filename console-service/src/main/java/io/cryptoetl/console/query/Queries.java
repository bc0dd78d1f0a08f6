package io.cryptoetl.console.query;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Database;
import io.cryptoetl.console.Problem;
import jakarta.enterprise.context.ApplicationScoped;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import org.jboss.logging.Logger;
import org.postgresql.PGConnection;

/**
 * Runs people's queries. Each has a connection and a transaction of its own, which ends with it:
 * nothing that a query leaves behind meets the next one. The statement stands behind {@code DECLARE
 * ... CURSOR FOR}, where the server's grammar admits a query only, and is sent by the extended
 * protocol, in which the server takes one statement at a time.
 */
@ApplicationScoped
public class Queries {
  private static final Logger LOG = Logger.getLogger(Queries.class);
  private static final String DECLARE = "DECLARE result NO SCROLL CURSOR FOR ";
  private static final String CANCELLED = "It was cancelled.";
  private static final Duration CANCELLED_FOR = Duration.ofSeconds(30);
  private static final int VIEWS = 10;
  private static final int FIRST_ROWS = 50;
  private static final int ROWS = 500;
  private static final long FETCH_BYTES = 4L * 1024 * 1024;

  /** Time that the server has to stop a query by itself before it is cancelled. */
  private static final Duration GRACE = Duration.ofSeconds(2);

  private final Database database;
  private final RoleCheck role;
  private final ConsoleConfig.Query limits;
  private final Semaphore room;
  private final Semaphore views = new Semaphore(VIEWS);
  private final Map<String, Running> running = new ConcurrentHashMap<>();

  /** Queries that were cancelled lately: the order may come before the query. */
  private final Map<String, Long> cancelled = new ConcurrentHashMap<>();

  private final ScheduledExecutorService watchdog =
      Executors.newSingleThreadScheduledExecutor(
          task -> Thread.ofPlatform().daemon().name("query-watchdog").unstarted(task));

  Queries(Database database, RoleCheck role, ConsoleConfig config) {
    this.database = database;
    this.role = role;
    this.limits = config.query();
    this.room = new Semaphore(limits.running());
  }

  /**
   * Who reads a result.
   *
   * @param id by which the query can be cancelled
   * @param hangUp closes the connection to the reader
   */
  record Reader(String id, Runnable hangUp) {}

  /** A query that runs. */
  private static final class Running implements AutoCloseable {
    private final Connection connection;
    private Optional<String> stopped = Optional.empty();
    private boolean closed;
    private final Runnable hangUp;
    private final List<ScheduledFuture<?>> watch = new ArrayList<>();

    Running(Connection connection, Runnable hangUp) {
      this.connection = connection;
      this.hangUp = hangUp;
    }

    synchronized Optional<String> stopped() {
      return stopped;
    }

    /** Stops it, in the database as well. */
    synchronized void stop(String why) {
      if (closed) {
        return;
      }
      stopped = stopped.or(() -> Optional.of(why));
      try {
        connection.unwrap(PGConnection.class).cancelQuery();
      } catch (SQLException e) {
        LOG.infof("event=cancel_failed sqlstate=%s", e.getSQLState());
      }
    }

    /** Ends it although its reader does not take what it has. */
    synchronized void abandon() {
      if (closed) {
        return;
      }
      try {
        connection.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.infof("event=abort_failed sqlstate=%s", e.getSQLState());
      }
      hangUp.run();
    }

    @Override
    public synchronized void close() throws SQLException {
      closed = true;
      watch.forEach(w -> w.cancel(false));
      // Without waiting for the rest of a result: the backend ends with its connection.
      connection.abort(Runnable::run);
    }
  }

  /** Where a connection comes from. */
  @FunctionalInterface
  private interface Connections {
    Connection open() throws SQLException;
  }

  /** Writes rows. */
  interface Sink {
    /** Writes the rows of a result, as many as it takes; returns how many. */
    int write(ResultSet result) throws SQLException, IOException;

    /** About how many bytes all rows so far took. */
    long bytes();

    /** Whether it takes no more. */
    default boolean isFull() {
      return false;
    }

    /** All rows were written. */
    default void end() throws IOException {}
  }

  /** What is done with a connection. */
  @FunctionalInterface
  private interface Work {
    void with(Running query, Statement statement) throws SQLException, IOException;
  }

  /**
   * Runs a query and writes its rows, as many as are shown.
   *
   * @param reader who wants to know
   */
  void run(Reader reader, SqlText text, OutputStream out) throws IOException {
    run(database::reader, reader, text, out);
  }

  /** Writes the rows of a page's own query. */
  void view(Reader reader, SqlText text, OutputStream out) throws IOException {
    run(database::pages, reader, text, out);
  }

  private void run(Connections connections, Reader reader, SqlText text, OutputStream out)
      throws IOException {
    long began = System.nanoTime();
    Rows rows = new Rows(out, limits.rows(), limits.bytes());
    within(
        connections,
        reader,
        text,
        limits.time(),
        rows,
        DECLARE.length(),
        (query, statement) -> {
          statement.execute(DECLARE + text.sql());
          fetch(query, statement, rows);
          rows.end(TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - began));
        });
  }

  /** Writes the plan of a query, as PostgreSQL's EXPLAIN tells it in JSON. */
  void explain(Reader reader, SqlText text, boolean analyze, OutputStream out) throws IOException {
    String explain =
        "EXPLAIN (FORMAT JSON%s) ".formatted(analyze ? ", ANALYZE, BUFFERS" : "") + DECLARE;
    Rows rows = new Rows(out, limits.rows(), limits.bytes());
    within(
        database::reader,
        reader,
        text,
        limits.time(),
        rows,
        explain.length(),
        (query, statement) -> {
          try (ResultSet result = statement.executeQuery(explain + text.sql())) {
            rows.write(result);
          }
          rows.end(0);
        });
  }

  /**
   * Gives the rows of the cursor to who writes them, until there are no more or it takes no more.
   * The first ones come soon; of wide ones fewer are fetched at once, so that they take a few
   * megabytes.
   */
  private static void fetch(Running query, Statement statement, Sink sink)
      throws SQLException, IOException {
    int next = FIRST_ROWS;
    long rows = 0;
    while (true) {
      int count;
      try (ResultSet result = statement.executeQuery("FETCH " + next + " FROM result")) {
        count = sink.write(result);
      }
      if (sink.isFull() || count < next) {
        return;
      }
      if (query.stopped().isPresent()) {
        throw new SQLException("stopped");
      }
      rows += count;
      long mean = Math.max(1, sink.bytes() / rows);
      next = Math.clamp(FETCH_BYTES / mean, 1, ROWS);
    }
  }

  /**
   * Writes all rows of a query.
   *
   * @param format csv, byte for byte as COPY writes it; ndjson, lines of JSON; or parquet
   */
  void export(Reader reader, SqlText text, String format, OutputStream out) throws IOException {
    boolean isJson = format.equals("ndjson");
    Sink sink = format.equals("parquet") ? new ParquetRows(out) : new CsvRows(out, !isJson);
    within(
        database::reader,
        reader,
        text,
        limits.exportTime(),
        null,
        DECLARE.length(),
        (query, statement) -> {
          statement.execute(DECLARE + text.sql());
          if (isJson) {
            // It is a query, as was just seen, so that it can stand within another one.
            statement.execute("CLOSE result");
            statement.execute(DECLARE + "SELECT row_to_json(r) FROM (" + text.sql() + "\n) AS r");
          }
          fetch(query, statement, sink);
          sink.end();
          out.flush();
        });
  }

  private void within(
      Connections connections,
      Reader reader,
      SqlText text,
      Duration time,
      Rows rows,
      int before,
      Work work)
      throws IOException {
    Optional<Running> begun = Optional.empty();
    try {
      Running query = new Running(connections.open(), reader.hangUp());
      begun = Optional.of(query);
      try (query) {
        if (running.putIfAbsent(reader.id(), query) != null) {
          throw new IOException("a query of this id runs already");
        }
        if (cancelled.containsKey(reader.id())) {
          query.stop(CANCELLED);
          throw new SQLException(CANCELLED);
        }
        watch(query, time);
        query.connection.setReadOnly(true);
        query.connection.setAutoCommit(false);
        try (Statement statement = query.connection.createStatement()) {
          statement.setEscapeProcessing(false);
          statement.execute("SET LOCAL TimeZone = 'UTC'");
          statement.execute("SET LOCAL cursor_tuple_fraction = 1");
          statement.execute("SET LOCAL statement_timeout = " + time.toMillis());
          work.with(query, statement);
        }
      } finally {
        running.remove(reader.id(), query);
      }
    } catch (SQLException e) {
      QueryFailure failure = QueryFailure.of(e, text, before, begun.flatMap(Running::stopped));
      if (rows == null) {
        // The file breaks off: whoever reads it must not take it for the whole.
        throw new IOException(failure.message(), e);
      }
      rows.failed(failure);
    }
  }

  /** What takes too long is cancelled; what does not end then is cut off. */
  private void watch(Running query, Duration time) {
    String why =
        "It was stopped: the result took longer than %d s to make and to read."
            .formatted(time.toSeconds());
    query.watch.add(
        watchdog.schedule(
            () -> query.stop(why), time.plus(GRACE).toMillis(), TimeUnit.MILLISECONDS));
    query.watch.add(
        watchdog.schedule(
            query::abandon, time.plus(GRACE).plus(GRACE).toMillis(), TimeUnit.MILLISECONDS));
  }

  /**
   * Takes a place among the queries that run; {@link #leave} gives it back.
   *
   * @throws Problem.Refused if there is none, or the role may do more than read
   */
  void enter() throws SQLException {
    role.check();
    if (!room.tryAcquire()) {
      throw new Problem.Refused(
          429,
          "too_many_queries",
          "%d queries run already. Cancel one, or wait for one to end."
              .formatted(limits.running()));
    }
  }

  void leave() {
    room.release();
  }

  /** Takes a place among the pages' own queries; {@link #leaveView} gives it back. */
  void enterView() {
    if (!views.tryAcquire()) {
      throw new Problem.Refused(
          429, "busy", "Many pages ask at once. It is asked again by itself.");
    }
  }

  void leaveView() {
    views.release();
  }

  /** Cancels a query; one that has ended stays ended, one that has not begun yet does not begin. */
  void cancel(String id) {
    long now = System.nanoTime();
    cancelled.values().removeIf(at -> now - at > CANCELLED_FOR.toNanos());
    cancelled.put(id, now);
    Running query = running.get(id);
    if (query != null) {
      query.stop(CANCELLED);
    }
  }
}
