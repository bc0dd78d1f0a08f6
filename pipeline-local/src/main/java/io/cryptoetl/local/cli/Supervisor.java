package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.ConsoleLink;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Starts the parts, shows how they do, restarts what dies, and stops everything in the end. */
final class Supervisor {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration WATCH = Duration.ofSeconds(1);
  private static final Duration LINE_WITHOUT_TERMINAL = Duration.ofSeconds(10);
  private static final int MOST_RESTARTS = 5;
  private static final Duration RESTARTS_WITHIN = Duration.ofMinutes(5);
  private static final Duration CHECK_CONNECTORS = Duration.ofSeconds(15);
  private static final String INSTANCE = "extractor-1";

  private final Layout layout;
  private final Ports ports;
  private final Plan plan;
  private final Screen screen;
  private final Parts parts;
  private final LocalStack stack;
  private final Map<String, Deque<Instant>> restarts = new HashMap<>();
  private volatile boolean stopping;
  private volatile boolean ready;

  /**
   * What to run.
   *
   * @param source name of the source that the launcher sets up; empty if the environment has them
   * @param sourceSettings settings of the sources, and what else .env holds, as environment
   *     variables of the extractor
   * @param recording folder to serve, if a recorded node is wanted
   * @param nodeOptions further options of the recorded node
   * @param requested ranges to ask for, where a recording has holes
   * @param expectedBlocks blocks of the recording
   * @param headMoves whether more blocks will come
   */
  record Plan(
      String source,
      Map<String, String> sourceSettings,
      Optional<Path> recording,
      List<String> nodeOptions,
      List<long[]> requested,
      Optional<Long> expectedBlocks,
      boolean headMoves) {
    /** Settings of the transformer: no secrets of sources among them. */
    Map<String, String> transformerSettings() {
      return settings("TRANSFORMER_");
    }

    /** Settings of the backfill: no secrets of sources among them. */
    Map<String, String> backfillSettings() {
      return settings("BACKFILL_", "S3_", "AWS_", "TRANSFORMER_DATASETS_DIR");
    }

    /** Settings of the console: no secrets of sources among them. */
    Map<String, String> consoleSettings() {
      return settings(
          "CONSOLE_",
          "CONNECT_URL",
          "BACKFILL_INBOX_URL",
          "S3_",
          "AWS_",
          "TRANSFORMER_DATASETS_DIR");
    }

    private Map<String, String> settings(String... prefixes) {
      Map<String, String> settings = new TreeMap<>(sourceSettings);
      settings.keySet().removeIf(key -> Stream.of(prefixes).noneMatch(key::startsWith));
      return settings;
    }
  }

  Supervisor(Layout layout, Ports ports, String databasePassword, Plan plan, Screen screen) {
    this.layout = layout;
    this.ports = ports;
    this.plan = plan;
    this.screen = screen;
    this.parts = new Parts(layout, ports, databasePassword);
    this.stack =
        new LocalStack(
            layout,
            parts,
            new LocalStack.Listener() {
              @Override
              public void started(Child child) {
                screen.line("  starting  " + child.part().title());
                save();
              }

              @Override
              public void ready(Child child, Duration took) {
                screen.line(
                    "  ready     %-16s %4.1f s   %s"
                        .formatted(
                            child.part().title(), took.toMillis() / 1000.0, child.part().url()));
                save();
              }
            });
  }

  /** Runs until {@link #stop} or until a part cannot be kept running; returns the exit code. */
  int run(TopicSettings topics) throws InterruptedException {
    Instant began = Instant.now();
    try {
      String secret = ConsoleLink.secret(layout);
      screen.line(
          "Console, once it is ready:  "
              + ConsoleLink.of(parts.consoleUrl(), secret, Instant.now()));
      screen.line("Starting the pipeline, data in " + layout.data());
      Map<String, String> console = plan.consoleSettings();
      console.put("CONSOLE_SECRET", secret);
      List<Part> independent = new ArrayList<>(List.of(parts.s3(), parts.console(console)));
      if (plan.recording().isPresent()) {
        independent.add(parts.node(plan.recording().get(), plan.nodeOptions()));
      }
      stack.start(
          independent,
          List.of(
              parts.extractor(INSTANCE, plan.sourceSettings()),
              parts.transformer(plan.transformerSettings()),
              parts.backfill(plan.backfillSettings())),
          topics);
      requestRanges();
      if (plan.recording().filter(layout.recordedChain()::equals).isPresent()) {
        parts.drop(layout.recordedCandles());
      }
      ready = true;
      save();
      greet(Duration.between(began, Instant.now()));
      return watch();
    } catch (IOException e) {
      if (stopping) {
        return 0;
      }
      screen.error("The pipeline did not start: " + e.getMessage());
      return 1;
    } catch (InterruptedException e) {
      if (stopping) {
        return 0;
      }
      throw e;
    } finally {
      stopping = true;
      stack.close();
      try {
        RunState.delete(layout.data());
      } catch (IOException e) {
        screen.error("The state file could not be deleted: " + e.getMessage());
      }
    }
  }

  /** Makes {@link #run} stop everything. */
  void stop() {
    stopping = true;
  }

  private void greet(Duration took) {
    screen.line("");
    screen.line("The pipeline is ready after %.1f s.".formatted(took.toMillis() / 1000.0));
    screen.line("  another link       ./pipeline console");
    screen.line("  look at the data   " + parts.database().psql());
    screen.line("                     ./pipeline query \"SELECT count(*) FROM chain.blocks\"");
    screen.line("  load files         ./pipeline backfill FILE");
    screen.line(
        "                     or put them into s3://%s at %s"
            .formatted(Parts.INBOX, parts.s3Url()));
    screen.line("  sources            " + parts.extractorUrl() + "/sources");
    screen.line("  connectors         " + parts.connectUrl() + "/connectors/tables/status");
    screen.line("  schemas            " + parts.registryUrl() + "/subjects");
    screen.line("  Kafka              " + parts.bootstrapServers());
    screen.line("  logs               " + layout.data().resolve("logs"));
    screen.line("");
  }

  private int watch() throws InterruptedException {
    Instant nextLine = Instant.MIN;
    Instant nextCheck = Instant.now().plus(CHECK_CONNECTORS);
    Rate rate = new Rate();
    while (!stopping) {
      for (Child child : stack.children()) {
        if (!child.isAlive() && !child.isStopping() && !revive(child)) {
          return 1;
        }
      }
      if (Instant.now().isAfter(nextCheck)) {
        restartFailedConnectorTasks();
        nextCheck = Instant.now().plus(CHECK_CONNECTORS);
      }
      if (Instant.now().isAfter(nextLine)) {
        try {
          Progress progress = Progress.read(parts, false);
          screen.progress(progress.line(plan.expectedBlocks(), rate.of(progress.rows())));
        } catch (SQLException e) {
          screen.progress("the database does not answer");
        }
        nextLine =
            Instant.now().plus(screen.isTerminal() ? WATCH : LINE_WITHOUT_TERMINAL).minusMillis(50);
      }
      Thread.sleep(WATCH);
    }
    screen.line("Stopping.");
    return 0;
  }

  /** Rows per second between two looks. */
  private static final class Rate {
    private long rows = -1;
    private long at;

    double of(long now) {
      long time = System.nanoTime();
      double rate = rows < 0 ? 0 : Math.max(0, (now - rows) * 1e9 / (time - at));
      rows = now;
      at = time;
      return rate;
    }
  }

  /**
   * Starts a part again that died. Each part keeps what it must in its own storage, so a restart is
   * safe; a part that dies over and over is not restarted for ever.
   */
  private boolean revive(Child dead) throws InterruptedException {
    Part part = dead.part();
    try {
      screen.error(
          "%s ended with code %d.%n%s".formatted(part.title(), dead.exitCode(), dead.tail()));
      Deque<Instant> times = restarts.computeIfAbsent(part.name(), n -> new ArrayDeque<>());
      times.removeIf(t -> t.isBefore(Instant.now().minus(RESTARTS_WITHIN)));
      if (times.size() >= MOST_RESTARTS) {
        screen.error(
            "%s died %d times within %d minutes; the pipeline stops. Its log: %s"
                .formatted(
                    part.title(),
                    times.size() + 1,
                    RESTARTS_WITHIN.toMinutes(),
                    layout.log(part.name())));
        return false;
      }
      times.add(Instant.now());
      screen.line("Restarting " + part.title() + ".");
      stack.startPart(part);
      return true;
    } catch (Child.FailedException e) {
      // It is dead again, or kept starting: the next look sees it.
      screen.error(e.getMessage());
      return true;
    } catch (IOException e) {
      screen.error(part.title() + " cannot be restarted: " + e.getMessage());
      return false;
    }
  }

  /** A task that failed, say because the database was away for long, is given another try. */
  private void restartFailedConnectorTasks() throws InterruptedException {
    try {
      JsonNode status =
          JSON.readTree(Parts.get(parts.connectUrl() + "/connectors/tables/status").body());
      boolean failed = status.path("connector").path("state").asText().equals("FAILED");
      for (JsonNode task : status.path("tasks")) {
        if (task.path("state").asText().equals("FAILED")) {
          failed = true;
          screen.error(
              "Connector task %d failed: %s"
                  .formatted(
                      task.path("id").asInt(),
                      task.path("trace").asText().lines().findFirst().orElse("")));
        }
      }
      if (failed) {
        Parts.post(
            parts.connectUrl() + "/connectors/tables/restart?includeTasks=true&onlyFailed=true",
            "");
      }
    } catch (IOException e) {
      // The worker is away; if it died, the next look restarts it.
      screen.progress("Kafka Connect does not answer");
    }
  }

  /** A recording with holes is not planned: its ranges are asked for, once. */
  private void requestRanges() throws IOException, InterruptedException {
    Path done = layout.data().resolve("requested-" + plan.source());
    if (plan.requested().isEmpty() || Files.exists(done)) {
      return;
    }
    for (long[] range : plan.requested()) {
      ObjectNode body = JSON.createObjectNode();
      body.put("from", range[0]).put("to", range[1]).put("requestedBy", "recording");
      HttpResponse<String> response =
          Parts.post(
              parts.extractorUrl() + "/sources/" + plan.source() + "/requests", body.toString());
      if (response.statusCode() != 202) {
        throw new IOException("the extractor refused a range: " + response.body());
      }
    }
    Files.writeString(done, Instant.now().toString());
  }

  private synchronized void save() {
    try {
      Map<String, Integer> portsByName = new LinkedHashMap<>(ports.toMap());
      new RunState(
              RunState.ProcessId.of(ProcessHandle.current()),
              ready,
              portsByName,
              stack.children().stream()
                  .map(
                      c ->
                          new RunState.RunningPart(
                              c.part().name(),
                              c.part().title(),
                              c.part().url(),
                              new RunState.ProcessId(c.pid(), c.startedAt().toEpochMilli())))
                  .toList(),
              plan.source(),
              plan.expectedBlocks(),
              plan.headMoves())
          .write(layout.data());
    } catch (IOException e) {
      screen.error("The state file cannot be written: " + e.getMessage());
    }
  }

  /** Contiguous ranges of ascending heights. */
  static List<long[]> ranges(Recording recording) {
    List<long[]> ranges = new ArrayList<>();
    for (long number : recording.numbers()) {
      long[] last = ranges.isEmpty() ? null : ranges.getLast();
      if (last != null && last[1] + 1 == number) {
        last[1] = number;
      } else {
        ranges.add(new long[] {number, number});
      }
    }
    return ranges;
  }
}
