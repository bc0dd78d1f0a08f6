package io.cryptoetl.extractor.source;

import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * What can be read by number and is planned with a cursor of its own: the blocks of a chain by
 * height, the candles of a market by their position on the time axis. Implementations are safe for
 * use by several threads.
 */
public interface Feed {
  /**
   * Name, unique among all feeds: that of the source, followed by a dot and more where the source
   * has several. It stands in topics, tables, logs and metrics.
   */
  String name();

  /**
   * Newest number that may be read now: settled by the chain's finality rule, closed by the venue.
   *
   * @throws TransientException if the source cannot tell at the moment
   */
  long head() throws TransientException, InterruptedException;

  /** Oldest number that can still be had; planning never asks for what lies below. */
  default long earliest(long head) {
    return 0;
  }

  /** The number of a time; empty if numbers of this feed are not on the time axis. */
  default Optional<Long> numberAt(Instant time) {
    return Optional.empty();
  }

  /**
   * Reads a range and hands over its items in ascending order of number, one for each number, or
   * one for each member at each number. Memory is bounded: no more than a few batches are held.
   *
   * @param lastTry true if numbers that the source cannot give, or gives wrong, shall become {@link
   *     Item.Rejected} instead of an exception
   * @return what it took
   * @throws TransientException if the range should be tried again later; items handed over before
   *     must then be dropped
   */
  Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
      throws TransientException, InterruptedException;

  /**
   * Where workers of this instance met numbers that are refused one after another, so that nothing
   * was given up. Empty again as soon as they are not.
   */
  default Optional<Halt> halted() {
    return Optional.empty();
  }

  /**
   * What keeps a feed from going on.
   *
   * @param number that is refused, with those around it
   */
  record Halt(long number, String reason) {}

  /**
   * Feeds of which this one reads all together; empty if it is by itself. They can be asked for one
   * by one, and are not planned.
   */
  default List<? extends Feed> members() {
    return List.of();
  }

  /** How many numbers that were planned before are read again with what is new. */
  default int readAgain() {
    return 0;
  }

  /** What of the configuration cannot be read, and why; empty if all can. */
  default List<String> problems() {
    return List.of();
  }

  /**
   * How many of the newest published numbers are compared with the source at each tick, because the
   * source may replace them; 0 if what was read is settled.
   */
  default int reorgWindow() {
    return 0;
  }

  /**
   * The hash that the source has at a number now; empty if it has none there. Asked only of feeds
   * with a reorg window.
   */
  default Optional<byte[]> hashAt(long number) throws TransientException, InterruptedException {
    throw new UnsupportedOperationException(name() + " has no hashes");
  }

  /**
   * What a fetch took.
   *
   * @param endpoint names of the endpoints that answered, separated by commas
   * @param calls calls made, each item of a batch counted
   * @param retries HTTP requests that were made again
   */
  record Effort(String endpoint, long calls, long retries) {}
}
