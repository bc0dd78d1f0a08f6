package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Starts the pipeline. */
@Command(
    name = "up",
    description = {
      "Starts the whole pipeline and shows its progress until Ctrl-C.",
      "Without an endpoint in .env it reads a recorded chain that is part of the project."
    },
    mixinStandardHelpOptions = true)
final class UpCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String RECORDED = "recorded";
  private static final Duration READY_TIMEOUT = Duration.ofMinutes(3);
  private static final Duration LOADED_TIMEOUT = Duration.ofMinutes(2);
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(90);

  @Option(names = "--detach", description = "Return when it is ready; it goes on in the background")
  private boolean detach;

  @Option(names = "--fresh", description = "Delete what earlier runs loaded and start empty")
  private boolean fresh;

  @Option(
      names = "--recording",
      paramLabel = "DIR",
      description = "Serve the recorded blocks and receipts of this folder; heights may have holes")
  private Path recording;

  @Option(
      names = "--chain-id",
      paramLabel = "N",
      description = "Chain id of the recording; default: as recording.json says, else 1")
  private Long chainId;

  @Option(
      names = "--head-every",
      paramLabel = "DURATION",
      description = "Let the recorded chain grow by a block each time, such as 2s or 500ms")
  private String headEvery;

  @Option(
      names = "--rpc",
      paramLabel = "URL",
      description = "Read from this JSON-RPC node, from its head on")
  private String rpc;

  @Option(
      names = "--port",
      paramLabel = "NAME=PORT",
      description =
          "Port of a part: node, kafka, controller, registry, registry-management, connect, postgres, extractor, transformer, backfill, s3, console")
  private Map<String, Integer> chosenPorts = Map.of();

  @Option(names = "--supervise", hidden = true)
  private boolean supervise;

  private final Layout layout = PipelineCommand.layout();
  private final Screen screen = Screen.system();

  @Override
  public Integer call() throws Exception {
    Ports ports;
    try {
      ports = Ports.of(chosenPorts);
    } catch (IllegalArgumentException e) {
      throw new MisuseException(e.getMessage());
    }
    if (supervise && rpc == null) {
      rpc = System.getenv("PIPELINE_RPC_URL");
    }
    if (rpc != null && recording != null) {
      throw new MisuseException("--rpc and --recording exclude each other");
    }
    Map<String, String> variables = Environment.read(layout.root().resolve(".env"));
    TopicSettings topics = topics(variables);
    Files.createDirectories(layout.data());
    return detach ? detached(variables) : supervised(ports, variables, topics);
  }

  private int supervised(Ports ports, Map<String, String> variables, TopicSettings topics)
      throws IOException, InterruptedException {
    try (FileChannel channel =
            FileChannel.open(
                layout.data().resolve("lock"),
                StandardOpenOption.CREATE,
                StandardOpenOption.WRITE);
        FileLock lock = channel.tryLock()) {
      if (lock == null) {
        throw new MisuseException(alreadyRuns());
      }
      clearOrphans();
      if (fresh) {
        deleteData();
      }
      Supervisor.Plan plan = plan(variables);
      checkPorts(ports, plan);
      Supervisor supervisor =
          new Supervisor(layout, ports, PipelineCommand.databasePassword(variables), plan, screen);
      CountDownLatch finished = stopOnSignal(supervisor);
      try {
        return supervisor.run(topics);
      } finally {
        finished.countDown();
      }
    }
  }

  /** Stops the supervisor on Ctrl-C or SIGTERM; the JVM goes on until the latch is released. */
  private static CountDownLatch stopOnSignal(Supervisor supervisor) {
    CountDownLatch finished = new CountDownLatch(1);
    Thread main = Thread.currentThread();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  if (finished.getCount() == 0) {
                    return;
                  }
                  supervisor.stop();
                  main.interrupt();
                  try {
                    finished.await(STOP_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
                    // A wanted end is no failure, whatever signal asked for it.
                    Runtime.getRuntime().halt(0);
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                },
                "stop"));
    return finished;
  }

  private String alreadyRuns() throws IOException {
    return RunState.read(layout.data())
        .map(
            s ->
                "The pipeline runs already (process %d, %s). See ./pipeline status, or stop it with ./pipeline down"
                    .formatted(s.supervisor().pid(), s.ready() ? "ready" : "starting"))
        .orElse("Another ./pipeline up is just starting with the data in " + layout.data());
  }

  private void clearOrphans() throws IOException, InterruptedException {
    Optional<RunState> left = RunState.read(layout.data());
    if (left.isPresent()) {
      List<String> ended = left.get().clearOrphans();
      if (!ended.isEmpty()) {
        screen.line("Ended what a killed launcher had left running: " + String.join(", ", ended));
      }
      RunState.delete(layout.data());
    }
  }

  private void deleteData() throws IOException {
    try (var entries = Files.list(layout.data())) {
      for (Path entry : entries.toList()) {
        String name = entry.getFileName().toString();
        if (Files.isDirectory(entry) && !name.equals("bench")) {
          // The log of this very run is being written already.
          if (!name.equals("logs")) {
            Deletion.deleteTree(entry);
          }
        } else if (name.startsWith("requested-") || name.equals("head-since")) {
          Files.delete(entry);
        }
      }
    }
  }

  private void checkPorts(Ports ports, Supervisor.Plan plan) {
    List<String> taken = new ArrayList<>();
    for (Ports.Name name : Ports.Name.values()) {
      boolean used = name != Ports.Name.NODE || plan.recording().isPresent();
      if (used && !Ports.isFree(ports.get(name))) {
        taken.add(
            "Port %d, meant for %s, is taken by another process; free it, or choose another with --port %s=N"
                .formatted(ports.get(name), name.text(), name.text()));
      }
    }
    if (!taken.isEmpty()) {
      throw new MisuseException(String.join(System.lineSeparator(), taken));
    }
  }

  private Supervisor.Plan plan(Map<String, String> variables)
      throws IOException, InterruptedException {
    Map<String, String> settings = new TreeMap<>(fileOnly(variables));
    if (rpc != null) {
      settings.putAll(rpcSource());
      return new Supervisor.Plan(
          "rpc", settings, Optional.empty(), List.of(), List.of(), Optional.empty(), true);
    }
    if (recording == null && Environment.hasEndpoint(variables)) {
      screen.line("Reading from the endpoints that .env or the environment give.");
      return new Supervisor.Plan(
          "", settings, Optional.empty(), List.of(), List.of(), Optional.empty(), true);
    }
    return recordedPlan(settings);
  }

  private Supervisor.Plan recordedPlan(Map<String, String> settings) throws IOException {
    Path folder =
        recording == null
            ? layout.recordedChain()
            : Path.of(System.getProperty("pipeline.cwd", ".")).resolve(recording).normalize();
    Recording recorded;
    try {
      recorded = Recording.read(folder);
    } catch (IOException e) {
      throw new MisuseException("--recording: " + e.getMessage());
    }
    long id = chainId != null ? chainId : recorded.chainId().orElse(1);
    List<String> options = new ArrayList<>(List.of("--chain-id", Long.toString(id)));
    if (headEvery != null) {
      options.addAll(List.of("--head-every", duration(headEvery).toString()));
      options.addAll(List.of("--head-since", headSince().toString()));
    }
    List<long[]> ranges = Supervisor.ranges(recorded);
    boolean whole = ranges.size() == 1;
    String prefix = "EXTRACTOR_SOURCES_RECORDED_";
    settings.put(prefix + "CHAIN_ID", Long.toString(id));
    settings.put(prefix + "START", whole ? Long.toString(ranges.getFirst()[0]) : "none");
    settings.put(prefix + "EVERY", "2s");
    // A recording may lack the receipts of some blocks; that of the project has them all.
    settings.put(prefix + "RECEIPTS", recording == null ? "required" : "optional");
    settings.put(
        prefix + "ENDPOINTS_NODE_URL", new Parts(layout, Ports.of(chosenPorts), "").nodeUrl());
    return new Supervisor.Plan(
        RECORDED,
        settings,
        Optional.of(folder),
        options,
        whole ? List.of() : ranges,
        Optional.of((long) recorded.numbers().size()),
        headEvery != null);
  }

  /** What .env holds and the environment does not: children inherit the rest by themselves. */
  private static Map<String, String> fileOnly(Map<String, String> variables) {
    Map<String, String> settings = new TreeMap<>(variables);
    settings.keySet().removeAll(System.getenv().keySet());
    settings.keySet().removeIf(Child::isOfOtherClusters);
    return settings;
  }

  private Map<String, String> rpcSource() throws InterruptedException {
    String call = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}";
    long id;
    try {
      JsonNode reply = JSON.readTree(Parts.post(rpc, call).body());
      id = Long.decode(reply.path("result").asText());
    } catch (IOException | IllegalArgumentException e) {
      // Exceptions may quote the URL, which may hold a key.
      throw new MisuseException(
          "The URL given with --rpc does not answer eth_chainId as a JSON-RPC node does; check it (it is not shown here, since it may hold a key)");
    }
    Map<String, String> settings = new TreeMap<>();
    settings.put("EXTRACTOR_SOURCES_RPC_CHAIN_ID", Long.toString(id));
    settings.put("EXTRACTOR_SOURCES_RPC_ENDPOINTS_NODE_URL", rpc);
    settings.put("EXTRACTOR_SOURCES_RPC_RECEIPTS", "required");
    screen.line("The node is of chain id " + id + "; its source is named rpc.");
    return settings;
  }

  /** When the recorded head began to move: kept, so that it never moves back. */
  private Instant headSince() throws IOException {
    Path file = layout.data().resolve("head-since");
    if (!Files.exists(file)) {
      Files.writeString(file, Instant.now().toString());
    }
    return Instant.parse(Files.readString(file));
  }

  private static Duration duration(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.matches("[0-9]{1,9}ms")) {
      return Duration.ofMillis(Long.parseLong(lower.substring(0, lower.length() - 2)));
    }
    if (lower.matches("[0-9]{1,9}[smh]")) {
      return Duration.parse("PT" + lower);
    }
    throw new MisuseException(
        "--head-every is '%s', allowed is a number with ms, s, m or h, such as 2s".formatted(text));
  }

  private static TopicSettings topics(Map<String, String> variables) {
    try {
      return TopicSettings.from(variables);
    } catch (IllegalArgumentException e) {
      throw new MisuseException(e.getMessage());
    }
  }

  /** Starts a supervisor in the background, shows what it says, and returns when it is ready. */
  private int detached(Map<String, String> variables)
      throws IOException, InterruptedException, SQLException {
    Path log = layout.log("supervisor");
    Files.createDirectories(log.getParent());
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      command.add("/usr/bin/setsid");
    }
    command.add(Layout.java());
    command.addAll(
        List.of(
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Dpipeline.root=" + layout.root(),
            "-Dpipeline.cwd=" + System.getProperty("pipeline.cwd", "."),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path"),
            PipelineCommand.class.getName(),
            "up",
            "--supervise"));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.command().addAll(repeatedOptions());
    if (rpc != null) {
      // Not on the command line: others on this machine can read that.
      builder.environment().put("PIPELINE_RPC_URL", rpc);
    }
    Process process =
        builder
            .redirectErrorStream(true)
            .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
            .redirectOutput(ProcessBuilder.Redirect.to(log.toFile()))
            .start();
    LogFollower follower = new LogFollower(log, screen);
    Instant until = Instant.now().plus(READY_TIMEOUT);
    while (Instant.now().isBefore(until)) {
      follower.show();
      if (!process.isAlive()) {
        follower.show();
        return process.exitValue() == 0 ? PipelineCommand.FAILED : process.exitValue();
      }
      Optional<RunState> state = RunState.read(layout.data());
      if (state.isPresent()
          && state.get().ready()
          && state.get().supervisor().pid() == process.pid()) {
        follower.show();
        return awaitLoaded(state.get(), variables);
      }
      process.waitFor(200, TimeUnit.MILLISECONDS);
    }
    screen.error(
        "The pipeline is not ready after %d s; it goes on in the background, see %s"
            .formatted(READY_TIMEOUT.toSeconds(), log));
    return PipelineCommand.FAILED;
  }

  private List<String> repeatedOptions() {
    List<String> options = new ArrayList<>();
    if (fresh) {
      options.add("--fresh");
    }
    if (recording != null) {
      options.addAll(List.of("--recording", recording.toString()));
    }
    if (chainId != null) {
      options.addAll(List.of("--chain-id", chainId.toString()));
    }
    if (headEvery != null) {
      options.addAll(List.of("--head-every", headEvery));
    }
    chosenPorts.forEach((name, port) -> options.addAll(List.of("--port", name + "=" + port)));
    return options;
  }

  /** A recorded chain that does not grow is soon loaded: whoever looks then sees all of it. */
  private int awaitLoaded(RunState state, Map<String, String> variables)
      throws InterruptedException, SQLException {
    if (state.expectedBlocks().isEmpty() || state.headMoves()) {
      return 0;
    }
    Parts parts =
        new Parts(layout, Ports.of(state.ports()), PipelineCommand.databasePassword(variables));
    Instant began = Instant.now();
    Instant until = began.plus(LOADED_TIMEOUT);
    while (Instant.now().isBefore(until)) {
      Progress progress = Progress.read(parts, false);
      boolean blocks = progress.isCaughtUp(state.expectedBlocks());
      if (blocks && Progress.read(parts, true).isCaughtUp(state.expectedBlocks())) {
        screen.line(
            "The recorded chain is loaded: %,d blocks, %.1f s after that."
                .formatted(
                    progress.loaded(), Duration.between(began, Instant.now()).toMillis() / 1000.0));
        return 0;
      }
      Thread.sleep(500);
    }
    screen.error("The recorded chain is not loaded yet; see ./pipeline status");
    return 0;
  }
}
