package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What each program ships of others is decided, not happened upon. */
class DependenciesIT {
  private static final Path ROOT = Path.of(System.getProperty("project.root"));

  @ParameterizedTest
  @CsvSource({
    "extractor-service, extractor-service/target/quarkus-app/lib",
    "backfill-service, backfill-service/target/quarkus-app/lib",
    "console-service, console-service/target/quarkus-app/lib",
    "transformer-streams, transformer-streams/target/quarkus-app/lib",
    "loader-connect, loader-connect/target/plugin/crypto-etl-loader",
    "loader-iceberg, loader-connect/iceberg/target/plugin/iceberg",
    "provisioner, kafka-support/target/lib"
  })
  void shouldShipTheLibrariesThatAreListed(String program, String folder) throws IOException {
    List<String> shipped = new ArrayList<>();
    long total = 0;
    try (var files = Files.walk(ROOT.resolve(folder))) {
      for (Path jar : files.filter(f -> f.toString().endsWith(".jar")).toList()) {
        String name = jar.getFileName().toString();
        // Our own are no dependencies.
        if (!name.contains("-SNAPSHOT")) {
          shipped.add("%s %d".formatted(name, Files.size(jar)));
          total += Files.size(jar);
        }
      }
    }
    shipped.sort(null);
    shipped.add("%d libraries, %d bytes".formatted(shipped.size(), total));
    Path listed = ROOT.resolve("docs/dependencies").resolve(program + ".txt");
    Path actual = Files.write(Path.of("target", program + ".txt"), shipped);

    assertThat(Files.exists(listed) ? Files.readAllLines(listed) : List.of())
        .as("if this is wanted: cp %s %s", actual.toAbsolutePath(), listed)
        .isEqualTo(shipped);
  }
}
