package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.TopicSettings;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StreamsSettingsTest {
  private final Map<String, String> environment =
      new HashMap<>(Map.of("KAFKA_BOOTSTRAP_SERVERS", "one:9092"));

  private Map<String, Object> settings() {
    return StreamsSettings.of(
        ClientSettings.from(environment), TopicSettings.from(environment), null);
  }

  @ParameterizedTest
  @CsvSource({
    "KAFKA_LINGER_MS, linger.ms",
    "KAFKA_PRODUCER_LINGER_MS, producer.linger.ms",
    "KAFKA_COMPRESSION_TYPE, compression.type",
    "KAFKA_CONSUMER_SESSION_TIMEOUT_MS, consumer.session.timeout.ms"
  })
  void shouldPutUsersValuesBeforeItsOwn(String variable, String property) {
    environment.put(variable, "7");

    Map<String, Object> settings = settings();

    assertThat(settings).containsEntry(property, "7");
    if (!property.startsWith("producer.")) {
      assertThat(settings).doesNotContainKey("producer." + property);
    }
  }

  @Test
  void shouldHaveDefaults() {
    assertThat(settings())
        .containsEntry("producer.linger.ms", 50)
        .containsEntry("producer.compression.type", "zstd")
        .containsEntry("replication.factor", -1)
        .doesNotContainKey("topic.min.insync.replicas");
  }

  @Test
  void shouldMakeChangelogsAsItsTopics() {
    environment.put("TOPIC_REPLICATION_FACTOR", "3");
    environment.put("TOPIC_MIN_INSYNC_REPLICAS", "2");
    environment.put("TOPIC_INTERNAL_MAX_MESSAGE_BYTES", "8388608");

    assertThat(settings())
        .containsEntry("replication.factor", 3)
        .containsEntry("topic.min.insync.replicas", "2")
        .containsEntry("topic.max.message.bytes", 8_388_608);
  }

  @Test
  void shouldNotPretendToForgoTheCheckOfNames() {
    environment.put("KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM", "none");

    assertThatIllegalArgumentException()
        .isThrownBy(this::settings)
        .withMessageContaining("KAFKA_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM is 'none'");
  }
}
