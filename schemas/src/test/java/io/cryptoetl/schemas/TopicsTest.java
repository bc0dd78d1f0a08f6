package io.cryptoetl.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.avro.Schema;
import org.junit.jupiter.api.Test;

class TopicsTest {
  @Test
  void shouldStandInTheDocumentation() throws IOException {
    String docs = Files.readString(Path.of("../docs/topics.md"));

    assertThat(docs)
        .as(
            "docs/topics.md must hold the catalogue as it is; replace its table by this one:%n%s",
            Topics.markdown())
        .contains(Topics.markdown());
  }

  @Test
  void shouldHoldTheKeyInTheValueOfEveryTable() {
    for (Topic topic : Topics.all()) {
      if (topic.table()) {
        assertThat(topic.value().getFields().stream().map(Schema.Field::name))
            .as(topic.name())
            .containsAll(topic.key().getFields().stream().map(Schema.Field::name).toList());
      }
    }
  }

  @Test
  void shouldDocumentEveryField() {
    for (Topic topic : Topics.all()) {
      for (Schema.Field field : topic.value().getFields()) {
        assertThat(field.doc()).as(topic.name() + "." + field.name()).isNotBlank();
      }
    }
  }

  @Test
  void shouldTakeEveryRecordAsADeadLetter() {
    for (Topic topic : Topics.all()) {
      assertThat(topic.maxMessageBytes())
          .isLessThanOrEqualTo(Topics.OPS_DEAD_LETTERS.maxMessageBytes());
    }
  }
}
