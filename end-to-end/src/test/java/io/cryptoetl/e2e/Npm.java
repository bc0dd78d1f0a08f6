package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/** Node.js and its packages. */
final class Npm {
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

  /** Runs a command to its good end and returns what it wrote. */
  static String run(Path folder, String... command) throws IOException, InterruptedException {
    Path output = Files.createTempFile("js", ".log");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    assertThat(process.waitFor(3, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(Files.readString(output)).isZero();
    return Files.readString(output);
  }
}
