package io.cryptoetl.loader.table;

import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.schemas.DeadLetterCode;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.SQLRecoverableException;
import java.sql.Savepoint;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Loads batches into the tables of a database, each in one transaction: bad rows are set apart,
 * rows that come before others wait, and offsets are written with the rows.
 */
public final class TableLoader implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(TableLoader.class);

  /** Share of a batch below which no good rows are looked for among those that wait. */
  private static final int SPARED = 16;

  private final Dialect dialect;
  private final SinkOffsets offsets;
  private final boolean loadsWithoutMissingColumns;
  private final long rowsWaitMs;
  private final Map<String, TableShape> shapes = new HashMap<>();
  private volatile Connection connection;

  /** User, password and name of the database were right. */
  private boolean wasConnected;

  private boolean hasLoaded;

  /** A task before this one had loaded something. */
  private boolean hadLoaded;

  private volatile boolean closed;

  /** Who is told of what happens to records while a batch is loaded. */
  public interface Listener {
    /**
     * A record that the database refuses.
     *
     * @param code countable reason
     */
    void refused(SinkRecord record, String code, Exception reason);

    /** A row of the key of one that was refused is loaded, or that one itself. */
    void mended(TopicPartition partition, long offset);

    /** All else of the batch is about to be committed: what was refused must be kept by now. */
    void beforeCommit();
  }

  /**
   * A loader, which connects when there is something to load.
   *
   * @param loadsWithoutMissingColumns whether rows are loaded without columns that the table has
   *     not yet; else they wait
   * @param rowsWaitMs how long a row is tried again that is refused for what others are not there
   */
  public TableLoader(
      Dialect dialect, SinkOffsets offsets, boolean loadsWithoutMissingColumns, long rowsWaitMs) {
    this.dialect = dialect;
    this.offsets = offsets;
    this.loadsWithoutMissingColumns = loadsWithoutMissingColumns;
    this.rowsWaitMs = rowsWaitMs;
  }

  /**
   * Loads the batch in one transaction, but for the rows that the database refuses.
   *
   * @throws SQLException if the database failed: nothing is loaded then
   * @throws MissingColumnsException if the sink is to wait for a migration
   */
  public void load(RowBatch batch, Listener listener) throws SQLException {
    transaction(
        db -> {
          offsets.begin(batch.next());
          for (String topic : new TreeSet<>(batch.topics())) {
            look(db, topic);
          }
          batch.begin(order(batch.topics()));
          Refused refused = new Refused(listener);
          part(db, batch, batch, refused);
          withdraw(batch, refused);
          batch.waitingFrom().forEach(offsets::hold);
          listener.beforeCommit();
          if (offsets.isKept() && !offsets.store(db)) {
            dialect.waitForDisk(db);
          }
          return batch;
        });
    hasLoaded = true;
  }

  /** Notes what is refused. */
  private final class Refused implements Listener {
    private final Listener listener;
    private final Set<SinkRecord> records = Collections.newSetFromMap(new IdentityHashMap<>());

    Refused(Listener listener) {
      this.listener = listener;
    }

    @Override
    public void refused(SinkRecord record, String code, Exception reason) {
      records.add(record);
      offsets.refused(
          RowBatch.partition(record), record.originalKafkaOffset(), RowBatch.digest(record));
      listener.refused(record, code, reason);
    }

    @Override
    public void mended(TopicPartition partition, long offset) {
      listener.mended(partition, offset);
    }

    @Override
    public void beforeCommit() {
      listener.beforeCommit();
    }
  }

  /** Tells of rows that were refused and are loaded now, or a later one of their key. */
  private void withdraw(RowBatch batch, Refused refused) {
    Map<TopicPartition, Map<Long, String>> letters = new HashMap<>();
    for (TopicPartition partition : batch.next().keySet()) {
      Map<Long, String> own = offsets.refused(partition);
      if (!own.isEmpty()) {
        letters.put(partition, own);
      }
    }
    if (letters.isEmpty()) {
      return;
    }
    for (SinkRecord record : batch.records(this::isKeyed)) {
      TopicPartition partition = RowBatch.partition(record);
      if (!letters.containsKey(partition)
          || refused.records.contains(record)
          || batch.waits(record)) {
        continue;
      }
      long offset = record.originalKafkaOffset();
      String digest = RowBatch.digest(record);
      letters
          .get(partition)
          .forEach(
              (letter, key) -> {
                boolean sameKey = isKeyed(record.topic()) && key.equals(digest);
                if (letter == offset || (letter < offset && sameKey)) {
                  offsets.mended(partition, letter);
                  refused.mended(partition, letter);
                }
              });
    }
  }

  /**
   * Loads a part, or its halves if it holds a bad row, or refuses the row if it is the only one.
   * Rows of which others may still have to come are left in the batch, and the last steps of the
   * search for them are spared: with them wait those that stand near.
   */
  private void part(Connection db, RowBatch part, RowBatch whole, Listener listener)
      throws SQLException {
    Savepoint start = db.setSavepoint();
    String code;
    Exception reason;
    boolean mayPassLater = false;
    try {
      write(db, part);
      db.releaseSavepoint(start);
      return;
    } catch (DataException e) {
      code = e instanceof BadRowException bad ? bad.code() : DeadLetterCode.VALUE_INVALID.code();
      reason = e;
    } catch (SQLException e) {
      if (dialect.failure(e) != Dialect.Failure.ROW) {
        throw e;
      }
      code = DeadLetterCode.ofSqlState(e.getSQLState());
      reason = e;
      mayPassLater = dialect.mayPassLater(e);
    }
    db.rollback(start);
    if (mayPassLater && part.topics().size() > 1) {
      // A parent does not wait with the children of another one.
      for (RowBatch topic : part.byTopic(this::isKeyed)) {
        part(db, topic, whole, listener);
      }
      return;
    }
    if (mayPassLater
        && part.rows() <= Math.max(1, whole.rows() / SPARED)
        && whole.await(part, this::isKeyed, rowsWaitMs, reason.getMessage())) {
      // What they would replace is there meanwhile.
      RowBatch before = whole.beforeAll(part, this::isKeyed);
      if (!before.isEmpty()) {
        part(db, before, whole, listener);
      }
      return;
    }
    if (part.rows() == 1) {
      SinkRecord bad = part.records(t -> false).get(0);
      listener.refused(bad, code, reason);
      // What it would have replaced stays, as if the two had come in two batches.
      RowBatch before = whole.before(bad, isKeyed(bad.topic()));
      if (!before.isEmpty()) {
        part(db, before, whole, listener);
      }
      return;
    }
    for (RowBatch half : part.halves(this::isKeyed)) {
      part(db, half, whole, listener);
    }
  }

  private void write(Connection db, RowBatch part) throws SQLException {
    Map<String, RowBatch.Changes> changes = new LinkedHashMap<>();
    for (String topic : part.topics()) {
      changes.put(topic, part.changes(topic, isKeyed(topic)));
    }
    dialect.defer(db);
    // Children go before their parents, and come after them.
    for (String topic : reversed(changes.keySet())) {
      List<SinkRecord> deleted = changes.get(topic).deleted();
      if (!deleted.isEmpty()) {
        dialect.delete(db, shapes.get(topic), keys(shapes.get(topic), deleted));
      }
    }
    for (String topic : changes.keySet()) {
      List<SinkRecord> rows = changes.get(topic).rows();
      if (!rows.isEmpty()) {
        dialect.put(db, shapes.get(topic), rows(shapes.get(topic), rows));
      }
    }
    dialect.check(db);
  }

  private static List<String> reversed(Collection<String> names) {
    List<String> reversed = new ArrayList<>(names);
    Collections.reverse(reversed);
    return reversed;
  }

  /** Topics in an order in which parents come before their children; circles by name. */
  private List<String> order(Collection<String> topics) {
    Set<String> ordered = new LinkedHashSet<>();
    Set<String> seen = new HashSet<>();
    for (String topic : topics) {
      parentsFirst(topic, topics, seen, ordered);
    }
    return List.copyOf(ordered);
  }

  private void parentsFirst(
      String topic, Collection<String> topics, Set<String> seen, Set<String> ordered) {
    if (seen.add(topic)) {
      for (String parent : new TreeSet<>(shapes.get(topic).parents())) {
        if (topics.contains(parent)) {
          parentsFirst(parent, topics, seen, ordered);
        }
      }
      ordered.add(topic);
    }
  }

  private boolean isKeyed(String topic) {
    return shapes.get(topic).keyed();
  }

  private static List<Dialect.Rows> keys(TableShape shape, List<SinkRecord> records) {
    List<Dialect.Rows> groups = new ArrayList<>();
    for (SinkRecord record : records) {
      TableShape.Fit fit = shape.fit(record.key());
      group(groups, fit, record, () -> shape.requireKey(names(record.key())));
    }
    return groups;
  }

  private List<Dialect.Rows> rows(TableShape shape, List<SinkRecord> records) {
    List<Dialect.Rows> groups = new ArrayList<>();
    for (SinkRecord record : records) {
      TableShape.Fit fit = shape.fit(record.value());
      group(
          groups,
          fit,
          record,
          () -> {
            shape.requireComplete(fit);
            if (shape.keyed()) {
              shape.requireKey(names(record.key()));
            }
          });
      if (!fit.missing().isEmpty()) {
        if (!loadsWithoutMissingColumns || !shape.keyed()) {
          throw new MissingColumnsException(shape.name(), fit.missing());
        }
        if (offsets.incomplete(record, shape.name(), fit.missing())) {
          LOG.warn(
              "event=columns_missing table={} columns={}; rows are loaded without them, and again once a migration has added them",
              shape.name(),
              fit.missing());
        }
      }
    }
    return groups;
  }

  /** Adds a record to those of its schema; there are few schemas. */
  private static void group(
      List<Dialect.Rows> groups, TableShape.Fit fit, SinkRecord record, Runnable ifFirst) {
    for (Dialect.Rows rows : groups) {
      if (rows.fit() == fit) {
        rows.records().add(record);
        return;
      }
    }
    ifFirst.run();
    Dialect.Rows rows = new Dialect.Rows(fit, new ArrayList<>());
    rows.records().add(record);
    groups.add(rows);
  }

  private static List<String> names(Object key) {
    Schema schema = key instanceof AvroRow row ? row.codec().schema() : ((Struct) key).schema();
    return schema.fields().stream().map(Field::name).toList();
  }

  /**
   * Where to go on reading, as the database says; a partition is absent if nothing is known of it.
   *
   * @param topicIds of the topics as they are now, where known
   * @throws SQLException if the database failed
   */
  public Map<TopicPartition, Long> positions(
      Collection<TopicPartition> partitions, Map<String, String> topicIds) throws SQLException {
    Map<TopicPartition, Long> places = transaction(db -> offsets.read(db, partitions, topicIds));
    hadLoaded |= offsets.areThere();
    return places;
  }

  /**
   * Offsets to go back to, as columns have come that rows were loaded without.
   *
   * @throws SQLException if the database failed, or has not what was committed
   */
  public Map<TopicPartition, Long> completions() throws SQLException {
    Map<TopicPartition, SinkOffsets.Gap> gaps = offsets.incomplete();
    return transaction(
        db -> {
          offsets.verify(db);
          dialect.waitForDisk(db);
          Set<TopicPartition> back = new TreeSet<>(SinkOffsets.ORDER);
          for (Map.Entry<TopicPartition, SinkOffsets.Gap> each : gaps.entrySet()) {
            SinkOffsets.Gap gap = each.getValue();
            if (readShape(db, gap.table()).columns().keySet().containsAll(gap.columns())) {
              back.add(each.getKey());
            }
          }
          return back.isEmpty() ? Map.of() : offsets.goBack(db, back);
        });
  }

  private interface Work<T> {
    T in(Connection db) throws SQLException;
  }

  private <T> T transaction(Work<T> work) throws SQLException {
    boolean committed = false;
    try {
      Connection db = connection();
      dialect.begin(db);
      T result = work.in(db);
      if (closed) {
        throw new SQLRecoverableException("the sink was stopped", "08003");
      }
      db.commit();
      offsets.committed();
      committed = true;
      return result;
    } finally {
      if (!committed) {
        offsets.rolledBack();
        abort();
      }
    }
  }

  private Connection connection() throws SQLException {
    if (closed) {
      throw new SQLRecoverableException("the sink was stopped", "08003");
    }
    if (connection == null) {
      connection = dialect.connect();
      wasConnected = true;
    }
    return connection;
  }

  /** Looks at a table in each transaction: a migration may have changed it. */
  private void look(Connection db, String topic) throws SQLException {
    TableShape known = shapes.get(topic);
    if (known != null) {
      dialect.hold(db, known);
    }
    TableShape now = readShape(db, topic);
    if (known == null) {
      dialect.hold(db, now);
      now = readShape(db, topic);
    }
    if (known == null || !known.isLike(now)) {
      dialect.forget(now);
      shapes.put(topic, now);
    }
  }

  /**
   * Whether an error will pass by itself. A database that is being restored knows nobody, and a
   * server may become a standby: what never worked is a mistake.
   */
  public boolean isOutage(SQLException e) {
    return switch (dialect.failure(e)) {
      case OUTAGE -> true;
      case ACCESS -> wasConnected;
      case READ_ONLY -> hasLoaded || hadLoaded;
      case ROW, OTHER -> false;
    };
  }

  /** What to do about an error, beyond what its message says; empty if that is all. */
  public String advice(SQLException e) {
    return dialect.advice(e);
  }

  /** The partitions are somebody else's now. */
  public void forget(Collection<TopicPartition> partitions) {
    offsets.forget(partitions);
  }

  private TableShape readShape(Connection db, String topic) throws SQLException {
    int dot = topic.indexOf('.');
    if (dot < 1 || dot == topic.length() - 1) {
      throw new ConnectException("topic " + topic + " does not name a table; schema.table does");
    }
    TableShape shape = dialect.read(db, topic.substring(0, dot), topic.substring(dot + 1));
    if (shape.columns().isEmpty()) {
      throw new RetriableException(
          "there is no table "
              + topic
              + " for the topic of that name; run the migrations, the records wait for it");
    }
    return shape;
  }

  /** Ends, also while another thread loads: what it has not committed is rolled back. */
  @Override
  public void close() {
    closed = true;
    abort();
  }

  /**
   * Gives the connection up without a word to the server, which then rolls back. A rollback would
   * wait for ever for a COPY that the network has cut off.
   */
  private void abort() {
    Connection last = connection;
    connection = null;
    if (last != null) {
      try {
        last.abort(Runnable::run);
      } catch (SQLException e) {
        LOG.warn("event=connection_abort_failed reason=\"{}\"", e.getMessage());
      }
    }
  }
}
