package io.cryptoetl.extractor.publishing;

import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
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
 * that cannot be reached holds up nobody else.
 */
public final class Worker implements Runnable {
  private static final Logger LOG = Logger.getLogger(Worker.class);
  private static final Duration POLL = Duration.ofMillis(500);
  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** Longest time for one range; then the broker gives it to another worker. */
  private static final Duration MAX_WORK = Duration.ofMinutes(10);

  /** Room for what is in a record beside the JSON. */
  private static final int RECORD_OVERHEAD = 4096;

  private final Source source;
  private final KafkaSettings kafka;
  private final String name;
  private final Duration retryDelay;
  private final int tries;
  private final Clock clock;
  private final Meters meters;

  private final Map<TopicPartition, Integer> failures = new HashMap<>();
  private final Map<TopicPartition, Integer> vain = new HashMap<>();
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
      String name,
      Duration retryDelay,
      int tries,
      Clock clock,
      Meters meters) {
    this.source = source;
    this.kafka = kafka;
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
              kafka.producer("worker-" + source.name() + "-" + name, MAX_WORK);
          Admin admin = Admin.create(kafka.shared())) {
        producer.initTransactions();
        int limit = maxMessageBytes(admin);
        consumer.subscribe(List.of(Topics.OPS_EXTRACT_REQUESTS.name()), forgetOnRebalance());
        while (!stopped) {
          for (ConsumerRecord<SpecificRecord, SpecificRecord> r : consumer.poll(POLL)) {
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
        || !request.getSource().equals(source.name())) {
      // Of another source: its own group works on it. The offset is committed with the next range.
      return;
    }
    Instant startedAt = clock.instant();
    Totals totals = new Totals();
    boolean lastTry = vain.getOrDefault(partition, 0) + 1 >= tries;
    producer.beginTransaction();
    try {
      Source.Effort effort =
          source.fetch(
              new Range(request.getFromNumber(), request.getToNumber()),
              lastTry,
              item -> totals.add(publish(producer, item, limit)));
      ExtractResult result =
          ExtractResult.newBuilder()
              .setRequestId(request.getRequestId())
              .setJobId(request.getJobId())
              .setSource(source.name())
              .setFromNumber(request.getFromNumber())
              .setToNumber(request.getToNumber())
              .setBlocks(totals.blocks)
              .setDeadLetters(totals.deadLetters)
              .setBytes(totals.bytes)
              .setCalls(effort.calls())
              .setRetries(effort.retries())
              .setEndpoint(effort.endpoint())
              .setWorker(name)
              .setStartedAt(startedAt)
              .setFinishedAt(clock.instant())
              .build();
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
      meters.published(source.name(), totals.blocks, totals.deadLetters, totals.bytes);
      LOG.debugf(
          "source=%s worker=%s event=range_published from=%d to=%d blocks=%d dead_letters=%d",
          source.name(),
          name,
          request.getFromNumber(),
          request.getToNumber(),
          totals.blocks,
          totals.deadLetters);
    } catch (TransientException e) {
      producer.abortTransaction();
      int failed = failures.merge(partition, 1, Integer::sum);
      if (e.answered()) {
        vain.merge(partition, 1, Integer::sum);
      }
      problem = Optional.of(e.getMessage());
      meters.failed(source.name(), e.code());
      LOG.warnf(
          "source=%s worker=%s event=range_failed from=%d to=%d try=%d code=%s reason=\"%s\"",
          source.name(),
          name,
          request.getFromNumber(),
          request.getToNumber(),
          failed,
          e.code(),
          e.getMessage());
      waitInGroup(consumer, delay(failed));
      if (consumer.assignment().contains(partition)) {
        consumer.seek(partition, polled.offset());
      }
    }
  }

  /** Waits without leaving the group. What partitions bring that come meanwhile is read again. */
  private void waitInGroup(Consumer<?, ?> consumer, Duration delay) {
    Instant until = clock.instant().plus(delay);
    for (Duration left = delay;
        !stopped && left.isPositive();
        left = Duration.between(clock.instant(), until)) {
      consumer.pause(consumer.assignment());
      consumer
          .poll(left.compareTo(POLL) < 0 ? left : POLL)
          .forEach(r -> consumer.seek(new TopicPartition(r.topic(), r.partition()), r.offset()));
    }
    consumer.resume(consumer.assignment());
  }

  /** What one item added. */
  private static final class Totals {
    private long blocks;
    private long deadLetters;
    private long bytes;

    void add(long publishedBytes) {
      if (publishedBytes < 0) {
        deadLetters++;
      } else {
        blocks++;
        bytes += publishedBytes;
      }
    }
  }

  /** Sends an item; returns the bytes published, or -1 if it went to the dead letters. */
  private long publish(Producer<SpecificRecord, SpecificRecord> producer, Item item, int limit) {
    return switch (item) {
      case Item.Accepted accepted when accepted.bytes() + RECORD_OVERHEAD <= limit -> {
        send(producer, Topics.RAW_EVM_BLOCKS.name(), accepted.key(), accepted.value());
        yield accepted.bytes();
      }
      case Item.Accepted accepted -> {
        deadLetter(
            producer,
            accepted.number(),
            "record_too_large",
            "block %d of source %s takes %d bytes, topic %s takes %d; raise RAW_MAX_MESSAGE_BYTES, provision the topics again and restart"
                .formatted(
                    accepted.number(),
                    source.name(),
                    accepted.bytes(),
                    Topics.RAW_EVM_BLOCKS.name(),
                    limit),
            accepted.value() instanceof RawBlock raw ? raw.getEndpoint() : null,
            encoded(accepted.value()));
        yield -1;
      }
      case Item.Rejected rejected -> {
        deadLetter(
            producer,
            rejected.number(),
            rejected.code(),
            rejected.reason(),
            rejected.endpoint(),
            ByteBuffer.wrap(rejected.payload()));
        yield -1;
      }
    };
  }

  private void deadLetter(
      Producer<SpecificRecord, SpecificRecord> producer,
      long number,
      String code,
      String reason,
      String endpoint,
      ByteBuffer payload) {
    LOG.errorf(
        "source=%s worker=%s event=dead_letter block=%d code=%s reason=\"%s\"",
        source.name(), name, number, code, reason);
    String id = "extract:%s:%d:%s".formatted(source.name(), number, code);
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setId(id)
            .setStage("extract")
            .setCode(code)
            .setReason(reason)
            .setSource(source.name())
            .setEndpoint(endpoint)
            .setBlockNumber(number)
            .setPayload(payload.hasRemaining() ? payload : null)
            .setOccurredAt(clock.instant())
            .build();
    send(producer, Topics.OPS_DEAD_LETTERS.name(), new DeadLetterKey(id), letter);
  }

  private static void send(
      Producer<SpecificRecord, SpecificRecord> producer,
      String topic,
      SpecificRecord key,
      SpecificRecord value) {
    // A failed send fails the commit of its transaction.
    producer.send(new ProducerRecord<>(topic, key, value));
  }

  private static ByteBuffer encoded(SpecificRecord value) {
    try {
      return value instanceof RawBlock raw ? raw.toByteBuffer() : ByteBuffer.allocate(0);
    } catch (IOException e) {
      throw new UncheckedIOException("encoding in memory", e);
    }
  }

  private static int maxMessageBytes(Admin admin) throws InterruptedException {
    ConfigResource topic =
        new ConfigResource(ConfigResource.Type.TOPIC, Topics.RAW_EVM_BLOCKS.name());
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

  private ConsumerRebalanceListener forgetOnRebalance() {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(failures::remove);
        partitions.forEach(vain::remove);
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}
    };
  }
}
