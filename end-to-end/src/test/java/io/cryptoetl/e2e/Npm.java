package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Node.js and its packages. */
final class Npm {
  private static final Duration TIMEOUT = Duration.ofMinutes(3);

  private Npm() {}

  /** Installs the packages of a folder as its lock file has them; tests of several JVMs may ask. */
  static void install(Path folder) throws IOException, InterruptedException {
    Path target = Files.createDirectories(Path.of("target"));
    Path lockFile = target.resolve("npm-" + folder.getFileName() + ".lock");
    try (FileChannel channel =
            FileChannel.open(lockFile, StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = channel.lock()) {
      assertThat(lock.isValid()).isTrue();
      Path done = folder.resolve("node_modules/.package-lock.json");
      if (!Files.exists(done)
          || Files.getLastModifiedTime(done)
                  .compareTo(Files.getLastModifiedTime(folder.resolve("package-lock.json")))
              < 0) {
        run(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts");
      }
    }
  }

  /**
   * Runs a command to its good end and returns what it wrote. A script that does not end leaves a
   * report of where it stood in {@code target/node-reports}.
   */
  static String run(Path folder, String... command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("js", ".log");
    Process process =
        new ProcessBuilder(withReports(command))
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS);
    if (!ended) {
      new ProcessBuilder("kill", "-USR2", Long.toString(process.pid())).start().waitFor();
      process.waitFor(5, TimeUnit.SECONDS);
      process.destroyForcibly();
    }
    String text = Files.readString(output);
    assertThat(ended)
        .as("%s did not end within %s: %s", String.join(" ", command), TIMEOUT, text)
        .isTrue();
    assertThat(process.exitValue()).as(text).isZero();
    return text;
  }

  private static List<String> withReports(String... command) throws IOException {
    List<String> words = new ArrayList<>(List.of(command));
    if (words.getFirst().equals("node")) {
      Path reports = Files.createDirectories(Path.of("target/node-reports")).toAbsolutePath();
      words.addAll(1, List.of("--report-on-signal", "--report-directory=" + reports));
    }
    return words;
  }
}
