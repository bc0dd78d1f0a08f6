package io.cryptoetl.datasets;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files that people really have: what they are is told, and every row is accounted for. */
class CorpusTest {
  private static final Path CORPUS =
      Path.of(System.getProperty("project.root")).resolve("../shared/corpus").normalize();

  /** What became of a file. */
  private static final class Outcome implements FileReader.Content {
    private final String file;
    private final Optional<String> given;
    private final Map<String, String> parameters;
    private final Map<String, Long> bad = new TreeMap<>();
    private final List<Long> badLines = new ArrayList<>();
    private FileFormat format;
    private String dataset;
    private long cut;
    private long made;

    Outcome(Path file, Optional<String> given) {
      this.file = file.getFileName().toString();
      this.given = given;
      this.parameters = file.toString().contains("prices") ? Map.of() : Map.of("chain_id", "1");
    }

    @Override
    public boolean begin(Optional<String> member, FileFormat found, byte[] sample)
        throws IOException {
      format = found;
      dataset =
          new Detector(Layouts.defaults())
              .reading(file, found, Chunk.first(found, sample), given, parameters)
              .dataset();
      return true;
    }

    @Override
    public void chunk(Chunk chunk) {
      cut += chunk.rows();
      try {
        ChunkMapper.map(
            chunk.record(dataset, file, "v", format, parameters, Instant.EPOCH),
            Layouts.defaults(),
            new ChunkMapper.Rows() {
              @Override
              public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
                made++;
              }

              @Override
              public void bad(long line, byte[] bytes, BadRecordException reason) {
                bad.merge(reason.code(), 1L, Long::sum);
                badLines.add(line);
              }
            });
      } catch (BadRecordException e) {
        throw new AssertionError(e);
      }
    }

    @Override
    public void end() {
      // Counted by then.
    }

    @Override
    public void refused(String member, RefusedException reason) {
      throw new AssertionError(reason);
    }
  }

  private static Outcome read(Path file, Optional<String> dataset) throws IOException {
    Outcome outcome = new Outcome(file, dataset);
    try (InputStream in = Files.newInputStream(file)) {
      FileReader.read(in, Limits.DEFAULT, outcome);
    }
    return outcome;
  }

  @Test
  void shouldTakeEveryRowOfExportsOfBlocks() throws IOException {
    assumeThat(CORPUS).as("the corpus of recorded files is not on this machine").exists();
    List<Path> files;
    try (var all = Files.list(CORPUS.resolve("csv-exports"))) {
      files = all.filter(f -> f.toString().matches(".*\\.(csv|jsonl)")).sorted().toList();
    }
    assertThat(files).isNotEmpty();
    for (Path file : files) {
      String kind =
          file.getFileName()
              .toString()
              .replaceFirst("^.*-([a-z_]+)\\.\\w+$", "$1")
              .replace('_', '-');

      Outcome outcome = read(file, Optional.empty());

      assertThat(outcome.dataset).as(file.toString()).isEqualTo("ethereum-etl-" + kind);
      assertThat(outcome.bad).as(file.toString()).isEmpty();
      assertThat(outcome.made).as(file.toString()).isEqualTo(outcome.cut).isPositive();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "gemini-1h-BTC-USD.benjaminpo.csv, gemini-ohlcv, 12516, {row_inconsistent=20143}, 11514",
    "gemini-1h-ETH-USD.benjaminpo.csv, gemini-ohlcv, 12520, {row_inconsistent=20139}, 11514",
    "yahoo-1d-BTC-USD.benjaminpo.csv, yahoo-ohlcv, 2708, {}, 0",
    "yahoo-1d-ETH-USD.benjaminpo.csv, yahoo-ohlcv, 1559, {field_missing=1149}, 2",
    "SAMPLE-binance-klines-raw-ETHUSDT-1m-2021-01.poztrader.csv, binance-klines, 10, {}, 0",
    "SAMPLE-coinmarketcap-kaggle-coin_Ethereum.mregister2.csv, coinmarketcap-ohlcv, 9, {}, 0"
  })
  void shouldAccountForEveryRowOfPrices(
      String name, String dataset, long made, String bad, long firstBadLine) throws IOException {
    Path file = CORPUS.resolve("prices").resolve(name);
    assumeThat(file).as("the corpus of recorded files is not on this machine").exists();

    Outcome outcome = read(file, Optional.empty());

    assertThat(outcome.dataset).isEqualTo(dataset);
    assertThat(outcome.made).isEqualTo(made);
    assertThat(outcome.bad).hasToString(bad);
    if (firstBadLine > 0) {
      assertThat(outcome.badLines.getFirst()).isEqualTo(firstBadLine);
    }
  }

  @Test
  void shouldAccountForEveryRowOfALongPackedFile() throws IOException {
    Path file = CORPUS.resolve("prices/DERIVED-gemini-1h-5coins-concat.csv.gz");
    assumeThat(file).as("the corpus of recorded files is not on this machine").exists();

    Outcome outcome = read(file, Optional.empty());

    assertThat(outcome.dataset).isEqualTo("gemini-ohlcv");
    long bad = outcome.bad.values().stream().mapToLong(Long::longValue).sum();
    assertThat(outcome.cut).isEqualTo(163_295);
    assertThat(outcome.made + bad).isEqualTo(163_295);
  }
}
