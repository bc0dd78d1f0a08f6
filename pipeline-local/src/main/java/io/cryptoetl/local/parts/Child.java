package io.cryptoetl.local.parts;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A running {@link Part}. Its output goes to a log file. */
public final class Child {
  private static final Duration POLL = Duration.ofMillis(100);
  private static final int TAIL_LINES = 15;

  private final Part part;
  private final Path log;
  private final Process process;
  private volatile boolean stopping;

  private Child(Part part, Path log, Process process) {
    this.part = part;
    this.log = log;
    this.process = process;
  }

  /** A part did not start, or died; the message has the end of its log. */
  public static final class FailedException extends IOException {
    private static final long serialVersionUID = 1L;

    FailedException(String message) {
      super(message);
    }
  }

  /** Prepares and starts a part in a session of its own, out of reach of the terminal's Ctrl-C. */
  public static Child start(Part part, Path log) throws IOException, InterruptedException {
    Files.createDirectories(log.getParent());
    part.prepare().run();
    List<String> command = new ArrayList<>();
    if (Files.isExecutable(Path.of("/usr/bin/setsid"))) {
      command.add("/usr/bin/setsid");
    }
    command.addAll(part.command());
    ProcessBuilder builder = new ProcessBuilder(command);
    // What the shell says of other clusters is not for this one.
    builder.environment().keySet().removeIf(Child::isOfOtherClusters);
    builder.environment().putAll(part.environment());
    builder.redirectErrorStream(true);
    builder.redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()));
    builder.redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()));
    return new Child(part, log, builder.start());
  }

  /** Whether a variable names or opens a cluster or a registry, or sets topics of one. */
  public static boolean isOfOtherClusters(String variable) {
    return variable.startsWith("KAFKA_")
        || variable.startsWith("SCHEMA_REGISTRY_")
        || variable.startsWith("TOPIC_");
  }

  public Part part() {
    return part;
  }

  public long pid() {
    return process.pid();
  }

  public Instant startedAt() {
    return process.info().startInstant().orElse(Instant.EPOCH);
  }

  public boolean isAlive() {
    return process.isAlive();
  }

  /** Whether its end is wanted. */
  public boolean isStopping() {
    return stopping;
  }

  /** Exit code of the ended process. */
  public int exitCode() {
    return process.exitValue();
  }

  /**
   * Waits until the part serves.
   *
   * @throws FailedException if it dies, or does not serve in time
   */
  public void awaitReady(Duration timeout) throws IOException, InterruptedException {
    Instant until = Instant.now().plus(timeout);
    while (!isReady()) {
      if (!process.isAlive()) {
        throw new FailedException(
            part.name() + " ended with code " + process.exitValue() + "\n" + tail());
      }
      if (Instant.now().isAfter(until)) {
        throw new FailedException(
            part.name() + " was not ready after " + timeout.toSeconds() + " s\n" + tail());
      }
      Thread.sleep(POLL);
    }
  }

  /** Whether it serves now. */
  public boolean isReady() throws InterruptedException {
    return process.isAlive() && isReady(part);
  }

  /** Whether something answers for the part. */
  public static boolean isReady(Part part) throws InterruptedException {
    try {
      return part.ready().test();
    } catch (InterruptedException e) {
      throw e;
    } catch (Exception e) {
      // Whatever a probe trips over, the part does not serve yet.
      return false;
    }
  }

  /** Asks it to stop, and kills it if it does not in time. */
  public void stop() throws InterruptedException {
    stopping = true;
    process.destroy();
    if (!process.waitFor(part.stopTimeout().toMillis(), TimeUnit.MILLISECONDS)) {
      process.destroyForcibly().waitFor();
    }
  }

  /** Kills it at once, as a crash would. */
  public void kill() throws InterruptedException {
    process.destroyForcibly().waitFor();
  }

  /** The last lines of its log. */
  public String tail() throws IOException {
    return tail(log);
  }

  static String tail(Path log) throws IOException {
    if (!Files.exists(log)) {
      return "  (no log)";
    }
    try (var file = java.nio.channels.FileChannel.open(log)) {
      long size = file.size();
      int length = (int) Math.min(size, 16 * 1024);
      java.nio.ByteBuffer end = java.nio.ByteBuffer.allocate(length);
      file.read(end, size - length);
      List<String> lines =
          new String(end.array(), 0, end.position(), StandardCharsets.UTF_8).lines().toList();
      StringBuilder text = new StringBuilder("  the end of " + log + ":");
      lines
          .subList(Math.max(0, lines.size() - TAIL_LINES), lines.size())
          .forEach(l -> text.append("\n  | ").append(l));
      return text.toString();
    }
  }
}
