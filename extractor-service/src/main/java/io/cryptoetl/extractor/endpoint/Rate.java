package io.cryptoetl.extractor.endpoint;

import io.github.bucket4j.Bandwidth;
import io.github.bucket4j.Bucket;
import io.github.bucket4j.BucketConfiguration;
import io.github.bucket4j.ConsumptionProbe;
import io.github.bucket4j.TokensInheritanceStrategy;
import java.time.Duration;

/**
 * How many calls a second an endpoint takes. Without a configured ceiling the rate is free until
 * the endpoint refuses for the first time; what it took in the second before is where the search
 * begins. Multiplicative down at each refusal, additive up by a hundredth each second after. Not
 * safe for use by several threads.
 */
final class Rate {
  /**
   * Servers count in windows of a second: the share that is left free is what a batch may stand out
   * of the even flow.
   */
  private static final double SHARE = 0.05;

  private static final double SLACK = 0.01;

  /** Parts of a call that the bucket counts in. */
  private static final int TOKENS_PER_CALL = 10;

  private static final double DOWN = 0.95;
  private static final double DOWN_AGAIN = 0.7;
  private static final double STEP_PER_SECOND = 0.01;
  private static final double LEAST_STEP = 0.5;
  private static final long SECOND = 1_000_000_000L;
  private static final double LEAST = 1;

  private final double ceiling;
  private double limit;
  private double step;
  private Bucket bucket;
  private long refusedAt;
  private long raisedAt;
  private long windowFrom;
  private long inWindow;
  private double lastWindow;

  /**
   * A rate.
   *
   * @param ceiling most calls a second; infinite if there is none
   */
  Rate(double ceiling) {
    this.ceiling = ceiling;
    this.limit = ceiling;
    this.step = LEAST_STEP;
    if (!isFree()) {
      bucket = Bucket.builder().addLimit(bandwidth()).build();
    }
  }

  /** Calls a second that the endpoint is thought to take; infinite while it has not refused. */
  double limit() {
    return limit;
  }

  private boolean isFree() {
    return Double.isInfinite(limit);
  }

  /** Most calls that one request may hold. */
  int mostCalls() {
    return isFree() ? Integer.MAX_VALUE : (int) Math.max(2, limit * SHARE);
  }

  /** Takes calls; returns 0, or the nanoseconds after which to try again. */
  long take(int calls, long now) {
    if (!isFree()) {
      // More than the bucket holds could never be taken: it waits for a full bucket instead.
      ConsumptionProbe probe =
          bucket.tryConsumeAndReturnRemaining(
              (long) TOKENS_PER_CALL * Math.min(calls, mostCalls()));
      if (!probe.isConsumed()) {
        return Math.max(1, probe.getNanosToWaitForRefill());
      }
    }
    if (now - windowFrom > SECOND) {
      lastWindow = inWindow * (double) SECOND / Math.max(SECOND, now - windowFrom);
      inWindow = 0;
      windowFrom = now;
    }
    inWindow += calls;
    return 0;
  }

  /**
   * A request was refused.
   *
   * @param began when it was sent: one that was on its way when the rate was lowered says nothing
   *     new
   */
  void refused(long began, long now) {
    if (refusedAt != 0 && began - refusedAt < 0) {
      return;
    }
    if (isFree()) {
      limit = Math.max(lastWindow, (double) inWindow);
    }
    boolean again = refusedAt != 0 && now - refusedAt < 2 * SECOND;
    step = Math.max(LEAST_STEP, limit * STEP_PER_SECOND);
    change(Math.max(LEAST, limit * (again ? DOWN_AGAIN : DOWN)));
    refusedAt = now;
    raisedAt = now;
  }

  void succeeded(long now) {
    if (isFree() || limit >= ceiling || now - raisedAt < SECOND) {
      return;
    }
    change(Math.min(ceiling, limit + step * (now - raisedAt) / SECOND));
    raisedAt = now;
  }

  private void change(double to) {
    limit = to;
    if (bucket == null) {
      bucket = Bucket.builder().addLimit(bandwidth()).build();
    } else {
      bucket.replaceConfiguration(
          BucketConfiguration.builder().addLimit(bandwidth()).build(),
          TokensInheritanceStrategy.PROPORTIONALLY);
    }
  }

  /** An even flow: the bucket holds one request, and what comes in while its taker wakes up. */
  private Bandwidth bandwidth() {
    long perThousandSeconds = (long) (limit * (1 - SHARE) * TOKENS_PER_CALL * 1000);
    long capacity = Math.round(TOKENS_PER_CALL * (mostCalls() + limit * SLACK));
    return Bandwidth.builder()
        .capacity(capacity)
        .refillGreedy(perThousandSeconds, Duration.ofSeconds(1000))
        // Empty: the first second also has the question for the chain id.
        .initialTokens(0)
        .build();
  }
}
