package io.cryptoetl.datasets;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.market.Candle;
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

  @Test
  void shouldRefuseCandlesOfAnotherLengthThanTheLayoutHas() {
    StringBuilder hours = new StringBuilder("Date,Open,High,Low,Close,Volume\n");
    StringBuilder weeks = new StringBuilder(hours);
    for (int i = 1; i < 9; i++) {
      hours.append("2024-01-01 0%d:00:00+00:00,1,2,0.5,1.5,7\n".formatted(i));
      weeks.append("2024-0%d-01,1,2,0.5,1.5,7\n".formatted(i));
    }

    for (StringBuilder rows : List.of(hours, weeks)) {
      assertThatExceptionOfType(RefusedException.class)
          .isThrownBy(() -> dataset("ETH-USD.csv", rows.toString(), Map.of()))
          .withMessageContaining("not of 1d");
    }
  }

  @Test
  void shouldTellInstrumentsOfOneSymbolApartByTheirPath() throws Exception {
    String rows = "1609459200000,736.42,739.00,729.33,734.07,0,1609459259999,0,60,0,0,0\n";
    Map<String, String> venues =
        Map.of(
            "data/spot/monthly/klines/ETHUSDT/1m/ETHUSDT-1m-2021-01.csv", "binance",
            "futures/um/daily/klines/ETHUSDT/1m/ETHUSDT-1m-2021-01-01.csv", "binance-usdm",
            "s3://b/futures/um/daily/markPriceKlines/ETHUSDT/1m/ETHUSDT-1m-2021-01-01.csv",
                "binance-usdm-mark",
            "futures/cm/daily/indexPriceKlines/ETHUSD/1m/ETHUSD-1m-2021-01-01.csv",
                "binance-coinm-index");
    for (Map.Entry<String, String> of : venues.entrySet()) {
      assertThat(reading(of.getKey(), rows, Map.of()).parameters())
          .containsEntry("venue", of.getValue());
    }
    assertThat(
            Layouts.defaults()
                .named("binance-klines")
                .orElseThrow()
                .ofFileName("BTCUSDT_240329-1h-2024-01.csv"))
        .isEqualTo(Map.of("symbol", "BTCUSDT_240329", "interval", "1h"));
  }

  @Test
  void shouldTakeTheSecondVolumeAsThatOfTheQuote() throws Exception {
    Reads reads =
        Reads.of(
            "Binance_ETHBTC_d.csv",
            "https://www.CryptoDataDownload.com\nUnix,Date,Symbol,Open,High,Low,Close,Volume ETH,Volume BTC,tradecount\n1646092800000,2022-03-01,ETHBTC,0.0675,0.0681,0.066,0.067,1000,67,5\n"
                .getBytes(UTF_8),
            Map.of());

    assertThat(reads.bad).isEmpty();
    assertThat(reads.rows.getFirst().toString())
        .contains("\"venue\": \"binance\"", "\"interval\": \"1d\"", "\"quote_volume\": 67.");
  }

  @Test
  void shouldRoundWhatIsFinerThanItsColumn() throws Exception {
    Reads reads =
        Reads.of(
            "a.csv",
            "time,open,high,low,close\n2024-01-01,1,2,0.5,1.23456789012345678950\n2024-01-02,1,2,0.5,1.5e-19\n2024-01-03,1,2,0.5,1.50000000000000000000\n"
                .getBytes(UTF_8),
            Map.of("venue", "v", "symbol", "s", "interval", "1d"));

    assertThat(reads.rows.toString()).contains("\"close\": 1.234567890123456790");
    assertThat(reads.rounded).isEqualTo(1);
    // Zero is below the low: what rounding makes impossible is refused as it is otherwise.
    assertThat(reads.bad).hasSize(1);
  }

  @Test
  void shouldReadFilesOfYfinanceWithOneTicker() throws Exception {
    String head = "Price,Close,High,Low,Open,Volume\nTicker,%1$s,%1$s,%2$s,%2$s,%2$s\nDate,,,,,\n";
    String rows = "2024-01-01,2352.33,2352.33,2264.73,2282.87,8293413420\n";

    Reads reads =
        Reads.of("x.csv", (head.formatted("ETH-USD", "ETH-USD") + rows).getBytes(UTF_8), Map.of());
    assertThat(reads.bad).isEmpty();
    assertThat(reads.rows.toString())
        .contains("\"symbol\": \"ETH-USD\"", "\"open\": 2282.87", "\"close\": 2352.33");
  }

  @Test
  void shouldReadFilesOfYfinanceWithSeveralTickers() throws Exception {
    String prices = "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume\n";
    String tickers =
        "Ticker,BTC-USD,ETH-USD,BTC-USD,ETH-USD,BTC-USD,ETH-USD,BTC-USD,ETH-USD,BTC-USD,ETH-USD\n";
    String rows =
        """
        Date,,,,,,,,,,
        2024-01-01,44167,2352.3,44175,2352.33,42214,2264.73,42280,2282.87,18426978443,8293413420
        2024-01-02,,2355.8,,2431.2,,2346.1,,2352.2,,14020952910
        2024-01-03,42848,2210.7,45503,2384.7,40888,2140.7,44961,2355.9,46342323118,17531541012
        """;

    // A download that failed, and commas at the ends of lines.
    String more =
        prices.replace("\n", ",Close,\n")
            + tickers.replace("\n", ",XRP-USD,\n")
            + rows.replace("\n", ",,\n");
    for (String file :
        List.of(
            prices + tickers + rows,
            tickers + prices + rows,
            "\uFEFF" + tickers + prices + rows,
            more)) {
      Reads reads = Reads.of("x.csv", file.getBytes(UTF_8), Map.of());

      assertThat(reads.bad).isEmpty();
      assertThat(reads.rows)
          .extracting(
              r -> ((Candle) r).getSymbol() + " " + ((Candle) r).getLow().stripTrailingZeros())
          .containsExactly(
              "BTC-USD 42214",
              "BTC-USD 40888",
              "ETH-USD 2264.73",
              "ETH-USD 2346.1",
              "ETH-USD 2140.7");
    }
  }

  @Test
  void shouldReadOldTransactionsAndExportsOfItsOwn() throws Exception {
    String hash = "0x" + "5c50".repeat(16);
    String address = "0x" + "a1e4".repeat(10);
    Reads old =
        Reads.of(
            "transactions.csv",
            "hash,nonce,block_hash,block_number,transaction_index,from_address,to_address,value,gas,gas_price,input\n%1$s,0,%1$s,46147,0,%2$s,%2$s,31337,21000,50000000000000,0x\n"
                .formatted(hash, address)
                .getBytes(UTF_8),
            Map.of("chain_id", "1"));
    assertThat(old.bad).isEmpty();
    assertThat(old.rows.toString()).contains("\"block_timestamp\": null", "\"type\": null");

    Reads own =
        Reads.of(
            "query.csv",
            "venue,symbol,interval,open_time,close_time,base,quote,open,high,low,close,volume,quote_volume,trades,taker_base_volume,taker_quote_volume,source,endpoint,fetched_at,checks\nbinance,ETHUSDT,1m,2021-01-01 00:00:00+00,2021-01-01 00:00:59.999+00,ETH,USDT,736.42,739,729.33,734.07,27932.69,20501936.57,50,14097.5,10348120.9,api,x,2021-01-02 00:00:00+00,{}\n"
                .getBytes(UTF_8),
            Map.of());
    assertThat(own.bad).isEmpty();
    assertThat(own.rows.toString()).contains("\"taker_quote_volume\": 10348120.9");
  }

  @Test
  void shouldTakeNoNamesForRowsOfAFileWithoutNames() throws Exception {
    Map<String, String> all = Map.of("venue", "v", "symbol", "s", "interval", "1m");
    Reads named =
        Reads.of(
            "a.csv",
            "time,open,high,low,close,vwap\n1609459200000,1,2,0.5,1.5,1.2\n".getBytes(UTF_8),
            all);
    assertThat(named.reading.dataset()).isEqualTo("ohlcv");
    assertThat(named.rows.toString()).contains("\"volume\": null");
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "a.jsonl",
                    "{\"time\":1704067200,\"open\":1,\"high\":2,\"low\":0.5,\"close\":1.5,\"volume\":7,\"trades\":5}\n",
                    Map.of("symbol", "s", "interval", "1m")))
        .withMessageContaining("needs venue");
  }

  @Test
  void shouldCheckADatasetThatIsGivenToo() {
    String weeks = "";
    for (int i = 1; i < 9; i++) {
      weeks += "2024-0%d-01,1,2,0.5,1.5,7\n".formatted(i);
    }
    byte[] sample = ("Date,Open,High,Low,Close,Volume\n" + weeks).getBytes(UTF_8);

    for (Map<String, String> parameters :
        List.of(
            Map.of("venue", "stooq", "symbol", "s"),
            Map.of("venue", "v", "symbol", "s", "zone", "EST"),
            Map.of("venue", "v", "symbol", "s", "dates", "dayfirst"))) {
      assertThatExceptionOfType(RefusedException.class)
          .isThrownBy(
              () -> {
                FileFormat format = FileFormat.of(sample);
                new Detector(Layouts.defaults())
                    .reading(
                        "a.csv",
                        format,
                        Chunk.first(format, sample),
                        Optional.of("yahoo-ohlcv"),
                        parameters);
              })
          .satisfies(e -> assertThat(e.code()).isIn("candle_interval", "parameter_invalid"));
    }
  }

  @Test
  void shouldReadTheSameWithWhatThePathToldGiven() throws Exception {
    String rows = "1609459200000,736.42,739.00,729.33,734.07,0,1609459259999,0,60,0,0,0\n";
    Detector.Reading first =
        reading("futures/um/daily/klines/ETHUSDT/1m/ETHUSDT-1m-2021-01-01.csv", rows, Map.of());

    assertThat(reading("venue=binance-usdm/ETHUSDT-1m-2021-01-01.csv", rows, first.parameters()))
        .isEqualTo(first);
  }

  @Test
  void shouldTakeNoFolderOrWordForAVenue() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "data_BTCUSD_1h.csv",
                    "timestamp,open,high,low,close,volume\n1646092800,1,2,0.5,1.5,7\n",
                    Map.of()))
        .withMessageContaining("venue");
    assertThat(
            Layouts.defaults()
                .named("ccxt-candles")
                .orElseThrow()
                .ofFileName("BTC_USDT_USDT-8h-mark.json"))
        .isEmpty();
  }

  @Test
  void shouldReadGroupedNumbersBetweenCommasIfOneOfThemTells() throws Exception {
    Reads reads =
        Reads.of(
            "a.csv",
            "Date,Open,High,Low,Close,Volume\n2024-01-02,2.250,2.310,2.200,2.280,1.234.567\n2024-01-03,2.250,2.310,2.200,2.280,234.567\n"
                .getBytes(UTF_8),
            OF_BARS);

    assertThat(reads.reading.parameters()).containsEntry("decimals", "comma");
    assertThat(reads.rows.getLast().toString()).contains("\"open\": 2250.", "\"volume\": 234567.");
  }

  @Test
  void shouldLetAClockChangeSpoilItsRowsOnly() throws Exception {
    StringBuilder days = new StringBuilder("Date,Open,High,Low,Close\n");
    StringBuilder hours = new StringBuilder(days);
    for (int i = 8; i < 13; i++) {
      days.append("2024-03-%02d,1,2,0.5,1.5\n".formatted(i));
    }
    for (int i = 0; i < 5; i++) {
      hours.append("2024-11-03 0%d:00:00,1,2,0.5,1.5\n".formatted(i));
    }
    Map<String, String> newYork =
        Map.of("venue", "v", "symbol", "s", "interval", "1d", "zone", "America/New_York");
    Map<String, String> hourly =
        Map.of("venue", "v", "symbol", "s", "interval", "1h", "zone", "America/New_York");

    assertThat(Reads.of("a.csv", days.toString().getBytes(UTF_8), newYork).rows).hasSize(5);
    Reads spoiled = Reads.of("a.csv", hours.toString().getBytes(UTF_8), hourly);
    assertThat(spoiled.rows).hasSize(4);
    assertThat(spoiled.bad).extracting(e -> e.code()).containsExactly("time_ambiguous");
  }

  @Test
  void shouldRefuseNumbersBeyondAllMeasureAtOnce() throws Exception {
    Reads reads =
        Reads.of(
            "a.csv",
            "time,open,high,low,close,volume\n2024-01-01,1,2,0.5,1.5,1e-2147483647\n2024-01-02,1,2,0.5,1.5,1e2147483647\n2024-01-03,1,2,0.5,1.5,1e-16000000\n"
                .getBytes(UTF_8),
            Map.of("venue", "v", "symbol", "s", "interval", "1d"));

    assertThat(reads.rounded).isEqualTo(2);
    assertThat(reads.bad).hasSize(1);
  }

  @Test
  void shouldRefuseToLeaveOutWhatTheTableHas() throws Exception {
    String bars = "time,open,high,low,close,%s\n2024-01-01T00:00:00Z,1,2,0.5,1.5,7\n";
    Map<String, String> all = Map.of("venue", "v", "symbol", "s", "interval", "1d");

    for (String name : List.of("Volume BTC", "volume_24h")) {
      assertThatExceptionOfType(RefusedException.class)
          .isThrownBy(() -> dataset("a.csv", bars.formatted(name), all))
          .withMessageContaining(name + ", which is named like volume")
          .satisfies(x -> assertThat(x.code()).isEqualTo("column_left_out"));
    }
    assertThat(
            Reads.of(
                    "a.csv",
                    bars.formatted("volume,Volume MA").replace(",7", ",7,9").getBytes(UTF_8),
                    all)
                .rows
                .toString())
        .contains("\"volume\": 7.", "\"quote_volume\": null");
    assertThat(Reads.of("a.csv", bars.formatted("Volume USD").getBytes(UTF_8), all).rows.toString())
        .contains("\"quote_volume\": 7.");
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "t.csv",
                    "hash,block_number,transaction_index,from_address,gas_price_gwei\n0x%s,1,0,0x%s,20\n"
                        .formatted("11".repeat(32), "22".repeat(20)),
                    Map.of("chain_id", "1")))
        .withMessageContaining("gas_price_gwei, which is named like gas_price");
  }

  @Test
  void shouldTakeTransfersOfTokensForNoTransactions() throws Exception {
    String hash = "0x" + "11".repeat(32);
    String address = "0x" + "22".repeat(20);
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "erc20.csv",
                    "block_number,transaction_index,log_index,transaction_hash,erc20,from_address,to_address,value_string,chain_id\n1,0,2,%s,%2$s,%2$s,%2$s,5,1\n"
                        .formatted(hash, address),
                    Map.of()));
    Reads own =
        Reads.of(
            "blocks.csv",
            "chain_id,number,hash,parent_hash,timestamp,gas_used,uncles\n1,5,%1$s,%1$s,2024-01-01 00:00:00+00,7,{}\n1,6,%1$s,%1$s,2024-01-01 00:00:12+00,7,\"{\"\"\\\\x%2$s\"\"}\"\n"
                .formatted(hash, "33".repeat(32))
                .getBytes(UTF_8),
            Map.of());
    assertThat(own.bad).isEmpty();
    assertThat(own.rows).hasSize(2);
  }

  @Test
  void shouldRefuseHoursThatAreToldToBeTwo() {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(
            () ->
                dataset(
                    "a.csv",
                    "time,open,high,low,close\n2024-01-01 00:00:00,1,2,0.5,1.5\n2024-01-01 01:00:00,1,2,0.5,1.5\n2024-01-01 02:00:00,1,2,0.5,1.5\n",
                    Map.of("venue", "v", "symbol", "s", "interval", "2h")))
        .withMessageContaining("not of 2h");
  }

  @Test
  void shouldReadAFileOfAKnownVenueByTheLayoutThatKnowsMost() throws Exception {
    Detector.Reading reading =
        reading(
            "a.csv",
            "timestamp,open,high,low,close,volume,quote_volume\n1609459200,1,2,0.5,1.5,7,10\n",
            Map.of("venue", "binance", "symbol", "BTCUSDT", "interval", "1h"));
    assertThat(reading.dataset()).isEqualTo("ohlcv");
  }
}
