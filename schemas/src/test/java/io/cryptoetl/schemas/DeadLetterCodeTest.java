package io.cryptoetl.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class DeadLetterCodeTest {
  private static final Pattern ROW = Pattern.compile("(?m)^\\| (`[^|]+`) \\| ([a-z, ]+) \\|");
  private static final Pattern NAME = Pattern.compile("`([a-z_]+)`");

  @Test
  void shouldAllBeExplainedWithTheirStages() throws IOException {
    Path docs = Path.of(System.getProperty("project.root")).resolve("docs/guarantees.md");
    String text = Files.readString(docs);
    Matcher row = ROW.matcher(text.substring(text.indexOf("## Dead letter codes")));
    Map<String, Set<String>> explained = new TreeMap<>();
    while (row.find()) {
      Matcher name = NAME.matcher(row.group(1));
      while (name.find()) {
        explained
            .computeIfAbsent(name.group(1), n -> new TreeSet<>())
            .addAll(Set.of(row.group(2).strip().split(", *")));
      }
    }

    Map<String, Set<String>> codes = new TreeMap<>();
    for (DeadLetterCode code : DeadLetterCode.values()) {
      codes.put(
          code.code(),
          code.stages().stream()
              .map(DeadLetterCode.Stage::label)
              .collect(Collectors.toCollection(TreeSet::new)));
    }
    assertThat(explained).isEqualTo(codes);
    assertThat(DeadLetterCode.ofSqlState("23505")).isEqualTo("sqlstate_23505");
  }
}
