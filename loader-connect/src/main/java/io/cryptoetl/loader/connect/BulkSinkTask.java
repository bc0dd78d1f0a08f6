package io.cryptoetl.loader.connect;

import io.cryptoetl.loader.table.MissingColumnsException;
import io.cryptoetl.loader.table.RowBatch;
import io.cryptoetl.loader.table.TableLoader;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers records into a batch and loads it when it is full or old enough. If the database keeps
 * the offsets, the next batch is gathered while one is loaded. Offsets are handed to Connect only
 * after the transaction that holds their rows, and are part of it if the database keeps them. Of a
 * batch that the database refuses the bad rows are found by halving, and go to the dead letters;
 * the others are loaded.
 */
public final class BulkSinkTask extends SinkTask {
  private static final Logger LOG = LoggerFactory.getLogger(BulkSinkTask.class);
  private static final long RETRY_MS = 500;
  private static final int MOST_DOUBLINGS = 6;
  private static final long LONGEST_RETRY_MS = 30_000;

  /**
   * A batch is loaded when no more records come for so long: there is nothing to wait for. Longer
   * than brokers hold back what is little (fetch.max.wait.ms of the connector).
   */
  private static final long IDLE_MS = 150;

  /**
   * How often to look whether columns have come that rows were loaded without, and whether the
   * database still has what was loaded.
   */
  private static final long CHECK_MS = 10_000;

  /** How long a stop waits for the batch in flight; Connect gives a task five seconds. */
  private static final long STOP_MS = 4_000;

  private RowBatch batch = new RowBatch();

  /** The batch that is being loaded, and the end of it; null if none is. */
  private RowBatch inFlight;

  private long inFlightBytes;

  private Future<?> landing;
  private ExecutorService executor;
  private final Map<TopicPartition, OffsetAndMetadata> loaded = new HashMap<>();

  /** Partitions of which enough waits for rows of others. */
  private final Set<TopicPartition> paused = new HashSet<>();

  private BulkSinkConfig config;
  private TableLoader loader;
  private Positions positions;
  private Map<String, String> settings;
  private volatile DeadLetters letters;
  private int failures;

  /** How often what waits was tried again since other records came. */
  private int retries;

  private long batchSince;
  private long lastRecords;
  private long checkedAt;

  private final TableLoader.Listener listener =
      new TableLoader.Listener() {
        @Override
        public void refused(SinkRecord record, String code, Exception reason) {
          refuse(record, code, reason);
        }

        @Override
        public void mended(TopicPartition partition, long offset) {
          if (!config.brokers().isEmpty()) {
            letters().withdraw(partition, offset);
          }
        }

        @Override
        public void beforeCommit() {
          if (letters != null) {
            letters.flush();
          }
        }
      };

  @Override
  public String version() {
    return new BulkSinkConnector().version();
  }

  @Override
  public void start(Map<String, String> props) {
    settings = props;
    config = BulkSinkConfig.from(props);
    loader = config.loader();
    positions = new Positions(config, props);
    executor =
        Executors.newSingleThreadExecutor(
            work -> {
              Thread thread = new Thread(work, config.connector() + "-load");
              thread.setDaemon(true);
              return thread;
            });
  }

  /** The dead letters, opened when the first one is written. */
  private DeadLetters letters() {
    if (letters == null) {
      letters = new DeadLetters(config, settings);
    }
    return letters;
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    if (landing != null && landing.isDone()) {
      settle();
    }
    Set<TopicPartition> elsewhere = position();
    if (batch.isEmpty()) {
      batchSince = System.nanoTime();
    }
    if (!records.isEmpty()) {
      lastRecords = System.nanoTime();
    }
    Set<TopicPartition> mine = context.assignment();
    for (SinkRecord record : records) {
      TopicPartition partition = RowBatch.partition(record);
      // After a rebalance Connect may give what it had read before, if a transform renamed it.
      if (mine.contains(partition) && !elsewhere.contains(partition)) {
        batch.add(record);
      }
    }
    boolean isFull =
        batch.fresh() >= config.batchRows()
            || (batch.bytes() + inFlightBytes >= config.batchBytes() && batch.fresh() > 0);
    boolean isIdle = batch.fresh() > 0 && isOld(lastRecords, IDLE_MS);
    if (isFull || (inFlight == null && (isDue() || isIdle))) {
      load();
    }
    if (batch.fresh() > 0 || inFlight != null) {
      // Connect comes back by then, also if there are no records.
      context.timeout(IDLE_MS);
    }
  }

  /** Whether the batch is old enough: what waits alone is tried again less and less often. */
  private boolean isDue() {
    long pause =
        batch.fresh() > 0
            ? config.batchMs()
            : Math.min(
                LONGEST_RETRY_MS, Math.max(RETRY_MS, config.batchMs()) << Math.min(retries, 6));
    return isOld(batchSince, pause);
  }

  private static boolean isOld(long since, long milliseconds) {
    return System.nanoTime() - since >= TimeUnit.MILLISECONDS.toNanos(milliseconds);
  }

  /**
   * Sends the consumer to where the database says that loading goes on.
   *
   * @return partitions that are read from elsewhere now: their records at hand do not count
   */
  private Set<TopicPartition> position() {
    if (config.offsetsTable().isEmpty()) {
      return Set.of();
    }
    Map<TopicPartition, Long> places = Map.of();
    boolean areUnknown = positions.areUnknown();
    boolean isTime = isOld(checkedAt, CHECK_MS);
    if (!areUnknown && isTime) {
      load();
    }
    if (areUnknown || isTime) {
      settle();
    }
    try {
      if (areUnknown) {
        places = positions.ask(loader);
      } else if (isTime) {
        places = completions();
        checkedAt = System.nanoTime();
      }
    } catch (SQLException e) {
      throw failed(e);
    } catch (RetriableException e) {
      throw again(e.getMessage(), e);
    }
    places.forEach(context::offset);
    return places.keySet();
  }

  /** Places to go back to, as columns have come that rows were loaded without. */
  private Map<TopicPartition, Long> completions() throws SQLException {
    Map<TopicPartition, Long> places = loader.completions();
    places.forEach(
        (partition, offset) ->
            LOG.info(
                "event=columns_added topic={} partition={} offset={}; rows are loaded again from there",
                partition.topic(),
                partition.partition(),
                offset));
    // What is in hand of them is read again.
    batch.drop(places.keySet());
    resume(places.keySet());
    return places;
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(
      Map<TopicPartition, OffsetAndMetadata> current) {
    if (landing != null && landing.isDone()) {
      settle();
    }
    if (inFlight == null && isDue()) {
      load();
    }
    return Map.copyOf(loaded);
  }

  @Override
  public void open(Collection<TopicPartition> partitions) {
    loaded.keySet().removeAll(partitions);
    positions.open(partitions);
    // Connect pauses again what was paused before a rebalance.
    resume(partitions);
  }

  private void resume(Collection<TopicPartition> partitions) {
    for (TopicPartition partition : partitions) {
      if (paused.remove(partition)) {
        context.resume(partition);
      }
    }
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    try {
      settle();
    } catch (RetriableException e) {
      LOG.warn("event=load_failed_at_rebalance reason=\"{}\"", e.getMessage());
      if (Thread.currentThread().isInterrupted()) {
        // The worker stops, and a batch is still being loaded.
        return;
      }
    }
    // Connect would pause them again, should they come back.
    resume(partitions);
    // What was not committed is read again by whoever gets the partitions.
    batch.drop(partitions);
    loaded.keySet().removeAll(partitions);
    positions.close(partitions);
    loader.forget(partitions);
  }

  @Override
  public void stop() {
    if (executor != null) {
      executor.shutdown();
      try {
        if (!executor.awaitTermination(STOP_MS, TimeUnit.MILLISECONDS)) {
          LOG.info("event=load_given_up; it is rolled back, and loaded again later");
        }
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
    if (loader != null) {
      loader.close();
    }
    if (letters != null) {
      letters.close();
    }
  }

  /** Has the batch loaded, once the one before it is. */
  private void load() {
    settle();
    if (batch.isEmpty()) {
      return;
    }
    retries = batch.fresh() > 0 ? 0 : retries + 1;
    positions.taken(batch.first());
    RowBatch full = batch;
    inFlight = full;
    inFlightBytes = full.bytes();
    batch = new RowBatch();
    batchSince = System.nanoTime();
    landing =
        executor.submit(
            () -> {
              loader.load(full, listener);
              return null;
            });
    if (config.offsetsTable().isEmpty()) {
      // After a failure Connect gives only those records again that it has in hand.
      settle();
    }
  }

  /** Waits until the batch that is being loaded is there. */
  private void settle() {
    if (inFlight == null) {
      return;
    }
    Throwable failure = null;
    try {
      landing.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RetriableException("interrupted while a batch is loaded", e);
    } catch (ExecutionException e) {
      failure = e.getCause();
    }
    RowBatch landed = inFlight;
    inFlight = null;
    inFlightBytes = 0;
    landing = null;
    if (failure == null) {
      failures = 0;
      loaded.putAll(landed.offsets());
      landed.loaded();
      bound(landed);
    }
    // What waits, or is to be tried again, comes before what was read meanwhile.
    landed.append(batch);
    batch = landed;
    if (failure != null) {
      fail(failure);
    }
    if (batch.fresh() == 0) {
      batchSince = System.nanoTime();
    }
  }

  private void fail(Throwable failure) {
    if (failure instanceof MissingColumnsException missing) {
      LOG.warn("event=columns_missing reason=\"{}\"", missing.getMessage());
      throw again(missing.getMessage(), missing);
    }
    if (failure instanceof SQLException sql) {
      throw failed(sql);
    }
    if (failure instanceof RetriableException retriable) {
      throw again(retriable.getMessage(), retriable);
    }
    if (failure instanceof KafkaException kafka && !(failure instanceof ConnectException)) {
      throw again("dead letters cannot be written: " + kafka.getMessage(), kafka);
    }
    if (failure instanceof Error error) {
      throw error;
    }
    throw (RuntimeException) failure;
  }

  /**
   * Keeps what waits within bounds: if it is much, the partitions are not read on of which most of
   * it is. The parents that it waits for are in others.
   */
  private void bound(RowBatch waiting) {
    Map<TopicPartition, Integer> rows = waiting.rowsByPartition();
    boolean isMuch =
        waiting.bytes() > config.batchBytes() / 2 || waiting.rows() > config.batchRows() / 2;
    Set<TopicPartition> most = new HashSet<>();
    if (isMuch) {
      int share = waiting.rows() / rows.size();
      rows.forEach(
          (partition, count) -> {
            if (count >= share) {
              most.add(partition);
            }
          });
    }
    resume(paused.stream().filter(p -> !most.contains(p)).toList());
    most.stream().filter(paused::add).forEach(context::pause);
  }

  private void refuse(SinkRecord record, String code, Exception reason) {
    if (config.brokers().isEmpty()) {
      throw new ConnectException(
          RowBatch.place(record)
              + " cannot be loaded, and kafka.bootstrap.servers is not set: "
              + reason.getMessage(),
          reason);
    }
    letters().add(record, code, reason.getMessage());
  }

  private ConnectException failed(SQLException e) {
    String state = e.getSQLState() == null ? "none" : e.getSQLState();
    String advice = loader.advice(e);
    // Drivers quote URLs, which may hold passwords.
    String reason =
        String.valueOf(e.getMessage()).replace(config.url(), "database.url")
            + (advice.isEmpty() ? "" : "; " + advice);
    if (!loader.isOutage(e)) {
      return new ConnectException(
          "the database refused a batch of %d rows, SQLState %s: %s"
              .formatted(batch.rows(), state, reason));
    }
    LOG.warn("event=load_failed sqlstate={} rows={} reason=\"{}\"", state, batch.rows(), reason);
    return again("the database is not available, SQLState " + state, e);
  }

  /**
   * Has Connect give the same records again after a pause. If the database keeps the offsets it is
   * asked for them again: nobody knows whether a commit that failed has come about.
   */
  private RetriableException again(String reason, Exception e) {
    long pause = RETRY_MS << Math.min(failures, MOST_DOUBLINGS);
    failures++;
    context.timeout(pause);
    if (!config.offsetsTable().isEmpty()) {
      positions.taken(batch.first());
      positions.open(context.assignment());
      batch.clear();
      resume(List.copyOf(paused));
    }
    return new RetriableException(reason + "; trying again in " + pause + " ms", e);
  }
}
