package io.cryptoetl.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class ConsoleConfigTest {
  @Test
  void shouldDocumentEveryKey() throws IOException {
    String docs = Files.readString(Path.of("../docs/configuration.md"));
    for (Method key : ConsoleConfig.class.getDeclaredMethods()) {
      if (!List.of("database", "query").contains(key.getName())) {
        assertThat(docs).contains("`console." + kebab(key) + "`");
      }
    }
    for (Method key : ConsoleConfig.Database.class.getDeclaredMethods()) {
      assertThat(docs).contains("`console.database." + kebab(key) + "`");
    }
    for (Method key : ConsoleConfig.Query.class.getDeclaredMethods()) {
      assertThat(docs).contains("`console.query." + kebab(key) + "`");
    }
  }

  private static String kebab(Method key) {
    return key.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
  }
}
