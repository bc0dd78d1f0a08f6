package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.local.parts.Part;
import io.cryptoetl.stack.EmbeddedStack;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Several sources planned by several instances, of which one dies. */
class FailoverIT {
  private static final List<String> SOURCES = List.of("first", "second", "third");
  private static final Duration LONG = Duration.ofMinutes(3);

  private static boolean isPlannedTo(EmbeddedStack stack, long head) throws Exception {
    return Tables.number(stack, "SELECT count(*) FROM ops.cursors WHERE next_number > " + head)
        == SOURCES.size();
  }

  @Test
  void shouldPlanEverySourceOnWithinAMinuteWhenThePlanningInstanceIsKilled() throws Exception {
    Npm.install(Path.of("src/test/js").toAbsolutePath());
    Anvil anvil = new Anvil();
    Map<String, String> sources = new TreeMap<>();
    for (String source : SOURCES) {
      String prefix = "EXTRACTOR_SOURCES_" + source.toUpperCase(java.util.Locale.ROOT) + "_";
      sources.put(prefix + "CHAIN_ID", "31338");
      sources.put(prefix + "START", "0");
      sources.put(prefix + "EVERY", "1s");
      sources.put(prefix + "FINALITY", "0");
      sources.put(prefix + "ENDPOINTS_NODE_URL", anvil.url());
    }
    try (EmbeddedStack stack = EmbeddedStack.start()) {
      for (String name : List.of("extractor-1", "extractor-2")) {
        try (ServerSocket socket = new ServerSocket(0)) {
          Part part = stack.parts().extractor(name, socket.getLocalPort(), sources);
          socket.close();
          stack.startPart(part);
        }
      }
      // Until both are members of all groups and who plans does not change any more.
      for (int i = 0; i < 10; i++) {
        anvil.mine();
        long head = anvil.head();
        await().atMost(LONG).until(() -> isPlannedTo(stack, head));
        Thread.sleep(1_000);
      }
      List<String> planners =
          Tables.texts(
              stack,
              "SELECT DISTINCT ON (source) instance FROM ops.extract_runs ORDER BY source, finished_at DESC");
      assertThat(planners).hasSize(SOURCES.size());
      String busiest =
          planners.stream()
              .collect(Collectors.groupingBy(Function.identity(), Collectors.counting()))
              .entrySet()
              .stream()
              .max(Map.Entry.comparingByValue())
              .orElseThrow()
              .getKey();

      stack.child(busiest).kill();
      anvil.mine();
      long head = anvil.head();

      await().atMost(Duration.ofMinutes(1)).until(() -> isPlannedTo(stack, head));
      await()
          .atMost(Duration.ofMinutes(1))
          .until(
              () ->
                  Tables.number(
                          stack,
                          "SELECT count(DISTINCT source) FROM ops.extract_results WHERE to_number = "
                              + head)
                      == SOURCES.size());
      assertThat(
              Tables.texts(
                  stack,
                  "SELECT DISTINCT ON (source) instance FROM ops.extract_runs ORDER BY source, finished_at DESC"))
          .doesNotContain(busiest);
    } finally {
      anvil.close();
    }
  }
}
