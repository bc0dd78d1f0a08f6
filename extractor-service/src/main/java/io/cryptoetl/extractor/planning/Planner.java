package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.metrics.Meters;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.kafka.Failures;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TransactionalSender;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.ops.CursorKey;
import io.cryptoetl.ops.ExtractRun;
import io.cryptoetl.ops.ExtractRunKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.jboss.logging.Logger;

/**
 * Plans the feeds of one source: what may be read, minus what is planned already, cut into ranges;
 * and once more what the chain has replaced since, and what was given up. Ranges, cursor and the
 * record of the run are written in one transaction whose transactional id is the source, so of two
 * planners only one can write. Of several instances the one plans whose worker has the first
 * partition of the source's requests: when it dies, its group gives the partition to another.
 */
public final class Planner implements AutoCloseable {
  /** Who asks for planned ranges. */
  static final String BY_SCHEDULE = "schedule";

  /** Who asks again for heights that were given up. */
  static final String BY_RETRY = "retry";

  private static final Logger LOG = Logger.getLogger(Planner.class);
  static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(20);

  /** Planned ranges whose distance from the head is more than that many ranges can wait. */
  private static final int URGENT_RANGES = 10;

  /** Numbers in a range of what a new member has missed. */
  private static final int MAX_RANGE = 10_000;

  /** Most ranges that are asked for at once for new members. */
  private static final int MAX_JOINING = 10_000;

  /** Most ranges that are asked for again in one tick. */
  private static final int MAX_RETRIED = 20;

  private final Source source;
  private final Settings settings;
  private final KafkaClients kafka;
  private final TransactionalSender sender;
  private final Ledger ledger;
  private final Meters meters;
  private final Clock clock;
  private final Map<String, FeedState> states = new LinkedHashMap<>();

  private final BooleanSupplier leads;
  private Map<String, Cursor> cursors = new HashMap<>();

  /**
   * How a source is planned.
   *
   * @param start where to begin without a cursor
   * @param rangeSize numbers in a range
   * @param rangesPerTick most ranges of a feed that are planned and not worked off
   * @param instance name of this instance
   */
  public record Settings(Start start, int rangeSize, int rangesPerTick, String instance) {}

  /** Why a tick happens. */
  public enum Trigger {
    /** It was time. */
    SCHEDULE,
    /** Somebody asked for it. */
    MANUAL
  }

  /**
   * How planning of a feed goes.
   *
   * @param head newest number that could be planned, as the last tick saw it
   * @param problem what the last tick failed of
   * @param halted whether planning stopped until somebody looks at it
   */
  public record Status(Optional<Long> head, Optional<String> problem, boolean halted) {}

  /** What is remembered of a feed between ticks. */
  private static final class FeedState {
    private volatile Status status = new Status(Optional.empty(), Optional.empty(), false);
    private final Reorgs reorgs;

    FeedState(Reorgs reorgs) {
      this.reorgs = reorgs;
    }
  }

  /**
   * A planner of one source.
   *
   * @param leads whether it is this instance that plans the source
   */
  public Planner(
      Source source,
      Settings settings,
      BooleanSupplier leads,
      KafkaClients kafka,
      Ledger ledger,
      Meters meters,
      Clock clock) {
    this.source = source;
    this.settings = settings;
    this.leads = leads;
    this.kafka = kafka;
    this.sender = new TransactionalSender(kafka, "planner-" + source.name(), TRANSACTION_TIMEOUT);
    this.ledger = ledger;
    this.meters = meters;
    this.clock = clock;
    for (Feed feed : source.feeds()) {
      states.put(feed.name(), new FeedState(new Reorgs(feed, ledger)));
    }
  }

  /** How the last tick of a feed went. */
  public Status status(String feed) {
    return states.get(feed).status;
  }

  /** What keeps feeds from being planned, if anything does. */
  public List<String> problems() {
    return states.values().stream().flatMap(s -> s.status.problem().stream()).distinct().toList();
  }

  /** Plans what can be planned now. */
  public synchronized void tick(Trigger trigger) throws InterruptedException {
    tick(trigger, false);
  }

  private void tick(Trigger trigger, boolean again) throws InterruptedException {
    if (!ledger.awaitRead(Duration.ofSeconds(30))) {
      failed("Kafka: what was asked for before is not read to its end yet");
      return;
    }
    meters.tick(source.name());
    // Whoever asks this instance by hand wants it to look: it takes over for that.
    boolean others = trigger == Trigger.SCHEDULE && !leads.getAsBoolean();
    if (others || ledger.isPaused(source.name())) {
      states.values().forEach(s -> s.status = new Status(s.status.head(), Optional.empty(), false));
      return;
    }
    try {
      open();
      for (Feed feed : source.feeds()) {
        tick(feed, trigger);
      }
    } catch (ProducerFencedException | InvalidProducerEpochException e) {
      sender.discard();
      if (trigger == Trigger.MANUAL && !again) {
        tick(trigger, true);
        return;
      }
      LOG.infof(
          "source=%s event=planner_fenced reason=\"another instance has planned this source\"",
          source.name());
    } catch (RuntimeException e) {
      // Kafka's, the registry's, or any that nobody thought of: what a transaction left open ends
      // with its producer.
      LOG.warnf(
          e,
          "source=%s event=plan_failed code=kafka reason=\"%s\"",
          source.name(),
          Failures.explain(e));
      sender.discard();
      failed("Kafka: " + Failures.explain(e));
    }
  }

  private void failed(String problem) {
    states
        .values()
        .forEach(
            s -> s.status = new Status(s.status.head(), Optional.of(problem), s.status.halted()));
  }

  private void open() throws InterruptedException {
    // Ends whatever another planner left open; the cursors read after that are the last word.
    if (sender.open()) {
      boolean isRead = false;
      try {
        cursors = new HashMap<>(Cursors.read(kafka));
        isRead = true;
      } finally {
        if (!isRead) {
          // Without cursors it would plan from the beginning.
          sender.discard();
        }
      }
    }
  }

  private void tick(Feed feed, Trigger trigger) throws InterruptedException {
    FeedState state = states.get(feed.name());
    Run run = new Run(feed.name(), trigger, clock.instant());
    retry(feed, run);
    feed.members().forEach(member -> retry(member, run));
    Optional<String> before = state.status.problem();
    if (settings.start() instanceof Start.OnRequest && trigger == Trigger.SCHEDULE) {
      Optional<String> halted = halted(feed);
      state.status = new Status(state.status.head(), halted, halted.isPresent());
    } else {
      state.status = look(feed, state, run);
    }
    meters.halted(feed.name(), state.status.halted());
    // The same failure again is not told again.
    boolean news = !Optional.ofNullable(run.problem).equals(before);
    if (run.madeRequests() || trigger == Trigger.MANUAL || (run.problem != null && news)) {
      if (run.outcome.equals("halted") && news) {
        LOG.errorf("source=%s event=halted reason=\"%s\"", feed.name(), run.problem);
      }
      write(feed, run);
    }
  }

  private void retry(Feed feed, Run run) {
    List<Range> due = ledger.due(feed.name(), run.startedAt, settings.rangeSize(), MAX_RETRIED);
    if (!due.isEmpty()) {
      run.retried.put(feed.name(), due);
    }
  }

  /** Asks the source what is new, and puts what is to be asked for into the run. */
  private Status look(Feed feed, FeedState state, Run run) throws InterruptedException {
    Optional<Long> head = state.status.head();
    try {
      head = Optional.of(feed.head());
      run.head = head.get();
      Optional<String> halted = halted(feed);
      if (halted.isPresent()) {
        return halt(run, head, halted.get());
      }
      return switch (state.reorgs.look(cursors.get(feed.name()))) {
        case Reorgs.Verdict.TooDeep(String reason) -> halt(run, head, reason);
        case Reorgs.Verdict.Replaced(List<Range> ranges, Optional<String> problem) -> {
          run.replaced = ranges;
          plan(feed, run);
          run.problem = problem.orElse(null);
          yield new Status(head, problem, false);
        }
      };
    } catch (TransientException e) {
      run.outcome = "failed";
      run.problem = e.getMessage();
      LOG.warnf(
          "source=%s event=plan_failed code=%s reason=\"%s\"",
          feed.name(), e.code(), e.getMessage());
      return new Status(head, Optional.of(e.getMessage()), state.status.halted());
    }
  }

  /**
   * Why no more is planned: what was planned is refused. Ranges that were asked for by hand, and
   * those that were cancelled, hold up nothing.
   */
  public Optional<String> halted(Feed feed) {
    return feed.halted()
        .filter(halt -> ledger.isPlanned(feed.name(), halt.number()))
        .map(Feed.Halt::reason);
  }

  private static Status halt(Run run, Optional<Long> head, String reason) {
    run.outcome = "halted";
    run.problem = reason;
    return new Status(head, Optional.of(reason), true);
  }

  /** Puts the ranges that are next into the run. */
  private void plan(Feed feed, Run run) {
    Cursor cursor = cursors.get(feed.name());
    if (cursor == null && settings.start() instanceof Start.OnRequest) {
      return;
    }
    long earliest = feed.earliest(run.head);
    long first =
        cursor != null
            ? cursor.getFirstNumber()
            : Math.max(earliest, settings.start().first(feed, run.head));
    long next = cursor != null ? Math.max(earliest, cursor.getNextNumber()) : first;
    run.first = first;
    run.next = next;
    run.members = feed.members().stream().map(Feed::name).toList();
    if (cursor != null) {
      join(cursor, run);
    }
    int room = settings.rangesPerTick() - ledger.backlog(feed.name());
    if (run.head < next || room <= 0) {
      return;
    }
    long from = Math.max(first, next - (cursor == null ? 0 : feed.readAgain()));
    run.ranges = new Range(from, run.head).cut(settings.rangeSize(), room);
    run.next = run.ranges.getLast().to() + 1;
  }

  /** What was planned before a member was there is read of that one alone. */
  private void join(Cursor cursor, Run run) {
    run.joining.addAll(run.members);
    run.joining.removeAll(cursor.getMembers());
    boolean wantsPast = !(settings.start() instanceof Start.Head);
    if (run.joining.isEmpty() || !wantsPast || cursor.getNextNumber() <= cursor.getFirstNumber()) {
      return;
    }
    Range past = new Range(cursor.getFirstNumber(), cursor.getNextNumber() - 1);
    long ranges = Math.ceilDiv(past.size(), MAX_RANGE) * run.joining.size();
    if (ranges > MAX_JOINING) {
      LOG.warnf(
          "source=%s event=past_too_long reason=\"%s are new; what they have missed is too much to be asked for at once: ask for it piece by piece, with ./pipeline extract %s --from ... --to ...\"",
          run.feed, run.joining, run.joining.getFirst());
      return;
    }
    run.past = past.cut(MAX_RANGE, Long.MAX_VALUE);
  }

  /** Writes a run with its requests and the cursor. */
  private void write(Feed feed, Run run) {
    Instant now = clock.instant();
    if (run.madeRequests()) {
      run.outcome = "planned";
    }
    Optional<Cursor> moved =
        run.ranges.isEmpty() && run.joining.isEmpty()
            ? Optional.empty()
            : Optional.of(new Cursor(feed.name(), run.first, run.next, run.head, run.members, now));
    sender.send(
        producer -> {
          Requests.send(
              Requests.Outlet.of(producer),
              Topics.OPS_EXTRACT_REQUESTS,
              run.id,
              run.feed,
              run.replaced,
              BY_SCHEDULE,
              now);
          long urgent = run.head - (long) URGENT_RANGES * settings.rangeSize();
          Map<Boolean, List<Range>> byUrgency =
              run.ranges.stream().collect(Collectors.partitioningBy(r -> r.to() >= urgent));
          Requests.send(
              Requests.Outlet.of(producer),
              Topics.OPS_EXTRACT_REQUESTS,
              run.id,
              run.feed,
              byUrgency.get(true),
              BY_SCHEDULE,
              now);
          Requests.send(
              Requests.Outlet.of(producer),
              Topics.OPS_EXTRACT_BULK_REQUESTS,
              run.id,
              run.feed,
              byUrgency.get(false),
              BY_SCHEDULE,
              now);
          run.retried.forEach(
              (of, ranges) ->
                  Requests.send(
                      Requests.Outlet.of(producer),
                      Topics.OPS_EXTRACT_BULK_REQUESTS,
                      run.id,
                      of,
                      ranges,
                      BY_RETRY,
                      now));
          for (String member : run.joining) {
            Requests.send(
                Requests.Outlet.of(producer),
                Topics.OPS_EXTRACT_BULK_REQUESTS,
                run.id,
                member,
                run.past,
                BY_SCHEDULE,
                now);
          }
          moved.ifPresent(
              cursor ->
                  producer.send(
                      new ProducerRecord<>(
                          Topics.OPS_CURSORS.name(), new CursorKey(feed.name()), cursor)));
          producer.send(
              new ProducerRecord<>(
                  Topics.OPS_EXTRACT_RUNS.name(),
                  new ExtractRunKey(run.id),
                  run.record(settings.instance(), now)));
        });
    moved.ifPresent(cursor -> cursors.put(feed.name(), cursor));
    if (run.madeRequests()) {
      LOG.infof(
          "source=%s event=planned ranges=%d replaced=%d retried=%d head=%d",
          feed.name(), run.ranges.size(), run.replaced.size(), run.retries(), run.head);
      meters.replaced(feed.name(), run.replaced.size());
    }
  }

  /** One tick of one feed. */
  private static final class Run {
    private final String id = UUID.randomUUID().toString();
    private final String feed;
    private final Trigger trigger;
    private final Instant startedAt;
    private String outcome = "nothing_new";
    private String problem;
    private long head = -1;
    private long first;
    private List<Range> ranges = new ArrayList<>();
    private List<Range> replaced = new ArrayList<>();

    /** What was given up, by feed: this one or a member. */
    private final Map<String, List<Range>> retried = new TreeMap<>();

    /** Where the cursor is afterwards. */
    private long next;

    private List<String> members = List.of();

    /** Members that are new, and what they have missed. */
    private final List<String> joining = new ArrayList<>();

    private List<Range> past = List.of();

    Run(String feed, Trigger trigger, Instant startedAt) {
      this.feed = feed;
      this.trigger = trigger;
      this.startedAt = startedAt;
    }

    int retries() {
      return retried.values().stream().mapToInt(List::size).sum();
    }

    boolean madeRequests() {
      return !ranges.isEmpty() || !replaced.isEmpty() || !retried.isEmpty() || !joining.isEmpty();
    }

    ExtractRun record(String instance, Instant finishedAt) {
      return ExtractRun.newBuilder()
          .setRunId(id)
          .setSource(feed)
          .setTrigger(trigger == Trigger.MANUAL ? "manual" : BY_SCHEDULE)
          .setOutcome(outcome)
          .setHeadNumber(head < 0 ? null : head)
          .setFromNumber(ranges.isEmpty() ? null : ranges.getFirst().from())
          .setToNumber(ranges.isEmpty() ? null : ranges.getLast().to())
          .setRanges(ranges.size())
          .setReplaced(replaced.size())
          .setRetried(retries())
          .setProblem(problem)
          .setInstance(instance)
          .setStartedAt(startedAt)
          .setFinishedAt(finishedAt)
          .build();
    }
  }

  @Override
  public synchronized void close() {
    sender.close();
  }
}
