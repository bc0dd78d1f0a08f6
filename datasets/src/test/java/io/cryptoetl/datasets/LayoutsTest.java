package io.cryptoetl.datasets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
    String docs = Files.readString(Path.of("../docs/datasets.md"));
    for (Layout layout : Layouts.defaults().all()) {
      assertThat(docs).contains("| `" + layout.name() + "` |");
      assertThat(layout.about()).isNotBlank();
    }
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
