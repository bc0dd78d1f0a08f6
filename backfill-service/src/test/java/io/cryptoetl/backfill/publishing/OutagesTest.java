package io.cryptoetl.backfill.publishing;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import org.junit.jupiter.api.Test;

class OutagesTest {
  private static final String WHY = "it does not answer";

  private Instant now = Instant.parse("2024-01-01T00:00:00Z");
  private final Outages outages =
      new Outages(
          new Clock() {
            @Override
            public Instant instant() {
              return now;
            }

            @Override
            public ZoneId getZone() {
              return ZoneOffset.UTC;
            }

            @Override
            public Clock withZone(ZoneId zone) {
              return this;
            }
          });

  private boolean isTried(Instant requested) {
    return outages.reason("far", requested).isEmpty();
  }

  private void pass(long seconds) {
    now = now.plusSeconds(seconds);
  }

  @Test
  void shouldWaitLongerWithEachFailureAndNotWithEachWorker() {
    Instant before = now.minusSeconds(1);
    for (int worker = 0; worker < 8; worker++) {
      outages.failed("far", WHY);
    }
    assertThat(isTried(before)).isFalse();
    assertThat(outages.reason("near", before)).isEmpty();
    pass(10);
    assertThat(isTried(before)).isTrue();
    assertThat(outages.problems()).isEmpty();

    outages.failed("far", WHY);
    pass(10);
    assertThat(isTried(before)).isFalse();
    assertThat(outages.problems()).containsExactly(WHY);
    pass(10);
    assertThat(isTried(before)).isTrue();
    for (int i = 0; i < 20; i++) {
      outages.failed("far", WHY);
      pass(Duration.ofMinutes(10).toSeconds());
      assertThat(isTried(before)).isTrue();
    }
  }

  @Test
  void shouldTryWhatWasAskedForSince() {
    outages.failed("far", WHY);

    assertThat(isTried(now.plusSeconds(1))).isTrue();
    assertThat(isTried(now)).isFalse();
    outages.answered("far");
    assertThat(isTried(now)).isTrue();
  }
}
