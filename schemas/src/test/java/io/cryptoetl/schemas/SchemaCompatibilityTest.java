package io.cryptoetl.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;
import org.apache.avro.SchemaParseException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Schemas of today against the frozen versions, which are never edited. */
class SchemaCompatibilityTest {
  private static final Path FROZEN = Path.of("src/test/resources/frozen");

  static Stream<Path> frozenSchemas() throws IOException {
    return Files.walk(FROZEN).filter(f -> f.toString().endsWith(".avsc")).sorted();
  }

  private static Map<String, Schema> current() {
    Map<String, Schema> schemas = new TreeMap<>();
    for (Topic topic : Topics.all()) {
      schemas.put(topic.key().getFullName(), topic.key());
      schemas.put(topic.value().getFullName(), topic.value());
    }
    return schemas;
  }

  @ParameterizedTest
  @MethodSource("frozenSchemas")
  void shouldReadWhatEveryFrozenVersionWrote(Path file) throws IOException {
    Schema frozen = new Schema.Parser().parse(file.toFile());
    Schema today = current().get(frozen.getFullName());

    assertThat(today).as("schema %s was removed", frozen.getFullName()).isNotNull();
    assertThat(SchemaCompatibility.checkReaderWriterCompatibility(today, frozen).getType())
        .isEqualTo(SchemaCompatibility.SchemaCompatibilityType.COMPATIBLE);
  }

  @ParameterizedTest
  @MethodSource("frozenSchemas")
  void shouldNeverChangeKeys(Path file) throws IOException {
    Schema frozen = new Schema.Parser().parse(file.toFile());
    if (!frozen.getName().endsWith("Key")) {
      return;
    }

    assertThat(current().get(frozen.getFullName()).getFields().stream().map(Schema.Field::name))
        .as("the bytes of a key decide its partition")
        .isEqualTo(frozen.getFields().stream().map(Schema.Field::name).toList());
  }

  @Test
  void shouldRefuseARemovedFieldWithoutDefault() throws SchemaParseException {
    // The check itself must be able to fail.
    Schema before = new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"A\",\"fields\":[]}");
    Schema after =
        new Schema.Parser()
            .parse(
                "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}");

    assertThat(SchemaCompatibility.checkReaderWriterCompatibility(after, before).getType())
        .isEqualTo(SchemaCompatibility.SchemaCompatibilityType.INCOMPATIBLE);
  }
}
