package io.cryptoetl.transformer.prices;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.transformer.prices.PriceRules.Pair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PriceRulesTest {
  private static final String VALID =
      """
      staleness: PT2H
      quotes: {USD: USD, USDT: 1 USDT = 1 USD, BTC: }
      chains: {1: [{asset: ETH}]}
      assets: {ETH: [binance/ETHUSDT]}
      """;

  @TempDir Path folder;

  private PriceRules rules(String yaml) throws IOException {
    return PriceRules.of(Files.writeString(folder.resolve("mine.yaml"), yaml));
  }

  @Test
  void shouldTellTheAssetOfAChainAtATime() {
    PriceRules rules = PriceRules.defaults();

    assertThat(rules.asset(1, Instant.EPOCH)).contains("ETH");
    assertThat(rules.asset(137, Instant.parse("2024-09-03T23:59:59Z"))).contains("MATIC");
    assertThat(rules.asset(137, Instant.parse("2024-09-04T00:00:00Z"))).contains("POL");
    assertThat(rules.asset(4711, Instant.EPOCH)).isEmpty();
    assertThat(rules.markets("ETH").getFirst().assumption()).contains("1 USDT = 1 USD");
  }

  @Test
  void shouldTellTheSidesOfAMarketFromItsSymbol() {
    PriceRules rules = PriceRules.defaults();

    assertThat(rules.pair("ETHUSDT")).contains(new Pair("ETH", "USDT"));
    assertThat(rules.pair("ETH-USD")).contains(new Pair("ETH", "USD"));
    assertThat(rules.pair("ETH/BTC")).contains(new Pair("ETH", "BTC"));
    assertThat(rules.pair("BTC-PERP")).isEmpty();
    assertThat(rules.pair("ETHUSDT_240628")).isEmpty();
    assertThat(rules.pair("USD")).isEmpty();
  }

  @Test
  void shouldRefuseWhatCannotBeMeantAndSayWhereItStands() throws IOException {
    assertThat(rules(VALID).staleness()).hasHours(2);

    for (String[] wrong :
        new String[][] {
          {VALID.replace("PT2H", "soon"), "staleness is soon"},
          {VALID.replace("PT2H", "PT0S"), "staleness is PT0S"},
          {VALID.replace("asset: ETH", "asset: ABC"), "chains.1 is ABC"},
          {VALID.replace("[{asset: ETH}]", ""), "chains.1 is null"},
          {VALID.replace("[binance/ETHUSDT]", ""), "assets.ETH is null"},
          {VALID.replace("binance/ETHUSDT", "ETHUSDT"), "assets.ETH is ETHUSDT"},
          {VALID.replace("ETHUSDT", "ETHBTC"), "a quote that counts as USD"},
          {VALID.replace("ETHUSDT", "ETHXYZ"), "ends in one of quotes"},
          {VALID.replace("[{asset: ETH}]", "[{asset: ETH}, {asset: ETH}]"), "at one time"},
          {VALID.replace("staleness", "stalenes"), "Unrecognized field \"stalenes\""},
          {"staleness: PT2H", "are all needed"},
        }) {
      assertThatThrownBy(() -> rules(wrong[0]))
          .as(wrong[0])
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("mine.yaml")
          .hasMessageContaining(wrong[1]);
    }
  }
}
