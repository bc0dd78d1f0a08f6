package io.cryptoetl.extractor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.extractor.ExtractorSettings.InvalidException;
import io.cryptoetl.extractor.ExtractorSettings.Start;
import io.cryptoetl.extractor.evm.EvmSource.Receipts;
import io.cryptoetl.extractor.evm.Finality;
import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ExtractorSettingsTest {
  private final Map<String, String> properties =
      new HashMap<>(
          Map.of(
              "extractor.kafka-bootstrap-servers", "localhost:9092",
              "extractor.schema-registry-url", "http://localhost:8081",
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

    ExtractorSettings.ChainSource source = settings.sources().get("eth");
    assertThat(source.start()).isEqualTo(new Start.Head());
    assertThat(source.every()).isEqualTo(Duration.ofSeconds(10));
    assertThat(source.rangeSize()).isEqualTo(50);
    assertThat(source.evm().finality()).isEqualTo(new Finality.Finalized());
    assertThat(source.evm().receipts()).isEqualTo(Receipts.REQUIRED);
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

    ExtractorSettings settings = settings();

    assertThat(settings.workers()).isEqualTo(3);
    assertThat(settings.requestTimeout()).isEqualTo(Duration.ofSeconds(7));
    ExtractorSettings.ChainSource source = settings.sources().get("eth");
    assertThat(source.start()).isEqualTo(new Start.Height(17));
    assertThat(source.evm().finality()).isEqualTo(new Finality.Confirmations(12));
    assertThat(source.evm().receipts()).isEqualTo(Receipts.NONE);
    assertThat(source.every()).isEqualTo(Duration.ofMinutes(1));
    assertThat(source.rangeSize()).isEqualTo(9);
  }

  @Test
  void shouldLeaveOutASourceWithoutUrl() {
    properties.put("extractor.sources.eth.endpoints.node.url", "");

    assertThat(settings().sources()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({
    "extractor.workers, 0, 1 to 64",
    "extractor.batch-calls, 1, 2 to 1000",
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
  })
  void shouldNameTheKeyTheValueAndWhatIsAllowed(String key, String value, String allowed) {
    properties.put(key, value);

    assertThatThrownBy(this::settings)
        .isInstanceOf(InvalidException.class)
        .hasMessageContaining(key)
        .hasMessageContaining(allowed);
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
    assertThat(docs).contains("`extractor.sources.NAME.endpoints.ENDPOINT.url`");
  }

  private static String kebab(String name) {
    return name.replaceAll("([A-Z])", "-$1").toLowerCase(java.util.Locale.ROOT);
  }
}
