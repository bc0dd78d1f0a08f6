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

/**
 * What was asked for, what came of it, and what people decided: read from the topics from their
 * beginning, and followed. Every instance has the same picture, a moment late.
 */
public final class Ledger implements Runnable {
  private static final List<Topic> TOPICS =
      List.of(
          Topics.OPS_EXTRACT_REQUESTS,
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

  /** What is known of a feed. */
  private static final class FeedBook {
    private final Map<String, Range> outstanding = new HashMap<>();
    private final Map<String, ExtractResult> doneBeforeSeen = new HashMap<>();
    private final Intervals published = new Intervals();
    private final NavigableMap<Long, Tip> tips = new TreeMap<>();
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
    return book == null ? List.of() : List.copyOf(book.outstanding.values());
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
    Intervals asked = new Intervals();
    book.outstanding.values().forEach(asked::add);
    List<Range> gaps = new ArrayList<>();
    for (Range missing : book.published.missingIn(planned)) {
      gaps.addAll(asked.missingIn(missing));
    }
    return gaps;
  }

  /** The jobs that people asked for, newest last. */
  public synchronized List<JobStatus> jobs() {
    return jobs.entrySet().stream().map(e -> status(e.getKey(), e.getValue())).toList();
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
    if (!request.getRequestedBy().equals(Planner.BY_SCHEDULE)) {
      JobBook job =
          jobs.computeIfAbsent(
              request.getJobId(),
              _ ->
                  new JobBook(
                      request.getSource(), request.getRequestedBy(), request.getRequestedAt()));
      job.asked += range.size();
      job.ranges++;
    }
    // Partitions are read in no particular order: the result may have come first.
    ExtractResult result = book.doneBeforeSeen.remove(request.getRequestId());
    if (result == null) {
      book.outstanding.put(request.getRequestId(), range);
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
    if (result.getDeadLetters() == 0) {
      book.published.add(range);
    } else {
      // What was published here before is not what the source has now.
      book.published.remove(range);
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
