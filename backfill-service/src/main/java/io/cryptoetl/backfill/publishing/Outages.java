package io.cryptoetl.backfill.publishing;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Which locations do not answer, as the workers of an instance find out. Their files are set aside
 * without another try for a time that doubles with each failure, so that they hold up nobody
 * else's.
 */
public final class Outages {
  private static final Duration FIRST = Duration.ofSeconds(10);
  private static final Duration LONGEST = Duration.ofMinutes(10);

  private final Clock clock;
  private final Map<String, Outage> outages = new HashMap<>();

  private record Outage(String reason, Duration pause, Instant since) {
    Instant until() {
      return since.plus(pause);
    }
  }

  /** No outage yet. */
  public Outages(Clock clock) {
    this.clock = clock;
  }

  /**
   * Why a file of a location is not tried now; empty if it is.
   *
   * @param requested when it was asked for: whoever asked later has seen that the location answers
   */
  synchronized Optional<String> reason(String location, Instant requested) {
    return Optional.ofNullable(outages.get(location))
        .filter(o -> clock.instant().isBefore(o.until()) && !requested.isAfter(o.since()))
        .map(Outage::reason);
  }

  /** The location did not answer. */
  synchronized void failed(String location, String reason) {
    Outage last = outages.get(location);
    if (last != null && clock.instant().isBefore(last.until())) {
      // Another worker's try of the same time.
      return;
    }
    Duration next = last == null ? FIRST : last.pause().multipliedBy(2);
    Duration pause = next.compareTo(LONGEST) < 0 ? next : LONGEST;
    outages.put(location, new Outage(reason, pause, clock.instant()));
  }

  /** The location answers. */
  public synchronized void answered(String location) {
    outages.remove(location);
  }

  /** What is wrong now. */
  public synchronized List<String> problems() {
    return outages.values().stream()
        .filter(o -> clock.instant().isBefore(o.until()))
        .map(Outage::reason)
        .toList();
  }
}
