package io.cryptoetl.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TopicSettingsTest {
  @Test
  void shouldLeaveTopicsAsTheCatalogueHasThem() {
    for (Topic topic : Topics.all()) {
      assertThat(TopicSettings.defaults().config(topic)).isEqualTo(topic.config());
      assertThat(TopicSettings.defaults().replicationFactor(topic)).isEqualTo((short) -1);
      assertThat(TopicSettings.defaults().partitions(topic)).isEmpty();
    }
  }

  @Test
  void shouldSetTopicsByClass() {
    TopicSettings settings =
        TopicSettings.from(
            Map.of(
                "TOPIC_REPLICATION_FACTOR", "3",
                "TOPIC_MIN_INSYNC_REPLICAS", "2",
                "TOPIC_PARTITIONS", "12",
                "TOPIC_RAW_PARTITIONS", "24",
                "TOPIC_OPS_REPLICATION_FACTOR", "2",
                "TOPIC_RAW_RETENTION", "365d",
                "TOPIC_ROWS_RETENTION", "12h",
                "TOPIC_TOMBSTONE_RETENTION", "90d",
                "TOPIC_MAX_MESSAGE_BYTES", "8388608",
                "TOPIC_OPS_MAX_MESSAGE_BYTES", "20000000"));

    assertThat(settings.replicationFactor(Topics.RAW_EVM_BLOCKS)).isEqualTo((short) 3);
    assertThat(settings.replicationFactor(Topics.OPS_FILES)).isEqualTo((short) 2);
    assertThat(settings.partitions(Topics.RAW_EVM_BLOCKS)).hasValue(24);
    assertThat(settings.partitions(Topics.TRANSFORMER_FILE_ROWS))
        .as("internal topics stand beside the raw ones")
        .hasValue(24);
    assertThat(settings.partitions(Topics.CHAIN_LOGS)).hasValue(12);
    assertThat(settings.partitions(Topics.OPS_DEAD_LETTERS)).as("one order").isEmpty();
    assertThat(settings.config(Topics.RAW_EVM_BLOCKS))
        .containsEntry("retention.ms", Long.toString(365L * 24 * 3600 * 1000))
        .containsEntry("min.insync.replicas", "2")
        .containsEntry("max.message.bytes", "8388608");
    assertThat(settings.config(Topics.CHAIN_LOGS)).containsEntry("retention.ms", "43200000");
    assertThat(settings.config(Topics.BUSINESS_BLOCK_ECONOMICS))
        .containsEntry("delete.retention.ms", Long.toString(90L * 24 * 3600 * 1000));
    assertThat(settings.maxMessageBytes(Topics.OPS_DEAD_LETTERS)).isEqualTo(20_000_000);
    assertThat(settings.maxMessageBytes(Topics.RAW_MARKET_CANDLES))
        .as("a cap makes nothing larger")
        .isEqualTo(1024 * 1024);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "TOPIC_REPLICATION_FACTOR|0|-1 (the broker's default)",
        "TOPIC_RAW_PARTITIONS|many|1 to 10000",
        "TOPIC_RETENTION|a year|such as 90d",
        "TOPIC_TOMBSTONE_RETENTION|forever|such as 60d",
        "TOPIC_OPS_MAX_MESSAGE_BYTES|1|1024 to",
        "TOPIC_RAW_RETENTON|1d|TOPIC_RAW_RETENTION"
      })
  void shouldSayWhatIsAllowed(String name, String value, String allowed) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> TopicSettings.from(Map.of(name, value)))
        .withMessageContaining(name)
        .withMessageContaining(allowed);
  }

  @Test
  void shouldStandInTheDocumentation() throws Exception {
    String docs = Files.readString(Path.of("../docs/cluster.md"));

    for (String name : TopicSettings.names()) {
      String setting = name.replaceFirst("TOPIC_((RAW|ROWS|INTERNAL|OPS)_)?", "");
      assertThat(docs).contains("| `" + setting + "` |");
    }
  }
}
