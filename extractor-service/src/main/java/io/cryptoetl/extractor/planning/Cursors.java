package io.cryptoetl.extractor.planning;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Reads the cursors of all sources from their topic. */
final class Cursors {
  /** Longer than a planner that died may leave a transaction open. */
  private static final Duration AT_MOST = Planner.TRANSACTION_TIMEOUT.multipliedBy(2);

  private Cursors() {}

  /** The cursors by source, with all that was written before the call. */
  static Map<String, Cursor> read(KafkaClients kafka) throws InterruptedException {
    Map<String, Cursor> cursors = new TreeMap<>();
    TopicFollower.read(
        kafka,
        List.of(Topics.OPS_CURSORS),
        (_, value) -> {
          if (value instanceof Cursor cursor) {
            cursors.put(cursor.getSource(), cursor);
          }
        },
        AT_MOST);
    return cursors;
  }
}
