package io.cryptoetl.backfill;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.backfill.BackfillSettings.InvalidException;
import io.cryptoetl.backfill.BackfillSettings.Place;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.EnvConfigSource;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackfillSettingsTest {
  @TempDir Path folder;

  private final Map<String, String> properties = new HashMap<>(Map.of("backfill.instance", "one"));
  private final Map<String, String> environment = new HashMap<>();

  private BackfillSettings settings() {
    return BackfillSettings.from(
        new SmallRyeConfigBuilder()
            .withMapping(BackfillConfig.class)
            .withConverter(Duration.class, 200, new DurationConverter())
            .withSources(new EnvConfigSource(environment, 300))
            .withDefaultValues(properties)
            .build()
            .getConfigMapping(BackfillConfig.class));
  }

  @Test
  void shouldReadPlacesAndRoutesFromTheEnvironment() {
    environment.put("BACKFILL_LOCATIONS_BUCKET_URL", "s3://my-bucket/some/prefix");
    environment.put("BACKFILL_LOCATIONS_WHOLE_URL", "s3://my-bucket");
    environment.put("BACKFILL_LOCATIONS_FOLDER_URL", folder.toString());
    environment.put("BACKFILL_LOCATIONS_EMPTY_URL", "");
    environment.put("BACKFILL_LOCATIONS_FOLDER_ROUTES_OLD_FILES", "old/**/*.csv");
    environment.put("BACKFILL_LOCATIONS_FOLDER_ROUTES_OLD_DATASET", "ethereum-etl-blocks");
    environment.put("BACKFILL_LOCATIONS_FOLDER_ROUTES_OLD_PARAMETERS_CHAIN_ID", "1");

    BackfillSettings settings = settings();

    assertThat(settings.places())
        .isEqualTo(
            Map.of(
                "bucket", new Place.Bucket("my-bucket", "some/prefix/"),
                "whole", new Place.Bucket("my-bucket", ""),
                "folder", new Place.Folder(folder)));
    BackfillConfig.RouteConfig route =
        settings.config().locations().get("folder").routes().get("old");
    assertThat(route.files()).isEqualTo("old/**/*.csv");
    assertThat(BackfillSettings.parameters(route)).isEqualTo(Map.of("chain_id", "1"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "backfill.workers|0|allowed is 1 to 64",
        "backfill.tries|0|allowed is 1 to 100",
        "backfill.expansion|1|allowed is 10 to 1000000",
        "backfill.every|100ms|1s or more",
        "backfill.retry-delay|0s|above 0",
        "backfill.datasets-dir|/no/such/folder|cannot be read",
        "backfill.locations.x.url|ftp://somewhere|s3://bucket/prefix, or the absolute path",
        "backfill.locations.x.url|s3://UPPER|s3://bucket/prefix",
        "backfill.locations.x.url|relative/path|absolute path",
        "backfill.locations.x.url|/no/such/folder|no folder",
        "backfill.locations.x.s3.endpoint-url|s3.example.com|a URL such as https://s3.example.com",
        "backfill.locations.x.s3.endpoint-url|https://me:p4ss@s3.example.com|without user and password",
        "backfill.locations.x.s3.endpoint-url|me:p4ss@s3.example.com|without user and password",
        "backfill.locations.x.s3.role-arn|reader|arn:aws:iam::123456789012:role/reader",
        "backfill.locations.x.routes.r.dataset|nothing|allowed is one of",
        "backfill.locations.x.routes.r.files|[|a glob",
        "backfill.locations.x.routes.r.parameters.colour|red|there is no such field"
      })
  void shouldSayWhatIsAllowed(String key, String value, String allowed) {
    properties.put("backfill.locations.x.url", "s3://bucket");
    properties.put("backfill.locations.x.routes.r.files", "**");
    properties.put(key, value);

    assertThatThrownBy(this::settings)
        .isInstanceOf(InvalidException.class)
        .hasMessageContaining(key)
        .hasMessageContaining(allowed)
        .hasMessageNotContaining("p4ss");
  }

  @Test
  void shouldDocumentEveryKey() throws IOException {
    String docs = Files.readString(Path.of("../docs/configuration.md"));
    for (Method key : BackfillConfig.class.getDeclaredMethods()) {
      assertThat(docs)
          .contains("`backfill." + kebab(key) + (key.getName().equals("locations") ? "." : "`"));
    }
    for (Method key : BackfillConfig.S3Config.class.getDeclaredMethods()) {
      assertThat(docs).contains("`backfill.locations.NAME.s3." + kebab(key) + "`");
    }
    for (Method key : BackfillConfig.RouteConfig.class.getDeclaredMethods()) {
      assertThat(docs).contains("`backfill.locations.NAME.routes.ROUTE." + kebab(key));
    }
  }

  private static String kebab(Method key) {
    return key.getName().replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
  }
}
