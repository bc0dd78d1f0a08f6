package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Every part is killed with -9 in turn while a chain is being loaded, and started again. */
class CrashIT {
  private static final long CHAIN = 31337;

  @Test
  void shouldEndInTheTablesOfAnUndisturbedRun() throws Exception {
    Path recording =
        Path.of(System.getProperty("project.root")).resolve("pipeline-local/recording/anvil");
    Recorded recorded = Recorded.read(recording);
    Map<String, String> source =
        Map.of(
            "EXTRACTOR_SOURCES_RECORDED_CHAIN_ID", "31337",
            "EXTRACTOR_SOURCES_RECORDED_START", "0",
            "EXTRACTOR_SOURCES_RECORDED_EVERY", "500ms",
            "EXTRACTOR_SOURCES_RECORDED_RANGE_SIZE", "5");
    // The head moves all the time, so that each kill hits work in hand.
    List<String> growth =
        List.of(
            "--head-every", "PT0.06S", "--head-since", Instant.now().plusSeconds(20).toString());
    try (EmbeddedStack stack =
        EmbeddedStack.start(
            p -> List.of(p.node(recording, growth)),
            p -> {
              try {
                Map<String, String> env = new java.util.TreeMap<>(source);
                env.put("EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL", p.nodeUrl());
                return List.of(p.extractor("one", env), p.transformer(Map.of()));
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            },
            TopicSettings.defaults())) {

      for (String part :
          List.of("extractor", "transformer", "connect", "node", "registry", "kafka", "postgres")) {
        long before = loaded(stack);
        await().atMost(Duration.ofMinutes(2)).until(() -> loaded(stack) > before);
        Child child = stack.child(part);
        child.kill();
        assertThat(child.isAlive()).isFalse();
        stack.startPart(child.part());
      }

      assertThat(loaded(stack))
          .as("all kills hit a load that was going on")
          .isLessThan(recorded.blocks.size());
      Tables.awaitUndisturbed(stack, recorded, CHAIN);
    }
  }

  private static long loaded(EmbeddedStack stack) {
    try {
      return Tables.number(stack, "SELECT count(*) FROM chain.blocks");
    } catch (java.sql.SQLException e) {
      return -1;
    }
  }
}
