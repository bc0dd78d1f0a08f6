package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.From;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Prices as of the block, beside a brute force that looks at everything for each block. */
class PriceJoinTest {
  private static final PriceRules RULES =
      PriceRules.of(Path.of("src/test/resources/prices-test.yaml"));
  private static final long STALENESS = 300;
  private static final long RENAMED = 1500;

  /** Blocks are at second 1000 + number. */
  private static RawBlock block(long number, int fork) {
    return Blocks.block(number, fork, 1 + fork, 1, 100 + fork);
  }

  @TempDir Path state;

  private static BigDecimal decimal(GenericRecord row, String field, int scale) {
    ByteBuffer unscaled = (ByteBuffer) row.get(field);
    return unscaled == null ? null : new BigDecimal(new BigInteger(unscaled.array()), scale);
  }

  @Test
  void shouldTellWhatABlockCostInWeiAndInUsd() {
    try (TopologyHarness topology = new TopologyHarness(state, RULES)) {
      topology.pipe(block(90, 1));
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1020, "3000.5", 1));

      GenericRecord row = topology.rows(Topics.BUSINESS_BLOCK_ECONOMICS).getFirst();
      // Two legacy transactions of 21,000 gas at 1 gwei, each moving a coin.
      assertThat(decimal(row, "fees_paid", 0)).isEqualByComparingTo("42000000000000");
      assertThat(decimal(row, "burned", 0)).isEqualByComparingTo("0");
      assertThat(decimal(row, "priority_fees", 0)).isEqualByComparingTo("42000000000000");
      assertThat(decimal(row, "value_moved", 0)).isEqualByComparingTo("2000000000000000000");
      assertThat(decimal(row, "gas_price_p50", 0)).isEqualByComparingTo("1000000000");
      assertThat(row.get("succeeded_count")).isEqualTo(2);
      assertThat(row.get("legacy_count")).isEqualTo(2);
      assertThat(decimal(row, "price", 18)).isEqualByComparingTo("3000.5");
      assertThat(decimal(row, "value_moved_usd", 18)).isEqualByComparingTo("6001");
      assertThat(decimal(row, "fees_paid_usd", 18)).isEqualByComparingTo("0.126021");
      assertThat(row.get("price_symbol")).hasToString("OLDUSDT");
      assertThat(row.get("price_closed_at")).isEqualTo(1_080_000L);
      assertThat(row.get("usd_assumption")).hasToString("1 USDT = 1 USD");
      assertThat(row.get("price_missing")).isNull();
    }
  }

  @Test
  void shouldUpdateTheBlocksWhosePriceChangesAndNoOthers() {
    try (TopologyHarness topology = new TopologyHarness(state, RULES)) {
      for (long number = 0; number < 500; number += 10) {
        topology.pipe(block(number, 0));
      }
      RawCandle early = Candles.candle("binance", "OLDUSDT", 1020, "10", 1);
      topology.pipe(early);
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1200, "20", 1));
      topology.written(Topics.BUSINESS_BLOCK_ECONOMICS);

      // Closes at 1140: seconds 1140 to 1259 are its own now.
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1080, "15", 1));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isEqualTo(12);
      // The same once more, and a correction that does not touch the close.
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1080, "15", 1));
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1080, "15.0", 2));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isZero();
      // Another market is asked only where the preferred one has nothing: 1000 to 1079.
      topology.pipe(Candles.candle("gemini", "OLD-USD", "1m", 900, 960, "11", 1));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isEqualTo(8);
      // Gone: 1080 to 1139 fall back to the other market.
      topology.pipe(
          Topics.RAW_MARKET_CANDLES, TopologyHarness.encode(TopologyHarness.keyOf(early)), null, 2);
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isEqualTo(6);
      // A market that prices nothing.
      topology.pipe(Candles.candle("binance", "DOGEUSDT", 1080, "15", 1));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isZero();
    }
  }

  @Test
  void shouldFindABlockWhereItIsNowAfterAnotherOneOfAnotherTimeReplacedIt() {
    try (TopologyHarness topology = new TopologyHarness(state, RULES)) {
      topology.pipe(block(90, 0));
      RawBlock later = block(90, 1);
      String json = StandardCharsets.UTF_8.decode(later.getBlockJson()).toString();
      later.setBlockJson(
          TopologyHarness.bytes(
              json.replace("\"timestamp\":\"0x442\"", "\"timestamp\":\"0x500\"")));
      topology.pipe(later);
      topology.written(Topics.BUSINESS_BLOCK_ECONOMICS);

      topology.pipe(Candles.candle("gemini", "OLD-USD", 1020, "10", 1));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isEqualTo(1);
      topology.pipe(Candles.candle("binance", "OLDUSDT", 900, "20", 1));
      assertThat(topology.written(Topics.BUSINESS_BLOCK_ECONOMICS)).isZero();
      topology.pipe(Candles.candle("binance", "OLDUSDT", 1200, "30", 1));
      assertThat(topology.rows(Topics.BUSINESS_BLOCK_ECONOMICS))
          .singleElement()
          .satisfies(
              row -> {
                assertThat(row.get("timestamp")).isEqualTo(1_280_000L);
                assertThat(decimal(row, "price", 18)).isEqualByComparingTo("30");
              });
    }
  }

  @Provide
  Arbitrary<SpecificRecord> records() {
    Arbitrary<SpecificRecord> blocks =
        Combinators.combine(
                Arbitraries.longs().between(0, 14).map(n -> n * 61),
                Arbitraries.integers().between(0, 2))
            .as(PriceJoinTest::block);
    Arbitrary<SpecificRecord> minutes =
        Combinators.combine(
                Arbitraries.of("binance/OLDUSDT", "binance/NEWUSDT", "gemini/OLD-USD"),
                Arbitraries.longs().between(10, 30),
                Arbitraries.integers().between(1, 5),
                Arbitraries.longs().between(1, 3))
            .as(
                (market, minute, close, fetchedAt) ->
                    Candles.candle(
                        market.split("/")[0],
                        market.split("/")[1],
                        minute * 60,
                        close.toString(),
                        fetchedAt));
    Arbitrary<SpecificRecord> threeMinutes =
        Combinators.combine(Arbitraries.longs().between(4, 9), Arbitraries.integers().between(6, 9))
            .as(
                (number, close) ->
                    Candles.candle(
                        "binance",
                        "OLDUSDT",
                        "3m",
                        number * 180,
                        number * 180 + 180,
                        close.toString(),
                        1));
    return Arbitraries.frequencyOf(
        net.jqwik.api.Tuple.of(4, blocks),
        net.jqwik.api.Tuple.of(5, minutes),
        net.jqwik.api.Tuple.of(1, threeMinutes));
  }

  /** A candle that a venue took back, told by a record without value. */
  private record Withdrawn(RawCandle candle, long at) {}

  @Property(tries = 15)
  void shouldPriceBlocksLikeABruteForceWhateverTheOrder(
      @ForAll @Size(min = 1, max = 40) List<@From("records") SpecificRecord> set,
      @ForAll Random random)
      throws IOException {
    List<Object> input = new ArrayList<>(set);
    for (SpecificRecord each : set) {
      if (each instanceof RawCandle candle && random.nextInt(6) == 0) {
        input.add(new Withdrawn(candle, 1 + random.nextInt(3)));
      }
    }
    List<Object> shuffled = new ArrayList<>(input);
    shuffled.addAll(input.subList(0, random.nextInt(input.size() + 1)));
    Collections.shuffle(shuffled, random);
    try (TopologyHarness inOrder = TopologyHarness.temporary(RULES);
        TopologyHarness anyOrder = TopologyHarness.temporary(RULES)) {
      input.forEach(record -> pipe(inOrder, record));
      shuffled.forEach(record -> pipe(anyOrder, record));

      assertThat(anyOrder.everything()).isEqualTo(inOrder.everything());
      List<GenericRecord> candles = inOrder.rows(Topics.MARKET_CANDLES);
      assertThat(inOrder.rows(Topics.BUSINESS_BLOCK_ECONOMICS))
          .hasSameSizeAs(inOrder.rows(Topics.CHAIN_BLOCKS))
          .allSatisfy(
              row ->
                  assertThat(decimal(row, "price", 18))
                      .isEqualTo(expected((Long) row.get("timestamp") / 1000, candles)));
    }
  }

  private static void pipe(TopologyHarness topology, Object record) {
    if (record instanceof Withdrawn withdrawn) {
      topology.pipe(
          Topics.RAW_MARKET_CANDLES,
          TopologyHarness.encode(TopologyHarness.keyOf(withdrawn.candle())),
          null,
          withdrawn.at());
    } else {
      topology.pipe((SpecificRecord) record);
    }
  }

  private static BigDecimal expected(long second, List<GenericRecord> candles) {
    for (String market :
        List.of(second < RENAMED ? "binance/OLDUSDT" : "binance/NEWUSDT", "gemini/OLD-USD")) {
      Optional<GenericRecord> last =
          candles.stream()
              .filter(c -> (c.get("venue") + "/" + c.get("symbol")).equals(market))
              .filter(c -> closed(c) <= second && second - closed(c) <= STALENESS)
              .max(
                  Comparator.<GenericRecord>comparingLong(PriceJoinTest::closed)
                      .thenComparing(c -> (Long) c.get("open_time")));
      if (last.isPresent()) {
        return decimal(last.get(), "close", 18);
      }
    }
    return null;
  }

  private static long closed(GenericRecord candle) {
    return ((Long) candle.get("close_time") + 1) / 1000;
  }
}
