package io.cryptoetl.kafka;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;

/** How a member of a consumer group stays in it while it takes nothing. */
final class GroupWait {
  private static final Duration POLL = Duration.ofMillis(500);

  private GroupWait() {}

  /**
   * Tells the group once that the member lives. What partitions bring that come meanwhile is read
   * again; the partitions are paused until somebody resumes them.
   */
  static void once(Consumer<?, ?> consumer, Duration atMost) {
    consumer.pause(consumer.assignment());
    consumer
        .poll(atMost)
        .forEach(r -> consumer.seek(new TopicPartition(r.topic(), r.partition()), r.offset()));
  }

  /**
   * Waits without leaving the group.
   *
   * @param stopped ends the waiting early
   */
  static void during(
      Consumer<?, ?> consumer, Duration delay, Clock clock, BooleanSupplier stopped) {
    Instant until = clock.instant().plus(delay);
    for (Duration left = delay;
        !stopped.getAsBoolean() && left.compareTo(Duration.ZERO) > 0;
        left = Duration.between(clock.instant(), until)) {
      once(consumer, left.compareTo(POLL) < 0 ? left : POLL);
    }
    consumer.resume(consumer.assignment());
  }
}
