package io.cryptoetl.local.parts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Ahead-of-time caches of the JVM (<a href="https://openjdk.org/jeps/514">JEP 514</a>): classes
 * read and linked in a training run, which later starts need not do again. A cache that does not
 * fit the JVM or the jars is passed over by the JVM.
 *
 * @param folder where the caches are
 * @param training whether caches are made, not used
 */
public record AotCaches(Path folder, boolean training) {
  /** Options of the JVM of a program. */
  List<String> options(String program) {
    Path cache = file(program);
    if (training) {
      return List.of("-XX:AOTCacheOutput=" + cache);
    }
    // Its complaints about a cache that does not fit are no concern of whoever reads the log.
    return Files.exists(cache)
        ? List.of("-XX:AOTCache=" + cache, "-Xlog:aot=off", "-Xlog:cds=off")
        : List.of();
  }

  Path file(String program) {
    return folder.resolve(program + ".aot");
  }

  /** Whether a cache is there and newer than what it was made of. */
  boolean isCurrent(String program, List<Path> made) throws IOException {
    Path cache = file(program);
    if (!Files.exists(cache)) {
      return false;
    }
    for (Path each : made) {
      Optional<Path> newest = newest(each);
      if (newest.isPresent()
          && Files.getLastModifiedTime(newest.get()).compareTo(Files.getLastModifiedTime(cache))
              > 0) {
        return false;
      }
    }
    return true;
  }

  private static Optional<Path> newest(Path of) throws IOException {
    try (var files = Files.walk(of)) {
      List<Path> all = files.filter(Files::isRegularFile).toList();
      Path newest = null;
      for (Path file : all) {
        if (newest == null
            || Files.getLastModifiedTime(file).compareTo(Files.getLastModifiedTime(newest)) > 0) {
          newest = file;
        }
      }
      return Optional.ofNullable(newest);
    }
  }
}
