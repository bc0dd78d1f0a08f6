package io.cryptoetl.extractor.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Reception;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Duration;

/** Takes people's orders, and tells how this instance does. */
@ApplicationScoped
class SourcesReception {
  private static final Duration MAX_WORK = Duration.ofMinutes(5);

  private final Extractor extractor;
  private final SourcesResource sources;
  private final ObjectMapper json;
  private final Reception reception;

  SourcesReception(Extractor extractor, SourcesResource sources, ObjectMapper json) {
    this.extractor = extractor;
    this.sources = sources;
    this.json = json;
    this.reception =
        new Reception(
            new KafkaClients(ClientSettings.fromEnvironment()),
            "extractor",
            extractor.instance(),
            Clock.systemUTC());
  }

  /** After the sources are there. */
  void start(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
    for (String source : extractor.sources().keySet()) {
      reception.take(
          "extractor-orders." + source, "extract", MAX_WORK, new SourceOwner(extractor, source));
    }
    reception.tell(this::word);
  }

  private Reception.Word word() throws JsonProcessingException {
    return new Reception.Word(
        extractor.sources().entrySet().stream()
            .flatMap(s -> s.getValue().problems().stream().map(p -> s.getKey() + ": " + p))
            .toList(),
        json.writeValueAsString(sources.list()));
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    reception.stop();
  }
}
