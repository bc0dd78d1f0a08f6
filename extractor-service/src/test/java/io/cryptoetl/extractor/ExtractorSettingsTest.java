package io.cryptoetl.extractor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.extractor.ExtractorSettings.InvalidException;
import io.cryptoetl.extractor.ExtractorSettings.Kind;
import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.evm.EvmSource.Receipts;
import io.cryptoetl.extractor.evm.Finality;
import io.cryptoetl.extractor.market.BinanceKlines;
import io.cryptoetl.extractor.planning.Start;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExtractorSettingsTest {
  private final Map<String, String> properties =
      new HashMap<>(
          Map.of(
              "extractor.instance", "one",
              "extractor.sources.eth.chain-id", "1",
              "extractor.sources.eth.endpoints.node.url", "https://node.example/s3cret"));

  private ExtractorSettings settings() {
    return ExtractorSettings.from(
        new SmallRyeConfigBuilder()
            .withMapping(ExtractorConfig.class)
            .withConverter(Duration.class, 200, new DurationConverter())
            .withDefaultValues(properties)
            .build()
            .getConfigMapping(ExtractorConfig.class));
  }

  @Test
  void shouldHaveDefaults() {
    ExtractorSettings settings = settings();

    ExtractorSettings.SourceSettings source = settings.sources().get("eth");
    EvmSource.Settings evm = ((Kind.Evm) source.kind()).settings();
    assertThat(source.start()).isEqualTo(new Start.Head());
    assertThat(source.cron()).isEmpty();
    assertThat(source.endpoints().getFirst().rate()).isInfinite();
    assertThat(evm.profile()).isEqualTo(ChainProfile.ETHEREUM);
    assertThat(evm.verify()).isTrue();
    assertThat(evm.reorgWindow()).isEqualTo(128);
    assertThat(source.every()).isEqualTo(Duration.ofSeconds(10));
    assertThat(source.rangeSize()).isEqualTo(50);
    assertThat(evm.finality()).isEqualTo(new Finality.Finalized());
    assertThat(evm.receipts()).isEqualTo(Receipts.REQUIRED);
    assertThat(settings.tries()).isEqualTo(5);
  }

  @Test
  void shouldMapEverySetting() {
    properties.put("extractor.workers", "3");
    properties.put("extractor.request-timeout", "7s");
    properties.put("extractor.sources.eth.start", "17");
    properties.put("extractor.sources.eth.finality", "12");
    properties.put("extractor.sources.eth.receipts", "none");
    properties.put("extractor.sources.eth.every", "1m");
    properties.put("extractor.sources.eth.range-size", "9");
    properties.put("extractor.sources.eth.cron", "0 */5 * * * ?");
    properties.put("extractor.sources.eth.profile", "generic-evm");
    properties.put("extractor.sources.eth.verify", "false");
    properties.put("extractor.sources.eth.reorg-window", "9");
    properties.put("extractor.sources.eth.endpoints.node.rate", "12.5");

    ExtractorSettings settings = settings();

    assertThat(settings.workers()).isEqualTo(3);
    assertThat(settings.requestTimeout()).isEqualTo(Duration.ofSeconds(7));
    ExtractorSettings.SourceSettings source = settings.sources().get("eth");
    EvmSource.Settings evm = ((Kind.Evm) source.kind()).settings();
    assertThat(source.start()).isEqualTo(new Start.Height(17));
    assertThat(source.cron()).contains("0 */5 * * * ?");
    assertThat(source.endpoints().getFirst().rate()).isEqualTo(12.5);
    assertThat(evm.profile()).isEqualTo(ChainProfile.GENERIC_EVM);
    assertThat(evm.verify()).isFalse();
    assertThat(evm.reorgWindow()).isEqualTo(9);
    assertThat(evm.finality()).isEqualTo(new Finality.Confirmations(12));
    assertThat(evm.receipts()).isEqualTo(Receipts.NONE);
    assertThat(source.every()).isEqualTo(Duration.ofMinutes(1));
    assertThat(source.rangeSize()).isEqualTo(9);
  }

  @Test
  void shouldMapMarketSources() {
    properties.put("extractor.sources.spot.type", "binance-klines");
    properties.put("extractor.sources.spot.symbols", "ETHUSDT,BTCUSDT");
    properties.put("extractor.sources.spot.intervals", "1m,1h");
    properties.put("extractor.sources.spot.start", "2024-01-01");
    properties.put("extractor.sources.spot.endpoints.mirror.url", "http://localhost:1");
    properties.put("extractor.sources.info.type", "binance-exchange-info");
    properties.put("extractor.sources.info.endpoints.mirror.url", "http://localhost:1");

    ExtractorSettings settings = settings();

    ExtractorSettings.SourceSettings spot = settings.sources().get("spot");
    assertThat(spot.start()).isEqualTo(new Start.Time(Instant.parse("2024-01-01T00:00:00Z")));
    assertThat(spot.rangeSize()).isEqualTo(1000);
    assertThat(spot.every()).isEqualTo(Duration.ofMinutes(1));
    BinanceKlines.Settings klines = ((Kind.Klines) spot.kind()).settings();
    assertThat(klines.symbols()).containsExactly("ETHUSDT", "BTCUSDT");
    assertThat(klines.intervals()).containsExactly("1m", "1h");
    assertThat(settings.sources().get("info").every()).isEqualTo(Duration.ofDays(1));
  }

  @Test
  void shouldLeaveOutASourceWithoutUrl() {
    properties.put("extractor.sources.eth.endpoints.node.url", "");

    assertThat(settings().sources()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "extractor.workers, 0, 1 to 64",
    "extractor.batch-calls, 0, 1 to 1000",
    "extractor.batch-bytes, 10, 1024",
    "extractor.max-reply-bytes, 10, 1024",
    "extractor.concurrency, 65, 1 to 64",
    "extractor.tries, 0, 1 to 100",
    "extractor.ranges-per-tick, 0, 1 to 10000",
    "extractor.request-timeout, 0s, a duration above 0",
    "extractor.retry-delay, 0s, a duration above 0",
    "extractor.sources.eth.chain-id, 0, 1 to",
    "extractor.sources.eth.range-size, 0, 1 to 10000",
    "extractor.sources.eth.every, 0s, a duration above 0",
    "extractor.sources.eth.finality, sometimes, 'finalized, safe'",
    "extractor.sources.eth.receipts, maybe, 'required, optional or none'",
    "extractor.sources.eth.start, yesterday, 'a height, head or none'",
    "extractor.sources.eth.type, ftp, 'evm, binance-klines or binance-exchange-info'",
    "extractor.sources.eth.profile, besu, 'ethereum, polygon, bsc'",
    "extractor.sources.eth.may-fail, hash, 'header_hash'",
    "extractor.sources.eth.quorum, 7, 1 to 1",
    "extractor.sources.eth.market, margin, spot or usdm",
    "extractor.sources.eth.reorg-window, 0, 1 to 4096",
    "extractor.sources.eth.weight-limit, 1, 100 to 1000000",
    "extractor.sources.eth.cron, now and then, a Quartz cron expression",
    "extractor.sources.eth.endpoints.node.rate, 0, a number above 0",
  })
  void shouldNameTheKeyTheValueAndWhatIsAllowed(String key, String value, String allowed) {
    properties.put(key, value);

    assertThatThrownBy(this::settings)
        .isInstanceOf(InvalidException.class)
        .hasMessageContaining(key)
        .hasMessageContaining(allowed);
  }

  @ParameterizedTest
  @CsvSource({
    "symbols, ethusdt, names in capitals",
    "intervals, 1y, '1s, 1m, 3m'",
    "start, soon, a date or time",
  })
  void shouldNameWhatIsWrongWithAMarketSource(String key, String value, String allowed) {
    properties.put("extractor.sources.spot.type", "binance-klines");
    properties.put("extractor.sources.spot.symbols", "ETHUSDT");
    properties.put("extractor.sources.spot.endpoints.mirror.url", "http://localhost:1");
    properties.put("extractor.sources.spot." + key, value);

    assertThatThrownBy(this::settings)
        .isInstanceOf(InvalidException.class)
        .hasMessageContaining("extractor.sources.spot." + key)
        .hasMessageContaining(allowed);
  }

  @Test
  void shouldAskForTheChainIdOfAChain() {
    properties.remove("extractor.sources.eth.chain-id");

    assertThatThrownBy(this::settings).hasMessageContaining("extractor.sources.eth.chain-id");
  }

  @Test
  void shouldNotShowAUrlThatIsWrong() {
    properties.put("extractor.sources.eth.endpoints.node.url", "ftp://user:s3cret@node");

    assertThatThrownBy(this::settings)
        .hasMessageContaining("extractor.sources.eth.endpoints.node.url")
        .hasMessageNotContaining("s3cret");
  }

  @Test
  void shouldTellAllProblemsAtOnce() {
    properties.put("extractor.workers", "0");
    properties.put("extractor.tries", "0");

    assertThatThrownBy(this::settings)
        .hasMessageContaining("extractor.workers")
        .hasMessageContaining("extractor.tries");
  }

  @Test
  void shouldListEveryKeyInTheDocumentation() throws IOException {
    String docs = Files.readString(Path.of("../docs/configuration.md"));

    for (Method method : ExtractorConfig.class.getMethods()) {
      if (!method.getName().equals("sources")) {
        assertThat(docs).contains("`extractor." + kebab(method.getName()) + "`");
      }
    }
    for (Method method : ExtractorConfig.SourceConfig.class.getMethods()) {
      if (!method.getName().equals("endpoints")) {
        assertThat(docs).contains("`extractor.sources.NAME." + kebab(method.getName()) + "`");
      }
    }
    for (Method method : ExtractorConfig.EndpointConfig.class.getMethods()) {
      assertThat(docs)
          .contains("`extractor.sources.NAME.endpoints.ENDPOINT." + kebab(method.getName()) + "`");
    }
  }

  private static String kebab(String name) {
    return name.replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
  }
}
