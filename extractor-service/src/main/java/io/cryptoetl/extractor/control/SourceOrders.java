package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.Times;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.kafka.RefusedOrderException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;

/** What may be ordered of sources, whoever orders it: by REST or by a record. */
final class SourceOrders {
  /** Most requests that one job may make: they are committed together. */
  private static final long MOST_RANGES = 100_000;

  private static final Logger LOG = Logger.getLogger(SourceOrders.class);

  private final Extractor extractor;

  SourceOrders(Extractor extractor) {
    this.extractor = extractor;
  }

  /**
   * What is to be fetched.
   *
   * @param ranges none if there is nothing to do
   */
  record Wanted(Feed feed, Extractor.Running running, List<Range> ranges) {
    Wanted {
      ranges = List.copyOf(ranges);
    }
  }

  /**
   * A range of a feed, cut into requests.
   *
   * @param from height, or date or time in ISO 8601; may be null
   * @param to as {@code from}
   */
  Wanted fetch(String name, String from, String to) throws InterruptedException {
    Wanted found = find(name);
    Feed feed = found.feed();
    Optional<Long> first = number(feed, from);
    Optional<Long> last = number(feed, to);
    if (first.isEmpty() || last.isEmpty() || last.get() < first.get()) {
      throw new RefusedOrderException(
          400,
          "from and to must be %s with 0 <= from <= to, got %s"
              .formatted(
                  feed.numberAt(Instant.EPOCH).isPresent()
                      ? "numbers, dates or times such as 2024-01-01 or 2024-01-01T12:00:00Z,"
                      : "heights",
                  from == null && to == null ? "nothing" : "from %s to %s".formatted(from, to)));
    }
    int rangeSize = found.running().settings().rangeSize();
    if ((last.get() - first.get()) / rangeSize >= MOST_RANGES) {
      throw new RefusedOrderException(
          400,
          "%d to %d are more than %d ranges of %d; ask for less at once, or raise range-size of the source"
              .formatted(first.get(), last.get(), MOST_RANGES, rangeSize));
    }
    Optional<Long> head = head(feed);
    if (head.isPresent() && last.get() > head.get()) {
      throw new RefusedOrderException(
          400,
          "%s can be read up to %d now, got from %s to %s; ask for what is there, the rest is planned when it comes"
              .formatted(name, head.get(), from, to));
    }
    return cut(found, List.of(new Range(first.get(), last.get())));
  }

  /** What was planned of a feed, is not published whole, and is not asked for now. */
  Wanted gaps(String name) {
    return cut(find(name), extractor.ledger().gaps(name));
  }

  private static Wanted cut(Wanted found, List<Range> wanted) {
    List<Range> ranges = new ArrayList<>();
    int size = found.running().settings().rangeSize();
    wanted.forEach(w -> ranges.addAll(w.cut(size, Long.MAX_VALUE)));
    return new Wanted(found.feed(), found.running(), ranges);
  }

  /** The newest number that may be read now; empty if the source cannot tell. */
  private static Optional<Long> head(Feed feed) throws InterruptedException {
    try {
      return Optional.of(feed.head());
    } catch (TransientException e) {
      // The request waits until the source can be asked.
      LOG.debugf("source=%s event=head_unknown code=%s", feed.name(), e.code());
      return Optional.empty();
    }
  }

  private static Optional<Long> number(Feed feed, String text) {
    if (text == null) {
      return Optional.empty();
    }
    return text.matches("[0-9]{1,18}")
        ? Optional.of(Long.valueOf(text))
        : Times.parse(text).flatMap(feed::numberAt).filter(n -> n >= 0);
  }

  /** A source that runs. */
  Extractor.Running source(String name) {
    Extractor.Running running = extractor.sources().get(name);
    if (running == null) {
      throw unknown("source", name, extractor.sources().keySet());
    }
    return running;
  }

  /** A source that runs and is not paused. */
  Extractor.Running plannable(String name) {
    Extractor.Running running = source(name);
    if (extractor.ledger().isPaused(name)) {
      throw new RefusedOrderException(409, "source %s is paused; resume it first".formatted(name));
    }
    return running;
  }

  /** A feed with its source, and nothing to do. */
  private Wanted find(String name) {
    return extractor.sources().values().stream()
        .flatMap(r -> r.source().allFeeds().map(f -> new Wanted(f, r, List.of())))
        .filter(f -> f.feed().name().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                unknown(
                    "feed",
                    name,
                    extractor.sources().values().stream()
                        .flatMap(r -> r.source().allFeeds())
                        .map(Feed::name)
                        .toList()));
  }

  /** Checks that a feed is known. */
  void mustBeFeed(String name) {
    find(name);
  }

  /** Checks that a job is known. */
  void mustBeJob(String id) {
    if (extractor.ledger().job(id).isEmpty()) {
      throw new RefusedOrderException(404, "there is no job '" + id + "' among the latest ones");
    }
  }

  private static RefusedOrderException unknown(String what, String name, Collection<String> known) {
    return new RefusedOrderException(
        404, "there is no %s '%s', there are: %s".formatted(what, name, known));
  }
}
