package io.cryptoetl.backfill.control;

import io.cryptoetl.backfill.Backfill;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.List;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready when Kafka can be worked with. What is wrong with single locations is told, and does not
 * make the service unready: the others go on.
 */
@Readiness
@ApplicationScoped
class BackfillHealth implements HealthCheck {
  private final Backfill backfill;

  BackfillHealth(Backfill backfill) {
    this.backfill = backfill;
  }

  @Override
  public HealthCheckResponse call() {
    List<String> problems = backfill.problems();
    return HealthCheckResponse.named("files")
        .withData("problems", problems.isEmpty() ? "none" : String.join("; ", problems))
        .status(problems.stream().noneMatch(p -> p.startsWith("Kafka: ")))
        .build();
  }
}
