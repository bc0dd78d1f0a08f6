package io.cryptoetl.transformer;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Reception;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.streams.KafkaStreams;
import org.eclipse.microprofile.config.inject.ConfigProperty;

/** Tells how this instance does. */
@ApplicationScoped
class Telling {
  private final KafkaStreams streams;
  private final ObjectMapper json = new ObjectMapper();
  private final Reception reception;

  Telling(
      KafkaStreams streams,
      @ConfigProperty(name = "kafka-streams.group.instance.id") String instance) {
    this.streams = streams;
    this.reception =
        new Reception(
            new KafkaClients(ClientSettings.fromEnvironment()),
            "transformer",
            instance,
            Clock.systemUTC());
  }

  void start(@Observes StartupEvent event) {
    reception.tell(this::word);
  }

  private Reception.Word word() throws JsonProcessingException {
    KafkaStreams.State state = streams.state();
    List<Map<String, Object>> threads = new ArrayList<>();
    streams
        .metadataForLocalThreads()
        .forEach(
            thread -> {
              Map<String, Object> one = new LinkedHashMap<>();
              one.put("state", thread.threadState());
              one.put("tasks", thread.activeTasks().size());
              one.put("standbyTasks", thread.standbyTasks().size());
              threads.add(one);
            });
    Map<String, Object> detail = new LinkedHashMap<>();
    detail.put("state", state.name());
    detail.put("threads", threads);
    return new Reception.Word(
        state == KafkaStreams.State.RUNNING
            ? List.of()
            : List.of("Kafka Streams is " + state + ": nothing is processed until it is RUNNING"),
        json.writeValueAsString(detail));
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    reception.stop();
  }
}
