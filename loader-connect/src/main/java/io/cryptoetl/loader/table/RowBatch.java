package io.cryptoetl.loader.table;

import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.loader.avro.Unreadable;
import io.cryptoetl.schemas.DeadLetterCode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Records in hand, by topic. */
public final class RowBatch {
  private static final Logger LOG = LoggerFactory.getLogger(RowBatch.class);
  private Map<String, List<SinkRecord>> topics = new TreeMap<>();

  /** Records that wait for others, with the time at which they were first refused. */
  private final IdentityHashMap<SinkRecord, Long> waiting = new IdentityHashMap<>();

  /** When records that waited before were first refused, also while they are not in hand. */
  private final Map<Place, Long> waited = new HashMap<>();

  /** Records in hand that were tried before. */
  private int tried;

  private record Place(TopicPartition partition, long offset) {
    static Place of(SinkRecord record) {
      return new Place(RowBatch.partition(record), record.originalKafkaOffset());
    }
  }

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
  public record Changes(List<SinkRecord> rows, List<SinkRecord> deleted) {}

  /** Takes a record, unless it is in hand: after a failure Connect gives the same ones again. */
  public void add(SinkRecord record) {
    // Transforms may rename the topic; offsets are of the one read.
    TopicPartition partition = partition(record);
    long offset = record.originalKafkaOffset();
    if (offset < first.getOrDefault(partition, Long.MIN_VALUE)) {
      // The consumer was sent back to before what is in hand.
      drop(Set.of(partition));
    }
    if (offset >= next.getOrDefault(partition, Long.MIN_VALUE)) {
      next.put(partition, offset + 1);
      first.putIfAbsent(partition, offset);
      keep(record);
    }
  }

  /** Takes all records of a batch that was read after this one. */
  public void append(RowBatch later) {
    later.topics.values().forEach(records -> records.forEach(this::keep));
    later.first.forEach(first::putIfAbsent);
    next.putAll(later.next);
  }

  /** Drops what is in hand of some partitions. */
  public void drop(Collection<TopicPartition> partitions) {
    if (Collections.disjoint(first.keySet(), partitions)) {
      return;
    }
    List<SinkRecord> rest = new ArrayList<>();
    topics
        .values()
        .forEach(
            records ->
                records.stream()
                    .filter(r -> !partitions.contains(partition(r)))
                    .forEach(rest::add));
    first.keySet().removeAll(partitions);
    next.keySet().removeAll(partitions);
    keepOnly(rest);
    tried = (int) rest.stream().filter(r -> waited.containsKey(Place.of(r))).count();
  }

  private void keep(SinkRecord record) {
    topics.computeIfAbsent(record.topic(), t -> new ArrayList<>()).add(record);
    rows++;
    bytes += bytes(record.value());
  }

  /**
   * The batch is about to be loaded.
   *
   * @param order of its topics
   */
  public void begin(List<String> order) {
    Map<String, List<SinkRecord>> ordered = new LinkedHashMap<>();
    order.forEach(topic -> ordered.put(topic, topics.get(topic)));
    topics = ordered;
    waiting.clear();
  }

  /**
   * Lets the records of a part wait for others.
   *
   * @param mostMs how long after they were first refused; not those of tables without a key, whose
   *     rows could not be told from what is loaded after them if they were read again
   * @return whether they wait: else none of them does
   */
  public boolean await(RowBatch part, Predicate<String> keyed, long mostMs, String reason) {
    long now = System.nanoTime();
    List<SinkRecord> records = part.records(keyed);
    for (SinkRecord record : records) {
      if (!keyed.test(record.topic())
          || now - waited.getOrDefault(Place.of(record), now)
              >= TimeUnit.MILLISECONDS.toNanos(mostMs)) {
        return false;
      }
    }
    if (records.stream().map(Place::of).noneMatch(waited::containsKey)) {
      LOG.info(
          "event=rows_wait topic={} rows={} first=\"{}\" reason=\"{}\"",
          records.get(0).topic(),
          records.size(),
          place(records.get(0)),
          reason);
    }
    records.forEach(record -> waiting.put(record, waited.getOrDefault(Place.of(record), now)));
    return true;
  }

  /** Whether a record waits for others. */
  public boolean waits(SinkRecord record) {
    return waiting.containsKey(record);
  }

  /** What tells the key of a record from others, whatever schema it was written with. */
  public static String digest(SinkRecord record) {
    Object key = key(record, false);
    String text =
        key instanceof Map<?, ?> values
            ? values.entrySet().stream()
                .map(
                    e ->
                        e.getKey()
                            + "="
                            + (e.getValue() instanceof ByteBuffer bytes
                                ? hex(bytes)
                                : e.getValue()))
                .collect(Collectors.joining("\0"))
            : place(record);
    try {
      byte[] digest =
          MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
      return HexFormat.of().formatHex(digest, 0, Long.BYTES);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static String hex(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /** Offset of the first record of each partition that waits. */
  public Map<TopicPartition, Long> waitingFrom() {
    Map<TopicPartition, Long> from = new HashMap<>();
    waiting.keySet().forEach(r -> from.merge(partition(r), r.originalKafkaOffset(), Math::min));
    return from;
  }

  /** The records are loaded, but for those that wait: these stay. */
  public void loaded() {
    Map<TopicPartition, Long> from = waitingFrom();
    List<SinkRecord> rest = new ArrayList<>();
    topics.values().forEach(all -> all.stream().filter(waiting::containsKey).forEach(rest::add));
    // Those that are still to be read again are behind what is in hand.
    waited
        .keySet()
        .removeIf(place -> place.offset() < next.getOrDefault(place.partition(), Long.MIN_VALUE));
    waiting.forEach((record, since) -> waited.put(Place.of(record), since));
    waiting.clear();
    first.clear();
    first.putAll(from);
    next.keySet().retainAll(from.keySet());
    keepOnly(rest);
    tried = rows;
  }

  /** Records in hand that were not tried yet. */
  public int fresh() {
    return rows - tried;
  }

  /** Records in hand by partition. */
  public Map<TopicPartition, Integer> rowsByPartition() {
    Map<TopicPartition, Integer> counts = new HashMap<>();
    topics.values().forEach(all -> all.forEach(r -> counts.merge(partition(r), 1, Integer::sum)));
    return counts;
  }

  private void keepOnly(List<SinkRecord> records) {
    topics = new TreeMap<>();
    rows = 0;
    bytes = 0;
    records.forEach(this::keep);
  }

  /** Where a record was read. */
  public static TopicPartition partition(SinkRecord record) {
    return new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
  }

  /**
   * Topics of the batch in the order of their names, which is the order of locks; once it is being
   * loaded, in that of their rows.
   */
  public Collection<String> topics() {
    return topics.keySet();
  }

  /**
   * What the batch does to the table of a topic. Of several records of one key the last one counts,
   * be it a row or a tombstone; the ones before it leave no trace.
   *
   * @param keyed whether the table has a key
   * @throws DataException if a record cannot be one of such a table
   */
  public Changes changes(String topic, boolean keyed) {
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
    requireReadable(record.key());
    requireReadable(record.value());
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

  private static void requireReadable(Object part) {
    if (part instanceof Unreadable unreadable) {
      throw new BadRowException(DeadLetterCode.RECORD_UNREADABLE.code(), unreadable.reason());
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
    Map<Object, SinkRecord> last = new LinkedHashMap<>(2 * all.size());
    boolean alike = areAlike(all);
    for (SinkRecord record : all) {
      Object key = key(record, alike);
      // Taken out first, so that the order is that of the records that count.
      last.remove(key);
      last.put(key, record);
    }
    return last.values();
  }

  /** The records of the same keys before those of a part. */
  public RowBatch beforeAll(RowBatch part, Predicate<String> keyed) {
    RowBatch found = new RowBatch();
    for (String topic : part.topics()) {
      boolean isKeyed = keyed.test(topic);
      if (topics.get(topic).size() > records(topic, isKeyed).size()) {
        for (SinkRecord record : part.records(topic, isKeyed)) {
          before(record, isKeyed).topics.values().forEach(all -> all.forEach(found::keep));
        }
      }
    }
    return found;
  }

  /** The record of the same key before one that was refused, alone; empty if there is none. */
  public RowBatch before(SinkRecord refused, boolean keyed) {
    RowBatch found = new RowBatch();
    if (keyed) {
      List<SinkRecord> all = topics.get(refused.topic());
      boolean alike = areAlike(all);
      Object key = key(refused, alike);
      // Of one key all records are in one partition, in the order of their offsets.
      for (int i = all.indexOf(refused) - 1; i >= 0 && found.rows == 0; i--) {
        if (key(all.get(i), alike).equals(key)) {
          found.keep(all.get(i));
        }
      }
    }
    return found;
  }

  /** Bytes that one schema wrote can be compared, bytes of several cannot. */
  private static boolean areAlike(List<SinkRecord> records) {
    Object codec = records.get(0).key() instanceof AvroRow row ? row.codec() : null;
    return records.stream().allMatch(r -> r.key() instanceof AvroRow row && row.codec() == codec);
  }

  private static Object key(SinkRecord record, boolean alike) {
    Object key = record.key();
    if (alike) {
      return key;
    }
    try {
      Struct struct =
          key instanceof AvroRow row ? row.struct() : key instanceof Struct s ? s : null;
      // What is no key of a table is a row of its own, and refused as such.
      return struct == null ? record : values(struct);
    } catch (RuntimeException e) {
      // Nor is what cannot be decoded.
      return record;
    }
  }

  /** Values of a key by name, whatever schema they were written with. */
  private static Map<String, Object> values(Struct key) {
    Map<String, Object> values = new TreeMap<>();
    for (Field field : key.schema().fields()) {
      Object value = key.get(field);
      if (value instanceof byte[] bytes) {
        value = ByteBuffer.wrap(bytes);
      } else if (value instanceof Byte || value instanceof Short || value instanceof Integer) {
        value = ((Number) value).longValue();
      }
      values.put(field.name(), value);
    }
    return values;
  }

  /** Offset of the first record of each partition. */
  public Map<TopicPartition, Long> first() {
    return first;
  }

  /** Offset after the last record of each partition. */
  public Map<TopicPartition, Long> next() {
    return next;
  }

  /** Offsets to go on from, once the rows are loaded. */
  public Map<TopicPartition, OffsetAndMetadata> offsets() {
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    Map<TopicPartition, Long> held = waitingFrom();
    next.forEach(
        (partition, offset) ->
            offsets.put(partition, new OffsetAndMetadata(held.getOrDefault(partition, offset))));
    return offsets;
  }

  /** Records in hand, replaced ones included. */
  public int rows() {
    return rows;
  }

  /** Bytes of the values of all records that were added, replaced ones included. */
  public long bytes() {
    return bytes;
  }

  private static long bytes(Object value) {
    if (value instanceof AvroRow row) {
      return row.length();
    }
    if (value instanceof Unreadable unreadable) {
      return unreadable.length();
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
   * The records of each topic alone: what is deleted, children before their parents, then the rows,
   * parents before their children.
   */
  public List<RowBatch> byTopic(Predicate<String> keyed) {
    Map<String, RowBatch> deleted = new LinkedHashMap<>();
    Map<String, RowBatch> rowsToHave = new LinkedHashMap<>();
    for (SinkRecord record : records(keyed)) {
      (record.value() == null ? deleted : rowsToHave)
          .computeIfAbsent(record.topic(), t -> new RowBatch())
          .keep(record);
    }
    List<RowBatch> parts = new ArrayList<>(deleted.values());
    Collections.reverse(parts);
    parts.addAll(rowsToHave.values());
    return parts;
  }

  /**
   * The records in two parts, which have no row in common.
   *
   * @param keyed tells of a topic whether its table has a key
   */
  public List<RowBatch> halves(Predicate<String> keyed) {
    List<SinkRecord> all = records(keyed);
    RowBatch first = new RowBatch();
    RowBatch second = new RowBatch();
    first.topics = new LinkedHashMap<>();
    second.topics = new LinkedHashMap<>();
    for (SinkRecord record : all) {
      (first.rows < all.size() / 2 ? first : second).keep(record);
    }
    return List.of(first, second);
  }

  /** The records, of each key the last one. */
  public List<SinkRecord> records(Predicate<String> keyed) {
    List<SinkRecord> all = new ArrayList<>(rows);
    topics.keySet().forEach(topic -> all.addAll(records(topic, keyed.test(topic))));
    return all;
  }

  public boolean isEmpty() {
    return rows == 0;
  }

  public void clear() {
    topics = new TreeMap<>();
    first.clear();
    next.clear();
    waiting.clear();
    tried = 0;
    rows = 0;
    bytes = 0;
  }

  public static String place(SinkRecord record) {
    return "the record at "
        + record.originalTopic()
        + "-"
        + record.originalKafkaPartition()
        + "@"
        + record.originalKafkaOffset();
  }
}
