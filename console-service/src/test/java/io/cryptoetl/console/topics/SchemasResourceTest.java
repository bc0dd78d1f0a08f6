package io.cryptoetl.console.topics;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class SchemasResourceTest {
  @Test
  void shouldTellWhichFieldsDiffer() {
    assertThat(
            SchemasResource.changes(
                Map.of("kept", "long", "wider", "int", "gone", "string"),
                Map.of("kept", "long", "wider", "long", "fresh", "bytes")))
        .containsExactlyInAnyOrder(
            "added fresh: bytes", "changed wider: long, was int", "removed gone: string");
  }
}
