package io.cryptoetl.extractor.endpoint;

import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.github.resilience4j.circuitbreaker.CircuitBreaker;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.core.IntervalFunction;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** What is known of an endpoint, and how much of it may be asked now. Guarded by the pool. */
final class PooledEndpoint<T> {
  /** A head older than this tells nothing about what the endpoint has now. */
  private static final long HEAD_IS_FRESH = TimeUnit.SECONDS.toNanos(60);

  private static final double LATENCY_WEIGHT = 0.2;
  private static final int START_CONCURRENCY = 2;

  private final String name;
  private final T client;
  private final CircuitBreaker breaker;
  private final Aimd concurrency;
  private final BatchSize batchSize;
  private final Rate rate;
  private final Map<String, Long> refusals = new TreeMap<>();
  private int inFlight;
  private long pausedUntil;
  private boolean paused;
  private long head = -1;
  private long headAt;
  private double latencyMillis;
  private String problem;

  PooledEndpoint(String name, T client, EndpointPool.Limits limits, double ceiling) {
    this.name = name;
    this.client = client;
    this.concurrency = new Aimd(1, START_CONCURRENCY, limits.concurrency());
    this.batchSize = new BatchSize(limits.batchCalls());
    this.rate = new Rate(ceiling);
    this.breaker =
        CircuitBreaker.of(
            name,
            CircuitBreakerConfig.custom()
                .slidingWindowSize(10)
                .minimumNumberOfCalls(3)
                .failureRateThreshold(60)
                .permittedNumberOfCallsInHalfOpenState(1)
                .waitIntervalFunctionInOpenState(
                    IntervalFunction.ofExponentialRandomBackoff(
                        limits.retryDelay(), 2.0, 0.3, Duration.ofSeconds(30)))
                .build());
  }

  String name() {
    return name;
  }

  T client() {
    return client;
  }

  /** Calls that a request to it may hold. */
  int mostCalls() {
    return Math.max(1, Math.min(batchSize.value(), rate.mostCalls()));
  }

  /** Whether it cannot have this height yet, as far as is known. */
  boolean isBehind(long needed, long now) {
    return head >= 0 && now - headAt < HEAD_IS_FRESH && head < needed;
  }

  /** How full it is; one and more is full. */
  double load() {
    return inFlight / (double) concurrency.value();
  }

  /**
   * Reserves a request.
   *
   * @return 0 if it is reserved, else the nanoseconds after which to try again
   */
  long reserve(int calls, long now) {
    if (paused && now - pausedUntil < 0) {
      return pausedUntil - now;
    }
    paused = false;
    if (inFlight >= concurrency.value()) {
      return Long.MAX_VALUE;
    }
    if (!breaker.tryAcquirePermission()) {
      return TimeUnit.MILLISECONDS.toNanos(50);
    }
    long wait = rate.take(calls, now);
    if (wait > 0) {
      breaker.releasePermission();
      return wait;
    }
    inFlight++;
    return 0;
  }

  /** Whether its circuit is open, or it asked to be left alone for long. */
  boolean isUnavailable(long now, long patience) {
    return breaker.getState() == CircuitBreaker.State.OPEN
        || (paused && pausedUntil - now > patience);
  }

  void succeeded(int calls, long nanos, long now) {
    inFlight--;
    breaker.onSuccess(nanos, TimeUnit.NANOSECONDS);
    concurrency.up();
    batchSize.taken(calls, now);
    rate.succeeded(now);
    double millis = nanos / 1e6;
    latencyMillis =
        latencyMillis == 0 ? millis : latencyMillis + LATENCY_WEIGHT * (millis - latencyMillis);
    problem = null;
  }

  void failed(CallFailedException failure, long nanos, long now) {
    inFlight--;
    count(failure.code());
    problem = failure.getMessage();
    if (!failure.code().equals(HttpCaller.UNREACHABLE)) {
      batchSize.refused(failure.calls(), now);
    }
    switch (failure.kind()) {
      case OUTAGE -> {
        if (failure.calls() > 1 && failure.code().startsWith("http_")) {
          // It may only be the size that it does not take: a smaller request tells.
          breaker.releasePermission();
          return;
        }
        concurrency.down();
        breaker.onError(nanos, TimeUnit.NANOSECONDS, failure);
        failure.pause().ifPresent(pause -> pause(pause, now));
      }
      case LIMITED, TOO_LARGE -> {
        asksForLess(failure, now - nanos, now);
        breaker.releasePermission();
      }
      case NOT_THERE, REFUSED -> breaker.onSuccess(nanos, TimeUnit.NANOSECONDS);
    }
  }

  /**
   * Some calls of a request failed that was answered. Told of single calls, an outage says nothing
   * about what the endpoint bears.
   */
  void failedInPart(CallFailedException failure, long nanos, long now) {
    count(failure.code());
    asksForLess(failure, now - nanos, now);
  }

  private void asksForLess(CallFailedException failure, long began, long now) {
    if (failure.kind() == Kind.LIMITED) {
      long breath = rate.refused(began, now);
      if (breath > Rate.BREATH) {
        // A lower rate did not help: the limit may be on what is in flight.
        concurrency.down();
      }
      pause(failure.pause().orElse(Duration.ofNanos(breath)), now);
    }
  }

  void pause(Duration pause, long now) {
    long until = now + pause.toNanos();
    if (!paused || until - pausedUntil > 0) {
      pausedUntil = until;
      paused = true;
    }
  }

  /** Gives a reservation back that came to nothing. */
  void abandoned() {
    inFlight--;
    breaker.releasePermission();
  }

  void count(String code) {
    refusals.merge(code, 1L, Long::sum);
  }

  void refused(String code, String why) {
    count(code);
    problem = why;
  }

  void hasHead(long number, long now) {
    head = number;
    headAt = now;
  }

  EndpointStatus status(long now, Optional<String> note) {
    return new EndpointStatus(
        name,
        paused && now - pausedUntil < 0
            ? "paused"
            : breaker.getState() == CircuitBreaker.State.CLOSED
                ? "healthy"
                : breaker.getState() == CircuitBreaker.State.OPEN ? "down" : "probing",
        head < 0 ? Optional.empty() : Optional.of(head),
        inFlight,
        concurrency.value(),
        mostCalls(),
        Double.isInfinite(rate.limit()) ? Optional.empty() : Optional.of(rate.limit()),
        Math.round(latencyMillis),
        Map.copyOf(refusals),
        Optional.ofNullable(problem),
        note);
  }
}
