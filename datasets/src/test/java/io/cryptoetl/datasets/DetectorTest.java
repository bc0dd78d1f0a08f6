package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.IOException;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DetectorTest {
  private static String dataset(String file, String text, Map<String, String> parameters)
      throws IOException, RefusedException {
    byte[] sample = text.getBytes(UTF_8);
    FileFormat format = FileFormat.of(sample);
    return new Detector(Layouts.defaults())
        .dataset(file, format, Chunk.first(format, sample), Optional.empty(), parameters);
  }

  @Test
  void shouldRefuseAFileWhoseDatesAreOneOfTwoWithBothReadings() throws Exception {
    String head = "Ticker,Date,PX_LAST\n";

    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "a.csv",
                    head + "XBTUSD Curncy,15/01/2024,1\nXBTUSD Curncy,10/01/2024,2\n",
                    Map.of()))
        .withMessageContaining("bloomberg-prices, line 3")
        .withMessageContaining("2024-01-10 as day/month and 2024-10-01 as month/day");
    assertThat(dataset("a.csv", head + "XBTUSD Curncy,15/01/2024,1\n", Map.of()))
        .isEqualTo("bloomberg-prices");
  }

  @Test
  void shouldRefuseAFileWithADecimalCommaWhateverElseFits() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "ETH-EUR.csv",
                    "Date;Open;High;Low;Close;Volume\n2024-01-02;2.098;2.150;2.090;2.131;987\n2024-01-01;2.064,50;2.102,00;2.055,75;2.098;1.234\n",
                    Map.of()))
        .withMessageContaining("decimals: comma");
  }

  @Test
  void shouldConcludeNothingFromAnIntervalThatNobodyTold() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "a.csv",
                    "time,open,high,low,close,volume\n2024-01-01T00:01:00Z,1,2,0.5,1.5,7\n",
                    Map.of("venue", "v", "symbol", "s")))
        .withMessageContaining("ohlcv needs interval");
  }

  @Test
  void shouldNotTakeHoursForDays() throws Exception {
    String head = "date,symbol,open,high,low,close,volume\n";
    Map<String, String> hourly = Map.of("venue", "kraken", "interval", "1h");

    assertThat(dataset("a.csv", head + "2021-01-01T05:00:00Z,BTCUSDT,1,2,0.5,1.5,7\n", hourly))
        .isEqualTo("ohlcv");
    assertThat(dataset("a.csv", head + "2021-01-01 05:00:00,BTCUSDT,1,2,0.5,1.5,7\n", hourly))
        .isEqualTo("ohlcv");
  }

  @Test
  void shouldNotTakeAmountsInOtherUnits() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "transfers.csv",
                    "transaction_hash,log_index,token_address,from_address,to_address,block_number,raw_amount,amount\n0x%1$s,1,0x%2$s,0x%2$s,0x%2$s,9,1500000000,1500\n"
                        .formatted("11".repeat(32), "22".repeat(20)),
                    Map.of("chain_id", "1")))
        .withMessageContaining("value");
  }

  @Test
  void shouldNameTheColumnsThatBecomeNothing() throws Exception {
    byte[] sample =
        "time,open,high,low,close,volume,trades,Market Cap,note\n2024-01-01,1,2,0.5,1.5,7,3,9,x\n"
            .getBytes(UTF_8);
    FileFormat format = FileFormat.of(sample);

    assertThat(
            new Detector(Layouts.defaults())
                .guesses("a.csv", format, Chunk.first(format, sample), Map.of())
                .getFirst()
                .why())
        .isEqualTo("it knows 7 columns, and 1 of the first 1 rows fit; left out: Market Cap, note");
  }

  @Test
  void shouldTakeWhatRowsTellUnderAFieldsOwnName() throws Exception {
    String log =
        "{\"chain_id\":1,\"block_number\":9,\"block_hash\":\"0x%1$s\",\"transaction_index\":0,\"transaction_hash\":\"0x%1$s\",\"log_index\":1,\"address\":\"0x%2$s\",\"data\":\"0x\",\"topic0\":\"0x%1$s\"}\n"
            .formatted("11".repeat(32), "22".repeat(20));

    assertThat(dataset("logs.jsonl", log, Map.of())).isEqualTo("ethereum-etl-logs");
  }
}
