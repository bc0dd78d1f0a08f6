package io.cryptoetl.extractor.publishing;

import io.cryptoetl.extractor.metrics.Meters;
import io.cryptoetl.extractor.planning.Ledger;
import io.cryptoetl.extractor.planning.Letters;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TransactionalWorker;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topics;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Semaphore;
import java.util.stream.Collectors;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.jboss.logging.Logger;

/**
 * Works off the requests of one source. A range's raw records, its dead letters, its result and the
 * request's offset are committed in one transaction: a crash repeats the range, and consumers that
 * read committed records see it once.
 *
 * <p>Each source has a consumer group of its own and skips the requests of others, so that a source
 * that cannot be reached holds up nobody else. Requests that can wait have a topic of their own, of
 * which none is begun while there are urgent ones. While a source is paused, its workers stay in
 * the group and take nothing; requests of a cancelled job are answered without being worked off.
 */
public final class Worker implements Runnable, TransactionalWorker.Task {
  private static final Logger LOG = Logger.getLogger(Worker.class);

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

  private static final TopicPartition FIRST =
      new TopicPartition(Topics.OPS_EXTRACT_REQUESTS.name(), 0);

  /** Memory of an item without a record. */
  private static final int BYTES_OF_NOTHING = 100;

  /** Room for what is in a record beside the JSON. */
  private static final int RECORD_OVERHEAD = 4096;

  /** Bytes that may be on their way to the broker. */
  private static final int MAX_BYTES_IN_FLIGHT = 16 * 1024 * 1024;

  private final Source source;
  private final Runnable leading;
  private final Map<String, Feed> feeds;
  private final KafkaClients kafka;
  private final Ledger ledger;
  private final String name;
  private final int tries;
  private final Clock clock;
  private final Meters meters;
  private final TransactionalWorker worker;

  /** Largest record that the source's topic takes, in bytes. */
  private int limit;

  /** Largest record that the topic of dead letters takes, in bytes. */
  private int letterLimit;

  private volatile boolean leads;

  /**
   * A worker.
   *
   * @param leading run when the worker gets the first partition of the urgent requests
   * @param name unique among running workers and the same after a restart
   * @param retryDelay first pause after a failure; it doubles with each further one
   * @param tries tries after which a height that cannot be had goes to the dead letters
   */
  public Worker(
      Source source,
      Runnable leading,
      KafkaClients kafka,
      Ledger ledger,
      String name,
      Duration retryDelay,
      int tries,
      Clock clock,
      Meters meters) {
    this.source = source;
    this.leading = leading;
    this.feeds = source.allFeeds().collect(Collectors.toMap(Feed::name, f -> f));
    this.kafka = kafka;
    this.ledger = ledger;
    this.name = name;
    this.tries = tries;
    this.clock = clock;
    this.meters = meters;
    this.worker =
        new TransactionalWorker(
            new TransactionalWorker.Settings(
                group(source.name()),
                name,
                List.of(Topics.OPS_EXTRACT_REQUESTS, Topics.OPS_EXTRACT_BULK_REQUESTS),
                "extract",
                retryDelay,
                MAX_WORK,
                TRANSACTION_TIMEOUT),
            kafka,
            clock,
            this);
  }

  /** Consumer group of the workers of a source. */
  public static String group(String source) {
    return "extractor-" + source;
  }

  /** Whether it has the first partition of the urgent requests: its instance plans the source. */
  public boolean leads() {
    return leads;
  }

  @Override
  public void assigned(Set<TopicPartition> partitions) {
    boolean before = leads;
    leads = partitions.contains(FIRST);
    if (leads && !before) {
      leading.run();
    }
  }

  /** What keeps the worker from working, if anything does. */
  public Optional<String> problem() {
    return worker.problem();
  }

  /** Makes {@link #run} return after the range in hand. */
  public void stop() {
    worker.stop();
  }

  @Override
  public void run() {
    worker.run();
  }

  @Override
  public void opened(Admin admin) throws InterruptedException {
    limit = kafka.maxMessageBytes(admin, source.topic().name());
    letterLimit = kafka.maxMessageBytes(admin, Topics.OPS_DEAD_LETTERS.name());
  }

  @Override
  public boolean isReady(Duration atMost) throws InterruptedException {
    return ledger.awaitRead(atMost) && !ledger.isPaused(source.name());
  }

  @Override
  public boolean isDone(SpecificRecord value, TopicPartition partition, long offset) {
    return ledger.isDone((ExtractRequest) value, partition, offset);
  }

  @Override
  public boolean takes(SpecificRecord value) {
    if (!(value instanceof ExtractRequest request)) {
      throw new BadRecordException(
          "a %s is no request for a range".formatted(value.getSchema().getFullName()));
    }
    if (request.getFromNumber() < 0 || request.getFromNumber() > request.getToNumber()) {
      throw new BadRecordException(
          "it asks for %d to %d, which is no range"
              .formatted(request.getFromNumber(), request.getToNumber()));
    }
    boolean isKnown = feeds.containsKey(request.getSource());
    if (!isKnown && request.getSource().startsWith(source.name() + ".")) {
      throw new BadRecordException(
          "it asks for %s, which source %s of this instance does not read; see its symbols and intervals, and ask again"
              .formatted(request.getSource(), source.name()));
    }
    // Of another source: its own group works on it.
    return isKnown;
  }

  @Override
  public TransactionalWorker.Attempt work(TransactionalWorker.Request asked)
      throws InterruptedException {
    ExtractRequest request = (ExtractRequest) asked.value();
    Instant startedAt = clock.instant();
    boolean lastTry = asked.fruitless() + 1 >= tries;
    boolean cancelled = ledger.isCancelled(request.getJobId());
    Range range = new Range(request.getFromNumber(), request.getToNumber());
    Outbox outbox = new Outbox(asked, request.getSource());
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
                  .setRetries(effort.retries() + asked.failures())
                  .setEndpoint(effort.endpoint())
                  .setWorker(name)
                  .setStartedAt(startedAt)
                  .setFinishedAt(finishedAt)
                  .setOutcome(cancelled ? "cancelled" : "published"),
              range);
      asked.send(
          Topics.OPS_EXTRACT_RESULTS.name(), new ExtractResultKey(request.getRequestId()), result);
      asked.commit();
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
      return new TransactionalWorker.Attempt.Done();
    } catch (TransientException e) {
      meters.failed(request.getSource(), e.code());
      LOG.warnf(
          "source=%s worker=%s event=range_failed from=%d to=%d try=%d code=%s reason=\"%s\"",
          source.name(),
          name,
          request.getFromNumber(),
          request.getToNumber(),
          asked.failures() + 1,
          e.code(),
          e.getMessage());
      return new TransactionalWorker.Attempt.Retry(e.getMessage(), e.answered());
    }
  }

  /** What a range brought. */
  private static final class Totals {
    private long records;
    private long deadLetters;
    private long absent;
    private long bytes;
    private final List<String> letters = new ArrayList<>();
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
          .setLetters(letters)
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

  /** Sends the items of a range within the request's transaction. */
  private final class Outbox {
    private final TransactionalWorker.Request request;
    private final String feed;
    private final Totals totals = new Totals();
    private final Semaphore room = new Semaphore(MAX_BYTES_IN_FLIGHT);
    private final List<Item> held = new ArrayList<>();
    private long heldBytes;
    private boolean begun;

    Outbox(TransactionalWorker.Request request, String feed) {
      this.request = request;
      this.feed = feed;
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
            case Item.Absent _, Item.Late _ -> BYTES_OF_NOTHING;
          };
      if (heldBytes > HELD_BYTES) {
        sendHeld();
      }
    }

    /** Begins the transaction, if that is still to be done, and sends what is held. */
    void sendHeld() {
      request.begin();
      begun = true;
      held.forEach(this::send);
      held.clear();
    }

    private void send(Item item) {
      List<String> known = ledger.letters(feed, item.number());
      int before = totals.letters.size();
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
              accepted,
              new Item.Answer(
                  DeadLetterCode.RECORD_TOO_LARGE.code(),
                  "number %d of %s takes %d bytes, topic %s takes %d; raise TOPIC_RAW_MAX_MESSAGE_BYTES, provision the topics again and restart"
                      .formatted(accepted.number(), feed, accepted.bytes(), topic, limit),
                  accepted.endpoint(),
                  encoded(accepted.value())));
          totals.deadLetters++;
        }
        case Item.Rejected rejected -> {
          rejected.answers().forEach(answer -> deadLetter(rejected, answer));
          totals.deadLetters++;
        }
        case Item.Absent _ -> totals.absent++;
        case Item.Late late -> {
          LOG.debugf(
              "source=%s worker=%s event=late number=%d reason=\"%s\"",
              feed, name, late.number(), late.reason());
          // It has not come: what it was given up for before stays.
          known.stream().filter(id -> Letters.isOf(id, late.of())).forEach(totals.letters::add);
          totals.letters.add(Letters.id(feed, late.number(), late.of(), "", "late"));
        }
      }
      // Letters of earlier tries are withdrawn, unless they were just written again.
      List<String> now = totals.letters.subList(before, totals.letters.size());
      for (String id : known) {
        if (Letters.isOf(id, item.of()) && !now.contains(id)) {
          send(Topics.OPS_DEAD_LETTERS.name(), new DeadLetterKey(id), null, 0);
        }
      }
    }

    private void deadLetter(Item item, Item.Answer answer) {
      long number = item.number();
      LOG.errorf(
          "source=%s worker=%s event=dead_letter block=%d endpoint=%s code=%s reason=\"%s\"",
          feed, name, number, answer.endpoint(), answer.code(), answer.reason());
      String id = Letters.id(feed, number, item.of(), answer.endpoint(), answer.code());
      totals.letters.add(id);
      boolean isKept =
          answer.payload().length > 0 && answer.payload().length + RECORD_OVERHEAD <= letterLimit;
      DeadLetter letter =
          DeadLetter.newBuilder()
              .setId(id)
              .setStage("extract")
              .setCode(answer.code())
              .setReason(
                  isKept || answer.payload().length == 0
                      ? answer.reason()
                      : answer.reason() + " (its bytes are too many for a letter)")
              .setSource(feed)
              .setEndpoint(answer.endpoint())
              .setBlockNumber(number)
              .setPayload(isKept ? ByteBuffer.wrap(answer.payload()) : null)
              .setOccurredAt(clock.instant())
              .build();
      send(
          Topics.OPS_DEAD_LETTERS.name(),
          new DeadLetterKey(id),
          letter,
          (isKept ? answer.payload().length : 0) + RECORD_OVERHEAD);
    }

    /** Sends when there is room: what is not yet with the broker stays bounded. */
    private void send(String topic, SpecificRecord key, SpecificRecord value, long bytes) {
      int taken = (int) Math.min(bytes, MAX_BYTES_IN_FLIGHT);
      try {
        room.acquire(taken);
      } catch (InterruptedException e) {
        throw new InterruptException(e);
      }
      request.send(topic, key, value, (_, _) -> room.release(taken));
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
}
