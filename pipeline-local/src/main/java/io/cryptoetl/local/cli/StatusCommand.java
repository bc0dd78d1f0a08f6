package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.local.cli.PipelineCommand.Running;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Tells how the pipeline does. */
@Command(
    name = "status",
    description = "Shows each part, each source, and what is loaded. Code 1 if a part is not well.",
    mixinStandardHelpOptions = true)
final class StatusCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Counting incomplete blocks reads all child tables: done while that is quick. */
  private static final long FEW_BLOCKS = 100_000;

  @Option(names = "--json", description = "One JSON object")
  private boolean json;

  @Override
  public Integer call() throws Exception {
    Running running;
    try {
      running = PipelineCommand.running();
    } catch (PipelineCommand.MisuseException e) {
      if (json) {
        System.out.println(JSON.createObjectNode().put("state", "stopped"));
      } else {
        Screen.system().error(e.getMessage());
      }
      return PipelineCommand.FAILED;
    }
    ObjectNode status = status(running);
    if (json) {
      System.out.println(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(status));
    } else {
      print(status);
    }
    return status.get("healthy").asBoolean() ? 0 : PipelineCommand.FAILED;
  }

  private static ObjectNode status(Running running) throws IOException, InterruptedException {
    RunState state = running.state();
    Parts parts = running.parts();
    ObjectNode status = JSON.createObjectNode();
    status.put("state", state.ready() ? "running" : "starting");
    ArrayNode list = JSON.createArrayNode();
    boolean healthy = state.ready();
    Map<String, Part> known = known(parts);
    for (RunState.RunningPart part : state.parts()) {
      boolean alive = part.process().find().isPresent();
      boolean well = alive && Child.isReady(known.get(part.name()));
      healthy &= well;
      ObjectNode entry = list.addObject();
      entry.put("name", part.name()).put("title", part.title()).put("healthy", well);
      entry.put("pid", part.process().pid()).put("url", part.url());
      entry.put("rss_bytes", residentBytes(part.process().pid()));
    }
    ObjectNode connector = connector(parts);
    healthy &= connector.get("healthy").asBoolean();
    status.put("healthy", healthy);
    status.set("parts", list);
    status.set("connector", connector);
    status.set("sources", sources(parts));
    status.set("loaded", loaded(parts, state));
    return status;
  }

  private static Map<String, Part> known(Parts parts) throws IOException {
    Map<String, Part> known = new TreeMap<>();
    for (Part part :
        List.of(
            parts.broker(),
            parts.postgres(),
            parts.registry(),
            parts.connect(),
            parts.node(Path.of("."), List.of()),
            parts.extractor("", Map.of()),
            parts.transformer(Map.of()),
            parts.s3(),
            parts.backfill(Map.of()),
            parts.console(Map.of()))) {
      known.put(part.name(), part);
    }
    return known;
  }

  private static ObjectNode connector(Parts parts) throws InterruptedException {
    ObjectNode result = JSON.createObjectNode();
    result.put("name", "tables");
    try {
      JsonNode status =
          JSON.readTree(Parts.get(parts.connectUrl() + "/connectors/tables/status").body());
      boolean well = status.path("connector").path("state").asText().equals("RUNNING");
      int tasks = 0;
      for (JsonNode task : status.path("tasks")) {
        well &= task.path("state").asText().equals("RUNNING");
        tasks++;
      }
      result.put("healthy", well && tasks > 0).put("tasks", tasks);
    } catch (IOException e) {
      result.put("healthy", false).put("problem", "Kafka Connect does not answer");
    }
    return result;
  }

  private static JsonNode sources(Parts parts) throws InterruptedException {
    try {
      return JSON.readTree(Parts.get(parts.extractorUrl() + "/sources").body());
    } catch (IOException e) {
      return JSON.createArrayNode();
    }
  }

  private static ObjectNode loaded(Parts parts, RunState state) {
    ObjectNode loaded = JSON.createObjectNode();
    try {
      Progress quick = Progress.read(parts, false);
      boolean countable = quick.loaded() <= FEW_BLOCKS;
      Progress progress = countable ? Progress.read(parts, true) : quick;
      loaded.put("blocks_planned", progress.planned());
      loaded.put("blocks_fetched", progress.fetched());
      loaded.put("blocks_loaded", progress.loaded());
      loaded.put("dead_letters", progress.deadLetters());
      loaded.put("rows", progress.rows());
      if (countable) {
        loaded.put("incomplete_blocks", progress.incomplete());
      }
      Optional<Long> expected = state.headMoves() ? Optional.empty() : state.expectedBlocks();
      expected.ifPresent(e -> loaded.put("blocks_expected", e));
      loaded.put("caught_up", progress.isCaughtUp(expected));
    } catch (SQLException e) {
      loaded.put("problem", "the database does not answer");
      loaded.put("caught_up", false);
    }
    return loaded;
  }

  /** Resident memory of a process, where the system tells it without further tools. */
  private static long residentBytes(long pid) throws IOException {
    Path statm = Path.of("/proc/" + pid + "/statm");
    if (!Files.exists(statm)) {
      return 0;
    }
    long pageBytes = 4096;
    try {
      return Long.parseLong(Files.readString(statm).split(" ")[1]) * pageBytes;
    } catch (java.nio.file.NoSuchFileException e) {
      return 0;
    }
  }

  private static void print(ObjectNode status) {
    Screen screen = Screen.system();
    screen.line("The pipeline is " + status.get("state").asText() + ".");
    for (JsonNode part : status.get("parts")) {
      screen.line(
          "  %-4s %-16s %8s  %5d MiB  %s"
              .formatted(
                  part.get("healthy").asBoolean() ? "ok" : "BAD",
                  part.get("title").asText(),
                  part.get("pid").asText(),
                  part.get("rss_bytes").asLong() >> 20,
                  part.get("url").asText()));
    }
    JsonNode connector = status.get("connector");
    screen.line(
        "  %-4s connector %s, %d tasks"
            .formatted(
                connector.get("healthy").asBoolean() ? "ok" : "BAD",
                connector.get("name").asText(),
                connector.path("tasks").asInt()));
    for (JsonNode source : status.get("sources")) {
      for (JsonNode feed : source.path("feeds")) {
        screen.line(
            "Source %s%s: head %s, planned to %s%s"
                .formatted(
                    feed.path("name").asText(),
                    source.path("chainId").isNumber()
                        ? ", chain id " + source.get("chainId").asText()
                        : "",
                    feed.path("head").asText("unknown"),
                    feed.path("nextNumber").isNumber()
                        ? feed.get("nextNumber").asLong() - 1
                        : "nothing",
                    source.path("paused").asBoolean() ? " (paused)" : ""));
      }
      source.path("problems").forEach(p -> screen.line("  " + p.asText()));
    }
    JsonNode loaded = status.get("loaded");
    screen.line(
        "Blocks planned %,d, fetched %,d, loaded %,d; dead letters %,d; %s."
            .formatted(
                loaded.path("blocks_planned").asLong(),
                loaded.path("blocks_fetched").asLong(),
                loaded.path("blocks_loaded").asLong(),
                loaded.path("dead_letters").asLong(),
                loaded.path("caught_up").asBoolean() ? "caught up" : "not caught up"));
  }
}
