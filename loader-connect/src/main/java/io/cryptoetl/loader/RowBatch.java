package io.cryptoetl.loader;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Rows in hand, by topic and key. Of several records of one key the last one counts, be it a row or
 * a tombstone; the ones before it leave no trace.
 */
final class RowBatch {
  private final Map<String, Map<Struct, SinkRecord>> topics = new TreeMap<>();
  private final Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
  private int rows;

  /** The last record of each key of a topic: rows to have, keys to have not. */
  record Changes(List<Struct> rows, List<Struct> deletedKeys) {}

  void add(SinkRecord record) {
    if (!(record.key() instanceof Struct key)) {
      throw new DataException(
          "record at " + place(record) + " has no key of named fields; the key is the primary key");
    }
    if (record.value() != null && !(record.value() instanceof Struct)) {
      throw new DataException(
          "record at " + place(record) + " has a value that is neither a row nor null");
    }
    Map<Struct, SinkRecord> last =
        topics.computeIfAbsent(record.topic(), t -> new LinkedHashMap<>());
    if (last.put(key, record) == null) {
      rows++;
    }
    // Transforms may rename the topic; offsets are those of the topic as it was read.
    offsets.put(
        new TopicPartition(record.originalTopic(), record.originalKafkaPartition()),
        new OffsetAndMetadata(record.originalKafkaOffset() + 1));
  }

  /** Topics of the batch in the order of their names, which is the order of locks. */
  Map<String, Changes> changes() {
    Map<String, Changes> changes = new LinkedHashMap<>();
    topics.forEach(
        (topic, last) -> {
          List<Struct> present = new ArrayList<>(last.size());
          List<Struct> deleted = new ArrayList<>();
          last.forEach(
              (key, record) -> {
                if (record.value() == null) {
                  deleted.add(key);
                } else {
                  present.add((Struct) record.value());
                }
              });
          changes.put(topic, new Changes(present, deleted));
        });
    return changes;
  }

  /** Primary key columns of a topic's table, as the keys name them. */
  List<String> keyColumns(String topic) {
    return topics.get(topic).keySet().iterator().next().schema().fields().stream()
        .map(Field::name)
        .toList();
  }

  Map<TopicPartition, OffsetAndMetadata> offsets() {
    return offsets;
  }

  int rows() {
    return rows;
  }

  boolean isEmpty() {
    return offsets.isEmpty();
  }

  void clear() {
    topics.clear();
    offsets.clear();
    rows = 0;
  }

  private static String place(SinkRecord record) {
    return record.topic() + "-" + record.kafkaPartition() + "@" + record.kafkaOffset();
  }
}
