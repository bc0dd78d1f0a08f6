package io.cryptoetl.extractor.planning;

import io.cryptoetl.ops.Cursor;
import io.cryptoetl.schemas.KafkaSettings;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;

/** Reads the cursors of all sources from their topic. */
public final class Cursors {
  private static final TopicPartition PARTITION = new TopicPartition(Topics.OPS_CURSORS.name(), 0);

  private final KafkaSettings kafka;

  /** Cursors of a cluster. */
  public Cursors(KafkaSettings kafka) {
    this.kafka = kafka;
  }

  /** The committed cursors by source. */
  public Map<String, Cursor> read() {
    Map<String, Cursor> cursors = new TreeMap<>();
    try (Consumer<SpecificRecord, SpecificRecord> reader = kafka.reader()) {
      List<TopicPartition> partitions = List.of(PARTITION);
      reader.assign(partitions);
      reader.seekToBeginning(partitions);
      long end = reader.endOffsets(partitions).get(PARTITION);
      while (reader.position(PARTITION) < end) {
        reader
            .poll(Duration.ofMillis(200))
            .forEach(
                r -> {
                  if (r.value() instanceof Cursor cursor) {
                    cursors.put(cursor.getSource(), cursor);
                  }
                });
      }
    }
    return cursors;
  }
}
