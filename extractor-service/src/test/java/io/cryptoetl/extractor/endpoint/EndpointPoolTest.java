package io.cryptoetl.extractor.endpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.source.TransientException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EndpointPoolTest {
  private static final EndpointPool.Limits LIMITS =
      new EndpointPool.Limits(8, 40, Duration.ofMillis(20));

  private final EndpointPool<String> pool = pool(Double.POSITIVE_INFINITY, "alpha", "beta");

  private static EndpointPool<String> pool(double rate, String... names) {
    List<EndpointPool.Member<String>> members = new ArrayList<>();
    for (String name : names) {
      members.add(new EndpointPool.Member<>(name, name, rate));
    }
    return new EndpointPool<>(members, LIMITS, System::nanoTime);
  }

  private static CallFailedException failure(Kind kind, Duration pause) {
    return new CallFailedException(kind, "some_code", "some reason", pause);
  }

  private String use(EndpointPool<String>.Lease lease) throws Exception {
    return lease.use(client -> client);
  }

  private void fail(String name, Kind kind) {
    fail(name, kind, 1);
  }

  private void fail(String name, Kind kind, int calls) {
    Throwable unused =
        catchThrowable(
            () ->
                pool.leaseOf(name)
                    .orElseThrow()
                    .use(
                        _ -> {
                          throw failure(kind, null).of(calls);
                        }));
  }

  private EndpointStatus status(String name) {
    return pool.status().stream().filter(s -> s.name().equals(name)).findFirst().orElseThrow();
  }

  @Test
  void shouldAskTheOneThatIsLessBusy() throws Exception {
    EndpointPool<String>.Lease first = pool.lease(1, -1, Set.of());
    EndpointPool<String>.Lease second = pool.lease(1, -1, Set.of());

    assertThat(List.of(first.name(), second.name())).containsExactlyInAnyOrder("alpha", "beta");
    assertThat(use(first)).isEqualTo(first.name());
    assertThat(use(second)).isEqualTo(second.name());
  }

  @Test
  void shouldNotAskAnEndpointForWhatItCannotHave() throws Exception {
    pool.hasHead("alpha", 99);
    pool.hasHead("beta", 120);

    for (int i = 0; i < 5; i++) {
      EndpointPool<String>.Lease lease = pool.lease(1, 110, Set.of());
      assertThat(lease.name()).isEqualTo("beta");
      use(lease);
    }
    assertThatThrownBy(() -> pool.lease(1, 130, Set.of()))
        .isInstanceOf(TransientException.class)
        .hasMessageContaining("alpha is behind, at 99");
  }

  @Test
  void shouldOpenTheCircuitOfAnEndpointInTroubleAndProbeIt() throws Exception {
    for (int i = 0; i < 3; i++) {
      fail("alpha", Kind.OUTAGE);
    }
    assertThat(status("alpha").health()).isEqualTo("down");
    assertThat(status("alpha").failures()).containsEntry("some_code", 3L);
    EndpointPool<String>.Lease other = pool.lease(1, -1, Set.of());
    assertThat(other.name()).isEqualTo("beta");
    use(other);

    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(5))
        .until(() -> pool.leaseOf("alpha").map(this::quietly).isPresent());
    assertThat(status("alpha").health()).isEqualTo("healthy");
  }

  private String quietly(EndpointPool<String>.Lease lease) {
    try {
      return use(lease);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void shouldTellWhyNobodyCanBeAsked() {
    for (String name : List.of("alpha", "beta")) {
      for (int i = 0; i < 3; i++) {
        fail(name, Kind.OUTAGE);
      }
    }
    assertThatThrownBy(() -> pool.lease(1, -1, Set.of()))
        .isInstanceOf(TransientException.class)
        .hasMessageContaining("alpha is down (some reason)")
        .hasMessageContaining("beta is down (some reason)");
  }

  @Test
  void shouldRaiseConcurrencyWithEachRoundAndHalveItWithTrouble() throws Exception {
    int start = status("alpha").concurrency();
    for (int i = 0; i < 40; i++) {
      quietly(pool.leaseOf("alpha").orElseThrow());
    }
    assertThat(status("alpha").concurrency()).isGreaterThan(start).isLessThanOrEqualTo(8);
    int raised = status("alpha").concurrency();

    fail("alpha", Kind.OUTAGE);

    assertThat(status("alpha").concurrency()).isEqualTo(raised / 2);
  }

  @Test
  void shouldHalveTheBatchThatIsTooLarge() {
    assertThat(status("alpha").batchCalls()).isEqualTo(40);

    fail("alpha", Kind.TOO_LARGE, 40);
    assertThat(status("alpha").batchCalls()).isEqualTo(20);
    fail("alpha", Kind.REFUSED, 20);

    assertThat(status("alpha").batchCalls()).as("whatever the words are").isEqualTo(10);
    assertThat(status("beta").batchCalls()).isEqualTo(40);
    assertThat(status("alpha").health()).isEqualTo("healthy");
  }

  @Test
  void shouldSlowDownWhenItIsAskedTo() throws Exception {
    for (int i = 0; i < 30; i++) {
      quietly(pool.lease(10, -1, Set.of("beta")));
    }
    assertThat(status("alpha").ratePerSecond()).isEmpty();

    fail("alpha", Kind.LIMITED);

    assertThat(status("alpha").ratePerSecond().orElseThrow()).isBetween(200.0, 301.0);
    assertThat(status("alpha").health()).as("its window has to empty").isEqualTo("paused");
  }

  @Test
  void shouldKeepJustBelowTheCeiling() throws Exception {
    EndpointPool<String> slow = pool(50, "alpha");
    long began = System.nanoTime();
    int calls = 0;
    while (System.nanoTime() - began < 3_000_000_000L) {
      slow.lease(1, -1, Set.of()).use(client -> client);
      calls++;
    }
    // 3 s and the bucket that is full at the beginning.
    assertThat(calls).isBetween(50, 150 + 2);
  }
}
