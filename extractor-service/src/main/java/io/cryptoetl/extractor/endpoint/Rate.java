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
   * Share of the rate that is left free: servers count in windows, and replies do not flow evenly.
   */
  private static final double FREE = 0.04;

  /** Share of a second's calls that one request may hold. */
  private static final double BATCH = 0.04;

  /** Share of a second's calls that may gather while their taker wakes up. */
  private static final double SLACK = 0.01;

  /** Parts of a call that the bucket counts in. */
  private static final int TOKENS_PER_CALL = 10;

  private static final double DOWN = 0.95;

  /** Of a ceiling that is known, a refusal tells of an uneven flow rather than of a lower limit. */
  private static final double DOWN_OF_CEILING = 0.98;

  private static final double DOWN_AGAIN = 0.7;
  private static final double STEP_PER_SECOND = 0.01;
  private static final double LEAST_STEP = 0.5;
  private static final long SECOND = 1_000_000_000L;

  /** Nanoseconds in which the server's window loses what was too much. */
  static final long BREATH = SECOND / 10;

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
    return isFree() ? Integer.MAX_VALUE : (int) Math.max(2, limit * BATCH);
  }

  /** Takes calls; returns 0, or the nanoseconds after which to try again. */
  long take(int calls, long now) {
    if (!isFree()) {
      // What a request holds beyond a full bucket is a debt, which the next one waits for.
      int debt = Math.max(0, calls - mostCalls());
      ConsumptionProbe probe =
          bucket.tryConsumeAndReturnRemaining((long) TOKENS_PER_CALL * (calls - debt));
      if (!probe.isConsumed()) {
        return Math.max(1, probe.getNanosToWaitForRefill());
      }
      if (debt > 0) {
        long unused = bucket.consumeIgnoringRateLimits((long) TOKENS_PER_CALL * debt);
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
   * @param began when it was sent: in the second after the rate was lowered, the server's window
   *     still holds what was sent before, and a refusal says nothing new about the rate
   * @return nanoseconds to leave the endpoint alone: {@link #BREATH}, and more if a breath and a
   *     lower rate did not help
   */
  long refused(long began, long now) {
    if (refusedAt != 0 && began - refusedAt < SECOND) {
      return began - refusedAt < 0 ? BREATH : Math.max(BREATH, SECOND - (now - refusedAt));
    }
    if (isFree()) {
      limit = Math.max(lastWindow, (double) inWindow);
    }
    boolean again = refusedAt != 0 && now - refusedAt < 3 * SECOND;
    step = Math.max(LEAST_STEP, limit * STEP_PER_SECOND);
    double down = again ? DOWN_AGAIN : limit >= ceiling ? DOWN_OF_CEILING : DOWN;
    change(Math.max(Math.min(LEAST, ceiling), limit * down));
    refusedAt = now;
    raisedAt = now;
    return BREATH;
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
    long perThousandSeconds = (long) (limit * (1 - FREE) * TOKENS_PER_CALL * 1000);
    long capacity = Math.round(TOKENS_PER_CALL * (mostCalls() + limit * SLACK));
    return Bandwidth.builder()
        .capacity(capacity)
        .refillGreedy(perThousandSeconds, Duration.ofSeconds(1000))
        // Empty: the first second also has the question for the chain id.
        .initialTokens(0)
        .build();
  }
}
