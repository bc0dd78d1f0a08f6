package io.cryptoetl.extractor.endpoint;

import java.util.concurrent.TimeUnit;

/**
 * How many calls an endpoint takes in one request. Providers refuse large batches in many words, so
 * no words are read: a request that fails is sent again with half of its calls, down to a single
 * call, which is no batch any more. A size that failed while a smaller one was taken is remembered.
 * Not safe for use by several threads.
 */
final class BatchSize {
  /** Time after which a larger size is tried again: plans change, and so do nodes behind a URL. */
  private static final long REMEMBERED = TimeUnit.MINUTES.toNanos(30);

  private static final int NONE = Integer.MAX_VALUE;

  private final int max;
  private int size;

  /** Smallest size that is known to be refused. */
  private int refused = NONE;

  private long refusedAt;

  /** Whether a smaller size was taken since: then it was the size that was refused. */
  private boolean confirmed;

  /** A batch size that begins at its maximum. */
  BatchSize(int max) {
    this.max = max;
    this.size = max;
  }

  /** Calls that the next request may hold; 1 and more. */
  int value() {
    return size;
  }

  /** A request of so many calls was answered. */
  void taken(int calls, long now) {
    if (refused != NONE && now - refusedAt > REMEMBERED) {
      refused = NONE;
    }
    confirmed |= calls < refused;
    if (calls < size) {
      return;
    }
    size = refused == NONE ? Math.min(max, 2 * size) : Math.max(size, (size + refused) / 2);
  }

  /** A request of so many calls failed as a whole. */
  void refused(int calls, long now) {
    if (calls <= 1) {
      if (!confirmed) {
        // Not the size, then: what failed before tells nothing about it.
        refused = NONE;
      }
      return;
    }
    confirmed &= calls >= refused;
    refused = Math.min(refused, calls);
    refusedAt = now;
    size = Math.max(1, Math.min(size, calls / 2));
  }
}
