package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topic;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads topics from their beginning to where they ended at the start, then follows them. Each
 * committed record is given once, those of a partition in their order. When Kafka or the registry
 * is away it goes on from where it was. A record that cannot be read is counted and passed over.
 * Until it has reached the ends of the start, it reads partitions side by side in the order of
 * their records' times, so that what belongs together comes close together.
 */
public final class TopicFollower implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(TopicFollower.class);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  /** Time by which partitions are read ahead of each other. */
  private static final long MAX_SKEW_MILLIS = 1_000;

  private static final int MAX_PASSED_OVER = 10_000;

  private record Place(TopicPartition partition, long offset) {}

  private final KafkaClients kafka;
  private final Map<String, Topic> topics;
  private final Listener listener;
  private final AtomicLong skipped = new AtomicLong();

  /** Time of the last record of each partition. */
  private final Map<TopicPartition, Long> times = new HashMap<>();

  /** Newest places of records that could not be read. Guarded by this. */
  private final Set<Place> passedOver =
      Collections.newSetFromMap(
          new LinkedHashMap<>() {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Place, Boolean> eldest) {
              return size() > MAX_PASSED_OVER;
            }
          });

  /** Where to read on. Guarded by this. */
  private final Map<TopicPartition, Long> positions = new HashMap<>();

  /** Where the topics ended when they were first opened; empty before. Guarded by this. */
  private Map<TopicPartition, Long> ends = Map.of();

  private volatile boolean stopped;

  /** Takes records. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Takes a record, or that its key has none any more.
     *
     * @param value null if it is a tombstone
     */
    void take(SpecificRecord key, SpecificRecord value);
  }

  /** A follower; {@link #run} follows. */
  public TopicFollower(KafkaClients kafka, Collection<Topic> topics, Listener listener) {
    this.kafka = kafka;
    this.topics =
        topics.stream()
            .collect(
                Collectors.toMap(Topic::name, topic -> topic, (a, b) -> a, LinkedHashMap::new));
    this.listener = listener;
  }

  /**
   * Reads topics once, up to their ends: all that was written before the call, and if a transaction
   * is open, what comes of it.
   *
   * @throws KafkaException if that takes longer than {@code atMost}
   */
  public static void read(
      KafkaClients kafka, Collection<Topic> topics, Listener listener, Duration atMost)
      throws InterruptedException {
    TopicFollower once = new TopicFollower(kafka, topics, listener);
    long deadline = System.nanoTime() + atMost.toNanos();
    try (Admin admin = kafka.admin();
        Consumer<byte[], byte[]> reader = kafka.reader()) {
      once.open(reader);
      Map<TopicPartition, Long> ends = ends(admin, reader.assignment());
      while (!once.isAt(ends)) {
        if (System.nanoTime() - deadline > 0) {
          throw new KafkaException(
              "%s could not be read to their ends within %s"
                  .formatted(once.topics.keySet(), atMost));
        }
        once.poll(reader);
      }
    }
  }

  /** Records that could not be read. */
  public long skipped() {
    return skipped.get();
  }

  /** Whether the record at an offset was read, and taken by the listener. */
  public synchronized boolean hasRead(TopicPartition partition, long offset) {
    return positions.getOrDefault(partition, 0L) > offset
        && !passedOver.contains(new Place(partition, offset));
  }

  /** Makes {@link #run} return. */
  public void stop() {
    stopped = true;
  }

  /** Waits until everything is read that was committed before the start. */
  public synchronized boolean awaitRead(Duration atMost) throws InterruptedException {
    return await(() -> !ends.isEmpty() && isAt(ends), atMost);
  }

  /**
   * Waits until everything is read that was written before the call, open transactions too.
   *
   * @throws KafkaException if that takes longer than {@code atMost}
   */
  public void awaitUpToDate(Admin admin, Duration atMost) throws InterruptedException {
    long began = System.nanoTime();
    if (!awaitRead(atMost)) {
      throw behind();
    }
    Map<TopicPartition, Long> now;
    synchronized (this) {
      now = Map.copyOf(positions);
    }
    Map<TopicPartition, Long> until = ends(admin, now.keySet());
    Duration left = atMost.minusNanos(System.nanoTime() - began);
    synchronized (this) {
      if (!await(() -> isAt(until), left)) {
        throw behind();
      }
    }
  }

  private synchronized KafkaException behind() {
    return new KafkaException("%s are read to %s only".formatted(topics.keySet(), positions));
  }

  private interface Condition {
    boolean holds();
  }

  private boolean await(Condition condition, Duration atMost) throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (!condition.holds()) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return false;
      }
      wait(left);
    }
    return true;
  }

  private synchronized boolean isAt(Map<TopicPartition, Long> until) {
    return until.entrySet().stream()
        .allMatch(e -> positions.getOrDefault(e.getKey(), 0L) >= e.getValue());
  }

  /** Ends of partitions, open transactions included. */
  private static Map<TopicPartition, Long> ends(Admin admin, Collection<TopicPartition> partitions)
      throws InterruptedException {
    try {
      return admin
          .listOffsets(
              partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest())),
              new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED))
          .all()
          .get()
          .entrySet()
          .stream()
          .collect(Collectors.toMap(Map.Entry::getKey, e -> e.getValue().offset()));
    } catch (ExecutionException e) {
      throw new KafkaException(
          "the ends of %s cannot be read: %s".formatted(partitions, Failures.explain(e.getCause())),
          e.getCause());
    }
  }

  @Override
  public void run() {
    while (!stopped) {
      try (Consumer<byte[], byte[]> reader = kafka.reader()) {
        open(reader);
        while (!stopped) {
          poll(reader);
        }
      } catch (InterruptException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        // Whatever it was, the topics hold everything.
        LOG.warn(
            "event=follower_reopened topics={} reason=\"{}\"",
            topics.keySet(),
            Failures.explain(e),
            e);
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void open(Consumer<byte[], byte[]> reader) {
    List<TopicPartition> partitions = new ArrayList<>();
    for (String topic : topics.keySet()) {
      List<PartitionInfo> found = reader.partitionsFor(topic);
      if (found == null || found.isEmpty()) {
        throw new KafkaException("topic " + topic + " is not there; has the provisioner run?");
      }
      found.forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
    }
    reader.assign(partitions);
    Map<TopicPartition, Long> begins = reader.beginningOffsets(partitions);
    Map<TopicPartition, Long> now = reader.endOffsets(partitions);
    synchronized (this) {
      for (TopicPartition partition : partitions) {
        long position = positions.merge(partition, begins.get(partition), Math::max);
        reader.seek(partition, position);
      }
      if (ends.isEmpty()) {
        ends = now;
      }
      notifyAll();
    }
  }

  private void poll(Consumer<byte[], byte[]> reader) {
    for (ConsumerRecord<byte[], byte[]> record : reader.poll(POLL)) {
      take(record);
      TopicPartition partition = new TopicPartition(record.topic(), record.partition());
      times.put(partition, record.timestamp());
      advance(partition, record.offset() + 1);
    }
    // Markers of transactions are no records, and are passed too.
    for (TopicPartition partition : reader.assignment()) {
      advance(partition, reader.position(partition));
    }
    pace(reader);
  }

  /** Lets partitions wait whose records are newer than what others still have to read. */
  private void pace(Consumer<byte[], byte[]> reader) {
    long oldest = Long.MAX_VALUE;
    synchronized (this) {
      for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
        if (positions.getOrDefault(end.getKey(), 0L) < end.getValue()) {
          oldest = Math.min(oldest, times.getOrDefault(end.getKey(), 0L));
        }
      }
    }
    List<TopicPartition> early = new ArrayList<>();
    List<TopicPartition> others = new ArrayList<>();
    for (TopicPartition partition : reader.assignment()) {
      boolean isEarly = times.getOrDefault(partition, 0L) - MAX_SKEW_MILLIS > oldest;
      (isEarly ? early : others).add(partition);
    }
    reader.pause(early);
    reader.resume(others);
  }

  private synchronized void advance(TopicPartition partition, long to) {
    if (!Long.valueOf(to).equals(positions.put(partition, to))) {
      notifyAll();
    }
  }

  private void take(ConsumerRecord<byte[], byte[]> record) {
    Topic topic = topics.get(record.topic());
    SpecificRecord key;
    SpecificRecord value;
    try {
      // A listener tells records by their kind: one of another topic would be taken for its own.
      key = kafka.serdes().read(record.topic(), record.key(), topic.key());
      value = kafka.serdes().read(record.topic(), record.value(), topic.value());
    } catch (BadRecordException e) {
      skip(record, e);
      return;
    }
    try {
      listener.take(key, value);
    } catch (RuntimeException e) {
      // A record that contradicts itself, or a mistake here: those behind it count all the same.
      skip(record, e);
    }
  }

  private void skip(ConsumerRecord<byte[], byte[]> record, RuntimeException reason) {
    skipped.incrementAndGet();
    synchronized (this) {
      passedOver.add(
          new Place(new TopicPartition(record.topic(), record.partition()), record.offset()));
    }
    LOG.warn(
        "event=record_skipped topic={} partition={} offset={} reason=\"{}\"",
        record.topic(),
        record.partition(),
        record.offset(),
        reason.getMessage());
  }
}
