package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.ExtractorSettings.Start;
import io.cryptoetl.extractor.publishing.KafkaSettings;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.ops.CursorKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.jboss.logging.Logger;

/**
 * Plans one source: what the finality rule allows, minus what is planned already, cut into ranges.
 * Ranges and the new cursor are written in one transaction whose transactional id is the source, so
 * of two planners only one can write; the other then stands by until the first one falls silent.
 */
public final class Planner implements AutoCloseable {
  private static final Logger LOG = Logger.getLogger(Planner.class);
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);
  private static final int SILENT_TICKS = 3;

  private final Source source;
  private final Start start;
  private final Duration every;
  private final int rangeSize;
  private final int rangesPerTick;
  private final KafkaSettings kafka;
  private final Clock clock;
  private final Supplier<String> ids;

  private Producer<SpecificRecord, SpecificRecord> producer;
  private Cursor cursor;
  private boolean standby;
  private volatile Status status = new Status(Optional.empty(), Optional.empty());

  /**
   * How planning goes.
   *
   * @param head newest height that could be planned, as the last tick saw it
   * @param problem what the last tick failed of
   */
  public record Status(Optional<Long> head, Optional<String> problem) {}

  /**
   * A planner of one source.
   *
   * @param start where to begin without a cursor
   * @param every how often {@link #tick} is called
   * @param ids makes unique ids
   */
  public Planner(
      Source source,
      Start start,
      Duration every,
      int rangeSize,
      int rangesPerTick,
      KafkaSettings kafka,
      Clock clock,
      Supplier<String> ids) {
    this.source = source;
    this.start = start;
    this.every = every;
    this.rangeSize = rangeSize;
    this.rangesPerTick = rangesPerTick;
    this.kafka = kafka;
    this.clock = clock;
    this.ids = ids;
  }

  /** How the last tick went. */
  public Status status() {
    return status;
  }

  /** Plans what can be planned now. */
  public synchronized void tick() throws InterruptedException {
    if (start instanceof Start.OnRequest) {
      return;
    }
    Optional<Long> head = status.head();
    try {
      head = Optional.of(source.head());
      plan(head.get());
      status = new Status(head, Optional.empty());
    } catch (TransientException e) {
      LOG.warnf(
          "source=%s event=plan_failed code=%s reason=\"%s\"",
          source.name(), e.code(), e.getMessage());
      status = new Status(head, Optional.of(e.getMessage()));
    } catch (ProducerFencedException | InvalidProducerEpochException e) {
      LOG.infof(
          "source=%s event=planner_standby reason=\"another instance plans this source\"",
          source.name());
      discardProducer();
      standby = true;
      status = new Status(head, Optional.empty());
    } catch (KafkaException e) {
      LOG.warnf(
          e, "source=%s event=plan_failed code=kafka reason=\"%s\"", source.name(), e.getMessage());
      discardProducer();
      status = new Status(head, Optional.of("Kafka: " + e.getMessage()));
    }
  }

  private void plan(long head) {
    if (standby && !othersAreSilent(head)) {
      return;
    }
    standby = false;
    if (producer == null) {
      Producer<SpecificRecord, SpecificRecord> fresh =
          kafka.producer("planner-" + source.name(), TRANSACTION_TIMEOUT);
      producer = fresh;
      // Ends whatever another planner left open; the cursor read after that is the last word.
      fresh.initTransactions();
      cursor = new Cursors(kafka).read().get(source.name());
    }
    long first = cursor == null ? firstHeight(head) : cursor.getFirstNumber();
    long next = cursor == null ? first : cursor.getNextNumber();
    if (head < next) {
      return;
    }
    List<Range> ranges = new Range(next, head).cut(rangeSize, rangesPerTick);
    Cursor moved =
        new Cursor(source.name(), first, ranges.getLast().to() + 1, head, clock.instant());
    String tick = ids.get();
    Instant now = clock.instant();
    producer.beginTransaction();
    for (Range range : ranges) {
      String id = ids.get();
      producer.send(
          new ProducerRecord<>(
              Topics.OPS_EXTRACT_REQUESTS.name(),
              new ExtractRequestKey(id),
              new ExtractRequest(
                  id, tick, source.name(), range.from(), range.to(), "schedule", now)));
    }
    producer.send(
        new ProducerRecord<>(Topics.OPS_CURSORS.name(), new CursorKey(source.name()), moved));
    producer.commitTransaction();
    cursor = moved;
    LOG.infof(
        "source=%s event=planned from=%d to=%d ranges=%d head=%d",
        source.name(), next, moved.getNextNumber() - 1, ranges.size(), head);
  }

  private long firstHeight(long head) {
    return switch (start) {
      case Start.Height height -> height.number();
      case Start.Head _, Start.OnRequest _ -> head;
    };
  }

  /** Whether there is work that no other planner has taken up for some ticks. */
  private boolean othersAreSilent(long head) {
    Cursor theirs = new Cursors(kafka).read().get(source.name());
    return theirs == null
        || (theirs.getNextNumber() <= head
            && theirs
                .getPlannedAt()
                .isBefore(clock.instant().minus(every.multipliedBy(SILENT_TICKS))));
  }

  private void discardProducer() {
    if (producer != null) {
      producer.close(Duration.ZERO);
      producer = null;
    }
  }

  @Override
  public synchronized void close() {
    if (producer != null) {
      producer.close(Duration.ofSeconds(5));
      producer = null;
    }
  }
}
