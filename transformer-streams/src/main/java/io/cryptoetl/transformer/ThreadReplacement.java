package io.cryptoetl.transformer;

import io.cryptoetl.kafka.Failures;
import io.quarkus.runtime.Quarkus;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.jboss.logging.Logger;

/**
 * Replaces a thread that failed, say because the brokers were away for long: its transaction is
 * aborted and its work repeated from the last commit, so nothing is lost or doubled. Failures that
 * follow each other are replaced after longer and longer pauses; after {@value #MAX_IN_A_ROW} of
 * them the process ends, to be started again by whoever watches it.
 */
final class ThreadReplacement implements StreamsUncaughtExceptionHandler {
  static final int MAX_IN_A_ROW = 10;

  private static final Logger LOG = Logger.getLogger(ThreadReplacement.class);
  private static final Duration MAX_PAUSE = Duration.ofMinutes(1);

  /** So long without a failure, and the next one is a first one. */
  private static final Duration CALM = Duration.ofMinutes(10);

  private final LongSupplier nanos;
  private final Pause pause;
  private final Runnable exit;
  private int inARow;
  private long last;

  /** Waits. */
  interface Pause {
    void of(Duration duration) throws InterruptedException;
  }

  ThreadReplacement() {
    this(System::nanoTime, d -> Thread.sleep(d), () -> Quarkus.asyncExit(1));
  }

  ThreadReplacement(LongSupplier nanos, Pause pause, Runnable exit) {
    this.nanos = nanos;
    this.pause = pause;
    this.exit = exit;
  }

  @Override
  public StreamThreadExceptionResponse handle(Throwable failure) {
    Duration wait;
    synchronized (this) {
      long now = nanos.getAsLong();
      // Threads that fail together, as they do when the brokers are away, are one failure.
      if (inARow == 0 || now - last > pauseAfter(inARow).toNanos()) {
        inARow = inARow > 0 && now - last < CALM.toNanos() ? inARow + 1 : 1;
        last = now;
      }
      if (inARow >= MAX_IN_A_ROW) {
        LOG.errorf(
            failure,
            "event=threads_given_up failures=%d reason=\"%s\"; the process ends, to be started again",
            inARow,
            Failures.explain(failure));
        exit.run();
        return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
      }
      wait = pauseAfter(inARow);
    }
    LOG.errorf(
        failure,
        "event=thread_replaced failures=%d pause=%s reason=\"%s\"",
        inARow,
        wait,
        Failures.explain(failure));
    try {
      pause.of(wait);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return StreamThreadExceptionResponse.REPLACE_THREAD;
  }

  private static Duration pauseAfter(int failures) {
    Duration doubled = Duration.ofSeconds(1L << Math.min(10, failures - 1));
    return doubled.compareTo(MAX_PAUSE) > 0 ? MAX_PAUSE : doubled;
  }
}
