package io.cryptoetl.local.cli;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What runs, kept in a file so that other commands find it, and so that a later start can clear
 * away what a killed launcher left behind.
 *
 * @param supervisor the process that started the parts
 * @param ready whether all parts serve
 * @param ports port by name
 * @param source name of the source that the launcher set up itself; empty with sources of the
 *     environment
 * @param expectedBlocks blocks of a recording that is loaded as a whole; empty with a real node
 * @param headMoves whether more blocks will come
 */
@JsonIgnoreProperties(ignoreUnknown = true)
record RunState(
    ProcessId supervisor,
    boolean ready,
    Map<String, Integer> ports,
    List<RunningPart> parts,
    String source,
    Optional<Long> expectedBlocks,
    boolean headMoves) {
  private static final ObjectMapper JSON = JsonMapper.builder().addModule(new Jdk8Module()).build();
  private static final Duration KILL_GRACE = Duration.ofSeconds(10);

  /**
   * A process. Its id may be given to another process later; the time of its start tells.
   *
   * @param startedAtMs in milliseconds since 1970
   */
  record ProcessId(long pid, long startedAtMs) {
    static ProcessId of(ProcessHandle process) {
      return new ProcessId(
          process.pid(),
          process.info().startInstant().map(java.time.Instant::toEpochMilli).orElse(0L));
    }

    /** The process, if it still is the same one. */
    Optional<ProcessHandle> find() {
      return ProcessHandle.of(pid).filter(p -> p.isAlive() && of(p).equals(this));
    }
  }

  /** A part that was started. */
  record RunningPart(String name, String title, String url, ProcessId process) {}

  private static Path file(Path data) {
    return data.resolve("run.json");
  }

  static Optional<RunState> read(Path data) throws IOException {
    Path file = file(data);
    return Files.exists(file)
        ? Optional.of(JSON.readValue(file.toFile(), RunState.class))
        : Optional.empty();
  }

  void write(Path data) throws IOException {
    Path part = data.resolve("run.json.part");
    JSON.writeValue(part.toFile(), this);
    Files.move(part, file(data), StandardCopyOption.ATOMIC_MOVE);
  }

  static void delete(Path data) throws IOException {
    Files.deleteIfExists(file(data));
  }

  /** Ends processes that are left of a run whose supervisor is gone; returns their names. */
  List<String> clearOrphans() throws InterruptedException {
    List<String> ended = new ArrayList<>();
    List<ProcessHandle> orphans = new ArrayList<>();
    for (RunningPart part : parts) {
      part.process()
          .find()
          .ifPresent(
              p -> {
                ended.add(part.name());
                orphans.add(p);
              });
    }
    orphans.forEach(ProcessHandle::destroy);
    long until = System.nanoTime() + KILL_GRACE.toNanos();
    for (ProcessHandle orphan : orphans) {
      while (orphan.isAlive() && System.nanoTime() < until) {
        Thread.sleep(50);
      }
      orphan.destroyForcibly();
    }
    return ended;
  }
}
