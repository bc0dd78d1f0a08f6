package io.cryptoetl.extractor.source;

import java.util.function.Consumer;

/**
 * Something that can be read by height: the port that every source implements. Implementations are
 * safe for use by several threads.
 */
public interface Source {
  /** Name of the source, as configured; it stands in topics, tables, logs and metrics. */
  String name();

  /**
   * Newest height that the source's finality rule allows to be read now.
   *
   * @throws TransientException if the source cannot tell at the moment
   */
  long head() throws TransientException, InterruptedException;

  /**
   * Reads a range and hands over its items in ascending order of height, one for each height.
   * Memory is bounded: no more than a few batches are held.
   *
   * @param lastTry true if heights that the source cannot give, or gives wrong, shall become {@link
   *     Item.Rejected} instead of an exception
   * @return what it took
   * @throws TransientException if the range should be tried again later; items handed over before
   *     must then be dropped
   */
  Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
      throws TransientException, InterruptedException;

  /**
   * What a fetch took.
   *
   * @param endpoint name of the endpoint that answered last
   * @param calls calls made, each item of a batch counted
   * @param retries HTTP requests that were made again
   */
  record Effort(String endpoint, long calls, long retries) {}
}
