package io.cryptoetl.backfill.files;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.files.FileNames;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LocationTest {
  @TempDir Path folder;

  private Location location(Location.Route... routes) throws Exception {
    return new Location(
        "test", folder.toString(), new FolderStore(folder), List.of(routes), Layouts.defaults());
  }

  private static StoredFile file(String path) {
    return new StoredFile("s3://bucket/" + path, path, "v", 1, Instant.EPOCH, false);
  }

  @Test
  void shouldTellWhatAFileMeansByItsFolders() throws Exception {
    Location.Meaning meaning =
        location().meaning(file("in/ethereum-etl-blocks/chain_id=1/date=2024-01-01/x.csv"));

    assertThat(meaning.dataset()).contains("ethereum-etl-blocks");
    // Folders that only divide files are no fields.
    assertThat(meaning.parameters()).isEqualTo(Map.of("chain_id", "1"));
    assertThat(location().meaning(file("any/where.csv")))
        .isEqualTo(new Location.Meaning(Optional.empty(), Map.of()));
  }

  @Test
  void shouldTakeTheFirstRouteThatMatches() throws Exception {
    Location location =
        location(
            new Location.Route("a", "old/**.csv", Optional.of("ohlcv"), Map.of("venue", "v")),
            new Location.Route("b", "**", Optional.of("yahoo-ohlcv"), Map.of()));

    assertThat(location.meaning(file("old/deep/x.csv")))
        .isEqualTo(new Location.Meaning(Optional.of("ohlcv"), Map.of("venue", "v")));
    assertThat(location.meaning(file("new/interval=1h/x.csv")))
        .isEqualTo(new Location.Meaning(Optional.of("yahoo-ohlcv"), Map.of("interval", "1h")));
  }

  @ParameterizedTest
  @CsvSource({
    "x.csv, true",
    "a/b/x.csv.gz, true",
    ".x.csv, false",
    "a/.hidden/x.csv, false",
    "_SUCCESS, false",
    "a/_temporary/x.csv, false",
    "x.csv.part, false",
    "x.csv.CRDOWNLOAD, false",
    "x.csv.sha256, false",
    "x.zip.CHECKSUM, false"
  })
  void shouldLeaveOutWhatIsNoData(String path, boolean data) {
    assertThat(FileNames.isData(path)).isEqualTo(data);
  }
}
