package io.cryptoetl.kafka;

import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.replay.Replay;
import io.cryptoetl.replay.ReplayKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;

/**
 * Has records of raw topics processed again by whatever transformers run, and follows how far they
 * are. A replay is a number of requests, each for a range of a partition; they are read like any
 * other records, so transformers go on with what is new meanwhile, and a replay outlives crashes of
 * all sides, this one included.
 */
public final class Replays implements AutoCloseable {
  /** Consumer group of the transformers. */
  private static final String TRANSFORMERS = "transformer-streams";

  /** Consumer group of the loader. */
  private static final String LOADER = "connect-tables";

  /** Offsets of one request, which is done in one transaction: some seconds of work at most. */
  private static final Map<Topic, Integer> RANGE =
      Map.of(
          Topics.RAW_EVM_BLOCKS, 10,
          Topics.RAW_MARKET_CANDLES, 2000,
          Topics.RAW_MARKET_INSTRUMENTS, 1,
          Topics.RAW_CSV_ROWS, 1);

  private static final Duration TRANSACTION_TIMEOUT = Duration.ofMinutes(10);
  private static final Duration POLL = Duration.ofMillis(500);

  private final KafkaClients kafka;
  private final Admin admin;
  private final Consumer<byte[], byte[]> consumer;

  /**
   * A replay that was asked for.
   *
   * @param ranges what is processed again, by the request's place
   * @param offsets how many offsets these are
   * @param lettersBefore the dead letters that were there
   */
  public record Started(
      Map<TopicPartition, List<Range>> ranges, long offsets, long lettersBefore) {}

  /**
   * A request.
   *
   * @param offset of the request in its partition
   */
  public record Range(long offset, TopicPartition raw, long from, long to) {}

  /** Connects to brokers and registry. */
  public Replays(KafkaClients kafka) {
    this.kafka = kafka;
    this.admin = kafka.admin();
    this.consumer = kafka.reader();
  }

  /**
   * Asks for a replay: all requests, or none if this fails.
   *
   * @param raw topics
   * @param since records made before are left out; empty for all
   */
  public Started start(Collection<Topic> raw, Optional<Instant> since) {
    List<Stretch> all = new ArrayList<>();
    for (Topic topic : raw) {
      Map<TopicPartition, Long> begins = begins(topic, since);
      Map<TopicPartition, Long> ends = consumer.endOffsets(begins.keySet());
      begins.forEach(
          (partition, begin) -> all.add(new Stretch(topic, partition, begin, ends.get(partition))));
    }
    return start(all);
  }

  /**
   * Asks for a replay of single records: all requests, or none if this fails. Records that the
   * topic does not keep any more are left out.
   *
   * @param records offsets by partition of a raw topic
   */
  public Started start(Topic raw, Map<Integer, Set<Long>> records) {
    List<Stretch> all = new ArrayList<>();
    Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions(raw));
    Map<TopicPartition, Long> ends = consumer.endOffsets(begins.keySet());
    records.forEach(
        (partition, offsets) -> {
          TopicPartition of = new TopicPartition(raw.name(), partition);
          Stretch last = null;
          for (long offset : new TreeSet<>(offsets)) {
            if (offset < begins.getOrDefault(of, Long.MAX_VALUE) || offset >= ends.get(of)) {
              continue;
            }
            if (last != null && last.end() == offset) {
              last = last.longer();
              all.set(all.size() - 1, last);
            } else {
              last = new Stretch(raw, of, offset, offset + 1);
              all.add(last);
            }
          }
        });
    return start(all);
  }

  /** Records that follow each other. */
  private record Stretch(Topic topic, TopicPartition partition, long begin, long end) {
    Stretch longer() {
      return new Stretch(topic, partition, begin, end + 1);
    }
  }

  private Started start(List<Stretch> stretches) {
    Instant now = Instant.now().truncatedTo(ChronoUnit.MILLIS);
    String id = now + "-" + UUID.randomUUID().toString().substring(0, 8);
    TopicPartition letters = new TopicPartition(Topics.OPS_DEAD_LETTERS.name(), 0);
    long lettersBefore = ends(List.of(letters)).get(letters);
    Map<TopicPartition, List<Asked>> asked = new LinkedHashMap<>();
    long offsets = 0;
    try (Producer<SpecificRecord, SpecificRecord> producer =
        kafka.producer("replay-" + id, TRANSACTION_TIMEOUT)) {
      producer.initTransactions();
      producer.beginTransaction();
      for (Stretch stretch : stretches) {
        offsets += Math.max(0, stretch.end() - stretch.begin());
        TopicPartition requests =
            new TopicPartition(
                Topics.REPLAYS.get(stretch.topic()).name(), stretch.partition().partition());
        for (long from = stretch.begin();
            from < stretch.end();
            from += RANGE.get(stretch.topic())) {
          asked
              .computeIfAbsent(requests, p -> new ArrayList<>())
              .add(send(producer, id, now, stretch, from));
        }
      }
      producer.commitTransaction();
    }
    Map<TopicPartition, List<Range>> ranges = new LinkedHashMap<>();
    asked.forEach(
        (partition, requests) ->
            ranges.put(partition, requests.stream().map(Asked::range).toList()));
    return new Started(ranges, offsets, lettersBefore);
  }

  /** A request on its way. */
  private record Asked(Future<RecordMetadata> sent, TopicPartition raw, long from, long to) {
    Range range() {
      return new Range(get(sent).offset(), raw, from, to);
    }
  }

  private static Asked send(
      Producer<SpecificRecord, SpecificRecord> producer,
      String id,
      Instant now,
      Stretch stretch,
      long from) {
    String topic = stretch.topic().name();
    int partition = stretch.partition().partition();
    long to = Math.min(stretch.end(), from + RANGE.get(stretch.topic()));
    Future<RecordMetadata> sent =
        producer.send(
            new ProducerRecord<>(
                Topics.REPLAYS.get(stretch.topic()).name(),
                partition,
                new ReplayKey(topic, partition, from),
                new Replay(id, topic, partition, from, to, now)));
    return new Asked(sent, stretch.partition(), from, to);
  }

  private Map<TopicPartition, Long> begins(Topic topic, Optional<Instant> since) {
    List<TopicPartition> partitions = partitions(topic);
    Map<TopicPartition, Long> begins = new LinkedHashMap<>(consumer.beginningOffsets(partitions));
    if (since.isPresent()) {
      Map<TopicPartition, Long> times =
          partitions.stream().collect(Collectors.toMap(p -> p, p -> since.get().toEpochMilli()));
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      for (Map.Entry<TopicPartition, OffsetAndTimestamp> found :
          consumer.offsetsForTimes(times).entrySet()) {
        begins.put(
            found.getKey(),
            found.getValue() == null ? ends.get(found.getKey()) : found.getValue().offset());
      }
    }
    return begins;
  }

  private List<TopicPartition> partitions(Topic topic) {
    return consumer.partitionsFor(topic.name()).stream()
        .map(p -> new TopicPartition(p.topic(), p.partition()))
        .toList();
  }

  /** Offsets that transformers have processed again. */
  public long done(Started replay) {
    Map<TopicPartition, Long> committed = committed(TRANSFORMERS);
    return replay.ranges().entrySet().stream()
        .flatMap(
            e ->
                e.getValue().stream()
                    .filter(range -> range.offset() < committed.getOrDefault(e.getKey(), 0L)))
        .mapToLong(range -> range.to() - range.from())
        .sum();
  }

  /** Waits until all that was made so far is in the tables. */
  public void awaitLoaded() throws InterruptedException {
    awaitRead(
        TRANSFORMERS,
        List.of(
            Topics.TRANSFORMER_FILE_ROWS,
            Topics.TRANSFORMER_FILE_CANDLES,
            Topics.TRANSFORMER_PRICES));
    awaitRead(LOADER, Topics.all().stream().filter(Topic::table).toList());
  }

  private void awaitRead(String group, List<Topic> topics) throws InterruptedException {
    Map<TopicPartition, Long> ends =
        ends(topics.stream().flatMap(t -> partitions(t).stream()).toList());
    while (!isRead(group, ends)) {
      Thread.sleep(POLL.toMillis());
    }
  }

  /** Whether a group has read all committed records before some offsets. */
  private boolean isRead(String group, Map<TopicPartition, Long> ends) {
    Map<TopicPartition, Long> committed = committed(group);
    Map<TopicPartition, Long> begins = consumer.beginningOffsets(ends.keySet());
    Map<TopicPartition, Long> behind = new HashMap<>();
    ends.forEach(
        (partition, end) -> {
          long begin = begins.get(partition);
          long position = Math.max(begin, committed.getOrDefault(partition, begin));
          if (position < end) {
            behind.put(partition, position);
          }
        });
    consumer.assign(behind.keySet());
    behind.forEach(consumer::seek);
    // What is left may be markers of transactions, which nobody reads.
    while (behind.keySet().stream().anyMatch(p -> consumer.position(p) < ends.get(p))) {
      if (!consumer.poll(POLL).isEmpty()) {
        return false;
      }
    }
    return true;
  }

  /** Ends of partitions, open transactions included. */
  private Map<TopicPartition, Long> ends(Collection<TopicPartition> partitions) {
    Map<TopicPartition, OffsetSpec> latest =
        partitions.stream().collect(Collectors.toMap(p -> p, p -> OffsetSpec.latest()));
    Map<TopicPartition, Long> ends = new HashMap<>();
    get(admin.listOffsets(latest, new ListOffsetsOptions(IsolationLevel.READ_UNCOMMITTED)).all())
        .forEach((partition, end) -> ends.put(partition, end.offset()));
    return ends;
  }

  private Map<TopicPartition, Long> committed(String group) {
    Map<TopicPartition, OffsetAndMetadata> offsets =
        get(admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata());
    Map<TopicPartition, Long> committed = new HashMap<>();
    offsets.forEach(
        (partition, offset) -> {
          if (offset != null) {
            committed.put(partition, offset.offset());
          }
        });
    return committed;
  }

  /**
   * Takes dead letters of replayed records away that the replay has not made again: the code of
   * today can process these records.
   *
   * @return how many letters are gone, and how many records the replay could not process
   */
  public Letters sweep(Started replay) {
    Map<TopicPartition, List<Range>> byRaw =
        replay.ranges().values().stream()
            .flatMap(List::stream)
            .collect(Collectors.groupingBy(Range::raw));
    Map<String, Long> last = new LinkedHashMap<>();
    TopicPartition letters = new TopicPartition(Topics.OPS_DEAD_LETTERS.name(), 0);
    consumer.assign(List.of(letters));
    consumer.seekToBeginning(List.of(letters));
    long end = ends(List.of(letters)).get(letters);
    while (consumer.position(letters) < end) {
      ConsumerRecords<byte[], byte[]> records = consumer.poll(POLL);
      for (ConsumerRecord<byte[], byte[]> record : records) {
        if (!(read(record.topic(), record.key()) instanceof DeadLetterKey key)) {
          continue;
        }
        SpecificRecord value = read(record.topic(), record.value());
        if (record.value() == null) {
          last.remove(key.getId());
        } else if (value instanceof DeadLetter letter && isOf(byRaw, letter)) {
          last.put(key.getId(), record.offset());
        }
      }
    }
    Set<String> gone = new HashSet<>();
    last.forEach(
        (id, offset) -> {
          if (offset < replay.lettersBefore()) {
            gone.add(id);
          }
        });
    try (Producer<SpecificRecord, SpecificRecord> producer = kafka.producer()) {
      gone.stream()
          .map(
              id ->
                  producer.send(
                      new ProducerRecord<>(
                          Topics.OPS_DEAD_LETTERS.name(), new DeadLetterKey(id), null)))
          .toList()
          .forEach(Replays::get);
    }
    return new Letters(gone.size(), last.size() - gone.size());
  }

  /**
   * Dead letters after a replay.
   *
   * @param gone letters of records that can be processed now
   * @param kept letters of records that the replay could not process
   */
  public record Letters(int gone, int kept) {}

  private static boolean isOf(Map<TopicPartition, List<Range>> byRaw, DeadLetter letter) {
    return letter.getStage().equals("transform")
        && letter.getTopic() != null
        && byRaw
            .getOrDefault(new TopicPartition(letter.getTopic(), letter.getPartition()), List.of())
            .stream()
            .anyMatch(r -> r.from() <= letter.getOffset() && letter.getOffset() < r.to());
  }

  /** A key or value; null for one that cannot be read, which is none of a letter. */
  private SpecificRecord read(String topic, byte[] bytes) {
    try {
      return kafka.serdes().read(topic, bytes);
    } catch (BadRecordException e) {
      return null;
    }
  }

  private static <T> T get(Future<T> future) {
    try {
      return future.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          "Kafka did not do what was asked: " + e.getCause().getMessage(), e);
    }
  }

  @Override
  public void close() {
    consumer.close();
    admin.close();
  }
}
