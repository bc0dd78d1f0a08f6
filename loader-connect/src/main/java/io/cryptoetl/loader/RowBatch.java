package io.cryptoetl.loader;

import java.nio.ByteBuffer;
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
  private long bytes;

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
    bytes += bytes((Struct) record.value());
    skip(record);
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

  /** Bytes of the values of all records that were added, replaced ones included. */
  long bytes() {
    return bytes;
  }

  private static long bytes(Struct value) {
    if (value == null) {
      return 0;
    }
    long sum = 0;
    for (Field field : value.schema().fields()) {
      sum += bytes(value.get(field));
    }
    return sum;
  }

  private static long bytes(Object value) {
    if (value instanceof ByteBuffer buffer) {
      return buffer.remaining();
    }
    if (value instanceof byte[] array) {
      return array.length;
    }
    if (value instanceof String text) {
      return text.length();
    }
    if (value instanceof List<?> list) {
      long sum = 0;
      for (Object element : list) {
        sum += bytes(element);
      }
      return sum;
    }
    return Long.BYTES;
  }

  /** The rows in two parts, which have no row in common. */
  List<RowBatch> halves() {
    RowBatch first = new RowBatch();
    RowBatch second = new RowBatch();
    for (SinkRecord record : records()) {
      (first.rows < rows / 2 ? first : second).add(record);
    }
    return List.of(first, second);
  }

  /** The last record of each key. */
  List<SinkRecord> records() {
    List<SinkRecord> records = new ArrayList<>(rows);
    topics.values().forEach(last -> records.addAll(last.values()));
    return records;
  }

  /** Counts a record as read. Transforms may rename the topic; offsets are of the one read. */
  void skip(SinkRecord record) {
    offsets.put(
        new TopicPartition(record.originalTopic(), record.originalKafkaPartition()),
        new OffsetAndMetadata(record.originalKafkaOffset() + 1));
  }

  boolean isEmpty() {
    return offsets.isEmpty();
  }

  void clear() {
    topics.clear();
    offsets.clear();
    rows = 0;
    bytes = 0;
  }

  private static String place(SinkRecord record) {
    return record.topic() + "-" + record.kafkaPartition() + "@" + record.kafkaOffset();
  }
}
