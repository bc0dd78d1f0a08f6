package io.cryptoetl.kafka;

import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.TransactionListing;
import org.apache.kafka.clients.admin.TransactionState;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A member of a consumer group that works off requests, one at a time. What comes of a request and
 * its offset are committed in one transaction: a crash repeats the request, and consumers of
 * committed records see it once.
 *
 * <p>It never ends by itself: failures of Kafka, of the registry, and any that nobody thought of
 * open new clients after a pause. Requests that cannot be read go to the dead letters. What a
 * member left open that is gone is aborted when others take its partitions.
 */
public final class TransactionalWorker implements Runnable {
  private static final Logger LOG = LoggerFactory.getLogger(TransactionalWorker.class);
  private static final String KAFKA = "Kafka: ";
  private static final Duration POLL = Duration.ofMillis(500);
  private static final int MAX_PAYLOAD = 512 * 1024;
  private static final Duration MAX_PAUSE = Duration.ofSeconds(30);

  /** How long requests that are worked off wait for others of their transaction. */
  private static final Duration SOON = Duration.ofMillis(200);

  private final Settings settings;
  private final KafkaClients kafka;
  private final Clock clock;
  private final Task task;
  private final Map<TopicPartition, Tries> tries = new HashMap<>();
  private final Map<TopicPartition, OffsetAndMetadata> soon = new HashMap<>();
  private ConsumerGroupMetadata soonAs;
  private long soonSince;
  private boolean inTransaction;
  private boolean othersMayBeGone;
  private volatile boolean stopped;
  private volatile Optional<String> problem = Optional.empty();

  /**
   * How a worker works.
   *
   * @param group of all workers that share the requests
   * @param name of this one, unique among running workers and the same after a restart
   * @param requests topics of the requests: none of a later one is begun while there are some in an
   *     earlier one
   * @param stage of its dead letters, such as extract
   * @param retryDelay first pause after a failure; it doubles with each further one
   * @param maxWork longest time between two signs of life; then others get its requests
   * @param transactionTimeout longest transaction: if a worker dies within one, readers of
   *     committed records wait until another worker misses it, or that long
   */
  public record Settings(
      String group,
      String name,
      List<Topic> requests,
      String stage,
      Duration retryDelay,
      Duration maxWork,
      Duration transactionTimeout) {
    /** What the transactional ids of all workers of the group begin with. */
    String transactionalIds() {
      return group + "/";
    }
  }

  /** What a worker does. All calls come from the worker's thread. */
  public interface Task {
    /** Clients were opened. */
    default void opened(Admin admin) throws InterruptedException {}

    /**
     * Whether requests can be taken now. While not, the worker stays in its group.
     *
     * @param atMost how long to wait for it
     */
    default boolean isReady(Duration atMost) throws InterruptedException {
      return true;
    }

    /**
     * Whether a record is a request for this worker. Others are passed over.
     *
     * @throws BadRecordException if it is no request at all: it goes to the dead letters
     */
    boolean takes(SpecificRecord value);

    /**
     * Whether a request was worked off before: a group whose offsets were lost reads its requests
     * again.
     */
    default boolean isDone(SpecificRecord value, TopicPartition partition, long offset) {
      return false;
    }

    /** Works a request off, and commits it unless it is to be tried again. */
    Attempt work(Request request) throws InterruptedException;

    /** The partitions of the worker have changed to these. */
    default void assigned(Set<TopicPartition> partitions) {}
  }

  /** What came of working on a request. */
  public sealed interface Attempt {
    /** It is worked off, and committed. */
    record Done() implements Attempt {}

    /**
     * It is to be tried again after a pause; what was sent is aborted.
     *
     * @param fruitless whether the try counts against the request: somebody answered, to no avail
     */
    record Retry(String problem, boolean fruitless) implements Attempt {}
  }

  /** Tries of the request at hand of a partition. */
  private record Tries(int failed, int fruitless) {}

  /** A request at hand, and the transaction that it is worked off in. */
  public final class Request {
    private final Consumer<byte[], byte[]> consumer;
    private final Producer<SpecificRecord, SpecificRecord> producer;
    private final Admin admin;
    private final TopicPartition partition;
    private final long offset;
    private final SpecificRecord value;
    private boolean hasSent;

    private Request(
        Consumer<byte[], byte[]> consumer,
        Producer<SpecificRecord, SpecificRecord> producer,
        Admin admin,
        ConsumerRecord<byte[], byte[]> record,
        SpecificRecord value) {
      this.consumer = consumer;
      this.producer = producer;
      this.admin = admin;
      this.partition = new TopicPartition(record.topic(), record.partition());
      this.offset = record.offset();
      this.value = value;
    }

    /** What is asked for. */
    public SpecificRecord value() {
      return value;
    }

    /** What asks the cluster. */
    public Admin admin() {
      return admin;
    }

    /** Tries that failed so far. */
    public int failures() {
      return tries.getOrDefault(partition, new Tries(0, 0)).failed();
    }

    /** Of those that failed the ones that count against the request. */
    public int fruitless() {
      return tries.getOrDefault(partition, new Tries(0, 0)).fruitless();
    }

    /** Sends a record in the request's transaction, which begins with the first one. */
    public void send(String topic, SpecificRecord key, SpecificRecord record, Callback callback) {
      begin();
      hasSent = true;
      // A failed send fails the commit of its transaction.
      producer.send(new ProducerRecord<>(topic, key, record), callback);
    }

    /** Sends a record in the request's transaction, which begins with the first one. */
    public void send(String topic, SpecificRecord key, SpecificRecord record) {
      send(topic, key, record, null);
    }

    /** Begins the transaction, if that is still to be done. */
    public void begin() {
      if (!inTransaction) {
        producer.beginTransaction();
        inTransaction = true;
      }
    }

    /** Commits what was sent with the request itself, which is worked off then. */
    public void commit() {
      commit(offset + 1);
    }

    /** Commits what was sent. After a crash the request is taken up again. */
    public void commitProgress() {
      commit(offset);
    }

    /**
     * As {@link #commit}, together with requests that follow within a moment: many small ones make
     * one transaction. If that fails, all of them are taken up again.
     */
    public void commitSoon() {
      begin();
      if (soon.isEmpty()) {
        // Whoever is not the same member any more commits nothing of it.
        soonAs = consumer.groupMetadata();
        soonSince = System.nanoTime();
      }
      soon.put(partition, new OffsetAndMetadata(offset + 1));
      hasSent = false;
    }

    /** Commits the requests before this one that wait for others. */
    public void commitOthers() {
      if (!hasSent) {
        commitWaiting(producer);
      }
    }

    private void commit(long next) {
      begin();
      ConsumerGroupMetadata as = soon.isEmpty() ? consumer.groupMetadata() : soonAs;
      soon.put(partition, new OffsetAndMetadata(next));
      soonAs = as;
      commitWaiting(producer);
      hasSent = false;
    }

    private void abort() {
      if (!inTransaction || (!hasSent && !soon.isEmpty())) {
        return;
      }
      producer.abortTransaction();
      inTransaction = false;
      if (!soon.isEmpty()) {
        throw new KafkaException("the requests before it were aborted with it");
      }
    }

    /**
     * Tells the group that the worker lives, while it has the request in hand. To be called every
     * now and then by work that takes long.
     *
     * @throws LostException if the request is another worker's now, or the worker shall stop
     */
    public void alive() {
      if (stopped) {
        throw new LostException();
      }
      if (System.nanoTime() - soonSince > SOON.toNanos()) {
        commitOthers();
      }
      GroupWait.once(consumer, Duration.ZERO);
      if (!consumer.assignment().contains(partition)) {
        throw new LostException();
      }
      consumer.resume(consumer.assignment());
    }
  }

  /** The request at hand is not this worker's any more. */
  public static final class LostException extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** A worker; {@link #run} works. */
  public TransactionalWorker(Settings settings, KafkaClients kafka, Clock clock, Task task) {
    this.settings = settings;
    this.kafka = kafka;
    this.clock = clock;
    this.task = task;
  }

  /** What keeps the worker from working, if anything does. */
  public Optional<String> problem() {
    return problem;
  }

  /** Makes {@link #run} return, at the latest when the request says that it is alive. */
  public void stop() {
    stopped = true;
  }

  @Override
  public void run() {
    int broken = 0;
    while (!stopped) {
      try (Consumer<byte[], byte[]> consumer =
              kafka.member(settings.group(), settings.name(), settings.maxWork());
          Producer<SpecificRecord, SpecificRecord> producer =
              kafka.producer(
                  settings.transactionalIds() + settings.name(), settings.transactionTimeout());
          Admin admin = kafka.admin()) {
        producer.initTransactions();
        soon.clear();
        inTransaction = false;
        task.opened(admin);
        consumer.subscribe(
            settings.requests().stream().map(Topic::name).toList(), listener(consumer));
        while (!stopped) {
          if (othersMayBeGone) {
            othersMayBeGone = false;
            abortOrphanedTransactions(admin);
          }
          if (!soon.isEmpty() && System.nanoTime() - soonSince > SOON.toNanos()) {
            commitWaiting(producer);
          }
          if (!task.isReady(POLL)) {
            commitWaiting(producer);
            GroupWait.during(consumer, POLL, clock, () -> stopped);
            problem = problem.filter(p -> !p.startsWith(KAFKA));
            continue;
          }
          letUrgentOnesGoFirst(consumer);
          ConsumerRecords<byte[], byte[]> records =
              consumer.poll(soon.isEmpty() ? POLL : Duration.ZERO);
          if (records.isEmpty()) {
            commitWaiting(producer);
          }
          problem = problem.filter(p -> !p.startsWith(KAFKA));
          for (ConsumerRecord<byte[], byte[]> record : records) {
            take(consumer, producer, admin, record);
            broken = 0;
          }
        }
        commitWaiting(producer);
      } catch (InterruptedException | InterruptException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (LostException e) {
        LOG.info("worker={} event=partition_lost", settings.name());
      } catch (RuntimeException e) {
        // Kafka's failures, and any that nobody thought of: a worker never ends silently. New
        // clients begin from the last commit: nothing of the broken transaction is visible.
        broken++;
        problem = Optional.of(KAFKA + Failures.explain(e));
        LOG.warn(
            "worker={} event=clients_reopened reason=\"{}\"",
            settings.name(),
            Failures.explain(e),
            e);
        pause(delay(broken));
      } finally {
        task.assigned(Set.of());
      }
    }
  }

  private void commitWaiting(Producer<SpecificRecord, SpecificRecord> producer) {
    if (!soon.isEmpty()) {
      producer.sendOffsetsToTransaction(soon, soonAs);
      producer.commitTransaction();
      soon.clear();
      inTransaction = false;
    }
  }

  /** Holds back the requests of topics while there are some in a topic before them. */
  private void letUrgentOnesGoFirst(Consumer<byte[], byte[]> consumer) {
    if (settings.requests().size() == 1) {
      return;
    }
    boolean hold = false;
    for (Topic topic : settings.requests()) {
      List<TopicPartition> own =
          consumer.assignment().stream().filter(p -> p.topic().equals(topic.name())).toList();
      if (hold) {
        consumer.pause(own);
      } else {
        consumer.resume(own);
      }
      // A request that is tried again after a pause holds up nobody.
      hold |=
          own.stream().anyMatch(p -> !tries.containsKey(p) && consumer.currentLag(p).orElse(0) > 0);
    }
  }

  private void pause(Duration delay) {
    try {
      Thread.sleep(delay.toMillis());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      stopped = true;
    }
  }

  private Duration delay(int failures) {
    Duration delay = settings.retryDelay().multipliedBy(1L << Math.min(10, failures - 1));
    return delay.compareTo(MAX_PAUSE) > 0 ? MAX_PAUSE : delay;
  }

  private void take(
      Consumer<byte[], byte[]> consumer,
      Producer<SpecificRecord, SpecificRecord> producer,
      Admin admin,
      ConsumerRecord<byte[], byte[]> record)
      throws InterruptedException {
    TopicPartition partition = new TopicPartition(record.topic(), record.partition());
    if (!task.isReady(Duration.ZERO)) {
      // It was ready when the request was asked for: the request is read again later.
      consumer.seek(partition, record.offset());
      return;
    }
    SpecificRecord value;
    try {
      value = kafka.serdes().read(record.topic(), record.value());
      if (value == null || !task.takes(value) || task.isDone(value, partition, record.offset())) {
        // The offset is committed with the next request.
        return;
      }
    } catch (BadRecordException e) {
      refuse(new Request(consumer, producer, admin, record, null), record, e);
      return;
    }
    Request request = new Request(consumer, producer, admin, record, value);
    Attempt attempt = task.work(request);
    if (attempt instanceof Attempt.Retry retry) {
      request.abort();
      Tries before = tries.getOrDefault(partition, new Tries(0, 0));
      Tries now = new Tries(before.failed() + 1, before.fruitless() + (retry.fruitless() ? 1 : 0));
      tries.put(partition, now);
      problem = Optional.of(retry.problem());
      GroupWait.during(consumer, delay(now.failed()), clock, () -> stopped);
      if (consumer.assignment().contains(partition)) {
        consumer.seek(partition, record.offset());
      }
    } else {
      tries.remove(partition);
      problem = Optional.empty();
    }
  }

  /** Keeps what is no request as a dead letter. */
  private void refuse(
      Request request, ConsumerRecord<byte[], byte[]> record, BadRecordException reason) {
    String id =
        "%s:%s:%d:%d"
            .formatted(settings.stage(), record.topic(), record.partition(), record.offset());
    LOG.error(
        "worker={} event=dead_letter topic={} partition={} offset={} code=record_unreadable reason=\"{}\"",
        settings.name(),
        record.topic(),
        record.partition(),
        record.offset(),
        reason.getMessage());
    request.send(
        Topics.OPS_DEAD_LETTERS.name(),
        new DeadLetterKey(id),
        DeadLetter.newBuilder()
            .setId(id)
            .setStage(settings.stage())
            .setCode(DeadLetterCode.RECORD_UNREADABLE.code())
            .setReason(reason.getMessage())
            .setTopic(record.topic())
            .setPartition(record.partition())
            .setOffset(record.offset())
            // A larger one is nonsense, and stands at its place.
            .setPayload(
                record.value().length > MAX_PAYLOAD ? null : ByteBuffer.wrap(record.value()))
            .setOccurredAt(clock.instant())
            .build());
    request.commit();
  }

  /**
   * Aborts what members left open that are gone: until then nobody would see what others committed
   * after it. Without it that would be for as long as a transaction may take.
   */
  private void abortOrphanedTransactions(Admin admin) throws InterruptedException {
    try {
      Set<String> members =
          admin
              .describeConsumerGroups(List.of(settings.group()))
              .all()
              .get()
              .get(settings.group())
              .members()
              .stream()
              .map(member -> settings.transactionalIds() + member.groupInstanceId().orElse(""))
              .collect(Collectors.toSet());
      List<String> gone =
          admin
              .listTransactions(
                  new ListTransactionsOptions().filterStates(Set.of(TransactionState.ONGOING)))
              .all()
              .get()
              .stream()
              .map(TransactionListing::transactionalId)
              .filter(id -> id.startsWith(settings.transactionalIds()) && !members.contains(id))
              .toList();
      if (!gone.isEmpty()) {
        admin.fenceProducers(gone).all().get();
        LOG.warn("worker={} event=transactions_aborted of={}", settings.name(), gone);
      }
    } catch (ExecutionException e) {
      // They end by themselves, later.
      LOG.warn(
          "worker={} event=transactions_not_aborted reason=\"{}\"",
          settings.name(),
          Failures.explain(e.getCause()));
    }
  }

  private ConsumerRebalanceListener listener(Consumer<?, ?> consumer) {
    return new ConsumerRebalanceListener() {
      @Override
      public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
        partitions.forEach(tries::remove);
        problem = Optional.empty();
        task.assigned(Set.of());
      }

      @Override
      public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
        othersMayBeGone = true;
        task.assigned(Set.copyOf(consumer.assignment()));
      }
    };
  }
}
