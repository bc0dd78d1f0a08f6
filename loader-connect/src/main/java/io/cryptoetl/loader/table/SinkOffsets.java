package io.cryptoetl.loader.table;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLTransactionRollbackException;
import java.sql.Types;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * How far the rows of each partition are in the database, in a table of the database, written in
 * the transaction that writes the rows: a batch is there once, or not at all, whatever Connect
 * knows of it. A task that lost its partitions finds the offset changed by the one that has them,
 * and its transaction fails.
 *
 * <p>Also, from where on rows lack columns that the table had not yet, and which rows are dead
 * letters.
 */
public final class SinkOffsets {
  static final Comparator<TopicPartition> ORDER =
      Comparator.comparing(TopicPartition::topic).thenComparing(TopicPartition::partition);

  private static final long UNKNOWN = -1;

  /** Rows of a partition of which it is known that they are dead letters. */
  private static final int MOST_REFUSED = 1_000;

  private static final String PLACE = " WHERE connector = ? AND topic = ? AND topic_partition = ?";

  private final String table;
  private final String connector;

  /** As committed, of the partitions that were asked for. */
  private final Map<TopicPartition, Place> known = new HashMap<>();

  /** As they will be after this transaction. In order, which is the order of locks. */
  private final Map<TopicPartition, Place> changed = new TreeMap<>(ORDER);

  /**
   * How far a partition is loaded.
   *
   * @param topicId of Kafka: a topic of the same name that was made anew has another one
   * @param next offset of the record to load next; UNKNOWN if there is no row
   * @param gap null if no row lacks a column
   * @param refused digests of the keys of rows that are dead letters, by their offsets
   */
  private record Place(String topicId, long next, Gap gap, SortedMap<Long, String> refused) {
    Place with(long newNext, Gap newGap) {
      return new Place(topicId, newNext, newGap, refused);
    }
  }

  /**
   * Rows that lack columns.
   *
   * @param from offset of the first of them
   */
  record Gap(String table, long from, Set<String> columns) {}

  /**
   * Offsets of a connector.
   *
   * @param table schema.table that keeps them; empty for none
   */
  public SinkOffsets(String table, String connector) {
    this.table = table;
    this.connector = connector;
  }

  boolean isKept() {
    return !table.isEmpty();
  }

  /**
   * Reads how far partitions are loaded.
   *
   * @param topicIds of the topics as they are now, where known
   * @return offsets to go on from; a partition is absent if nothing is known of it
   */
  Map<TopicPartition, Long> read(
      Connection db, Collection<TopicPartition> partitions, Map<String, String> topicIds)
      throws SQLException {
    Map<TopicPartition, Long> next = new TreeMap<>(ORDER);
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT topic_id, next_offset, incomplete_table, incomplete_from, missing_columns, refused_rows FROM "
                + table
                + PLACE)) {
      for (TopicPartition partition : partitions) {
        place(query, 1, partition);
        known.put(
            partition, new Place(topicIds.get(partition.topic()), UNKNOWN, null, new TreeMap<>()));
        try (ResultSet row = query.executeQuery()) {
          if (row.next()) {
            Place stored = place(row);
            String topicId = topicIds.get(partition.topic());
            boolean same =
                topicId == null || stored.topicId() == null || topicId.equals(stored.topicId());
            // A topic that was made anew is read from where Connect stands, which is its start.
            known.put(
                partition,
                new Place(
                    topicId == null ? stored.topicId() : topicId,
                    stored.next(),
                    same ? stored.gap() : null,
                    same ? stored.refused() : new TreeMap<>()));
            if (same) {
              next.put(partition, stored.next());
            }
          }
        }
      }
    }
    return next;
  }

  private static Place place(ResultSet row) throws SQLException {
    String columns = row.getString("missing_columns");
    SortedMap<Long, String> refused = new TreeMap<>();
    String rows = row.getString("refused_rows");
    if (rows != null) {
      for (String each : rows.split(",")) {
        int colon = each.indexOf(':');
        refused.put(Long.valueOf(each.substring(0, colon)), each.substring(colon + 1));
      }
    }
    return new Place(
        row.getString("topic_id"),
        row.getLong("next_offset"),
        columns == null
            ? null
            : new Gap(
                row.getString("incomplete_table"),
                row.getLong("incomplete_from"),
                new TreeSet<>(List.of(columns.split(",")))),
        refused);
  }

  /** Begins a transaction after which these are the offsets to go on from. */
  void begin(Map<TopicPartition, Long> next) {
    changed.clear();
    if (isKept()) {
      next.forEach(
          (partition, offset) -> {
            Place before =
                known.getOrDefault(partition, new Place(null, UNKNOWN, null, new TreeMap<>()));
            changed.put(
                partition,
                new Place(before.topicId(), offset, before.gap(), new TreeMap<>(before.refused())));
          });
    }
  }

  /** Notes that records from an offset on are still to be loaded, whatever comes after them. */
  void hold(TopicPartition partition, long offset) {
    changed.computeIfPresent(partition, (p, place) -> place.with(offset, place.gap()));
  }

  /**
   * Notes that a row is a dead letter.
   *
   * @param digest of its key
   */
  void refused(TopicPartition partition, long offset, String digest) {
    Place place = changed.get(partition);
    if (place != null) {
      place.refused().put(offset, digest);
      if (place.refused().size() > MOST_REFUSED) {
        place.refused().remove(place.refused().firstKey());
      }
    }
  }

  /** Rows of a partition that are dead letters: digests of their keys, by their offsets. */
  Map<Long, String> refused(TopicPartition partition) {
    return changed.containsKey(partition) ? Map.copyOf(changed.get(partition).refused()) : Map.of();
  }

  /** Notes that a row is no dead letter any more. */
  void mended(TopicPartition partition, long offset) {
    changed.get(partition).refused().remove(offset);
  }

  /**
   * Notes that a row is loaded without some columns.
   *
   * @return whether that is news
   * @throws MissingColumnsException if rows of the partition lack columns of another table
   */
  boolean incomplete(SinkRecord record, String of, Set<String> columns) {
    TopicPartition partition = RowBatch.partition(record);
    Place place = changed.get(partition);
    Gap before = place.gap();
    if (before != null && !before.table().equals(of)) {
      throw new MissingColumnsException(of, columns);
    }
    Set<String> all = new TreeSet<>(columns);
    long from = record.originalKafkaOffset();
    if (before != null) {
      all.addAll(before.columns());
      from = Math.min(from, before.from());
    }
    changed.put(partition, place.with(place.next(), new Gap(of, from, all)));
    return before == null || !before.columns().equals(all);
  }

  /** Partitions of which rows lack columns. */
  Map<TopicPartition, Gap> incomplete() {
    Map<TopicPartition, Gap> gaps = new TreeMap<>(ORDER);
    known.forEach(
        (partition, place) -> {
          if (place.gap() != null) {
            gaps.put(partition, place.gap());
          }
        });
    return gaps;
  }

  /**
   * Writes the offsets of this transaction.
   *
   * @return whether all of them can be told from what was there before, so that nobody would take a
   *     commit for there that a crash took back: an offset that waiting rows hold cannot, nor one
   *     of which nothing was there
   * @throws SQLException if somebody else has changed one since it was read, with SQLState 40001
   */
  boolean store(Connection db) throws SQLException {
    boolean areTold = true;
    try (PreparedStatement update =
            db.prepareStatement(
                "UPDATE "
                    + table
                    + " SET topic_id = ?, next_offset = ?, incomplete_table = ?, incomplete_from = ?, missing_columns = ?, refused_rows = ?, updated_at = CURRENT_TIMESTAMP"
                    + PLACE
                    + " AND next_offset = ?");
        PreparedStatement insert =
            db.prepareStatement(
                "INSERT INTO "
                    + table
                    + " (topic_id, next_offset, incomplete_table, incomplete_from, missing_columns, refused_rows, connector, topic, topic_partition, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, CURRENT_TIMESTAMP)")) {
      for (Map.Entry<TopicPartition, Place> each : changed.entrySet()) {
        long before = known.containsKey(each.getKey()) ? known.get(each.getKey()).next() : UNKNOWN;
        PreparedStatement statement = before == UNKNOWN ? insert : update;
        Place place = each.getValue();
        areTold &= before != UNKNOWN && before != place.next();
        if (known.containsKey(each.getKey())) {
          areTold &= Objects.equals(known.get(each.getKey()).topicId(), place.topicId());
        }
        statement.setString(1, place.topicId());
        statement.setLong(2, place.next());
        Gap gap = place.gap();
        statement.setString(3, gap == null ? null : gap.table());
        statement.setObject(4, gap == null ? null : gap.from(), Types.BIGINT);
        statement.setString(5, gap == null ? null : String.join(",", gap.columns()));
        statement.setString(6, text(place.refused()));
        place(statement, 7, each.getKey());
        if (before != UNKNOWN) {
          statement.setLong(10, before);
        }
        // One by one: some drivers do not count the rows of batches.
        if (before == UNKNOWN) {
          insert(insert);
        } else if (update.executeUpdate() != 1) {
          throw moved(null);
        }
      }
    }
    return areTold;
  }

  private static String text(Map<Long, String> refused) {
    return refused.isEmpty()
        ? null
        : refused.entrySet().stream()
            .map(row -> row.getKey() + ":" + row.getValue())
            .collect(Collectors.joining(","));
  }

  private static void insert(PreparedStatement insert) throws SQLException {
    try {
      insert.executeUpdate();
    } catch (SQLException e) {
      if (e.getSQLState() != null && e.getSQLState().startsWith("23")) {
        throw moved(e);
      }
      throw e;
    }
  }

  private static SQLException moved(SQLException cause) {
    return new SQLTransactionRollbackException(
        "offsets are not what this task wrote: another task has its partitions, or the server has gone back",
        "40001",
        cause);
  }

  private void place(PreparedStatement statement, int from, TopicPartition partition)
      throws SQLException {
    statement.setString(from, connector);
    statement.setString(from + 1, partition.topic());
    statement.setInt(from + 2, partition.partition());
  }

  /**
   * Goes back to where rows began to lack columns, which is forgotten then, or to a row before that
   * waits.
   *
   * @return where to go on
   */
  Map<TopicPartition, Long> goBack(Connection db, Collection<TopicPartition> partitions)
      throws SQLException {
    Map<TopicPartition, Long> back = new TreeMap<>(ORDER);
    changed.clear();
    for (TopicPartition partition : partitions) {
      Place place = known.get(partition);
      back.put(partition, Math.min(place.next(), place.gap().from()));
      changed.put(partition, place.with(back.get(partition), null));
    }
    store(db);
    return back;
  }

  /** Whether something was loaded before, by this task or one before it. */
  boolean areThere() {
    return known.values().stream().anyMatch(place -> place.next() != UNKNOWN);
  }

  /**
   * Demands that the database still has what was committed. A server that crashed may have taken
   * the last commits back, and not even the connection need have noticed.
   *
   * @throws SQLException if it has not, with SQLState 40001
   */
  void verify(Connection db) throws SQLException {
    Map<TopicPartition, Long> there = new HashMap<>();
    try (PreparedStatement query =
        db.prepareStatement(
            "SELECT topic, topic_partition, next_offset FROM " + table + " WHERE connector = ?")) {
      query.setString(1, connector);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          there.put(new TopicPartition(rows.getString(1), rows.getInt(2)), rows.getLong(3));
        }
      }
    }
    for (Map.Entry<TopicPartition, Place> each : known.entrySet()) {
      if (there.getOrDefault(each.getKey(), UNKNOWN) != each.getValue().next()) {
        throw moved(null);
      }
    }
  }

  void forget(Collection<TopicPartition> partitions) {
    known.keySet().removeAll(partitions);
  }

  void committed() {
    known.putAll(changed);
    changed.clear();
  }

  /** What was known may be wrong: it has to be read again. */
  void rolledBack() {
    known.clear();
    changed.clear();
  }
}
