package io.cryptoetl.loader;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records in hand, by topic. */
final class RowBatch {
  private final Map<String, List<SinkRecord>> topics = new TreeMap<>();
  private final Map<TopicPartition, Long> first = new HashMap<>();
  private final Map<TopicPartition, Long> next = new HashMap<>();
  private int rows;
  private long bytes;

  /**
   * What becomes of a table.
   *
   * @param rows to have
   * @param deleted records of keys to have not
   */
  record Changes(List<SinkRecord> rows, List<SinkRecord> deleted) {}

  /** Takes a record, unless it is in hand: after a failure Connect gives the same ones again. */
  void add(SinkRecord record) {
    // Transforms may rename the topic; offsets are of the one read.
    TopicPartition partition = partition(record);
    if (record.originalKafkaOffset() >= next.getOrDefault(partition, Long.MIN_VALUE)) {
      next.put(partition, record.originalKafkaOffset() + 1);
      first.putIfAbsent(partition, record.originalKafkaOffset());
      keep(record);
    }
  }

  private void keep(SinkRecord record) {
    topics.computeIfAbsent(record.topic(), t -> new ArrayList<>()).add(record);
    rows++;
    bytes += bytes(record.value());
  }

  /** Where a record was read. */
  static TopicPartition partition(SinkRecord record) {
    return new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
  }

  /** Topics of the batch in the order of their names, which is the order of locks. */
  Collection<String> topics() {
    return topics.keySet();
  }

  /**
   * What the batch does to the table of a topic. Of several records of one key the last one counts,
   * be it a row or a tombstone; the ones before it leave no trace.
   *
   * @param keyed whether the table has a key
   * @throws DataException if a record cannot be one of such a table
   */
  Changes changes(String topic, boolean keyed) {
    List<SinkRecord> rowsToHave = new ArrayList<>();
    List<SinkRecord> deleted = new ArrayList<>();
    for (SinkRecord record : records(topic, keyed)) {
      if (record.value() == null) {
        deleted.add(record);
      } else {
        rowsToHave.add(record);
      }
      requireRow(record, keyed);
    }
    return new Changes(rowsToHave, deleted);
  }

  private static void requireRow(SinkRecord record, boolean keyed) {
    if (record.value() != null && !isRecord(record.value())) {
      throw new DataException(
          "the value of " + place(record) + " is neither a record of named fields nor null");
    }
    if (keyed && !isRecord(record.key())) {
      throw new DataException(
          place(record) + " has no key of named fields; the key is the primary key");
    }
    if (!keyed && record.value() == null) {
      throw new DataException(
          place(record) + " is a tombstone, and the table has no primary key to delete by");
    }
  }

  private static boolean isRecord(Object value) {
    return value instanceof AvroRow || value instanceof Struct;
  }

  private Collection<SinkRecord> records(String topic, boolean keyed) {
    List<SinkRecord> all = topics.get(topic);
    if (!keyed) {
      return all;
    }
    // Bytes that one schema wrote can be compared, bytes of several cannot.
    Object codec = all.get(0).key() instanceof AvroRow row ? row.codec() : null;
    boolean alike =
        all.stream().allMatch(r -> r.key() instanceof AvroRow row && row.codec() == codec);
    Map<Object, SinkRecord> last = new LinkedHashMap<>(2 * all.size());
    for (SinkRecord record : all) {
      Object key = record.key();
      last.put(!alike && key instanceof AvroRow row ? row.struct() : key, record);
    }
    return last.values();
  }

  /** Offset of the first record of each partition. */
  Map<TopicPartition, Long> first() {
    return first;
  }

  /** Offset after the last record of each partition. */
  Map<TopicPartition, Long> next() {
    return next;
  }

  /** Offsets to go on from, once the rows are loaded. */
  Map<TopicPartition, OffsetAndMetadata> offsets() {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    next.forEach((partition, offset) -> offsets.put(partition, new OffsetAndMetadata(offset)));
    return offsets;
  }

  /** Records in hand, replaced ones included. */
  int rows() {
    return rows;
  }

  /** Bytes of the values of all records that were added, replaced ones included. */
  long bytes() {
    return bytes;
  }

  private static long bytes(Object value) {
    if (value instanceof AvroRow row) {
      return row.length();
    }
    if (value instanceof Struct struct) {
      long sum = 0;
      for (Field field : struct.schema().fields()) {
        sum += bytes(struct.get(field));
      }
      return sum;
    }
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
    return value == null ? 0 : Long.BYTES;
  }

  /**
   * The records in two parts, which have no row in common.
   *
   * @param keyed tells of a topic whether its table has a key
   */
  List<RowBatch> halves(Predicate<String> keyed) {
    List<SinkRecord> all = records(keyed);
    RowBatch first = new RowBatch();
    RowBatch second = new RowBatch();
    for (SinkRecord record : all) {
      (first.rows < all.size() / 2 ? first : second).keep(record);
    }
    return List.of(first, second);
  }

  /** The records, of each key the last one. */
  List<SinkRecord> records(Predicate<String> keyed) {
    List<SinkRecord> all = new ArrayList<>(rows);
    topics.keySet().forEach(topic -> all.addAll(records(topic, keyed.test(topic))));
    return all;
  }

  boolean isEmpty() {
    return next.isEmpty();
  }

  void clear() {
    topics.clear();
    first.clear();
    next.clear();
    rows = 0;
    bytes = 0;
  }

  private static String place(SinkRecord record) {
    return "the record at "
        + record.originalTopic()
        + "-"
        + record.originalKafkaPartition()
        + "@"
        + record.originalKafkaOffset();
  }
}
