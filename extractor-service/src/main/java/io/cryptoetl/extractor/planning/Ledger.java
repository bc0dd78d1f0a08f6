package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.Control;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * What was asked for, what came of it, and what people decided: read from the topics from their
 * beginning, and followed. Every instance has the same picture, a moment late.
 */
public final class Ledger implements Runnable {
  private static final List<Topic> TOPICS =
      List.of(
          Topics.OPS_EXTRACT_REQUESTS,
          Topics.OPS_EXTRACT_BULK_REQUESTS,
          Topics.OPS_EXTRACT_RESULTS,
          Topics.OPS_CONTROLS,
          Topics.OPS_CURSORS);

  /** Newest ranges of a feed whose hashes are remembered. */
  private static final int MOST_TIPS = 4096;

  /** Jobs that are remembered. */
  private static final int MOST_JOBS = 1000;

  private final TopicFollower follower;
  private final Map<String, FeedBook> feeds = new HashMap<>();
  private final Map<String, String> sourceStates = new HashMap<>();
  private final Set<String> cancelledJobs = new HashSet<>();
  private final Map<String, Cursor> cursors = new TreeMap<>();
  private final Map<String, JobBook> jobs =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, JobBook> eldest) {
          return size() > MOST_JOBS;
        }
      };

  /** A ledger of a cluster. */
  public Ledger(KafkaClients kafka) {
    this.follower = new TopicFollower(kafka, TOPICS, (_, value) -> add(value));
  }

  /** First pause before a height that was given up is asked for again; it doubles. */
  private static final Duration FIRST_PAUSE = Duration.ofMinutes(1);

  private static final Duration MAX_PAUSE = Duration.ofHours(6);

  /** What is known of a feed. */
  private static final class FeedBook {
    private final Map<String, Asked> outstanding = new HashMap<>();
    private final Map<String, ExtractResult> doneBeforeSeen = new HashMap<>();

    /** Ranges whose last result is no cancelled one; heights that were given up are among them. */
    private final Intervals published = new Intervals();

    private final NavigableMap<Long, GivenUp> givenUp = new TreeMap<>();
    private final NavigableMap<Long, Tip> tips = new TreeMap<>();

    Intervals asked() {
      Intervals asked = new Intervals();
      outstanding.values().forEach(a -> asked.add(a.range()));
      return asked;
    }
  }

  /** A range that is asked for; planned tells whether by the schedule. */
  private record Asked(Range range, boolean planned) {}

  /** A height that went to the dead letters, so many times. */
  private record GivenUp(int times, Instant lastAt, List<String> letters) {
    Instant dueAt() {
      Duration pause = FIRST_PAUSE.multipliedBy(1L << Math.min(16, times - 1));
      return lastAt.plus(pause.compareTo(MAX_PAUSE) > 0 ? MAX_PAUSE : pause);
    }
  }

  /** What is known of a job. */
  private static final class JobBook {
    private final String feed;
    private final String requestedBy;
    private final Instant requestedAt;
    private long asked;
    private long done;
    private long records;
    private long deadLetters;
    private long absent;
    private long bytes;
    private long retries;
    private int ranges;
    private int rangesDone;

    JobBook(String feed, String requestedBy, Instant requestedAt) {
      this.feed = feed;
      this.requestedBy = requestedBy;
      this.requestedAt = requestedAt;
    }
  }

  /**
   * A range that was published, by the hashes at its ends.
   *
   * @param parentHash hash of the block below the first one, 32 bytes
   * @param hash hash of the last block, 32 bytes
   */
  public record Tip(Range range, byte[] parentHash, byte[] hash, Instant finishedAt) {}

  /**
   * How far a job is.
   *
   * @param numbers that it asks for
   * @param done numbers whose ranges are worked off, or were cancelled
   * @param state running, done or cancelled
   */
  public record JobStatus(
      String jobId,
      String feed,
      String requestedBy,
      Instant requestedAt,
      String state,
      long numbers,
      long done,
      int ranges,
      int rangesDone,
      long records,
      long deadLetters,
      long absent,
      long bytes,
      long retries) {}

  /** Waits until everything that was written before the start is read. */
  public boolean awaitRead(Duration atMost) throws InterruptedException {
    return follower.awaitRead(atMost);
  }

  /** Whether somebody paused a source. */
  public synchronized boolean isPaused(String source) {
    return "paused".equals(sourceStates.get(source));
  }

  /** Whether somebody cancelled a job. */
  public synchronized boolean isCancelled(String job) {
    return cancelledJobs.contains(job);
  }

  /** The cursor of a feed. */
  public synchronized Optional<Cursor> cursor(String feed) {
    return Optional.ofNullable(cursors.get(feed));
  }

  /** Ranges of a feed that are asked for and not worked off. */
  public synchronized List<Range> outstanding(String feed) {
    FeedBook book = feeds.get(feed);
    return book == null ? List.of() : book.outstanding.values().stream().map(Asked::range).toList();
  }

  /** How many ranges of a feed the schedule has asked for that are not worked off. */
  public synchronized int backlog(String feed) {
    FeedBook book = feeds.get(feed);
    return book == null
        ? 0
        : (int) book.outstanding.values().stream().filter(Asked::planned).count();
  }

  /** Whether the schedule has asked for a number, and its range is not worked off. */
  public synchronized boolean isPlanned(String feed, long number) {
    FeedBook book = feeds.get(feed);
    return book != null
        && book.outstanding.values().stream()
            .anyMatch(a -> a.planned() && a.range().from() <= number && number <= a.range().to());
  }

  /** Heights that were given up, are not asked for now, and shall be asked for again. */
  synchronized List<Range> due(String feed, Instant now, int rangeSize, int most) {
    FeedBook book = feeds.get(feed);
    if (book == null || book.givenUp.isEmpty()) {
      return List.of();
    }
    Intervals asked = book.asked();
    Intervals due = new Intervals();
    book.givenUp.forEach(
        (number, givenUp) -> {
          if (!now.isBefore(givenUp.dueAt())) {
            due.add(new Range(number, number));
          }
        });
    return due.ranges().stream()
        .flatMap(range -> asked.missingIn(range).stream())
        .flatMap(range -> range.cut(rangeSize, Long.MAX_VALUE).stream())
        .limit(most)
        .toList();
  }

  /** Ids of the dead letters of a height, until it is published after all. */
  public synchronized List<String> letters(String feed, long number) {
    FeedBook book = feeds.get(feed);
    GivenUp givenUp = book == null ? null : book.givenUp.get(number);
    return givenUp == null ? List.of() : givenUp.letters();
  }

  /** Heights of a feed that are in the dead letters. */
  public synchronized int givenUp(String feed) {
    FeedBook book = feeds.get(feed);
    return book == null ? 0 : book.givenUp.size();
  }

  /** Whether the request at this place of its topic was worked off, as far as is known. */
  public boolean isDone(ExtractRequest request, TopicPartition partition, long offset) {
    if (!follower.hasRead(partition, offset)) {
      return false;
    }
    synchronized (this) {
      FeedBook book = feeds.get(request.getSource());
      return book != null && !book.outstanding.containsKey(request.getRequestId());
    }
  }

  /** The newest published ranges of a feed that were published last at their place, ascending. */
  public synchronized List<Tip> tips(String feed) {
    FeedBook book = feeds.get(feed);
    return book == null ? List.of() : List.copyOf(book.tips.values());
  }

  /** What was planned of a feed, is not published whole, and is not asked for now. */
  public synchronized List<Range> gaps(String feed) {
    Cursor cursor = cursors.get(feed);
    FeedBook book = feeds.get(feed);
    if (cursor == null || cursor.getNextNumber() <= cursor.getFirstNumber()) {
      return List.of();
    }
    Range planned = new Range(cursor.getFirstNumber(), cursor.getNextNumber() - 1);
    if (book == null) {
      return List.of(planned);
    }
    Intervals asked = book.asked();
    Intervals missing = new Intervals();
    book.published.missingIn(planned).forEach(missing::add);
    book.givenUp
        .subMap(planned.from(), true, planned.to(), true)
        .keySet()
        .forEach(number -> missing.add(new Range(number, number)));
    List<Range> gaps = new ArrayList<>();
    for (Range range : missing.ranges()) {
      gaps.addAll(asked.missingIn(range));
    }
    return gaps;
  }

  /** The jobs that people asked for, newest last. */
  public synchronized List<JobStatus> jobs() {
    return jobs.entrySet().stream().map(e -> status(e.getKey(), e.getValue())).toList();
  }

  /** Waits until the requests of a job that was just asked for are read. */
  public synchronized void awaitAsked(String job, int ranges, Duration atMost)
      throws InterruptedException {
    long deadline = System.nanoTime() + atMost.toNanos();
    while (!jobs.containsKey(job) || jobs.get(job).ranges < ranges) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        return;
      }
      wait(left);
    }
  }

  /** A job that somebody asked for. */
  public synchronized Optional<JobStatus> job(String id) {
    return Optional.ofNullable(jobs.get(id)).map(book -> status(id, book));
  }

  private JobStatus status(String id, JobBook book) {
    String state = book.rangesDone >= book.ranges ? "done" : "running";
    return new JobStatus(
        id,
        book.feed,
        book.requestedBy,
        book.requestedAt,
        cancelledJobs.contains(id) ? "cancelled" : state,
        book.asked,
        book.done,
        book.ranges,
        book.rangesDone,
        book.records,
        book.deadLetters,
        book.absent,
        book.bytes,
        book.retries);
  }

  /** Makes {@link #run} return. */
  public void stop() {
    follower.stop();
  }

  @Override
  public void run() {
    follower.run();
  }

  /** Records of the topics that could not be read. */
  public long skipped() {
    return follower.skipped();
  }

  synchronized void add(SpecificRecord record) {
    switch (record) {
      case ExtractRequest request -> asked(request);
      case ExtractResult result -> done(result);
      case Cursor cursor -> cursors.put(cursor.getSource(), cursor);
      case Control control when control.getKind().equals("source") ->
          sourceStates.put(control.getId(), control.getState());
      case Control control -> cancelledJobs.add(control.getId());
      case null, default -> {
        // Tombstones, and records of a later version.
      }
    }
  }

  private void asked(ExtractRequest request) {
    FeedBook book = feeds.computeIfAbsent(request.getSource(), _ -> new FeedBook());
    Range range = new Range(request.getFromNumber(), request.getToNumber());
    boolean planned = request.getRequestedBy().equals(Planner.BY_SCHEDULE);
    if (!planned && !request.getRequestedBy().equals(Planner.BY_RETRY)) {
      JobBook job =
          jobs.computeIfAbsent(
              request.getJobId(),
              _ ->
                  new JobBook(
                      request.getSource(), request.getRequestedBy(), request.getRequestedAt()));
      job.asked += range.size();
      job.ranges++;
      notifyAll();
    }
    // Partitions are read in no particular order: the result may have come first.
    ExtractResult result = book.doneBeforeSeen.remove(request.getRequestId());
    if (result == null) {
      book.outstanding.put(request.getRequestId(), new Asked(range, planned));
    } else {
      count(result);
    }
  }

  private void count(ExtractResult result) {
    JobBook job = jobs.get(result.getJobId());
    if (job != null) {
      job.done += result.getToNumber() - result.getFromNumber() + 1;
      job.rangesDone++;
      job.records += result.getBlocks();
      job.deadLetters += result.getDeadLetters();
      job.absent += result.getAbsent();
      job.bytes += result.getBytes();
      job.retries += result.getRetries();
    }
  }

  private void done(ExtractResult result) {
    FeedBook book = feeds.computeIfAbsent(result.getSource(), _ -> new FeedBook());
    Range range = new Range(result.getFromNumber(), result.getToNumber());
    if (book.outstanding.remove(result.getRequestId()) == null) {
      book.doneBeforeSeen.put(result.getRequestId(), result);
    } else {
      count(result);
    }
    if (!result.getOutcome().equals("published")) {
      return;
    }
    book.published.add(range);
    Map<Long, List<String>> letters = new TreeMap<>();
    for (String id : result.getLetters()) {
      letters
          .computeIfAbsent(Letters.number(result.getSource(), id), _ -> new ArrayList<>())
          .add(id);
    }
    book.givenUp.subMap(range.from(), true, range.to(), true).keySet().retainAll(letters.keySet());
    letters.forEach(
        (number, ids) -> {
          GivenUp before = book.givenUp.get(number);
          book.givenUp.put(
              number,
              new GivenUp(before == null ? 1 : before.times() + 1, result.getFinishedAt(), ids));
        });
    if (result.getDeadLetters() > 0) {
      // What was published here before is not what the source has now.
      book.tips.remove(range.to());
    }
    if (result.getLastHash() != null && result.getFirstParentHash() != null) {
      Tip tip =
          new Tip(
              range,
              bytes(result.getFirstParentHash()),
              bytes(result.getLastHash()),
              result.getFinishedAt());
      Tip known = book.tips.get(range.to());
      if (known == null || !tip.finishedAt().isBefore(known.finishedAt())) {
        book.tips.put(range.to(), tip);
      }
      if (book.tips.size() > MOST_TIPS) {
        book.tips.pollFirstEntry();
      }
    }
  }

  private static byte[] bytes(ByteBuffer buffer) {
    byte[] bytes = new byte[buffer.remaining()];
    buffer.duplicate().get(bytes);
    return bytes;
  }
}
