package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that describe the same thing in different places say the same. */
class ComposeTest {
  private static final Path ROOT = Path.of(System.getProperty("project.root"));

  @TempDir Path data;
  private JsonNode services;
  private Parts parts;

  @BeforeEach
  void read() throws IOException {
    JsonNode compose = new YAMLMapper().readTree(ROOT.resolve("docker-compose.yml").toFile());
    services = compose.get("services");
    parts = new Parts(new Layout(ROOT, data), Ports.of(Map.of()), "x");
  }

  @Test
  void shouldGiveServicesTheSameKeysAsTheLocalStack() throws IOException {
    assertSameKeys(parts.connect(), "connect", Set.of());

    // A container's instance is named by its host name.
    assertSameKeys(parts.transformer(Map.of()), "transformer", Set.of("TRANSFORMER_INSTANCE"));
    assertSameKeys(parts.extractor("x", Map.of()), "extractor", Set.of("EXTRACTOR_INSTANCE"));
    assertSameKeys(parts.backfill(Map.of()), "backfill", Set.of("BACKFILL_INSTANCE"));
    assertSameKeys(parts.console(Map.of()), "console", Set.of());
  }

  private void assertSameKeys(Part part, String service, Set<String> without) throws IOException {
    Set<String> local = new TreeSet<>(part.environment().keySet());
    local.removeAll(without);
    Set<String> compose = new TreeSet<>();
    JsonNode environment = services.get(service).get("environment");
    environment.fieldNames().forEachRemaining(compose::add);
    // YAML merge keys are resolved by compose, not by the parser here.
    compose.addAll(Set.of("KAFKA_BOOTSTRAP_SERVERS", "SCHEMA_REGISTRY_URL"));
    Path dockerfile = ROOT.resolve(services.get(service).get("build").get("dockerfile").asText());
    Matcher env = Pattern.compile("([A-Z_]+)=").matcher(Files.readString(dockerfile));
    while (env.find()) {
      compose.add(env.group(1));
    }
    assertThat(compose).as(service).containsAll(local);
  }

  @Test
  void shouldPinEveryImageAndRunNothingOfOursAsRoot() throws IOException {
    for (JsonNode service : services) {
      if (service.has("image")) {
        assertThat(service.get("image").asText()).matches(".+:[0-9][^:]*");
      } else {
        Path dockerfile = ROOT.resolve(service.get("build").get("dockerfile").asText());
        assertThat(Files.readString(dockerfile))
            .containsPattern("(?m)^FROM .+:[0-9]")
            .containsPattern("(?m)^USER (?!root|0)");
      }
    }
  }

  @Test
  void shouldLoadEveryTableOfTheCatalogue() throws IOException {
    assertThat(connector("postgres-bulk").path("topics").asText().split(","))
        .containsExactlyElementsOf(
            Topics.all().stream().filter(Topic::table).map(Topic::name).toList());
  }

  @Test
  void shouldMakeIcebergTablesOfDataWithTheKeysOfTheirRecords() throws IOException {
    JsonNode config = connector("iceberg");
    List<Topic> topics =
        Topics.all().stream()
            .filter(Topic::table)
            .filter(t -> !t.name().startsWith("ops."))
            .toList();

    assertThat(config.path("topics").asText().split(","))
        .containsExactlyElementsOf(topics.stream().map(Topic::name).toList());
    for (Topic topic : topics) {
      assertThat(config.path("iceberg.table." + topic.name() + ".id-columns").asText())
          .as(topic.name())
          .isEqualTo(
              topic.key().getFields().stream()
                  .map(org.apache.avro.Schema.Field::name)
                  .collect(Collectors.joining(",")));
    }
  }

  private static JsonNode connector(String set) throws IOException {
    return new ObjectMapper()
        .readTree(ROOT.resolve("loader-connect/connectors").resolve(set + "/tables.json").toFile())
        .path("config");
  }

  @Test
  void shouldLetTheTransformerWaitForTheTopicsThatItUses() throws IOException {
    String properties =
        Files.readString(
            ROOT.resolve("transformer-streams/src/main/resources/application.properties"));
    List<String> used =
        Topics.all().stream()
            .filter(
                t ->
                    t.owner().equals("transformer-streams")
                        || Topics.REPLAYS.containsValue(t)
                        || t.name().startsWith("raw.")
                        || t.equals(Topics.OPS_DEAD_LETTERS))
            .map(Topic::name)
            .toList();

    assertThat(properties).contains("quarkus.kafka-streams.topics=" + String.join(",", used));
  }

  @Test
  void shouldNameEveryVariableOfTheExampleInTheDocumentation() throws IOException {
    String docs = Files.readString(ROOT.resolve("docs/configuration.md"));
    Matcher key =
        Pattern.compile("(?m)^#?([A-Z_]+)=")
            .matcher(Files.readString(ROOT.resolve(".env.example")));
    while (key.find()) {
      assertThat(docs).contains(key.group(1));
    }
  }
}
