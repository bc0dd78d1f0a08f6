package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.publishing.Worker;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.stream.Stream;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready when the committed cursors can be read. What is wrong with single sources is told, and does
 * not make the service unready: the others go on.
 */
@Readiness
@ApplicationScoped
class SourcesHealth implements HealthCheck {
  private final Extractor extractor;

  SourcesHealth(Extractor extractor) {
    this.extractor = extractor;
  }

  @Override
  public HealthCheckResponse call() {
    HealthCheckResponseBuilder response = HealthCheckResponse.named("sources");
    extractor
        .sources()
        .forEach(
            (name, running) ->
                response.withData(
                    name,
                    Stream.concat(
                            running.planner().status().problem().stream(),
                            running.workers().stream()
                                .map(Worker::problem)
                                .flatMap(Optional::stream))
                        .findFirst()
                        .orElse("ok")));
    boolean kafka =
        extractor.sources().values().stream()
            .flatMap(r -> r.workers().stream())
            .noneMatch(w -> w.problem().filter(p -> p.startsWith("Kafka: ")).isPresent());
    return response.status(kafka).build();
  }
}
