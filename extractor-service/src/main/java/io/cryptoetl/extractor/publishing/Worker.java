package io.cryptoetl.extractor.publishing;

import io.cryptoetl.extractor.metrics.Meters;
import io.cryptoetl.extractor.planning.Ledger;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.schemas.GroupWait;
import io.cryptoetl.schemas.KafkaSettings;
import io.cryptoetl.schemas.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.InterruptException;
import org.jboss.logging.Logger;

/**
 * Works off the requests of one source. A range's raw records, its dead letters, its result and the
 * request's offset are committed in one transaction: a crash repeats the range, and consumers that
 * read committed records see it once.
 *
 * <p>Each source has a consumer group of its own and skips the requests of others, so that a source
 * that cannot be reached holds up nobody else. While a source is paused, its workers stay in the
 * group and take nothing; requests of a cancelled job are answered without being worked off.
 */
public final class Worker implements Runnable {
  private static final Logger LOG = Logger.getLogger(Worker.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** Longest time for one range; then the broker gives it to another worker. */
  private static final Duration MAX_WORK = Duration.ofMinutes(10);

  /**
   * Longest transaction. If a worker dies within one, readers of committed records wait until
   * another worker of its group misses it, or that long.
   */
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofMinutes(5);

  /**
   * Bytes of a range that are held before its transaction begins: a range that an endpoint gives
   * slowly is usually all there by then, and its transaction takes no longer than the sending.
   */
  private static final int HELD_BYTES = 16 * 1024 * 1024;

  /** Room for what is in a record beside the JSON. */
  private static final int RECORD_OVERHEAD = 4096;

  /** Bytes that may be on their way to the broker. */
  private static final int MOST_BYTES_IN_FLIGHT = 16 * 1024 * 1024;

  private final Source source;
  private final Map<String, Feed> feeds;
  private final KafkaSettings kafka;
  private final Ledger ledger;
  private final String name;
  private final Duration retryDelay;
  private final int tries;
  private final Clock clock;
  private final Meters meters;

  private final Map<TopicPartition, Integer> failures = new HashMap<>();
  private final Map<TopicPartition, Integer> vain = new HashMap<>();
  private boolean othersMayBeGone;
  private volatile boolean stopped;
  private volatile Optional<String> problem = Optional.empty();

  /**
   * A worker.
   *
   * @param name unique among running workers and the same after a restart
   * @param retryDelay first pause after a failure; it doubles with each further one
   * @param tries tries after which a height that cannot be had goes to the dead letters
   */
  public Worker(
      Source source,
      KafkaSettings kafka,
      Ledger ledger,
      String name,
      Duration retryDelay,
      int tries,
      Clock clock,
      Meters meters) {
    this.source = source;
    this.feeds = source.feeds().stream().collect(Collectors.toMap(Feed::name, f -> f));
    this.kafka = kafka;
    this.ledger = ledger;
    this.name = name;
    this.retryDelay = retryDelay;
    this.tries = tries;
    this.clock = clock;
    this.meters = meters;
  }

  /** Consumer group of the workers of a source. */
  public static String group(String source) {
    return "extractor-" + source;
  }

  /** What keeps the worker from working, if anything does. */
  public Optional<String> problem() {
    return problem;
  }

  /** Makes {@link #run} return after the range in hand. */
  public void stop() {
    stopped = true;
  }

  @Override
  public void run() {
    int broken = 0;
    while (!stopped) {
      try (Consumer<SpecificRecord, SpecificRecord> consumer =
              kafka.consumer(group(source.name()), name, MAX_WORK);
          Producer<SpecificRecord, SpecificRecord> producer =
              kafka.producer(transactionalIds() + name, TRANSACTION_TIMEOUT);
          Admin admin = Admin.create(kafka.shared())) {
        producer.initTransactions();
        int limit = maxMessageBytes(admin);
        consumer.subscribe(List.of(Topics.OPS_EXTRACT_REQUESTS.name()), forgetOnRebalance());
        while (!stopped) {
          if (othersMayBeGone) {
            othersMayBeGone = false;
            endTransactionsOfTheGone(admin);
          }
          if (!ledger.awaitRead(POLL) || ledger.isPaused(source.name())) {
            GroupWait.during(consumer, POLL, clock, () -> stopped);
            continue;
          }
          for (ConsumerRecord<SpecificRecord, SpecificRecord> r : consumer.poll(POLL)) {
            if (ledger.isPaused(source.name())) {
              // Paused while the request was on its way: it is read again later.
              consumer.seek(new TopicPartition(r.topic(), r.partition()), r.offset());
              continue;
            }
            workOn(consumer, producer, r, limit);
            broken = 0;
          }
        }
      } catch (InterruptedException | InterruptException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        // Kafka's failures, and any that nobody thought of: a worker never ends silently. New
        // clients begin from the last commit: nothing of the broken transaction is visible.
        broken++;
        problem = Optional.of("Kafka: " + e.getMessage());
        LOG.warnf(
            e,
            "source=%s worker=%s event=clients_reopened reason=\"%s\"",
            source.name(),
            name,
            e.getMessage());
        pause(broken);
      }
    }
  }

  private void pause(int failuresSoFar) {
    try {
      Thread.sleep(delay(failuresSoFar));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stopped = true;
    }
  }

  private Duration delay(int failuresSoFar) {
    Duration delay = retryDelay.multipliedBy(1L << Math.min(10, failuresSoFar - 1));
    return delay.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : delay;
  }

  private void workOn(
      Consumer<SpecificRecord, SpecificRecord> consumer,
      Producer<SpecificRecord, SpecificRecord> producer,
      ConsumerRecord<SpecificRecord, SpecificRecord> polled,
      int limit)
      throws InterruptedException {
    TopicPartition partition = new TopicPartition(polled.topic(), polled.partition());
    if (!(polled.value() instanceof ExtractRequest request)
        || !feeds.containsKey(request.getSource())) {
      // Of another source: its own group works on it. The offset is committed with the next range.
      return;
    }
    Instant startedAt = clock.instant();
    boolean lastTry = vain.getOrDefault(partition, 0) + 1 >= tries;
    boolean cancelled = ledger.isCancelled(request.getJobId());
    Range range = new Range(request.getFromNumber(), request.getToNumber());
    Outbox outbox = new Outbox(producer, request.getSource(), limit);
    try {
      Feed.Effort effort =
          cancelled
              ? new Feed.Effort("", 0, 0)
              : feeds.get(request.getSource()).fetch(range, lastTry, outbox::publish);
      outbox.sendHeld();
      Instant finishedAt = clock.instant();
      ExtractResult result =
          outbox.totals.addTo(
              ExtractResult.newBuilder()
                  .setRequestId(request.getRequestId())
                  .setJobId(request.getJobId())
                  .setSource(request.getSource())
                  .setFromNumber(request.getFromNumber())
                  .setToNumber(request.getToNumber())
                  .setCalls(effort.calls())
                  .setRetries(effort.retries() + failures.getOrDefault(partition, 0))
                  .setEndpoint(effort.endpoint())
                  .setWorker(name)
                  .setStartedAt(startedAt)
                  .setFinishedAt(finishedAt)
                  .setOutcome(cancelled ? "cancelled" : "published"),
              range);
      producer.send(
          new ProducerRecord<>(
              Topics.OPS_EXTRACT_RESULTS.name(),
              new ExtractResultKey(request.getRequestId()),
              result));
      producer.sendOffsetsToTransaction(
          Map.of(partition, new OffsetAndMetadata(polled.offset() + 1)), consumer.groupMetadata());
      producer.commitTransaction();
      failures.remove(partition);
      vain.remove(partition);
      problem = Optional.empty();
      meters.published(
          request.getSource(),
          result.getBlocks(),
          result.getDeadLetters(),
          result.getBytes(),
          Duration.between(startedAt, finishedAt));
      LOG.debugf(
          "source=%s worker=%s event=range_published from=%d to=%d blocks=%d dead_letters=%d",
          request.getSource(),
          name,
          request.getFromNumber(),
          request.getToNumber(),
          result.getBlocks(),
          result.getDeadLetters());
    } catch (TransientException e) {
      outbox.abort();
      int failed = failures.merge(partition, 1, Integer::sum);
      if (e.answered()) {
        vain.merge(partition, 1, Integer::sum);
      }
      problem = Optional.of(e.getMessage());
      meters.failed(request.getSource(), e.code());
      LOG.warnf(
          "source=%s worker=%s event=range_failed from=%d to=%d try=%d code=%s reason=\"%s\"",
          source.name(),
          name,
          request.getFromNumber(),
          request.getToNumber(),
          failed,
          e.code(),
          e.getMessage());
      GroupWait.during(consumer, delay(failed), clock, () -> stopped);
      if (consumer.assignment().contains(partition)) {
        consumer.seek(partition, polled.offset());
      }
    }
  }

  /** What a range brought. */
  private static final class Totals {
    private long records;
    private long deadLetters;
    private long absent;
    private long bytes;
    private Set<String> checks;
    private Item.Accepted first;
    private Item.Accepted last;

    void add(Item.Accepted item) {
      records++;
      bytes += item.bytes();
      if (checks == null) {
        checks = new TreeSet<>(item.checks());
      } else {
        checks.retainAll(item.checks());
      }
      first = first == null ? item : first;
      last = item;
    }

    ExtractResult addTo(ExtractResult.Builder result, Range range) {
      result
          .setBlocks(records)
          .setDeadLetters(deadLetters)
          .setAbsent(absent)
          .setBytes(bytes)
          .setChecks(checks == null ? List.of() : List.copyOf(checks));
      if (first != null && first.number() == range.from()) {
        first.link().ifPresent(l -> result.setFirstParentHash(ByteBuffer.wrap(l.parentHash())));
      }
      if (last != null && last.number() == range.to()) {
        last.link().ifPresent(l -> result.setLastHash(ByteBuffer.wrap(l.hash())));
      }
      return result.build();
    }
  }

  /** Sends the items of a range within the producer's transaction. */
  private final class Outbox {
    private final Producer<SpecificRecord, SpecificRecord> producer;
    private final String feed;
    private final int limit;
    private final Totals totals = new Totals();
    private final Semaphore room = new Semaphore(MOST_BYTES_IN_FLIGHT);
    private final List<Item> held = new ArrayList<>();
    private long heldBytes;
    private boolean begun;

    Outbox(Producer<SpecificRecord, SpecificRecord> producer, String feed, int limit) {
      this.producer = producer;
      this.feed = feed;
      this.limit = limit;
    }

    void publish(Item item) {
      if (begun) {
        send(item);
        return;
      }
      held.add(item);
      heldBytes +=
          switch (item) {
            case Item.Accepted accepted -> accepted.bytes();
            case Item.Rejected rejected ->
                rejected.answers().stream().mapToLong(a -> a.payload().length).sum();
            case Item.Absent _ -> 0;
          };
      if (heldBytes > HELD_BYTES) {
        sendHeld();
      }
    }

    /** Begins the transaction, if that is still to be done, and sends what is held. */
    void sendHeld() {
      if (!begun) {
        producer.beginTransaction();
        begun = true;
      }
      held.forEach(this::send);
      held.clear();
    }

    void abort() {
      if (begun) {
        producer.abortTransaction();
      }
    }

    private void send(Item item) {
      switch (item) {
        case Item.Accepted accepted when accepted.bytes() + RECORD_OVERHEAD <= limit -> {
          send(
              accepted.topic().name(),
              accepted.key(),
              accepted.value(),
              accepted.bytes() + RECORD_OVERHEAD);
          totals.add(accepted);
        }
        case Item.Accepted accepted -> {
          String topic = accepted.topic().name();
          deadLetter(
              accepted.number(),
              new Item.Answer(
                  "record_too_large",
                  "number %d of %s takes %d bytes, topic %s takes %d; raise RAW_MAX_MESSAGE_BYTES, provision the topics again and restart"
                      .formatted(accepted.number(), feed, accepted.bytes(), topic, limit),
                  accepted.endpoint(),
                  encoded(accepted.value())));
          totals.deadLetters++;
        }
        case Item.Rejected rejected -> {
          rejected.answers().forEach(answer -> deadLetter(rejected.number(), answer));
          totals.deadLetters++;
        }
        case Item.Absent _ -> totals.absent++;
      }
    }

    private void deadLetter(long number, Item.Answer answer) {
      LOG.errorf(
          "source=%s worker=%s event=dead_letter block=%d endpoint=%s code=%s reason=\"%s\"",
          feed, name, number, answer.endpoint(), answer.code(), answer.reason());
      String id = "extract:%s:%d:%s:%s".formatted(feed, number, answer.endpoint(), answer.code());
      DeadLetter letter =
          DeadLetter.newBuilder()
              .setId(id)
              .setStage("extract")
              .setCode(answer.code())
              .setReason(answer.reason())
              .setSource(feed)
              .setEndpoint(answer.endpoint())
              .setBlockNumber(number)
              .setPayload(answer.payload().length == 0 ? null : ByteBuffer.wrap(answer.payload()))
              .setOccurredAt(clock.instant())
              .build();
      send(
          Topics.OPS_DEAD_LETTERS.name(),
          new DeadLetterKey(id),
          letter,
          answer.payload().length + RECORD_OVERHEAD);
    }

    /** Sends when there is room: what is not yet with the broker stays bounded. */
    private void send(String topic, SpecificRecord key, SpecificRecord value, long bytes) {
      int taken = (int) Math.min(bytes, MOST_BYTES_IN_FLIGHT);
      try {
        room.acquire(taken);
      } catch (InterruptedException e) {
        throw new InterruptException(e);
      }
      // A failed send fails the commit of its transaction.
      producer.send(new ProducerRecord<>(topic, key, value), (_, _) -> room.release(taken));
    }
  }

  private static byte[] encoded(SpecificRecord value) {
    try (ByteArrayOutputStream out = new ByteArrayOutputStream()) {
      new BinaryMessageEncoder<SpecificRecord>(SpecificData.get(), value.getSchema())
          .encode(value, out);
      return out.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException("encoding in memory", e);
    }
  }

  private int maxMessageBytes(Admin admin) throws InterruptedException {
    ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, source.topic().name());
    try {
      return Integer.parseInt(
          admin
              .describeConfigs(List.of(topic))
              .all()
              .get()
              .get(topic)
              .get("max.message.bytes")
              .value());
    } catch (ExecutionException e) {
      throw new KafkaException(
          "topic " + topic.name() + " cannot be described; are the topics provisioned?",
          e.getCause());
    }
  }

  /** What the transactional ids of all workers of the source begin with. */
  private String transactionalIds() {
    return "worker/" + source.name() + "/";
  }

  /**
   * Aborts what workers left open that have left the group: until then nobody would see what others
   * committed after it. Without it that would be for as long as a transaction may take.
   */
  private void endTransactionsOfTheGone(Admin admin) throws InterruptedException {
    try {
      List<String> gone =
          kafka.endTransactionsOfTheGone(admin, group(source.name()), transactionalIds());
      if (!gone.isEmpty()) {
        LOG.warnf(
            "source=%s worker=%s event=transactions_ended of=\"%s\"", source.name(), name, gone);
      }
    } catch (ExecutionException e) {
      // They end by themselves, later.
      LOG.warnf(
          "source=%s worker=%s event=transactions_not_ended reason=\"%s\"",
          source.name(), name, e.getCause());
    }
  }

  private ConsumerRebalanceListener forgetOnRebalance() {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(failures::remove);
        partitions.forEach(vain::remove);
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        othersMayBeGone = true;
      }
    };
  }
}
