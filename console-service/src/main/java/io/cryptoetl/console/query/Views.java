package io.cryptoetl.console.query;

import io.cryptoetl.console.Problem;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Set;

/** The pages' own queries, each a file. */
final class Views {
  private static final Set<String> NAMES =
      Set.of("runs", "ranges", "files", "letter_groups", "letters", "job", "pace");

  private Views() {}

  static String sql(String name) throws IOException {
    if (!NAMES.contains(name)) {
      throw new Problem.Refused(404, "no_view", "There is no view of that name.");
    }
    try (InputStream in = Views.class.getResourceAsStream("/views/" + name + ".sql")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
  }
}
