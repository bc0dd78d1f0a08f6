package io.cryptoetl.local.parts;

import io.cryptoetl.kafka.TopicSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Makes the ahead-of-time caches of the pipeline's programs: runs the pipeline on the recorded
 * chain for a moment and ends it. Part of the build; does nothing while all caches are newer than
 * the programs.
 */
public final class Training {
  private static final Duration LOADED_TIMEOUT = Duration.ofMinutes(2);

  /** Blocks after which the programs have done what they do. */
  private static final int BLOCKS = 500;

  private Training() {}

  /** Runs with the system property {@code pipeline.root}. */
  public static void main(String[] args) throws IOException, InterruptedException, SQLException {
    Path root = Path.of(System.getProperty("pipeline.root")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve("pipeline-local/target/training"));
    Map<String, List<Path>> programs = programs(layout);
    AotCaches caches = new AotCaches(layout.aot(), false);
    boolean current = true;
    for (Map.Entry<String, List<Path>> program : programs.entrySet()) {
      current &= caches.isCurrent(program.getKey(), program.getValue());
    }
    if (current) {
      return;
    }
    long began = System.nanoTime();
    Deletion.deleteTree(layout.data());
    AotCaches made = new AotCaches(Files.createDirectories(layout.data().resolve("aot")), true);
    run(layout, new Parts(layout, Ports.free(), "training", Access.open(), made));
    Files.createDirectories(layout.aot());
    for (String program : programs.keySet()) {
      // A program that could not make one starts without.
      if (Files.exists(made.file(program))) {
        Files.move(made.file(program), caches.file(program), StandardCopyOption.REPLACE_EXISTING);
      } else {
        // An empty one, which the JVM passes over, keeps the next build from trying again.
        Files.write(caches.file(program), new byte[0]);
        System.out.println("No ahead-of-time cache was made for " + program);
      }
    }
    Deletion.deleteTree(layout.data());
    System.out.printf(
        "Made ahead-of-time caches in %d s%n", (System.nanoTime() - began) / 1_000_000_000);
  }

  private static Map<String, List<Path>> programs(Layout layout) {
    Map<String, List<Path>> programs = new TreeMap<>();
    List<Path> libraries = List.of(layout.libraryFolder());
    programs.put("kafka", libraries);
    programs.put("node", libraries);
    programs.put("connect", List.of(layout.libraryFolder(), layout.connectPlugins()));
    programs.put("registry", List.of(layout.registry()));
    programs.put("s3", List.of(layout.s3LibraryFolder()));
    for (String module :
        List.of(
            "extractor-service", "transformer-streams", "backfill-service", "console-service")) {
      programs.put(module, List.of(layout.service(module).getParent()));
    }
    return programs;
  }

  private static void run(Layout layout, Parts parts)
      throws IOException, InterruptedException, SQLException {
    LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {});
    Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
    try (stack) {
      stack.start(
          List.of(
              parts.node(layout.recordedChain(), List.of("--chain-id", "31337")),
              parts.s3(),
              parts.console(Map.of())),
          List.of(
              parts.extractor(
                  "training",
                  Map.of(
                      "EXTRACTOR_SOURCES_RECORDED_CHAIN_ID", "31337",
                      "EXTRACTOR_SOURCES_RECORDED_START", "0",
                      "EXTRACTOR_SOURCES_RECORDED_EVERY", "1s",
                      "EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL", parts.nodeUrl())),
              parts.transformer(Map.of()),
              parts.backfill(Map.of())),
          TopicSettings.defaults());
      long deadline = System.nanoTime() + LOADED_TIMEOUT.toNanos();
      while (loaded(parts) < BLOCKS && System.nanoTime() < deadline) {
        Thread.sleep(200);
      }
    }
  }

  private static long loaded(Parts parts) throws SQLException {
    try (Connection db = parts.connection(Database.PIPELINE);
        Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery("SELECT count(*) FROM chain.blocks")) {
      row.next();
      return row.getLong(1);
    }
  }
}
