package io.cryptoetl.local.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Preview;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SamplesTest {
  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  private Preview preview(String file, String content, Map<String, String> parameters)
      throws IOException {
    Screen screen = new Screen(new PrintStream(out, true, UTF_8), System.err, false);
    Preview preview =
        new Preview(
            file,
            Layouts.defaults(),
            Optional.empty(),
            parameters,
            true,
            new FilePreview(file, screen, false));
    FileReader.read(new ByteArrayInputStream(content.getBytes(UTF_8)), Limits.DEFAULT, preview);
    return preview;
  }

  @ParameterizedTest
  @CsvSource({
    "ETHUSDT-1m-2024-01.csv, binance-klines, 500, market.candles",
    "BTCUSDT-1h-api.json, binance-klines, 500, market.candles",
    "ohlcv.csv, ohlcv, 500, market.candles",
    "prices.out, bloomberg-prices, 31, market.candles",
    "eth_blocks_hex.csv, eth-blocks-hex, 50, chain.blocks",
    "ethereum-etl/blocks.csv, ethereum-etl-blocks, 50, chain.blocks",
    "ethereum-etl/transactions.csv, ethereum-etl-transactions, 49, chain.transactions"
  })
  void shouldTellTheDatasetOfEachSample(String file, String dataset, int rows, String table)
      throws IOException {
    Map<String, String> parameters =
        table.startsWith("chain.") ? Map.of("chain_id", "1") : Map.of();

    Preview preview = preview(file, SamplesCommand.files().get(file), parameters);

    assertThat(preview.hasProblems()).isFalse();
    assertThat(out.toString(UTF_8))
        .contains("%s: dataset %s (it knows".formatted(file, dataset))
        .contains("%d rows read: %d for %s, 0 would be dead letters".formatted(rows, rows, table));
  }

  @Test
  void shouldShowEveryProblemWithItsLine() throws IOException {
    Preview preview =
        preview("ohlcv-damaged.csv", SamplesCommand.files().get("ohlcv-damaged.csv"), Map.of());

    assertThat(preview.hasProblems()).isTrue();
    assertThat(out.toString(UTF_8))
        .contains("line 7: the row has 12 cells, 9 are expected (row_ragged)")
        .contains("line 9, column open:")
        .contains("line 13: a quote of the row")
        .contains("line 21: the row has 5 cells")
        .contains("20 rows read: 16 for market.candles, 4 would be dead letters");
  }

  @Test
  void shouldSayWhatIsMissingAndWhatIsNearest() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                preview(
                    "blocks.csv", SamplesCommand.files().get("ethereum-etl/blocks.csv"), Map.of()))
        .withMessageContaining("ethereum-etl-blocks needs chain_id");
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () -> preview("x.csv", "number,hash,gas_used\n1,0xab,5\n", Map.of("chain_id", "1")))
        .withMessageContaining("nearest is")
        .withMessageContaining("hash");
  }
}
