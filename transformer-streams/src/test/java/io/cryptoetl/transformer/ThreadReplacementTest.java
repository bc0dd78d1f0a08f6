package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.junit.jupiter.api.Test;

class ThreadReplacementTest {
  private final AtomicLong now = new AtomicLong();
  private final List<Long> pauses = new ArrayList<>();
  private final AtomicInteger exits = new AtomicInteger();
  private final ThreadReplacement replacement =
      new ThreadReplacement(
          now::get, pause -> pauses.add(pause.toSeconds()), exits::incrementAndGet);

  private StreamThreadExceptionResponse fail() {
    now.addAndGet(Duration.ofSeconds(61).toNanos());
    return replacement.handle(new IllegalStateException("away"));
  }

  @Test
  void shouldReplaceAfterLongerAndLongerPausesAndThenEndTheProcess() {
    for (int i = 1; i < ThreadReplacement.MAX_IN_A_ROW; i++) {
      assertThat(fail()).isEqualTo(StreamThreadExceptionResponse.REPLACE_THREAD);
    }
    assertThat(pauses).containsExactly(1L, 2L, 4L, 8L, 16L, 32L, 60L, 60L, 60L);
    assertThat(exits).hasValue(0);

    assertThat(fail()).isEqualTo(StreamThreadExceptionResponse.SHUTDOWN_CLIENT);
    assertThat(exits).hasValue(1);
  }

  @Test
  void shouldBeginAnewAfterACalmWhile() {
    fail();
    fail();
    now.addAndGet(Duration.ofMinutes(11).toNanos());
    fail();

    assertThat(pauses).containsExactly(1L, 2L, 1L);
  }

  @Test
  void shouldTakeThreadsThatFailTogetherForOneFailure() {
    for (int i = 0; i < 20; i++) {
      assertThat(replacement.handle(new IllegalStateException("away")))
          .isEqualTo(StreamThreadExceptionResponse.REPLACE_THREAD);
    }
    fail();

    assertThat(pauses.subList(0, 20)).containsOnly(1L);
    assertThat(pauses.getLast()).isEqualTo(2L);
  }
}
