package io.cryptoetl.local.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** Writes files in the layouts that people have. */
@Command(
    name = "samples",
    description =
        "Writes small files in the layouts that people have, made up by this program, to try ./pipeline backfill with.",
    mixinStandardHelpOptions = true)
final class SamplesCommand implements Callable<Integer> {
  private static final int ROWS = 500;
  private static final int BLOCKS = 50;
  private static final long JANUARY_2024 = 1_704_067_200L;

  @Parameters(
      arity = "0..1",
      defaultValue = "samples",
      paramLabel = "FOLDER",
      description = "Where to (default: ${DEFAULT-VALUE})")
  private Path folder;

  @Override
  public Integer call() throws IOException {
    Path to = Path.of(System.getProperty("pipeline.cwd", ".")).resolve(folder).normalize();
    Screen screen = Screen.system();
    for (Map.Entry<String, String> file : files().entrySet()) {
      Path path = to.resolve(file.getKey());
      Files.createDirectories(path.getParent());
      Files.writeString(path, file.getValue());
      screen.line(path.toString());
    }
    screen.line("Try one: ./pipeline backfill %s --dry-run".formatted(to.resolve("ohlcv.csv")));
    return 0;
  }

  /** All files by name. */
  static Map<String, String> files() {
    Map<String, String> files = new LinkedHashMap<>();
    files.put("ETHUSDT-1m-2024-01.csv", lines(ROWS, i -> String.join(",", kline(i, 1))));
    files.put(
        "BTCUSDT-1h-api.json",
        IntStream.range(0, ROWS)
            .mapToObj(i -> "[" + String.join(",", kline(60 * i, 60)) + "]")
            .collect(Collectors.joining(",", "[", "]\n")));
    files.put(
        "ohlcv.csv",
        "venue,symbol,interval,time,open,high,low,close,volume\n"
            + lines(
                ROWS,
                i -> "kraken,ETH/USD,1d,%d,%s".formatted(JANUARY_2024 + 86_400L * i, prices(i))));
    files.put(
        "ohlcv-damaged.csv",
        "\uFEFFvenue,symbol,interval,time,open,high,low,close,volume\r\n"
            + lines(
                    20,
                    i ->
                        "kraken,ETH/USD,1h,%d,%s"
                            .formatted(JANUARY_2024 + 3_600L * i, damaged(i, prices(i))))
                .replace("\n", "\r\n"));
    files.put(
        "prices.out",
        "START-OF-FILE\nPROGRAMNAME=getdata\nSTART-OF-FIELDS\nDATE\nPX_OPEN\nPX_HIGH\nPX_LOW\nPX_LAST\nEND-OF-FIELDS\nSTART-OF-DATA\n"
            + lines(
                31,
                i ->
                    "XETUSD Curncy|0|5|202401%02d|%s|"
                        .formatted(
                            i + 1,
                            prices(i).substring(0, prices(i).lastIndexOf(',')).replace(',', '|')))
            + "END-OF-DATA\nEND-OF-FILE\n");
    files.put(
        "eth_blocks_hex.csv",
        "number,hash,parentHash,timestamp,miner,gasLimit,gasUsed,baseFeePerGas,size,difficulty,extraData,logsBloom,nonce,sha3Uncles,stateRoot,transactionsRoot,receiptsRoot\n"
            + lines(
                BLOCKS,
                i ->
                    "0x%x,%s,%s,0x%x,%s,0x1c9c380,0x%x,0x3b9aca00,0x220,0x0,%s"
                        .formatted(
                            i,
                            hash("block" + i),
                            hash("block" + (i - 1)),
                            JANUARY_2024 + 12L * i,
                            address("miner"),
                            21_000 * (i % 3),
                            rest(i))));
    files.put(
        "ethereum-etl/blocks.csv",
        "number,hash,parent_hash,timestamp,miner,gas_limit,gas_used,base_fee_per_gas,size,difficulty,extra_data,logs_bloom,nonce,sha3_uncles,state_root,transactions_root,receipts_root,transaction_count\n"
            + lines(
                BLOCKS,
                i ->
                    "%d,%s,%s,%d,%s,30000000,%d,1000000000,544,0,%s,%d"
                        .formatted(
                            i,
                            hash("block" + i),
                            hash("block" + (i - 1)),
                            JANUARY_2024 + 12L * i,
                            address("miner"),
                            21_000 * (i % 3),
                            rest(i),
                            i % 3)));
    files.put(
        "ethereum-etl/transactions.csv",
        "hash,nonce,block_hash,block_number,transaction_index,from_address,to_address,value,gas,gas_price,input,block_timestamp,transaction_type\n"
            + IntStream.range(0, BLOCKS)
                .boxed()
                .flatMap(
                    i ->
                        IntStream.range(0, i % 3)
                            .mapToObj(
                                j ->
                                    "%s,%d,%s,%d,%d,%s,%s,1000000000000000000,21000,2000000000,0x,%d,0\n"
                                        .formatted(
                                            hash("transaction" + i + "/" + j),
                                            i,
                                            hash("block" + i),
                                            i,
                                            j,
                                            address("from" + j),
                                            address("to" + i),
                                            JANUARY_2024 + 12L * i)))
                .collect(Collectors.joining()));
    return files;
  }

  /** extraData, logsBloom, nonce, sha3Uncles and the three roots. */
  private static String rest(int block) {
    return String.join(
        ",",
        "0x",
        "0x" + "00".repeat(256),
        "0x" + "00".repeat(8),
        hash("uncles"),
        hash("state" + block),
        hash("transactions" + block),
        hash("receipts" + block));
  }

  private static String lines(int count, IntFunction<String> line) {
    return IntStream.range(0, count).mapToObj(line).collect(Collectors.joining("\n", "", "\n"));
  }

  /** A candle that opens at a minute and is so many long. */
  private static String[] kline(int minute, int length) {
    long open = 1000 * (JANUARY_2024 + 60L * minute);
    double price = price(minute);
    return new String[] {
      Long.toString(open),
      text(price),
      text(price + 2),
      text(price - 1),
      text(price + 1),
      "12.5",
      Long.toString(open + 60_000L * length - 1),
      text(12.5 * (price + 0.5)),
      "40",
      "6.25",
      text(6.25 * (price + 0.5)),
      "0"
    };
  }

  /** A price that wanders, the same at each run. */
  private static double price(int i) {
    return Math.round(100 * (2300 + 200 * Math.sin(i / 50.0))) / 100.0;
  }

  private static String prices(int i) {
    double price = price(i);
    return "%s,%s,%s,%s,%d"
        .formatted(text(price), text(price + 2), text(price - 1), text(price + 1), 100 + i);
  }

  private static String damaged(int i, String prices) {
    return switch (i) {
      case 5 -> prices + ",one,too,many";
      case 7 -> prices.replaceFirst("[0-9.]+", "n/a?");
      case 11 -> "\"" + prices;
      case 19 -> prices.substring(0, 3);
      default -> prices;
    };
  }

  private static String text(double value) {
    return java.math.BigDecimal.valueOf(value)
        .setScale(2, java.math.RoundingMode.HALF_UP)
        .toPlainString();
  }

  private static String hash(String of) {
    try {
      return "0x"
          + HexFormat.of()
              .formatHex(
                  MessageDigest.getInstance("SHA-256").digest(of.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static String address(String of) {
    return hash(of).substring(0, 42);
  }
}
