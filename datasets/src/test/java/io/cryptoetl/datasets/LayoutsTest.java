package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class LayoutsTest {
  private static final Path OWN = Path.of("src/main/resources/datasets");

  @TempDir Path folder;

  @Test
  void shouldKnowAndDocumentEveryLayoutThatComesAlong() throws IOException {
    List<String> names;
    try (Stream<Path> files = Files.list(OWN)) {
      names =
          files
              .map(f -> f.getFileName().toString())
              .filter(f -> f.endsWith(".yaml"))
              .map(f -> f.substring(0, f.length() - ".yaml".length()))
              .sorted()
              .toList();
    }

    assertThat(Layouts.defaults().all()).extracting(Layout::name).containsExactlyElementsOf(names);
  }

  @Test
  void shouldTellItsLayoutsInTheDocumentation() throws IOException {
    String docs = Files.readString(Path.of("../docs/datasets.md"));

    assertThat(docs).contains(table());
  }

  /** The table of layouts, for docs/datasets.md. */
  private static String table() {
    StringBuilder table =
        new StringBuilder(
            """
            | dataset | files | table | tell it yourself | such as |
            |---|---|---|---|---|
            """);
    for (Layout layout : Layouts.defaults().all()) {
      Layout.Example example = layout.example().orElseThrow();
      List<String> lines = example.content().lines().toList();
      String line = lines.get(lines.size() - 1).replace("|", "\\|");
      table.append(
          "| `%s` | %s | `%s` | %s | `%s`: `%s` |\n"
              .formatted(
                  layout.name(),
                  layout.about(),
                  layout.targetName(),
                  String.join(", ", new TreeSet<>(example.set().keySet())),
                  example.file(),
                  line.length() > 80 ? line.substring(0, 80) + "…" : line));
    }
    return table.toString();
  }

  static Stream<Layout> layouts() {
    return Layouts.defaults().all().stream();
  }

  @ParameterizedTest
  @MethodSource("layouts")
  void shouldReadItsOwnExample(Layout layout) throws IOException {
    Layout.Example example = layout.example().orElseThrow();
    List<String> found = new ArrayList<>();
    Preview preview =
        new Preview(
            example.file(),
            Layouts.defaults(),
            Optional.empty(),
            example.set(),
            true,
            new Preview.Listener() {
              @Override
              public void begun(String name, String dataset, String why) {
                found.add(dataset);
              }

              @Override
              public void problem(Preview.Problem problem) {
                found.add(problem.why().getMessage());
              }

              @Override
              public void ended(Preview.Summary summary) {
                found.add(summary.made() > 0 ? "rows" : "no rows");
              }

              @Override
              public void refused(String member, RefusedException reason) {
                found.add(reason.getMessage());
              }
            });
    FileReader.read(
        new ByteArrayInputStream(example.content().getBytes(UTF_8)), Limits.DEFAULT, preview);

    assertThat(found).containsExactly(layout.name(), "rows");
  }

  @Test
  void shouldReadTheLayoutThatTheDocumentationShows() throws IOException {
    String docs = Files.readString(Path.of("../docs/datasets.md"));
    int begin = docs.indexOf("```yaml\n") + "```yaml\n".length();
    Files.writeString(
        folder.resolve("mine.yaml"), docs.substring(begin, docs.indexOf("```", begin)));

    assertThat(Layouts.with(folder).named("mine").orElseThrow().targetName())
        .isEqualTo("market.candles");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      quoteCharacter = '`',
      value = {
        "target: market.candles; about is missing",
        "about: a\\ntarget: market.prices; target is market.prices, one of market.candles, chain.blocks",
        "about: a\\ntarget: market.candles; columns is missing",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: price}]; column a is price, one of venue",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: source}]; column a is source",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open_time}]; how the time is written",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open, time: unix}]; is no time",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open_time, time: qqqqqqq}]; a pattern such as",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open}, {name: b, field: open}]; open twice",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open, match: `(`}]; a regular expression",
        "about: a\\ntarget: market.candles\\ncolumns: [{name: a, field: open, match: .*}]; with a group",
        "about: a\\ntarget: market.candles\\ncolumns: []\\nvalues: {open: cheap}; values.open is 'cheap'",
        "about: a\\ntarget: market.candles\\ncolumns: []\\nvalues: {chain: 1}; values is chain",
        "about: a\\ntarget: market.candles\\ncolumns: []\\nfile: `(?<chain>.)`; file is chain",
        "about: a\\ntarget: chain.logs\\ncolumns: []\\nchecks: [prices]; they are for market.candles",
        "about: a\\ntarget: chain.logs\\nunknown: 1; line 3",
        "'about: ['; line"
      })
  void shouldSayWhatIsWrongWithALayout(String yaml, String message) throws IOException {
    Path file = folder.resolve("wrong.yaml");
    Files.writeString(file, yaml.replace("\\n", "\n").replace("`", "'"));

    assertThatIllegalArgumentException()
        .isThrownBy(() -> Layouts.with(folder))
        .withMessageContaining(file.toString())
        .withMessageContaining(message);
  }

  @Test
  void shouldSayThatTheFolderCannotBeRead() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Layouts.with(folder.resolve("none")))
        .withMessageContaining("TRANSFORMER_DATASETS_DIR names");
  }
}
