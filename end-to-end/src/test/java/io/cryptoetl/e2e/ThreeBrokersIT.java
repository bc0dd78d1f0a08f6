package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Access;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.stack.EmbeddedStack;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Uuid;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/**
 * Three brokers, each record on all of them and acknowledged by two; one is killed each minute.
 * Takes as many minutes as {@code three.brokers.minutes} says, and is left out without it.
 */
@EnabledIfSystemProperty(named = "three.brokers.minutes", matches = "[0-9]+")
class ThreeBrokersIT {
  private static final long CHAIN = 31337;
  private static final int BROKERS = 3;
  private static final Map<String, String> TOPICS =
      Map.of("TOPIC_REPLICATION_FACTOR", "3", "TOPIC_MIN_INSYNC_REPLICAS", "2");

  @TempDir static Path folder;

  @Test
  void shouldGoOnLoadingWhileBrokersDie() throws Exception {
    int minutes = Integer.getInteger("three.brokers.minutes");
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    List<Ports> ports = new ArrayList<>();
    for (int i = 0; i < BROKERS; i++) {
      ports.add(Ports.free());
    }
    String bootstrap =
        ports.stream()
            .map(p -> "127.0.0.1:" + p.get(Ports.Name.KAFKA))
            .collect(Collectors.joining(","));
    List<Part> brokers = brokers(root, ports);
    Path recording = root.resolve("pipeline-local/recording/anvil");
    Recorded recorded = Recorded.read(recording);
    // The last block comes in the last minute.
    Duration every = Duration.ofMinutes(minutes).minusSeconds(30).dividedBy(recorded.blocks.size());
    try (EmbeddedStack stack =
        EmbeddedStack.prepare(
            p ->
                new Access(
                    Map.of(),
                    Access.standalone(),
                    part -> {
                      Map<String, String> environment = new TreeMap<>(TOPICS);
                      environment.put("KAFKA_BOOTSTRAP_SERVERS", bootstrap);
                      return environment;
                    }))) {
      Parts parts = stack.parts();
      stack.startPart(parts.postgres());
      parts.database().migrate();
      start(stack, brokers);
      stack.startPart(parts.registry());
      Provisioner provisioner = new Provisioner(TopicSettings.from(TOPICS));
      provisioner.schemas(
          new SchemaRegistry(Map.of("url", parts.registryUrl()), Duration.ofSeconds(30)));
      try (Admin admin = parts.kafka().admin()) {
        provisioner.topics(admin);
      }
      stack.startPart(parts.connect());
      stack.createConnectors();
      stack.startPart(
          parts.node(
              recording,
              List.of(
                  "--chain-id",
                  Long.toString(CHAIN),
                  "--head-every",
                  every.toString(),
                  "--head-since",
                  Instant.now().toString())));
      stack.startPart(parts.transformer(Map.of()));
      stack.startPart(
          parts.extractor(
              "one",
              Map.of(
                  "EXTRACTOR_SOURCES_RECORDED_CHAIN_ID", Long.toString(CHAIN),
                  "EXTRACTOR_SOURCES_RECORDED_START", "0",
                  "EXTRACTOR_SOURCES_RECORDED_EVERY", "500ms",
                  "EXTRACTOR_SOURCES_RECORDED_RANGE_SIZE", "5",
                  "EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL", parts.nodeUrl())));
      await().atMost(Duration.ofMinutes(2)).until(() -> loaded(stack) > 0);

      for (int minute = 0; minute < minutes; minute++) {
        long before = loaded(stack);
        Part broker = brokers.get(minute % BROKERS);
        Child child = stack.child(broker.name());
        child.kill();
        System.out.printf(
            "minute %d: %d blocks loaded, %s killed%n", minute, before, broker.name());
        Thread.sleep(Duration.ofSeconds(25));
        stack.startPart(broker);
        Thread.sleep(Duration.ofSeconds(35));
        assertThat(loaded(stack))
            .as("blocks loaded in minute %d", minute)
            .satisfiesAnyOf(
                now -> assertThat(now).isGreaterThan(before),
                now -> assertThat(now).isEqualTo(recorded.blocks.size()));
      }

      Tables.awaitUndisturbed(stack, recorded, CHAIN);
    }
  }

  private static long loaded(EmbeddedStack stack) throws Exception {
    return Tables.number(stack, "SELECT count(*) FROM chain.blocks");
  }

  private static void start(EmbeddedStack stack, List<Part> brokers) throws Exception {
    // None of them is ready before most of them run.
    try (ExecutorService each = Executors.newFixedThreadPool(brokers.size())) {
      List<Callable<Child>> starts =
          brokers.stream().map(broker -> (Callable<Child>) () -> stack.startPart(broker)).toList();
      for (Future<Child> start : each.invokeAll(starts)) {
        start.get();
      }
    }
  }

  private static List<Part> brokers(Path root, List<Ports> ports) throws Exception {
    String cluster = Uuid.randomUuid().toString();
    String controllers =
        IntStream.range(0, BROKERS)
            .mapToObj(
                i ->
                    "%d@127.0.0.1:%d:%s"
                        .formatted(
                            i + 1, ports.get(i).get(Ports.Name.CONTROLLER), Uuid.randomUuid()))
            .collect(Collectors.joining(","));
    String quorum =
        ports.stream()
            .map(p -> "127.0.0.1:" + p.get(Ports.Name.CONTROLLER))
            .collect(Collectors.joining(","));
    List<Part> brokers = new ArrayList<>();
    for (int i = 0; i < BROKERS; i++) {
      Map<String, String> settings = new TreeMap<>();
      settings.put("node.id", Integer.toString(i + 1));
      settings.put("controller.quorum.bootstrap.servers", quorum);
      for (String topic : List.of("offsets.topic", "transaction.state.log")) {
        settings.put(topic + ".replication.factor", Integer.toString(BROKERS));
      }
      settings.put("transaction.state.log.min.isr", "2");
      settings.put("share.coordinator.state.topic.replication.factor", "3");
      settings.put("share.coordinator.state.topic.min.isr", "2");
      Part broker =
          new Parts(
                  new Layout(root, folder.resolve("broker-" + (i + 1))),
                  ports.get(i),
                  "unused",
                  new Access(
                      settings,
                      List.of("--initial-controllers", controllers, "-t", cluster),
                      part -> Map.of()))
              .broker();
      brokers.add(
          new Part(
              "broker-" + (i + 1),
              broker.title(),
              broker.url(),
              broker.port(),
              broker.prepare(),
              broker.command(),
              broker.environment(),
              broker.ready(),
              broker.stopTimeout()));
    }
    return brokers;
  }
}
