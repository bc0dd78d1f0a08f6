package io.cryptoetl.loader;

import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Gathers records into a batch and loads it when it is full, and at each offset commit. Offsets are
 * handed to Connect only after the transaction that holds their rows: a crash loads rows again,
 * which changes nothing.
 */
public final class BulkSinkTask extends SinkTask {
  private static final Logger LOG = LoggerFactory.getLogger(BulkSinkTask.class);

  /** SQLState classes of outages: connection, resources, operator intervention, rollback. */
  private static final String RETRIABLE_STATES = "(08|53|57|40|55|58).*";

  private static final long RETRY_MS = 2_000;

  private final RowBatch batch = new RowBatch();
  private final Map<TopicPartition, OffsetAndMetadata> loaded = new HashMap<>();
  private BulkSinkConfig config;
  private PostgresLoader loader;

  @Override
  public String version() {
    return new BulkSinkConnector().version();
  }

  @Override
  public void start(Map<String, String> props) {
    config = BulkSinkConfig.from(props);
    loader = new PostgresLoader(config);
  }

  @Override
  public void put(Collection<SinkRecord> records) {
    // Connect gives the same records again after a RetriableException: what is already in the
    // batch is replaced by itself.
    records.forEach(batch::add);
    if (batch.rows() >= config.batchRows()) {
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
  }

  private void load() {
    if (batch.isEmpty()) {
      return;
    }
    try {
      loader.load(batch);
    } catch (SQLException e) {
      String state = e.getSQLState() == null ? "none" : e.getSQLState();
      if (state.matches(RETRIABLE_STATES)) {
        LOG.warn(
            "event=load_failed sqlstate={} rows={} reason=\"{}\"; trying again",
            state,
            batch.rows(),
            e.getMessage());
        context.timeout(RETRY_MS);
        throw new RetriableException("the database is not available, SQLState " + state, e);
      }
      throw new ConnectException(
          "the database refused a batch of "
              + batch.rows()
              + " rows, SQLState "
              + state
              + ": "
              + e.getMessage(),
          e);
    }
    loaded.putAll(batch.offsets());
    batch.clear();
  }
}
