package io.cryptoetl.extractor.endpoint;

import io.cryptoetl.extractor.source.TransientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;

/**
 * The endpoints of a source. Each is asked as much as it bears: concurrency, rate and batch size
 * follow its answers, an endpoint in trouble is left alone and probed, one that lags is not asked
 * for what it cannot have.
 *
 * @param <T> client of an endpoint
 */
public final class EndpointPool<T> {
  /** Longest wait for an endpoint that asked to be left alone; after that the caller is told. */
  private static final long PATIENCE = TimeUnit.SECONDS.toNanos(20);

  private final ReentrantLock lock = new ReentrantLock(true);
  private final Condition changed = lock.newCondition();
  private final List<PooledEndpoint<T>> endpoints = new ArrayList<>();
  private final LongSupplier nanoTime;

  /**
   * Limits of each endpoint.
   *
   * @param concurrency most requests in flight
   * @param batchCalls most calls in a request
   * @param retryDelay first pause after the circuit opened
   */
  public record Limits(int concurrency, int batchCalls, Duration retryDelay) {}

  /**
   * An endpoint to be put into a pool.
   *
   * @param rateCeiling most calls a second; infinite if there is none
   */
  public record Member<T>(String name, T client, double rateCeiling) {}

  /**
   * A pool.
   *
   * @param nanoTime a clock that only goes forward
   */
  public EndpointPool(List<Member<T>> members, Limits limits, LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    for (Member<T> member : members) {
      endpoints.add(
          new PooledEndpoint<>(member.name(), member.client(), limits, member.rateCeiling()));
    }
  }

  /** Names in the order of the configuration. */
  public List<String> names() {
    return endpoints.stream().map(PooledEndpoint::name).toList();
  }

  /** What is done with an endpoint. */
  @FunctionalInterface
  public interface Work<T, R> {
    /** Makes one request. */
    R with(T client) throws CallFailedException, InterruptedException;
  }

  /** A request that an endpoint has room for. Must be used once. */
  public final class Lease {
    private final PooledEndpoint<T> endpoint;
    private final int calls;

    private Lease(PooledEndpoint<T> endpoint, int calls) {
      this.endpoint = endpoint;
      this.calls = calls;
    }

    /** Calls that the request may hold. */
    public int calls() {
      return calls;
    }

    /** Name of the endpoint. */
    public String name() {
      return endpoint.name();
    }

    /** Client of the endpoint, for what needs no request. */
    public T client() {
      return endpoint.client();
    }

    /** Makes the request, and learns from how it goes. */
    public <R> R use(Work<T, R> work) throws CallFailedException, InterruptedException {
      long began = nanoTime.getAsLong();
      CallFailedException failure = null;
      boolean done = false;
      try {
        R result = work.with(endpoint.client());
        done = true;
        return result;
      } catch (CallFailedException e) {
        failure = e;
        throw e;
      } finally {
        long now = nanoTime.getAsLong();
        lock.lock();
        try {
          if (done) {
            endpoint.succeeded(calls, now - began, now);
          } else if (failure != null) {
            endpoint.failed(failure, now - began, now);
          } else {
            endpoint.abandoned();
          }
          changed.signalAll();
        } finally {
          lock.unlock();
        }
      }
    }
  }

  /**
   * Waits for room at the least busy endpoint that can serve.
   *
   * @param calls calls that are to be made: the lease is for as many of them as one request to the
   *     endpoint may hold
   * @param needed highest number that it asks for; negative if it asks for none
   * @param except names of endpoints that must not be asked
   * @throws TransientException if no endpoint can serve within reasonable time
   */
  public Lease lease(int calls, long needed, Set<String> except)
      throws TransientException, InterruptedException {
    lock.lockInterruptibly();
    try {
      while (true) {
        long now = nanoTime.getAsLong();
        List<PooledEndpoint<T>> able =
            endpoints.stream()
                .filter(e -> !except.contains(e.name()) && !e.isBehind(needed, now))
                .sorted(Comparator.comparingDouble(PooledEndpoint::load))
                .toList();
        long wait = Long.MAX_VALUE;
        for (PooledEndpoint<T> endpoint : able) {
          int held = Math.min(calls, endpoint.mostCalls());
          long untilFree = endpoint.reserve(held, now);
          if (untilFree == 0) {
            return new Lease(endpoint, held);
          }
          wait = Math.min(wait, untilFree);
        }
        if (able.isEmpty() || able.stream().allMatch(e -> e.isUnavailable(now, PATIENCE))) {
          throw unavailable(needed, except, now);
        }
        if (wait == Long.MAX_VALUE) {
          changed.await();
        } else {
          long unused = changed.awaitNanos(wait);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits for room at a certain endpoint.
   *
   * @throws TransientException if it cannot serve within reasonable time
   */
  public Lease leaseOnly(String name, int calls) throws TransientException, InterruptedException {
    return lease(
        calls,
        -1,
        names().stream().filter(n -> !n.equals(name)).collect(Collectors.toUnmodifiableSet()));
  }

  /** A single call to a certain endpoint, whatever its head; empty if it cannot be asked now. */
  public Optional<Lease> leaseOf(String name) {
    lock.lock();
    try {
      return endpoints.stream()
          .filter(e -> e.name().equals(name))
          .filter(e -> e.reserve(1, nanoTime.getAsLong()) == 0)
          .findFirst()
          .map(e -> new Lease(e, 1));
    } finally {
      lock.unlock();
    }
  }

  private TransientException unavailable(long needed, Set<String> except, long now) {
    String states =
        endpoints.stream()
            .map(
                e -> {
                  EndpointStatus status = e.status(now, Optional.empty());
                  if (except.contains(e.name())) {
                    return e.name() + " was asked already";
                  }
                  if (e.isBehind(needed, now)) {
                    return e.name() + " is behind, at " + status.head().orElse(-1L);
                  }
                  return e.name()
                      + " is "
                      + status.health()
                      + status.problem().map(p -> " (" + p + ")").orElse("");
                })
            .collect(Collectors.joining("; "));
    return new TransientException("no_endpoint", "no endpoint can be asked now: " + states);
  }

  /** Tells that an answer of an endpoint was refused after it came. */
  public void refused(String name, String code, String why) {
    change(name, e -> e.refused(code, why));
  }

  /**
   * Tells that some calls of a request failed by themselves, while others were answered.
   *
   * @param nanos how long ago the request was sent
   */
  public void failedInPart(String name, CallFailedException failure, long nanos) {
    change(name, e -> e.failedInPart(failure, nanos, nanoTime.getAsLong()));
  }

  /** Tells the newest number that an endpoint has. */
  public void hasHead(String name, long number) {
    change(name, e -> e.hasHead(number, nanoTime.getAsLong()));
  }

  /** Leaves an endpoint alone for a while. */
  public void pause(String name, Duration pause) {
    change(name, e -> e.pause(pause, nanoTime.getAsLong()));
  }

  private void change(String name, java.util.function.Consumer<PooledEndpoint<T>> change) {
    lock.lock();
    try {
      endpoints.stream().filter(e -> e.name().equals(name)).forEach(change);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** How each endpoint does. */
  public List<EndpointStatus> status() {
    return status(_ -> Optional.empty());
  }

  /**
   * How each endpoint does.
   *
   * @param note what its client has learned of it
   */
  public List<EndpointStatus> status(Function<T, Optional<String>> note) {
    lock.lock();
    try {
      long now = nanoTime.getAsLong();
      return endpoints.stream().map(e -> e.status(now, note.apply(e.client()))).toList();
    } finally {
      lock.unlock();
    }
  }
}
