package io.cryptoetl.loader;

import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers records into a batch and loads it when it is full, and at each offset commit. Offsets are
 * handed to Connect only after the transaction that holds their rows: a crash loads rows again,
 * which changes nothing. Of a batch that the database refuses the bad rows are found by halving,
 * and go to the dead letters; the others are loaded.
 */
public final class BulkSinkTask extends SinkTask {
  private static final Logger LOG = LoggerFactory.getLogger(BulkSinkTask.class);

  /** SQLState classes of outages: connection, resources, operator intervention, rollback. */
  private static final String RETRIABLE_STATES = "(08|53|57|40|55|58).*";

  /** SQLState classes that blame a row: its data, a constraint, a limit of the program. */
  private static final String POISON_STATES = "(22|23|54).*";

  private static final long RETRY_MS = 500;
  private static final int MOST_DOUBLINGS = 6;

  private final RowBatch batch = new RowBatch();
  private final Map<TopicPartition, OffsetAndMetadata> loaded = new HashMap<>();
  private BulkSinkConfig config;
  private PostgresLoader loader;
  private Map<String, String> settings;
  private DeadLetters letters;
  private int failures;

  @Override
  public String version() {
    return new BulkSinkConnector().version();
  }

  @Override
  public void start(Map<String, String> props) {
    settings = props;
    config = BulkSinkConfig.from(props);
    loader = new PostgresLoader(config);
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
    // Connect gives the same records again after a RetriableException: what is already in the
    // batch is replaced by itself.
    for (SinkRecord record : records) {
      try {
        batch.add(record);
      } catch (DataException e) {
        refuse(record, "record_invalid", e);
        // Its offset counts as read only when its letter is kept.
        letters().flush();
        batch.skip(record);
      }
    }
    if (batch.rows() >= config.batchRows() || batch.bytes() >= config.batchBytes()) {
      load();
    }
  }

  @Override
  public Map<TopicPartition, OffsetAndMetadata> preCommit(
      Map<TopicPartition, OffsetAndMetadata> current) {
    load();
    return Map.copyOf(loaded);
  }

  @Override
  public void open(Collection<TopicPartition> partitions) {
    // Nothing of other partitions is in hand: close() dropped it.
    loaded.clear();
  }

  @Override
  public void close(Collection<TopicPartition> partitions) {
    // What was not committed is read again by whoever gets the partitions.
    batch.clear();
    loaded.clear();
  }

  @Override
  public void stop() {
    batch.clear();
    if (loader != null) {
      loader.close();
    }
    if (letters != null) {
      letters.close();
    }
  }

  private void load() {
    if (batch.isEmpty()) {
      return;
    }
    load(batch);
    if (letters != null) {
      letters.flush();
    }
    failures = 0;
    loaded.putAll(batch.offsets());
    batch.clear();
  }

  private void load(RowBatch part) {
    try {
      loader.load(part);
    } catch (DataException e) {
      divide(part, "value_invalid", e);
    } catch (SQLException e) {
      String state = e.getSQLState() == null ? "none" : e.getSQLState();
      if (state.matches(RETRIABLE_STATES)) {
        throw again(part, state, e);
      }
      if (!state.matches(POISON_STATES)) {
        throw new ConnectException(
            "the database refused a batch of "
                + part.rows()
                + " rows, SQLState "
                + state
                + ": "
                + e.getMessage(),
            e);
      }
      divide(part, "sqlstate_" + state, e);
    }
  }

  /** Loads the halves of a part that holds a bad row, or keeps the row if it is the only one. */
  private void divide(RowBatch part, String code, Exception reason) {
    if (part.rows() == 1) {
      refuse(part.records().get(0), code, reason);
      return;
    }
    part.halves().forEach(this::load);
  }

  private void refuse(SinkRecord record, String code, Exception reason) {
    if (config.deadLettersBrokers().isEmpty()) {
      throw new ConnectException(
          "the record at "
              + record.originalTopic()
              + "-"
              + record.originalKafkaPartition()
              + "@"
              + record.originalKafkaOffset()
              + " cannot be loaded, and dead.letters.bootstrap.servers is not set: "
              + reason.getMessage(),
          reason);
    }
    letters().add(record, code, reason.getMessage());
  }

  private RetriableException again(RowBatch part, String state, SQLException e) {
    long pause = RETRY_MS << Math.min(failures, MOST_DOUBLINGS);
    failures++;
    LOG.warn(
        "event=load_failed sqlstate={} rows={} reason=\"{}\"; trying again in {} ms",
        state,
        part.rows(),
        e.getMessage(),
        pause);
    context.timeout(pause);
    return new RetriableException("the database is not available, SQLState " + state, e);
  }
}
