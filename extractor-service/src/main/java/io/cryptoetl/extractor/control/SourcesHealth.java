package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import jakarta.enterprise.context.ApplicationScoped;
import org.eclipse.microprofile.health.HealthCheck;
import org.eclipse.microprofile.health.HealthCheckResponse;
import org.eclipse.microprofile.health.HealthCheckResponseBuilder;
import org.eclipse.microprofile.health.Readiness;

/**
 * Ready when Kafka can be worked with. What is wrong with single sources is told, and does not make
 * the service unready: the others go on.
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
    boolean kafka = true;
    for (var running : extractor.sources().entrySet()) {
      var problems = running.getValue().problems();
      response.withData(running.getKey(), problems.stream().findFirst().orElse("ok"));
      kafka &= problems.stream().noneMatch(p -> p.startsWith("Kafka: "));
    }
    return response.status(kafka).build();
  }
}
