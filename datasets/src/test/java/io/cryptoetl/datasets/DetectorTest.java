package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DetectorTest {
  private static String dataset(String file, String text, Map<String, String> parameters)
      throws IOException {
    return reading(file, text, parameters).dataset();
  }

  private static Detector.Reading reading(String file, String text, Map<String, String> parameters)
      throws IOException {
    byte[] sample = text.getBytes(UTF_8);
    FileFormat format = FileFormat.of(sample);
    return new Detector(Layouts.defaults())
        .reading(file, format, Chunk.first(format, sample), Optional.empty(), parameters);
  }

  private static final String BARS = "Date;Open;High;Low;Close;Volume\n";
  private static final Map<String, String> OF_BARS =
      Map.of("venue", "v", "symbol", "ETHEUR", "interval", "1d");

  @Test
  void shouldRefuseAFileWhoseDatesAreOneOfTwoWithBothReadings() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () -> dataset("a.csv", "Ticker,Date,PX_LAST\nXBTUSD Curncy,10/01/2024,2\n", Map.of()))
        .withMessageContaining("bloomberg-prices, line 2")
        .withMessageContaining("2024-01-10T00:00:00Z with dates=day_first")
        .withMessageContaining("2024-10-01T00:00:00Z with dates=month_first");
  }

  @Test
  void shouldReadAllDatesAsTheOnesThatCanBeReadInOneWay() throws Exception {
    String head = "Ticker,Date,PX_LAST\n";
    String early = "XBTUSD Curncy,10/01/2024,2\n";

    assertThat(reading("a.csv", head + early + "XBTUSD Curncy,15/01/2024,1\n", Map.of()))
        .isEqualTo(new Detector.Reading("bloomberg-prices", Map.of("dates", "day_first")));
    assertThat(reading("a.csv", head + early + "XBTUSD Curncy,1/15/2024,1\n", Map.of()))
        .isEqualTo(new Detector.Reading("bloomberg-prices", Map.of("dates", "month_first")));
    assertThat(reading("a.csv", head + early, Map.of("dates", "month_first")).dataset())
        .isEqualTo("bloomberg-prices");
  }

  @Test
  void shouldRefuseAFileWhoseDatesContradictEachOther() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset("a.csv", "Ticker,Date,PX_LAST\nX,15/01/2024,1\nX,01/16/2024,1\n", Map.of()))
        .withMessageContaining("line 2 can only be read with dates=day_first")
        .withMessageContaining("line 3 only with dates=month_first");
  }

  @Test
  void shouldReadAllNumbersAsTheOnesThatCanBeReadInOneWay() throws Exception {
    String comma =
        BARS
            + "2024-01-02;2.098;2.150;2.090;2.131;987\n2024-01-01;2.064,50;2.102,00;2.055,75;2.098;1.234\n";
    String point =
        "Date,Open,High,Low,Close\n2024-01-02,\"2,098\",\"2,150.5\",\"2,090\",\"2,131\"\n";

    assertThat(reading("ETH-EUR.csv", comma, OF_BARS).parameters())
        .containsEntry("decimals", "comma");
    assertThat(reading("ETH-EUR.csv", point, OF_BARS).parameters())
        .containsEntry("decimals", "point");
    assertThat(reading("a.csv", BARS + "2024-01-02;2.5;3;2;2.75;1\n", OF_BARS).parameters())
        .doesNotContainKey("decimals");
  }

  @Test
  void shouldRefuseAFileWhoseNumbersAreOneOfTwoWithBothReadings() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () -> dataset("a.csv", BARS + "2024-01-02;2.098;2.150;2.090;2.131;987\n", OF_BARS))
        .withMessageContaining("open is 2.098 with decimals=point")
        .withMessageContaining("2098 with decimals=comma");
  }

  @Test
  void shouldReadTimesInTheZoneThatTheirColumnTells() throws Exception {
    String row = "2024-01-01 08:00:00,1,2,0.5,1.5,7\n";
    for (String name : List.of("Open time (UTC+8)", "open_time_utc", "Date [Asia/Shanghai]")) {
      assertThat(reading("a.csv", name + ",open,high,low,close,volume\n" + row, OF_BARS).dataset())
          .isEqualTo("ohlcv");
    }
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () -> reading("a.csv", "Date (EST),open,high,low,close,volume\n" + row, OF_BARS));
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
