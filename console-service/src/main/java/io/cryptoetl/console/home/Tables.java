package io.cryptoetl.console.home;

import io.cryptoetl.console.Database;
import jakarta.enterprise.context.ApplicationScoped;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What the tables tell of the pipeline. */
@ApplicationScoped
class Tables {
  /** What is fetched of each source: the first piece without a hole ends where fetching is. */
  private static final String FEEDS =
      """
      WITH fetched AS (
        SELECT source, range_agg(int8range(from_number, to_number, '[]')) AS ranges
        FROM ops.extract_results WHERE outcome = 'published' GROUP BY source
      )
      SELECT c.source, c.first_number, c.next_number, c.head_number, c.planned_at,
        coalesce((SELECT upper(r) - 1 FROM unnest(f.ranges) AS r WHERE r @> c.first_number), c.first_number - 1),
        coalesce((SELECT sum(upper(r) - lower(r)) FROM unnest(int8multirange(int8range(c.first_number, c.next_number)) - coalesce(f.ranges, '{}')) AS r), 0),
        coalesce((SELECT state = 'paused' FROM ops.controls WHERE kind = 'source' AND id = split_part(c.source, '.', 1)), false)
      FROM ops.cursors AS c LEFT JOIN fetched AS f USING (source)
      ORDER BY c.source
      """;

  /** The chains of the tables, each found by a look into the index. */
  private static final String CHAINS =
      """
      WITH RECURSIVE chains AS (
        (SELECT chain_id FROM chain.blocks ORDER BY chain_id LIMIT 1)
        UNION ALL
        SELECT (SELECT b.chain_id FROM chain.blocks AS b WHERE b.chain_id > c.chain_id ORDER BY b.chain_id LIMIT 1)
        FROM chains AS c WHERE c.chain_id IS NOT NULL
      )
      SELECT c.chain_id, b.source, b.number, b.timestamp,
        CASE WHEN (SELECT reltuples FROM pg_class WHERE oid = 'chain.blocks'::regclass) < 2e6
          THEN (SELECT count(*) FROM chain.blocks WHERE chain_id = c.chain_id)
          ELSE b.number - (SELECT min(number) FROM chain.blocks WHERE chain_id = c.chain_id) + 1 END,
        (SELECT extract(epoch FROM b.timestamp - e.timestamp) / nullif(b.number - e.number, 0)
          FROM chain.blocks AS e WHERE e.chain_id = c.chain_id AND e.number >= b.number - 100 ORDER BY e.number LIMIT 1)
      FROM chains AS c
      CROSS JOIN LATERAL (SELECT source, number, timestamp FROM chain.blocks WHERE chain_id = c.chain_id ORDER BY number DESC LIMIT 1) AS b
      WHERE c.chain_id IS NOT NULL
      """;

  /** Of a large table only what is newest of each feed. */
  private static final String CANDLES =
      """
      SELECT c.source, k.open_time, extract(epoch FROM k.close_time - k.open_time) + 0.001,
        CASE WHEN (SELECT reltuples FROM pg_class WHERE oid = 'market.candles'::regclass) < 2e6
          THEN (SELECT count(*) FROM market.candles AS m WHERE m.venue = k.venue AND m.symbol = k.symbol AND m.interval = k.interval)
          ELSE c.next_number - c.first_number END
      FROM ops.cursors AS c
      CROSS JOIN LATERAL (
        SELECT venue, symbol, interval, open_time, close_time FROM market.candles
        WHERE source = split_part(c.source, '.', 1) AND symbol = split_part(c.source, '.', 2) AND interval = split_part(c.source, '.', 3)
        ORDER BY venue DESC, symbol DESC, interval DESC, open_time DESC LIMIT 1
      ) AS k
      WHERE c.source LIKE '%.%.%'
      """;

  private static final String LETTERS =
      """
      SELECT stage, code, coalesce(source, topic, ''), letters, last_at, last_reason
      FROM audit.dead_letters ORDER BY letters DESC LIMIT 20
      """;

  private static final String RUNS =
      """
      SELECT DISTINCT ON (source) source, outcome, problem, finished_at
      FROM ops.extract_runs WHERE finished_at > now() - interval '1 hour' ORDER BY source, finished_at DESC
      """;

  private static final String SIZES =
      """
      SELECT n.nspname || '.' || c.relname, greatest(c.reltuples, pg_stat_get_live_tuples(c.oid))::bigint, pg_total_relation_size(c.oid)
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('chain', 'market', 'business', 'ops')
        AND has_table_privilege(c.oid, 'SELECT')
      ORDER BY 3 DESC, 1
      """;

  private static final String OFFSETS =
      "SELECT topic, topic_partition, next_offset FROM ops.sink_offsets";

  private final Database database;

  Tables(Database database) {
    this.database = database;
  }

  /** A cursor, and what is fetched. */
  record FeedRow(
      String source,
      long first,
      long next,
      long head,
      Instant plannedAt,
      long fetched,
      long holes,
      boolean paused) {}

  /** What is loaded of a feed; {@code unitSeconds} is null if it cannot be told. */
  record LoadedRow(Long chainId, long number, Instant newest, long count, Double unitSeconds) {}

  /** Dead letters of one reason. */
  record LetterRow(
      String stage, String code, String of, long letters, Instant lastAt, String reason) {}

  /** The last run of a source. */
  record RunRow(String source, String outcome, String problem, Instant at) {}

  /**
   * All of it.
   *
   * @param chains what is loaded by chain id
   * @param sources chain id by source of its newest block
   * @param candles what is loaded by feed
   * @param offsets next offset to load by topic and partition, as {@code topic/partition}
   * @param slow what took too long to be read: it is as it was before
   */
  record Content(
      List<FeedRow> feeds,
      Map<Long, LoadedRow> chains,
      Map<String, Long> sources,
      Map<String, LoadedRow> candles,
      List<LetterRow> letters,
      List<RunRow> runs,
      List<Snapshot.TableSize> sizes,
      Map<String, Long> offsets,
      List<String> slow) {
    static final Content EMPTY =
        new Content(
            List.of(), Map.of(), Map.of(), Map.of(), List.of(), List.of(), List.of(), Map.of(),
            List.of());
  }

  /** Maps a row. */
  @FunctionalInterface
  private interface Mapper<T> {
    T map(ResultSet row) throws SQLException;
  }

  /**
   * Reads what the tables tell.
   *
   * @param before what stays where a query takes too long
   */
  Content read(Content before) throws SQLException {
    try (Connection connection = database.pages();
        Statement statement = connection.createStatement()) {
      List<String> slow = new ArrayList<>();
      Part part = new Part(statement, slow);
      List<Map.Entry<String, LoadedRow>> chains = part.list(CHAINS, Tables::chain, "blocks", null);
      List<Map.Entry<String, LoadedRow>> candles =
          part.list(CANDLES, Tables::candles, "candles", null);
      Map<Long, LoadedRow> byChain = chains == null ? before.chains() : new HashMap<>();
      Map<String, Long> sources = chains == null ? before.sources() : new HashMap<>();
      if (chains != null) {
        for (Map.Entry<String, LoadedRow> row : chains) {
          byChain.put(row.getValue().chainId(), row.getValue());
          sources.put(row.getKey(), row.getValue().chainId());
        }
      }
      return new Content(
          part.list(
              FEEDS,
              r ->
                  new FeedRow(
                      r.getString(1),
                      r.getLong(2),
                      r.getLong(3),
                      r.getLong(4),
                      instant(r, 5),
                      r.getLong(6),
                      r.getLong(7),
                      r.getBoolean(8)),
              "feeds",
              before.feeds()),
          byChain,
          sources,
          candles == null ? before.candles() : map(candles),
          part.list(
              LETTERS,
              r ->
                  new LetterRow(
                      r.getString(1),
                      r.getString(2),
                      r.getString(3),
                      r.getLong(4),
                      instant(r, 5),
                      r.getString(6)),
              "dead letters",
              before.letters()),
          part.list(
              RUNS,
              r -> new RunRow(r.getString(1), r.getString(2), r.getString(3), instant(r, 4)),
              "runs",
              before.runs()),
          part.list(
              SIZES,
              r -> new Snapshot.TableSize(r.getString(1), r.getLong(2), r.getLong(3)),
              "sizes",
              before.sizes()),
          map(
              part.list(
                  OFFSETS,
                  r -> Map.entry(r.getString(1) + "/" + r.getInt(2), r.getLong(3)),
                  "offsets",
                  List.copyOf(before.offsets().entrySet()))),
          slow);
    }
  }

  private static <V> Map<String, V> map(List<Map.Entry<String, V>> entries) {
    Map<String, V> map = new HashMap<>();
    entries.forEach(e -> map.put(e.getKey(), e.getValue()));
    return map;
  }

  /** Reads one part after the other; one that takes too long does not take the others with it. */
  private record Part(Statement statement, List<String> slow) {
    private static final Set<String> TOO_MUCH = Set.of("57014", "53400", "54000");

    <T> List<T> list(String sql, Mapper<T> mapper, String name, List<T> before)
        throws SQLException {
      List<T> list = new ArrayList<>();
      try (ResultSet rows = statement.executeQuery(sql)) {
        while (rows.next()) {
          list.add(mapper.map(rows));
        }
        return list;
      } catch (SQLException e) {
        if (!TOO_MUCH.contains(String.valueOf(e.getSQLState()))) {
          throw e;
        }
        slow.add(name);
        return before;
      }
    }
  }

  private static Map.Entry<String, LoadedRow> chain(ResultSet row) throws SQLException {
    double seconds = row.getDouble(6);
    Double unit = row.wasNull() ? null : seconds;
    return Map.entry(
        row.getString(2),
        new LoadedRow(row.getLong(1), row.getLong(3), instant(row, 4), row.getLong(5), unit));
  }

  private static Map.Entry<String, LoadedRow> candles(ResultSet row) throws SQLException {
    double seconds = row.getDouble(3);
    Instant newest = instant(row, 2);
    return Map.entry(
        row.getString(1),
        new LoadedRow(
            null, (long) (newest.getEpochSecond() / seconds), newest, row.getLong(4), seconds));
  }

  private static Instant instant(ResultSet row, int column) throws SQLException {
    OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }
}
