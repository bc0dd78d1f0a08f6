package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FilesTest {
  private static final Map<String, String> MAINNET = Map.of("chain_id", "1");

  private static final String TRANSACTIONS_HEAD =
      "hash,nonce,block_hash,block_number,transaction_index,from_address,to_address,value,gas,gas_price,input,block_timestamp,max_fee_per_gas,max_priority_fee_per_gas,transaction_type\n";
  private static final String RECEIPTS_HEAD =
      "transaction_hash,transaction_index,block_hash,block_number,cumulative_gas_used,gas_used,contract_address,root,status,effective_gas_price\n";

  @TempDir Path state;
  @TempDir Path otherState;
  @TempDir Path folder;
  private TopologyHarness topology;

  @BeforeEach
  void open() {
    topology = new TopologyHarness(state);
  }

  @AfterEach
  void close() {
    topology.close();
  }

  private static BigDecimal decimal(GenericRecord row, String field, int scale) {
    ByteBuffer unscaled = (ByteBuffer) row.get(field);
    if (unscaled == null) {
      return null;
    }
    byte[] bytes = new byte[unscaled.remaining()];
    unscaled.duplicate().get(bytes);
    return new BigDecimal(new BigInteger(bytes), scale);
  }

  private List<GenericRecord> candles() {
    return topology.rows(Topics.MARKET_CANDLES);
  }

  private List<GenericRecord> letters() {
    return topology.rows(Topics.OPS_DEAD_LETTERS);
  }

  private void pipe(
      String dataset, String file, String head, String rows, Map<String, String> parameters) {
    topology.pipe(Chunks.file(dataset, file, head, rows, parameters));
  }

  private static String hash(int seed) {
    return "0x" + Blocks.word(seed).substring(2);
  }

  private static String address(int seed) {
    return "0x%040x".formatted(seed);
  }

  @Test
  void shouldReadKlinesOfBinanceWithAndWithoutHeaderInMillisecondsAndMicroseconds() {
    String first =
        "1609459200000,737.18,737.77,736.53,737.70,756.567,1609459259999,557634.38743,640,359.786,265202.87793,0\n";
    String later =
        "1735689600000000,3300.1,3301,3299.9,3300.5,10.5,1735689659999999,34655.25,12,5.25,17327.6,0\n";
    // Without header the first line is both the head and the first row.
    topology.pipe(
        Chunks.chunk(
            "binance-klines", "data/ETHUSDT-1m-2021-01.csv", first, 2, later, Map.of(), 1));
    pipe(
        "binance-klines",
        "BNBUSDT-1m-2021-01.csv",
        "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n",
        first,
        Map.of());

    assertThat(letters()).isEmpty();
    assertThat(candles())
        .extracting(c -> c.get("symbol") + " " + c.get("interval") + " " + c.get("open_time"))
        .containsExactly(
            "BNBUSDT 1m 1609459200000", "ETHUSDT 1m 1609459200000", "ETHUSDT 1m 1735689600000");
    GenericRecord row = candles().get(1);
    assertThat(decimal(row, "close", 18)).isEqualByComparingTo("737.70");
    assertThat(decimal(row, "quote_volume", 18)).isEqualByComparingTo("557634.38743");
    assertThat(row.get("trades")).isEqualTo(640L);
    assertThat(row.get("base")).hasToString("ETH");
    assertThat(row.get("close_time")).isEqualTo(1609459259999L);
    assertThat(row.get("source")).hasToString("binance-klines");
    assertThat(row.get("endpoint")).hasToString("data/ETHUSDT-1m-2021-01.csv");
  }

  @Test
  void shouldTakeColumnsNamedLikeFieldsThatTheLayoutDoesNotKnow() {
    String head =
        "log_index,transaction_index,transaction_hash,block_hash,block_number,address,data,topic0,topic1,topic2,topic3,block_timestamp\n";
    String postgres = hash(7).replace("0x", "\\x");
    pipe(
        "ethereum-etl-logs",
        "logs.csv",
        head,
        "2,0,%s,%s,9,%s,0x,%s,%s,,,2015-08-07 03:30:33 UTC\n"
                .formatted(hash(1), hash(2), address(3), hash(4), hash(5))
            + "3,0,%s,%s,9,%s,\\x,%s,,,,2015-08-07 03:30:33+00\n"
                .formatted(postgres, hash(2), address(3), postgres)
            + "4,0,%s,%s,9,%s,0x,lots,,,,\n".formatted(hash(1), hash(2), address(3)),
        MAINNET);
    pipe(
        "ethereum-etl-logs",
        "logs.jsonl",
        "",
        "{\"chain_id\": 5, \"block_number\": 9, \"block_hash\": \"%s\", \"transaction_index\": 0, \"transaction_hash\": \"%s\", \"log_index\": 1, \"address\": \"%s\", \"data\": \"0x\", \"topics\": [\"%s\"], \"topic0\": \"%s\", \"block_timestamp\": \"1438918233\"}\n"
            .formatted(hash(2), hash(1), address(3), hash(4), hash(9)),
        Map.of());

    assertThat(lettersByColumn()).containsExactly("field_invalid topic0");
    List<GenericRecord> logs = topology.rows(Topics.CHAIN_LOGS);
    assertThat(logs)
        .extracting(l -> l.get("chain_id") + " " + l.get("log_index"))
        .containsExactly("1 2", "1 3", "5 1");
    assertThat(logs)
        .extracting(l -> "0x" + HexFormat.of().formatHex(((ByteBuffer) l.get("topic0")).array()))
        .containsExactly(hash(4), hash(7), hash(4));
    assertThat(logs.getFirst().get("topic1")).isNotNull();
    assertThat(logs).extracting(l -> l.get("block_timestamp")).containsOnly(1438918233000L);
  }

  private static String bloomberg(String more) {
    return "START-OF-FILE\nRUNDATE=20240112\n"
        + more
        + "START-OF-FIELDS\nLAST_UPDATE_DT\nPX_LAST\nEND-OF-FIELDS\nSTART-OF-DATA\n";
  }

  @Test
  void shouldReadDatesAsTheHeadOfTheFileSaysAndRefuseThoseThatAreOneOfTwo() throws IOException {
    pipe(
        "bloomberg-prices",
        "told.out",
        bloomberg("DATEFORMAT=dd/mm/yyyy\n"),
        "XBTUSD Curncy|0|2|12/01/2024|42853.2|\n",
        Map.of());
    pipe(
        "bloomberg-prices",
        "untold.out",
        bloomberg(""),
        "XBTUSD Curncy|0|2|11/01/2024|1|\nXBTUSD Curncy|0|2|15/01/2024|2|\nXBTUSD Curncy|0|2|01/16/2024|3|\nXBTUSD Curncy|0|2|02/02/2024|4|\n",
        Map.of());
    pipe(
        "bloomberg-prices",
        "odd.out",
        bloomberg("DATEFORMAT=ddmonyy\n"),
        "XBTUSD Curncy|0|2|12JAN24|42853.2|\n",
        Map.of());

    assertThat(candles())
        .extracting(
            c -> Instant.ofEpochMilli((Long) c.get("open_time")).toString().substring(0, 10))
        .containsExactly("2024-01-12", "2024-01-15", "2024-01-16", "2024-02-02");
    assertThat(lettersByColumn())
        .containsExactlyInAnyOrder("convention_unknown LAST_UPDATE_DT", "convention_unknown null");
    assertThat(letters())
        .extracting(l -> l.get("reason").toString())
        .anyMatch(r -> r.contains("2024-01-11 as day/month and 2024-11-01 as month/day"));
  }

  @Test
  void shouldReadDecimalCommasIfTheLayoutSaysSo() throws IOException {
    String head = "Date;Close\n";
    String rows =
        "2024-01-01;2.098\n2024-01-02;2.064,50\n2024-01-03;998,5\n2024-01-04;2.09\n2024-01-05;0.123\n";
    restartedWith(
        "continental",
        """
        about: Closes with a decimal comma
        target: market.candles
        decimals: comma
        values: {venue: v, symbol: s, interval: 1d}
        columns:
          - {name: date, field: open_time, time: yyyy-MM-dd}
          - {name: close, field: close}
        """);
    RawCsvRows chunk = Chunks.file("continental", "a.csv", head, rows, Map.of());
    chunk.setDelimiter(";");
    topology.pipe(chunk);

    assertThat(candles())
        .extracting(c -> decimal(c, "close", 18).stripTrailingZeros().toPlainString())
        .containsExactly("2098", "2064.5", "998.5");
    assertThat(lettersByColumn())
        .containsExactlyInAnyOrder("field_invalid Close", "field_invalid Close");
  }

  private static final String KLINES =
      "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";

  private static String kline(String openTime, String closeTime) {
    return openTime
        + ",737.18,737.77,736.53,737.70,756.567,"
        + closeTime
        + ",557634.38743,640,1,1,0\n";
  }

  private List<String> lettersByColumn() {
    return letters().stream().map(l -> l.get("code") + " " + l.get("column_name")).toList();
  }

  @Test
  void shouldRefuseTimesThatLostTheirDigits() {
    pipe(
        "binance-klines",
        "ETHUSDT-1m-2021-01.csv",
        KLINES,
        kline("1.60946E+12", "1.60946E+12") + kline("1609459200000", "1609459259999"),
        Map.of());

    assertThat(candles()).hasSize(1);
    assertThat(lettersByColumn()).containsExactly("field_invalid open_time");
    assertThat(letters().getFirst().get("reason").toString()).contains("spreadsheet");
  }

  @Test
  void shouldRefuseCandlesThatOpenBetweenOthersOrContradictThemselves() {
    pipe(
        "binance-klines",
        "ETHUSDT-1m-2021-01.csv",
        KLINES,
        kline("1609459200001", "")
            + kline("1609459200789", "1609459260788")
            + kline("1609459260000", "1609459379999")
            + kline("1609459320000", "1609459380000")
            + kline("1609459380000000", "1609459439999999")
            + kline("1609459440000", "")
            + kline("1609459500000", "1609459559"),
        Map.of());

    assertThat(lettersByColumn())
        .containsExactly("candle_interval open_time", "row_inconsistent close_time");
    assertThat(candles()).hasSize(5);
  }

  @Test
  void shouldTakeDaysOfOtherTimeZonesButNoTimesOfCloses() {
    Map<String, String> daily = Map.of("venue", "v", "symbol", "s", "interval", "1d");
    pipe(
        "ohlcv",
        "a.csv",
        "timestamp,open,high,low,close,volume\n",
        "2024-01-01T18:30:00Z,1,2,0.5,1.5,7\n2024-01-02T23:59:59.999Z,1,2,0.5,1.5,7\n",
        daily);

    assertThat(candles()).extracting(c -> c.get("open_time")).containsExactly(1704133800000L);
    assertThat(lettersByColumn()).containsExactly("candle_interval timestamp");
  }

  @Test
  void shouldReadDownloadsOfCoinmarketcapWhoseTimestampIsTheClose() {
    RawCsvRows chunk =
        Chunks.file(
            "coinmarketcap-ohlcv",
            "Bitcoin.csv",
            "timeOpen;timeClose;timeHigh;timeLow;name;open;high;low;close;volume;marketCap;circulatingSupply;timestamp\n",
            "\"2024-02-03T00:00:00.000Z\";\"2024-02-03T23:59:59.999Z\";\"2024-02-03T00:14:00.000Z\";\"2024-02-03T12:09:00.000Z\";\"1\";43000.5;43100;42900;42950.25;1842.5;8;9;\"2024-02-03T23:59:59.999Z\"\n"
                + "\"2024-02-04T00:00:00.000Z\";\"2024-02-04T23:59:59.999Z\";\"\";\"\";\"1\";43000.5;43100;42900;42950.25;1842.5;8;9;\"2024-02-05T23:59:59.999Z\"\n",
            Map.of("symbol", "BTC"));
    chunk.setDelimiter(";");
    topology.pipe(chunk);

    assertThat(candles())
        .singleElement()
        .satisfies(
            row -> {
              assertThat(row.get("open_time")).isEqualTo(1706918400000L);
              assertThat(row.get("close_time")).isEqualTo(1707004799999L);
              assertThat(row.get("volume")).isNull();
              assertThat(decimal(row, "quote_volume", 18)).isEqualByComparingTo("1842.5");
            });
    assertThat(lettersByColumn()).containsExactly("row_inconsistent timestamp");
  }

  @Test
  void shouldReadBloombergFilesAndSayWhatBloombergCouldNotAnswer() {
    pipe(
        "bloomberg-prices",
        "prices.out",
        """
        START-OF-FILE
        PROGRAMNAME=getdata
        DATEFORMAT=yyyymmdd
        START-OF-FIELDS
        PX_DATE
        PX_OPEN
        PX_HIGH
        PX_LOW
        PX_LAST
        END-OF-FIELDS
        TIMESTARTED=Mon Jun  1 06:00:01 GMT 2026
        START-OF-DATA
        """,
        """
        XBTUSD Curncy|0|5|20260529|100.5|101|99.25|100|
        XETUSD Curncy|10|5| | | | | |
        XETUSD Curncy|0|5|20260530|N.A.|N.A.|N.A.|7.125|
        """,
        Map.of());

    assertThat(candles())
        .extracting(
            c ->
                c.get("symbol")
                    + " "
                    + decimal(c, "close", 18).stripTrailingZeros().toPlainString())
        .containsExactly("XBTUSD 100", "XETUSD 7.125");
    assertThat(candles().get(1).get("open")).isNull();
    assertThat(candles().get(0).get("open_time"))
        .isEqualTo(Instant.parse("2026-05-29T00:00:00Z").toEpochMilli());
    GenericRecord letter = letters().getFirst();
    assertThat(letter.get("line")).isEqualTo(14L);
    assertThat(letter.get("column_name")).hasToString("ERRCODE");
    assertThat(letter.get("reason")).hasToString("ERRCODE is '10', '0' is expected");
  }

  @Test
  void shouldReadOtherLayoutsOfCandles() {
    pipe(
        "yahoo-ohlcv",
        "BTC-USD-1d.csv",
        "Date,Adj Close,Close,High,Low,Open,Volume\r\n",
        "2014-09-17,457.3340148925781,457.3340148925781,468.17401123046875,452.4219970703125,465.864013671875,21056800.0\r\n",
        Map.of());
    pipe(
        "cryptodatadownload",
        "Bitstamp_ETHUSD_1h.csv",
        "https://www.CryptoDataDownload.com\nunix,date,symbol,open,high,low,close,Volume ETH,Volume USD\n",
        "1646092800,2022-03-01 00:00:00,ETH/USD,2919.5,2945,2911,2936.5,521.25,1526000\n",
        Map.of());
    pipe(
        "coinmarketcap-ohlcv",
        "coin_Ethereum.csv",
        "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n",
        "1,Ethereum,ETH,2015-08-08,2.798810005,0.714725018,2.793760061,0.753324986,674188,45486894.24\n",
        Map.of());
    pipe(
        "ohlcv",
        "export.csv",
        "\uFEFFTime;ignored".replace(";ignored", "") + ",Open,High,Low,Close,Volume\n",
        "2026-01-01T00:00:00Z,1,3,0.5,2,10\n",
        Map.of("venue", "kraken", "symbol", "ETHUSD", "interval", "5m"));
    pipe("ohlcv", "other.csv", "time,open,high,low,close\n", "1970-01-01,1,3,0.5,2\n", Map.of());

    assertThat(candles())
        .extracting(
            c ->
                "%s %s %s %s"
                    .formatted(
                        c.get("venue"), c.get("symbol"), c.get("interval"), c.get("open_time")))
        .containsExactly(
            "bitstamp ETHUSD 1h 1646092800000",
            "coinmarketcap ETH 1d 1438992000000",
            "kraken ETHUSD 5m 1767225600000",
            "yahoo BTC-USD 1d 1410912000000");
    assertThat(decimal(candles().getLast(), "quote_volume", 18)).isEqualByComparingTo("21056800");
    assertThat(candles().getLast().get("volume")).isNull();
    assertThat(letters()).hasSize(1);
    assertThat(letters().getFirst().get("reason").toString())
        .contains("ohlcv needs a column venue", "or venue as a parameter");
  }

  @Test
  void shouldFindVolumesUnderEachOthersNameAndTakeThemWithTheLayoutForThem() {
    String head = "Unix,Date,Oymbol,Open,High,Low,Close,Volume BTC,Volume USD\n";
    String rows =
        "1643932800,2022-02-04 00:00:00,BTC/USD,37330.75,37338.63,37200.00,37289.51,15.04971238,561196.4002911339\n"
            + "1526364000,2018-05-15 06:00:00,BTC/USD,8733.86,8796.68,8707.28,8740.99,4906603.14,559.93\n";
    pipe("gemini-ohlcv", "BTC-USD-1h.csv", head, rows, Map.of());

    assertThat(candles()).hasSize(1);
    assertThat(letters().getFirst().get("code")).hasToString("row_inconsistent");
    assertThat(letters().getFirst().get("line")).isEqualTo(3L);
    assertThat(letters().getFirst().get("file")).hasToString("BTC-USD-1h.csv");
    assertThat(
            StandardCharsets.UTF_8
                .decode((ByteBuffer) letters().getFirst().get("payload"))
                .toString())
        .startsWith("1526364000,")
        .endsWith("559.93\n");

    pipe("gemini-ohlcv-exchanged-volumes", "BTC-USD-1h.csv", head, rows, Map.of());

    assertThat(candles()).hasSize(2);
    assertThat(decimal(candles().getFirst(), "volume", 18)).isEqualByComparingTo("559.93");
    assertThat(candles().getFirst().get("symbol")).hasToString("BTCUSD");
  }

  @Test
  void shouldKeepEachRowThatFailsItsLayoutWithItsPlaceAndReason() {
    String head = "unix,open,high,low,close,volume\n";
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1m");
    pipe(
        "ohlcv",
        "damaged.csv",
        head,
        "1970-01-01 00:01:00,1,2,0.5,1.5,7\n"
            + "1970-01-01 00:02:00,1,2,0.5\n"
            + "1970-01-01 00:03:00,1,2,0.5,1.5,7,8\n"
            + "1970-01-01 00:04:00,1,2,0.5,,7\n"
            + "1970-01-01 00:05:00,1,2,0.5,1.5 USD,7\n"
            + "1970-01-01 00:06:00,\"1,2,0.5,1.5,7\n"
            + "1970-01-01 00:07:00,1,\"2\"\"\",0.5,1.5,7\n"
            + "1970-01-01 00:08:00,1,2,0.5,9,7\n"
            + "soon,1,2,0.5,1.5,7\n"
            + "\n"
            + "1970-01-01 00:09:00,1,2,0.5,1.5,-,\n"
            + "\"1970-01-01 00:10:00\",1,2,0.5,1.5,7\n"
            + "1970-01-01 00:11:00,1,2,0.5,1.5",
        market);

    assertThat(candles()).extracting(c -> c.get("open_time")).containsExactly(60_000L, 600_000L);
    assertThat(letters())
        .extracting(l -> l.get("line") + " " + l.get("code") + " " + l.get("column_name"))
        .containsExactlyInAnyOrder(
            "3 row_ragged null",
            "4 row_ragged null",
            "5 field_missing close",
            "6 field_invalid close",
            "7 csv_invalid null",
            "8 field_invalid high",
            "9 row_inconsistent null",
            "10 field_invalid unix",
            "12 field_invalid volume",
            "14 row_ragged null");
  }

  @Test
  void shouldSayWhatIsWrongWithAChunkAsAWhole() {
    pipe("no-such", "a.csv", "time\n", "1\n", Map.of());
    pipe("ohlcv", "b.csv", "1,2\n", "1,2\n", Map.of());
    pipe("ohlcv", "c.csv", "time,open\n", "1,2\n", Map.of("chain", "1"));
    RawCsvRows odd = Chunks.file("ohlcv", "d.csv", "time\n", "1\n", Map.of());
    odd.setCharset("UTF-16");
    topology.pipe(odd);
    pipe("ethereum-etl-blocks", "e.csv", BLOCKS_HEAD, blockRow(5, 2), Map.of());
    pipe("ethereum-etl-receipts", "f.csv", "block_number,gas_used\n", "5,21000\n", MAINNET);

    assertThat(letters())
        .extracting(l -> l.get("file") + " " + l.get("code"))
        .containsExactlyInAnyOrder(
            "a.csv dataset_unknown",
            "b.csv layout_mismatch",
            "b.csv layout_mismatch",
            "c.csv parameter_unknown",
            "d.csv format_unknown",
            "e.csv parameter_missing",
            "f.csv layout_mismatch");
  }

  private static String transaction(int height, int index, int seed) {
    return "%s,9,%s,%d,%d,%s,%s,110000000000000000000,40000,62227241854,0x,1438936285,,,0\n"
        .formatted(hash(seed), hash(height * 1000), height, index, address(1), address(2));
  }

  private static String receipt(int height, int index, int seed) {
    return "%s,%d,%s,%d,21000,21000,,,1,62227241854\n"
        .formatted(hash(seed), index, hash(height * 1000), height);
  }

  private static String blockRow(int height, int transactions) {
    return "%d,%s,%s,0x57a633e01197dc86,%s,0x%s,%s,%s,%s,%s,7298514125186,2571481026230204460,1113,0xd783010203844765746887676f312e342e32856c696e7578,3141592,143706,%d,%d,7\n"
        .formatted(
            height,
            hash(height * 1000),
            hash(1),
            hash(2),
            "00".repeat(256),
            hash(3),
            hash(4),
            hash(5),
            address(6),
            1446561880 + height,
            transactions);
  }

  private static final String BLOCKS_HEAD =
      "number,hash,parent_hash,nonce,sha3_uncles,logs_bloom,transactions_root,state_root,receipts_root,miner,difficulty,total_difficulty,size,extra_data,gas_limit,gas_used,timestamp,transaction_count,base_fee_per_gas\n";

  @Test
  void shouldReadTheFilesOfEthereumEtl() {
    pipe("ethereum-etl-blocks", "blocks.csv", BLOCKS_HEAD, blockRow(5, 2), MAINNET);
    pipe(
        "ethereum-etl-transactions",
        "transactions.csv",
        TRANSACTIONS_HEAD,
        transaction(5, 0, 50) + transaction(5, 1, 51),
        MAINNET);
    pipe(
        "ethereum-etl-logs",
        "logs.csv",
        "log_index,transaction_hash,transaction_index,block_hash,block_number,address,data,topics\n",
        "3,%s,0,%s,5,%s,0x01,\"%s,%s\"\n"
            .formatted(hash(50), hash(5000), address(7), hash(8), hash(9)),
        MAINNET);
    pipe(
        "ethereum-etl-token-transfers",
        "token_transfers.csv",
        "token_address,from_address,to_address,value,transaction_hash,log_index,block_number\n",
        "%s,%s,%s,1000,%s,3,5\n".formatted(address(7), address(8), address(9), hash(50)),
        MAINNET);

    assertThat(letters()).isEmpty();
    GenericRecord block = topology.rows(Topics.CHAIN_BLOCKS).getFirst();
    assertThat(block.get("transaction_count")).isEqualTo(2);
    assertThat(block.get("uncles")).isNull();
    assertThat(decimal(block, "base_fee_per_gas", 0)).isEqualByComparingTo("7");
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS)).hasSize(2);
    GenericRecord log = topology.rows(Topics.CHAIN_LOGS).getFirst();
    assertThat(log.get("log_index")).isEqualTo(3);
    assertThat(log.get("topic1")).isNotNull();
    assertThat(log.get("topic2")).isNull();
    GenericRecord transfer = topology.rows(Topics.CHAIN_TOKEN_TRANSFERS).getFirst();
    assertThat(transfer.get("standard")).hasToString("erc20_or_erc721");
    assertThat(transfer.get("transfer_index")).isEqualTo(3);
    assertThat(decimal(transfer, "amount", 0)).isEqualByComparingTo("1000");
    GenericRecord economics = topology.rows(Topics.BUSINESS_BLOCK_ECONOMICS).getFirst();
    assertThat(decimal(economics, "burned", 0)).isEqualByComparingTo("1005942");
    assertThat(economics.get("succeeded_count")).isNull();
    assertThat(economics.get("legacy_count")).isNull();
  }

  @Test
  void shouldReadFlattenedRepliesInHexAndRefuseOddExtraData() {
    String head =
        "block_number,id,jsonrpc,basefeepergas,difficulty,extradata,gaslimit,gasused,hash,logsbloom,miner,mixhash,nonce,parenthash,receiptsroot,sha3uncles,size,stateroot,timestamp,totaldifficulty,transactionsroot,uncles,created_at\n";
    String row =
        "%s,1,2.0,0x7,0x0,%s,0x1c9c380,0x5208,%s,0x%s,%s,%s,0x0000000000000000,%s,%s,%s,0x220,%s,0x64f,0xc70d815d562d3cfa955,%s,\"[]\",2024-01-01 00:00:00\n";
    java.util.function.BiFunction<Integer, String, String> rowOf =
        (height, extra) ->
            row.formatted(
                "0x%x".formatted(height),
                extra,
                hash(1),
                "00".repeat(256),
                address(2),
                hash(3),
                hash(4),
                hash(5),
                hash(6),
                hash(7),
                hash(8));
    pipe(
        "eth-blocks-hex",
        "eth_blocks.csv",
        head,
        rowOf.apply(16, "0xd883010b02") + rowOf.apply(17, "geth, go1.20") + rowOf.apply(18, "geth"),
        MAINNET);

    assertThat(topology.rows(Topics.CHAIN_BLOCKS))
        .extracting(b -> b.get("number"))
        .containsExactly(16L);
    GenericRecord block = topology.rows(Topics.CHAIN_BLOCKS).getFirst();
    assertThat(block.get("gas_used")).isEqualTo(21000L);
    assertThat(block.get("transaction_count")).isNull();
    assertThat((List<?>) block.get("uncles")).isEmpty();
    assertThat(letters())
        .extracting(l -> l.get("line") + " " + l.get("code") + " " + l.get("column_name"))
        .containsExactly("3 row_ragged null", "4 field_invalid extradata");
  }

  @Test
  void shouldReadJsonLines() {
    pipe(
        "ethereum-etl-transactions",
        "transactions.jsonl",
        "",
        """
        {"type":"transaction","hash":"%s","nonce":1,"transaction_index":0,"from_address":"%s","to_address":null,"value":115792089237316195423570985008687907853269984665640564039457584007913129639935,"gas":21000,"gas_price":7,"input":"0x","block_timestamp":1683029999,"block_number":5,"block_hash":"%s","transaction_type":2,"receipt_status":1,"receipt_gas_used":21000}
        {"type":"log"}
        [1,
        7
        {"type":"transaction"}{"type":"transaction"}
        """
            .formatted(hash(1), address(2), hash(3)),
        MAINNET);

    GenericRecord row = topology.rows(Topics.CHAIN_TRANSACTIONS).getFirst();
    assertThat(decimal(row, "value", 0))
        .isEqualByComparingTo(
            "115792089237316195423570985008687907853269984665640564039457584007913129639935");
    assertThat(row.get("status")).isEqualTo(1);
    assertThat(letters())
        .extracting(l -> l.get("line") + " " + l.get("code"))
        .containsExactly("2 field_invalid", "3 json_invalid", "4 json_invalid", "5 json_invalid");
  }

  @Test
  void shouldCompleteTransactionsWithReceiptsWhicheverComesFirst() {
    pipe("ethereum-etl-receipts", "r.csv", RECEIPTS_HEAD, receipt(5, 0, 50), MAINNET);
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS)).isEmpty();
    pipe(
        "ethereum-etl-transactions",
        "t.csv",
        TRANSACTIONS_HEAD,
        transaction(5, 0, 50) + transaction(5, 1, 51),
        MAINNET);
    pipe(
        "ethereum-etl-receipts",
        "r2.csv",
        RECEIPTS_HEAD,
        // The second is of another transaction than the one that stands there.
        receipt(5, 1, 99),
        MAINNET);

    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS))
        .extracting(t -> t.get("status"))
        .containsExactly(1, null);

    pipe("ethereum-etl-receipts", "r3.csv", RECEIPTS_HEAD, receipt(5, 1, 51), MAINNET);
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS))
        .extracting(t -> t.get("status"))
        .contains(1);
  }

  @Test
  void shouldHideWhatFilesSayOfAHeightBehindABlockOfANode() throws IOException {
    RawCsvRows transactions =
        Chunks.file(
            "ethereum-etl-transactions",
            "t.csv",
            TRANSACTIONS_HEAD,
            transaction(5, 0, 50) + transaction(5, 7, 51) + transaction(6, 0, 60),
            MAINNET);
    RawBlock block = Blocks.block(5, 1, 2, 3, 100);
    topology.pipe(transactions);
    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS)).hasSize(3);
    topology.pipe(block);

    assertThat(topology.rows(Topics.CHAIN_TRANSACTIONS))
        .extracting(t -> t.get("block_number") + " " + t.get("transaction_index"))
        .containsExactly("5 0", "5 1", "6 0");
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      turned.pipe(block);
      turned.pipe(transactions);

      assertThat(turned.everything()).isEqualTo(topology.everything());
    }
  }

  @Test
  void shouldPreferWhatTheVenueSaysToFilesAndLaterFilesToEarlierOnes() {
    Map<String, String> market = Map.of("venue", "binance", "symbol", "ETHUSDT", "interval", "1m");
    String head = "unix,open,high,low,close,volume\n";
    topology.pipe(
        Chunks.chunk(
            "ohlcv", "b.csv", head, 2, "1970-01-01 00:10:00,1,9000,0.5,3,1\n", market, 200));
    topology.pipe(
        Chunks.chunk(
            "ohlcv", "a.csv", head, 2, "1970-01-01 00:10:00,1,9000,0.5,2,1\n", market, 100));
    assertThat(decimal(candles().getFirst(), "close", 18)).isEqualByComparingTo("3");

    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "4", 5));
    topology.pipe(
        Chunks.chunk(
            "ohlcv", "c.csv", head, 2, "1970-01-01 00:10:00,1,9000,0.5,5,1\n", market, 300));

    assertThat(candles()).hasSize(1);
    assertThat(decimal(candles().getFirst(), "close", 18)).isEqualByComparingTo("4");
  }

  @Test
  void shouldBringTheNextCopyWhenTheBestOneIsTakenBack() throws IOException {
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1m");
    Map<String, String> other = Map.of("venue", "v", "symbol", "t", "interval", "1m");
    String head = "unix,open,high,low,close,volume\n";
    RawCsvRows worse =
        Chunks.chunk("ohlcv", "a.csv", head, 2, "1970-01-01 00:01:00,1,9,1,2,1\n", market, 100);
    RawCsvRows better =
        Chunks.chunk("ohlcv", "b.csv", head, 2, "1970-01-01 00:01:00,1,9,1,3,1\n", market, 200);
    // The same rows, published again as those of another market.
    RawCsvRows again =
        Chunks.chunk("ohlcv", "b.csv", head, 2, "1970-01-01 00:01:00,1,9,1,3,1\n", other, 300);
    topology.pipe(worse);
    topology.pipe(better);
    topology.pipe(again);

    assertThat(candles())
        .extracting(c -> c.get("symbol") + " " + decimal(c, "close", 18).stripTrailingZeros())
        .containsExactly("s 2", "t 3");
    assertThat(loads())
        .containsExactly("a.csv market.candles 1 of 1", "b.csv market.candles 1 of 1");
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      List.of(again, better, worse).forEach(turned::pipe);

      assertThat(turned.everything()).isEqualTo(topology.everything());
    }
  }

  private List<String> loads() {
    return topology.rows(Topics.OPS_FILE_LOADS).stream()
        .map(
            l ->
                "%s %s %s of %s"
                    .formatted(l.get("file"), l.get("part"), l.get("loaded"), l.get("rows")))
        .toList();
  }

  @Test
  void shouldCountTheRowsOfEachFileThatStandInTheTables() throws IOException {
    Map<String, String> market = Map.of("venue", "binance", "symbol", "ETHUSDT", "interval", "1m");
    String head = "unix,open,high,low,close,volume\n";
    String row = "1970-01-01 00:%02d:00,1,9000,0.5,%d,1\n";
    RawCsvRows twice =
        Chunks.chunk(
            "ohlcv",
            "a.csv",
            head,
            2,
            row.formatted(1, 2) + row.formatted(2, 2) + row.formatted(1, 3) + "damaged\n",
            market,
            100);
    topology.pipe(twice);
    assertThat(loads()).containsExactly("a.csv market.candles 2 of 3");

    // The first row is known, the second corrects one, the third is new.
    RawCsvRows corrected =
        Chunks.chunk(
            "ohlcv",
            "b.csv",
            head,
            2,
            row.formatted(1, 3) + row.formatted(2, 4) + row.formatted(10, 5),
            market,
            200);
    topology.pipe(corrected);
    assertThat(loads())
        .containsExactly("a.csv market.candles 1 of 3", "b.csv market.candles 2 of 3");
    assertThat(candles().getFirst().get("endpoint")).hasToString("a.csv");
    assertThat(candles().getFirst().get("source")).hasToString("ohlcv");
    assertThat(candles().getFirst().get("fetched_at")).isEqualTo(1_780_000_100_000L);

    // The venue knows better.
    RawCandle ofVenue = Candles.candle("binance", "ETHUSDT", 600, "4", 5);
    topology.pipe(ofVenue);
    assertThat(loads())
        .containsExactly("a.csv market.candles 1 of 3", "b.csv market.candles 1 of 3");
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      List.of(ofVenue, corrected, twice, corrected).forEach(turned::pipe);

      assertThat(turned.rows(Topics.OPS_FILE_LOADS))
          .isEqualTo(topology.rows(Topics.OPS_FILE_LOADS));
      assertThat(turned.rows(Topics.MARKET_CANDLES)).isEqualTo(candles());
    }

    // Published again, it is the last word, and the counts of its first reading are gone.
    RawCsvRows again = RawCsvRows.newBuilder(twice).build();
    again.setFetchedAt(twice.getFetchedAt().plusSeconds(1000));
    topology.pipe(again);
    assertThat(loads())
        .containsExactly("a.csv market.candles 2 of 3", "b.csv market.candles 0 of 3");
    assertThat(topology.rows(Topics.OPS_FILE_LOADS).getFirst().get("fetched_at"))
        .isEqualTo(again.getFetchedAt().toEpochMilli());
  }

  @Test
  void shouldCountReceiptsWithTheirTransactionsAndNothingBehindABlockOfANode() throws IOException {
    pipe(
        "ethereum-etl-receipts",
        "r.csv",
        RECEIPTS_HEAD,
        // The second is of another transaction than the one that stands there, the third of none.
        receipt(5, 0, 50) + receipt(5, 1, 99) + receipt(5, 2, 52),
        MAINNET);
    assertThat(loads()).containsExactly("r.csv receipts 0 of 3");
    pipe(
        "ethereum-etl-transactions",
        "t.csv",
        TRANSACTIONS_HEAD,
        transaction(5, 0, 50) + transaction(5, 1, 51),
        MAINNET);
    pipe("ethereum-etl-blocks", "b.csv", BLOCKS_HEAD, blockRow(5, 2), MAINNET);
    List<String> standing =
        List.of(
            "b.csv chain.blocks 1 of 1",
            "r.csv receipts 1 of 3",
            "t.csv chain.transactions 2 of 2");
    assertThat(loads()).containsExactlyElementsOf(standing);
    GenericRecord chunk = topology.rows(Topics.OPS_FILE_CHUNKS).getFirst();
    assertThat(chunk.get("chain_id")).isEqualTo(1L);
    assertThat(chunk.get("first_block")).isEqualTo(5L);
    assertThat(chunk.get("last_block")).isEqualTo(5L);

    topology.pipe(Blocks.block(5, 1, 2, 3, 100));
    assertThat(loads())
        .containsExactly(
            "b.csv chain.blocks 0 of 1",
            "r.csv receipts 0 of 3",
            "t.csv chain.transactions 0 of 2");
    pipe("ethereum-etl-transactions", "u.csv", TRANSACTIONS_HEAD, transaction(5, 0, 98), MAINNET);
    assertThat(loads()).contains("u.csv chain.transactions 0 of 1");
  }

  @Test
  void shouldTakeBackWhatAChunkMadeIfALaterOneInItsPlaceCannotBeMapped() throws IOException {
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1m");
    String head = "unix,open,high,low,close,volume\n";
    String row = "1970-01-01 00:01:00,1,9,1,2,1\n";
    RawCsvRows good = Chunks.chunk("ohlcv", "a.csv", head, 2, row, market, 100);
    RawCsvRows bad = Chunks.chunk("ohlcv", "a.csv", head, 2, row, Map.of("no", "such"), 200);
    topology.pipe(good);
    topology.pipe(bad);

    assertThat(candles()).isEmpty();
    assertThat(loads()).isEmpty();
    assertThat(topology.rows(Topics.OPS_FILE_CHUNKS))
        .extracting(c -> c.get("made") + " " + c.get("dead_letters"))
        .containsExactly("0 1");
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      turned.pipe(bad);
      turned.pipe(good);

      assertThat(turned.rows(Topics.MARKET_CANDLES)).isEmpty();
      assertThat(turned.rows(Topics.OPS_FILE_CHUNKS))
          .isEqualTo(topology.rows(Topics.OPS_FILE_CHUNKS));
    }
  }

  @Test
  void shouldShowNothingWhereTheVenueTookItsCandleBackWhateverFilesSay() {
    Map<String, String> market = Map.of("venue", "binance", "symbol", "ETHUSDT", "interval", "1m");
    topology.pipe(
        Chunks.file(
            "ohlcv",
            "a.csv",
            "unix,open,high,low,close,volume\n",
            "1970-01-01 00:10:00,1,9,1,2,1\n",
            market));
    assertThat(candles()).hasSize(1);

    topology.pipe(
        Topics.RAW_MARKET_CANDLES,
        TopologyHarness.encode(
            TopologyHarness.keyOf(Candles.candle("binance", "ETHUSDT", 600, "4", 5))),
        null,
        6);

    assertThat(candles()).isEmpty();
  }

  @Test
  void shouldEndInTheRowsOfOneOfTheChunksThatBeginAtOneLine() throws IOException {
    String head = "time,open,high,low,close,volume\n";
    String first = "1970-01-01,1,9,1,2,1\n";
    String second = "1970-01-02,1,9,1,2,1\n";
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1d");
    List<RawCsvRows> chunks =
        List.of(
            Chunks.chunk("ohlcv", "a.csv", head, 2, first + second, market, 100),
            Chunks.chunk("ohlcv", "a.csv", head, 2, first, market, 100),
            Chunks.chunk("ohlcv", "a.csv", head, 3, second, market, 100));
    chunks.forEach(topology::pipe);

    // Cut in two ways at one time, the rows are there all the same.
    assertThat(candles()).hasSize(2);
    try (TopologyHarness turned = TopologyHarness.temporary(PriceRules.defaults())) {
      chunks.reversed().forEach(turned::pipe);

      assertThat(turned.everything()).isEqualTo(topology.everything());
    }
  }

  @Test
  void shouldMakeLettersThatCanBeLoadedOfZeros() {
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1d");
    pipe("ohlcv", "a.csv", "time,open,close\n", "1970-01-01,1,2\0\n", market);
    pipe("ohlcv", "b.csv", "ti\0me,clo\0se\n", "soon,2\n", market);
    pipe("ohlcv", "c\0.csv", "time,close\n", "1970-01-01,2\n", market);
    pipe("oh\0lcv", "d.csv", "time,close\n", "1970-01-01,2\n", market);
    pipe("ohlcv", "e.csv", "time,close\n", "1970-01-01,2\n", Map.of("ven\0ue", "v"));

    assertThat(letters()).hasSize(5);
    assertThat(letters())
        .allSatisfy(
            letter ->
                letter
                    .getSchema()
                    .getFields()
                    .forEach(
                        field -> {
                          if (letter.get(field.pos()) instanceof CharSequence text) {
                            assertThat(text.toString()).doesNotContain("\0");
                          }
                        }));
  }

  @Test
  void shouldTellTimesThatCannotBeMeant() {
    Map<String, String> market = Map.of("venue", "v", "symbol", "s", "interval", "1d");
    pipe(
        "ohlcv",
        "a.csv",
        "time,close\n",
        "20210101,2\n2021-02-30,2\n%s,2\n-5,2\n".formatted("9".repeat(100_000)),
        market);

    assertThat(candles()).isEmpty();
    assertThat(letters()).hasSize(4);
  }

  @Test
  void shouldTellVolumesApartWherePricesAreAboutOne() {
    String head = "Unix,Date,Symbol,Open,High,Low,Close,Volume XRP,Volume USD\n";
    String rows =
        "1617235200,x,XRP/USD,0.8,0.9,0.7,0.8,1000,800\n1617238800,x,XRP/USD,0.8,0.9,0.7,0.8,800,1000\n";
    pipe("gemini-ohlcv", "XRP-USD-1h.csv", head, rows, Map.of());
    pipe("gemini-ohlcv-exchanged-volumes", "XRP-USD-1h.csv", head, rows, Map.of());

    assertThat(candles())
        .allSatisfy(c -> assertThat(decimal(c, "volume", 18)).isEqualByComparingTo("1000"))
        .hasSize(2);
    assertThat(letters()).hasSize(2);
  }

  @Test
  void shouldKeepTheDamagedFirstLineOfAFileWithoutNames() {
    topology.pipe(
        Chunks.chunk(
            "binance-klines",
            "ETHUSDT-1m-2021-01.csv",
            "1609459200000,\"737.18,737.77\n",
            2,
            "1609459260000,737.69,740.00,737.69,739.34,7104.620,1609459319999,5250811.13390,1768,5873.551,4340842.32076,0\n",
            Map.of(),
            1));

    assertThat(candles()).hasSize(1);
    assertThat(letters()).extracting(l -> l.get("line")).containsExactly(1L);
  }

  private TopologyHarness restartedWith(String name, String layout) throws IOException {
    Files.writeString(folder.resolve(name + ".yaml"), layout);
    topology = topology.restarted(otherState, PriceRules.defaults(), Layouts.with(folder));
    return topology;
  }

  @Test
  void shouldShowWhatAChangedLayoutMakesAfterAReplayAndTakeBackWhatItMakesNoMore()
      throws IOException {
    pipe(
        "ohlcv",
        "a.csv",
        "unix,open,high,low,close,volume\n",
        "1970-01-01,1,2,0.5,1.5,7\n1970-01-02,1,2,0.5,1.75,0\n1970-01-03,1,2,0.5,oops,7\n",
        Map.of("venue", "v", "symbol", "s", "interval", "1m"));
    assertThat(candles()).hasSize(2);
    assertThat(letters()).hasSize(1);

    restartedWith(
        "ohlcv",
        """
        about: Volume must be 7, and close is taken from low
        target: market.candles
        expect: {volume: "7"}
        columns:
          - {name: unix, field: open_time, time: yyyy-MM-dd}
          - {name: open, field: open}
          - {name: low, field: close}
        """);
    topology.replay(Topics.RAW_CSV_ROWS);

    assertThat(candles())
        .extracting(
            c ->
                c.get("open_time")
                    + " "
                    + decimal(c, "close", 18).stripTrailingZeros().toPlainString())
        .containsExactly("0 0.5", "172800000 0.5");
    assertThat(loads()).containsExactly("a.csv market.candles 2 of 2");
  }

  @Test
  void shouldChangeNothingByAReplayWithTheSameCode() {
    topology.pipe(Blocks.block(5, 1, 2, 3, 100));
    topology.pipe(Blocks.block(5, 2, 4, 3, 99));
    topology.pipe(Candles.candle("binance", "ETHUSDT", 600, "4", 5));
    RawBlock broken = Blocks.block(6, 1, 0, 1, 1);
    broken.setBlockJson(TopologyHarness.bytes("{"));
    topology.pipe(broken);
    pipe("ethereum-etl-transactions", "t.csv", TRANSACTIONS_HEAD, transaction(5, 9, 50), MAINNET);
    String before = topology.everything();

    for (Topic raw : Topics.REPLAYS.keySet()) {
      topology.replay(raw);
    }

    assertThat(topology.everything()).isEqualTo(before);
    assertThat(topology.written(Topics.CHAIN_BLOCKS)).isGreaterThan(1);
  }

  @Test
  void shouldPriceByChangedRulesAfterAReplay() throws IOException {
    topology.pipe(Blocks.block(50, 1, 2, 3, 100));
    topology.pipe(Candles.candle("kraken", "ETHUSD", 900, "4", 5));
    topology.pipe(Candles.candle("elsewhere", "ETHUSD", 900, "8", 5));
    assertThat(decimal(topology.rows(Topics.BUSINESS_BLOCK_ECONOMICS).getFirst(), "price", 18))
        .isEqualByComparingTo("4");
    Path rules = folder.resolve("prices.yaml");
    Files.writeString(
        rules,
        "staleness: PT2H\nquotes: {USD: USD}\nchains: {1: [{asset: ETH}]}\nassets: {ETH: [elsewhere/ETHUSD]}\n");

    topology = topology.restarted(otherState, PriceRules.of(rules), Layouts.defaults());
    topology.replay(Topics.RAW_EVM_BLOCKS);
    topology.replay(Topics.RAW_MARKET_CANDLES);

    assertThat(decimal(topology.rows(Topics.BUSINESS_BLOCK_ECONOMICS).getFirst(), "price", 18))
        .isEqualByComparingTo("8");
  }
}
