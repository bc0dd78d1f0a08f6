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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.specific.SpecificRecord;

/**
 * Tables are a function of the set of raw records: not of their order, nor of duplicates, restarts,
 * replays and how many tasks share the work.
 */
class OrderPropertyTest {
  private static final String CANDLES_HEAD = "unix,open,high,low,close,volume\n";
  private static final String TRANSACTIONS_HEAD =
      "hash,nonce,block_hash,block_number,transaction_index,from_address,to_address,value,gas,gas_price,input,block_timestamp\n";
  private static final String RECEIPTS_HEAD =
      "transaction_hash,transaction_index,block_number,cumulative_gas_used,gas_used,status\n";
  private static final String BLOCKS_HEAD =
      "number,hash,parent_hash,sha3_uncles,logs_bloom,transactions_root,state_root,receipts_root,miner,difficulty,extra_data,gas_limit,gas_used,timestamp\n";
  private static final Map<String, String> MAINNET = Map.of("chain_id", "1");

  /** Few heights, minutes, forks and times, so that many records compete for one row. */
  @Provide
  Arbitrary<SpecificRecord> records() {
    return Arbitraries.oneOf(blocks(), candles(), files());
  }

  private static Arbitrary<RawBlock> blocks() {
    return Combinators.combine(
            Arbitraries.longs().between(1, 3),
            Arbitraries.integers().between(0, 3),
            Arbitraries.integers().between(0, 4),
            Arbitraries.integers().between(0, 2),
            Arbitraries.longs().between(1, 4))
        .as(Blocks::block);
  }

  private static Arbitrary<RawCandle> candles() {
    return Combinators.combine(
            Arbitraries.of("ETHUSDT", "ETHUSDC"),
            Arbitraries.longs().between(14, 16),
            Arbitraries.integers().between(1, 3),
            Arbitraries.longs().between(1, 3))
        .as(
            (symbol, minute, close, fetchedAt) ->
                Candles.candle("binance", symbol, minute * 60, "" + close, fetchedAt));
  }

  private static Arbitrary<RawCsvRows> files() {
    return Combinators.combine(
            Arbitraries.integers().between(0, 3),
            Arbitraries.integers().between(1, 3),
            Arbitraries.integers().between(0, 5),
            Arbitraries.integers().between(1, 3),
            Arbitraries.integers().between(1, 3))
        .as(OrderPropertyTest::file);
  }

  /** A chunk of two rows, of which the second may be damaged. */
  private static RawCsvRows file(int kind, int height, int position, int seed, int fetchedAt) {
    String second = seed == 3 ? "damaged\n" : "";
    // Chunks of one file are of one height: they compete where their rows do. Files of two names
    // say
    // the same.
    String name = "file-" + seed + "-" + height + "-" + position % 2 + ".csv";
    return switch (kind) {
      case 0 ->
          Chunks.chunk(
              "ohlcv",
              name,
              CANDLES_HEAD,
              2,
              "1970-01-01 00:%d:00,1,9,0.5,%d,1\n".formatted(13 + height, seed) + second,
              Map.of("venue", "binance", "symbol", "ETHUSDC", "interval", "1m"),
              fetchedAt);
      case 1 ->
          Chunks.chunk(
              "ethereum-etl-transactions",
              name,
              TRANSACTIONS_HEAD,
              2,
              "%s,1,%s,%d,%d,%s,,1,21000,7,0x,%d\n"
                      .formatted(
                          Blocks.word(seed),
                          Blocks.word(height),
                          height,
                          position,
                          Blocks.address(1),
                          1000 + height)
                  + second,
              Map.of("chain_id", "1", "type", "0"),
              fetchedAt);
      case 2 ->
          Chunks.chunk(
              "ethereum-etl-receipts",
              name,
              RECEIPTS_HEAD,
              2,
              "%s,%d,%d,21000,21000,1\n".formatted(Blocks.word(seed), position, height) + second,
              MAINNET,
              fetchedAt);
      default ->
          Chunks.chunk(
              "ethereum-etl-blocks",
              name,
              BLOCKS_HEAD,
              2,
              "%d,%s,%s,%s,0x%s,%s,%s,%s,%s,0,0x,100,%d,%d\n"
                      .formatted(
                          height,
                          Blocks.word(seed),
                          Blocks.word(1),
                          Blocks.word(2),
                          "00".repeat(256),
                          Blocks.word(3),
                          Blocks.word(4),
                          Blocks.word(5),
                          Blocks.address(6),
                          seed,
                          1000 + height)
                  + second,
              MAINNET,
              fetchedAt);
    };
  }

  @Property(tries = 30)
  void shouldEndInTheSameTablesWhateverTheOrderHoweverOftenAndWithWhateverBreaks(
      @ForAll @Size(min = 1, max = 14) List<@From("records") SpecificRecord> set,
      @ForAll Random random)
      throws IOException {
    List<SpecificRecord> shuffled = new ArrayList<>(set);
    shuffled.addAll(set.subList(0, random.nextInt(set.size() + 1)));
    Collections.shuffle(shuffled, random);

    assertThat(tablesOf(shuffled, random)).isEqualTo(tablesOf(set, null));
  }

  @Property(tries = 20)
  void shouldEndInTheSameTablesHoweverManyTasksShareTheWork(
      @ForAll @Size(min = 1, max = 14) List<@From("records") SpecificRecord> set,
      @ForAll Random random,
      @ForAll @IntRange(min = 2, max = 3) int tasks)
      throws IOException {
    Set<String> shared = new TreeSet<>();
    for (int task = 0; task < tasks; task++) {
      int number = task;
      List<SpecificRecord> part =
          new ArrayList<>(set.stream().filter(r -> isFor(r, number, tasks)).toList());
      Collections.shuffle(part, random);
      shared.addAll(tablesOf(part, null));
    }

    assertThat(shared).isEqualTo(tablesOf(set, null));
  }

  /** Layouts under their own names that make other rows, other tables, or none. */
  private static final Map<String, String> CHANGED =
      Map.of(
          "ohlcv",
          """
          about: The close is the low, and a volume other than 1 is refused
          target: market.candles
          expect: {volume: "1"}
          columns:
            - {name: unix, field: open_time, time: "yyyy-MM-dd HH:mm:ss"}
            - {name: low, field: close}
          """,
          "ethereum-etl-transactions",
          """
          about: Receipts of what were transactions
          target: receipts
          values: {gas_used: "5"}
          columns:
            - {name: hash, field: transaction_hash}
            - {name: transaction_index, field: transaction_index}
            - {name: block_number, field: block_number}
          """,
          "ethereum-etl-receipts",
          """
          about: Nothing can be made of it
          target: receipts
          columns:
            - {name: no_such_column, field: transaction_hash}
          """);

  @Property(tries = 12)
  void shouldEndInTheTablesOfTheLayoutsThatReplayedLast(
      @ForAll @Size(min = 1, max = 14) List<@From("records") SpecificRecord> set,
      @ForAll Random random)
      throws IOException {
    Path changed = Files.createTempDirectory("layouts");
    for (Map.Entry<String, String> layout : CHANGED.entrySet()) {
      Files.writeString(changed.resolve(layout.getKey() + ".yaml"), layout.getValue());
    }
    List<SpecificRecord> shuffled = new ArrayList<>(set);
    Collections.shuffle(shuffled, random);
    TopologyHarness topology = TopologyHarness.temporary(PriceRules.defaults());
    try {
      topology =
          topology.restarted(
              Files.createTempDirectory("topology"), PriceRules.defaults(), Layouts.with(changed));
      shuffled.forEach(topology::pipe);
      topology =
          topology.restarted(
              Files.createTempDirectory("topology"), PriceRules.defaults(), Layouts.defaults());
      topology.replay(Topics.RAW_CSV_ROWS);

      assertThat(tablesOf(topology, Topics.OPS_DEAD_LETTERS))
          .isEqualTo(tablesOf(set, null, Topics.OPS_DEAD_LETTERS));
    } finally {
      topology.close();
    }
  }

  /** Blocks and what files say of them by height; candles to all, as the prices among them go. */
  private static boolean isFor(SpecificRecord record, int task, int tasks) {
    return switch (record) {
      case RawBlock block -> block.getNumber() % tasks == task;
      case RawCsvRows rows when !rows.getDataset().equals("ohlcv") -> {
        String text = StandardCharsets.UTF_8.decode(rows.getRows().duplicate()).toString();
        String[] cells = text.lines().findFirst().orElseThrow().split(",", -1);
        List<String> head =
            List.of(
                StandardCharsets.UTF_8
                    .decode(rows.getHead().duplicate())
                    .toString()
                    .strip()
                    .split(","));
        int column = head.contains("block_number") ? head.indexOf("block_number") : 0;
        yield Long.parseLong(cells[column]) % tasks == task;
      }
      default -> true;
    };
  }

  private static Set<String> tablesOf(List<SpecificRecord> records, Random random)
      throws IOException {
    return tablesOf(records, random, null);
  }

  /**
   * Rows of all tables.
   *
   * @param but a table that is left out, null for none
   */
  private static Set<String> tablesOf(List<SpecificRecord> records, Random random, Topic but)
      throws IOException {
    int restartAt = random == null ? -1 : random.nextInt(records.size());
    int replayAt = random == null ? -1 : random.nextInt(records.size());
    TopologyHarness topology = TopologyHarness.temporary(PriceRules.defaults());
    try {
      for (int i = 0; i < records.size(); i++) {
        topology.pipe(records.get(i));
        if (random != null && random.nextInt(4) == 0) {
          topology.awaitPeriod();
        }
        if (i == restartAt) {
          topology =
              topology.restarted(
                  Files.createTempDirectory("topology"), PriceRules.defaults(), Layouts.defaults());
        }
        if (i == replayAt) {
          for (Topic raw : Topics.REPLAYS.keySet()) {
            topology.replay(raw);
          }
        }
      }
      return tablesOf(topology, but);
    } finally {
      topology.close();
    }
  }

  /** Offsets of dead letters are those of the order, so places are taken. */
  private static Set<String> tablesOf(TopologyHarness topology, Topic but) {
    Set<String> tables = new TreeSet<>();
    for (Topic topic : Topics.all()) {
      if (topic.equals(but)) {
        continue;
      }
      for (GenericRecord row : topology.rows(topic)) {
        tables.add(
            topic.name()
                + " "
                + (topic.equals(Topics.OPS_DEAD_LETTERS)
                    ? row.get("file") + ":" + row.get("line") + ":" + row.get("source")
                    : row));
      }
    }
    return tables;
  }
}
