package io.cryptoetl.local.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** Variables from the {@code .env} file, under those of the environment. */
final class Environment {
  private Environment() {}

  /**
   * Reads {@code KEY=VALUE} lines; {@code #} begins a comment line, quotes around a value go away.
   *
   * @throws IOException if a line is something else; the message gives its number, not its text
   */
  static Map<String, String> read(Path file) throws IOException {
    Map<String, String> variables = new TreeMap<>();
    if (Files.exists(file)) {
      int number = 0;
      for (String line : Files.readAllLines(file)) {
        number++;
        String text = line.strip();
        if (text.isEmpty() || text.startsWith("#")) {
          continue;
        }
        int equals = text.indexOf('=');
        if (equals < 1 || !text.substring(0, equals).matches("[A-Za-z_][A-Za-z0-9_]*")) {
          throw new IOException(
              "line %d of %s is not KEY=VALUE (its text is not shown: it may hold a secret)"
                  .formatted(number, file));
        }
        variables.put(text.substring(0, equals), unquoted(text.substring(equals + 1).strip()));
      }
    }
    variables.putAll(System.getenv());
    return variables;
  }

  private static String unquoted(String value) {
    boolean quoted =
        value.length() >= 2
            && (value.charAt(0) == '"' || value.charAt(0) == '\'')
            && value.charAt(value.length() - 1) == value.charAt(0);
    return quoted ? value.substring(1, value.length() - 1) : value;
  }

  /** Whether some source has the URL of an endpoint. */
  static boolean hasEndpoint(Map<String, String> variables) {
    return variables.entrySet().stream()
        .anyMatch(
            e ->
                !e.getValue().isBlank()
                    && (e.getKey()
                            .matches("CHAINSTACK_ETHEREUM_URL|QUICKNODE_(ETHEREUM|POLYGON)_URL")
                        || e.getKey().matches("EXTRACTOR_SOURCES_.+_ENDPOINTS_.+_URL")));
  }
}
