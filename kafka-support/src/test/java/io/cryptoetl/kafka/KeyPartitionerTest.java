package io.cryptoetl.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KeyPartitionerTest {
  private static int partition(AvroSerdes serdes, String topic, SpecificRecord key) {
    return KeyPartitioner.partition(topic, serdes.serializer(true).serialize(topic, key), 6);
  }

  @Test
  void shouldPlaceKeysTheSameWhateverIdsARebuiltRegistryGives() {
    AvroSerdes before = new AvroSerdes(new MemoryRegistry(1));
    AvroSerdes rebuilt = new AvroSerdes(new MemoryRegistry(7_654_321));

    for (Topic topic : Topics.all()) {
      for (int seed = 0; seed < 50; seed++) {
        SpecificRecord key = Records.random(topic.key(), new Random(seed));
        assertThat(partition(rebuilt, topic.name(), key))
            .as("%s %s", topic.name(), key)
            .isEqualTo(partition(before, topic.name(), key));
      }
    }
  }

  @Test
  void shouldGiveAKeyTheSameIdWhenADocIsReworded() {
    for (Topic topic : Topics.all()) {
      Schema reworded =
          new Schema.Parser()
              .parse(topic.key().toString().replaceAll("\"doc\":\"[^\"]*\"", "\"doc\":\"other\""));
      assertThat(reworded.toString()).isNotEqualTo(topic.key().toString());
      assertThat(AvroSerdes.ofKey(reworded).toString())
          .isEqualTo(AvroSerdes.ofKey(topic.key()).toString())
          .doesNotContain("doc");
    }
  }

  @Test
  void shouldSpreadKeys() {
    AvroSerdes serdes = new AvroSerdes(new MemoryRegistry(1));
    int[] counts = new int[6];
    IntStream.range(0, 6000)
        .forEach(
            n -> counts[partition(serdes, "chain.blocks", new BlockKey(1L, 18_000_000L + n))]++);

    assertThat(Arrays.stream(counts)).allMatch(count -> count > 800 && count < 1200);
  }

  /** Where keys stand is part of the format: a producer in any language must agree. */
  @ParameterizedTest
  @ValueSource(strings = {"1,0,3", "1,18000000,1", "137,50000000,4", "31337,7,0"})
  void shouldPlaceBlocksWhereTheyAlwaysStood(String line) {
    String[] parts = line.split(",");

    assertThat(
            partition(
                new AvroSerdes(new MemoryRegistry(3)),
                "raw.evm.blocks",
                new BlockKey(Long.parseLong(parts[0]), Long.parseLong(parts[1]))))
        .isEqualTo(Integer.parseInt(parts[2]));
  }

  @Test
  void shouldRefuseWhatHasNoKeyToBePlacedBy() {
    for (byte[] key : new byte[][] {null, {}, {1, 2, 3, 4, 5, 6}}) {
      assertThatIllegalArgumentException()
          .isThrownBy(() -> KeyPartitioner.partition("raw.evm.blocks", key, 6))
          .withMessageContaining("raw.evm.blocks");
    }
  }
}
