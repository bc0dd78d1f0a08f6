package io.cryptoetl.extractor.source;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

/** Waits for what other threads read of a source. */
public final class Futures {
  private Futures() {}

  /** What came of it, or the exception that ended it. */
  public static <R> R get(Future<R> future) throws TransientException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case TransientException t -> throw t;
        case InterruptedException i -> throw i;
        case RuntimeException r -> throw r;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }
}
