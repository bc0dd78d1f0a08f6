package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.ops.DeadLetter;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LimitedSerializerTest {
  private final LimitedSerializer serializer =
      new LimitedSerializer(
          (topic, record) -> TopologyHarness.encode(record),
          topic ->
              Map.of("chain.blocks", 4100, "chain.logs", 8000, "ops.dead_letters", 8000)
                  .getOrDefault(topic, Integer.MAX_VALUE));

  private static DeadLetter letter(int payload) {
    return DeadLetter.newBuilder()
        .setId("id")
        .setStage("transform")
        .setCode("record_unreadable")
        .setReason("why")
        .setPayload(ByteBuffer.allocate(payload))
        .setOccurredAt(Instant.EPOCH)
        .build();
  }

  @Test
  void shouldRefuseWhatItsTopicDoesNotTake() {
    BlockKey record = new BlockKey(1L, Long.MAX_VALUE);

    assertThat(serializer.serialize("chain.logs", record)).isNotEmpty();
    assertThat(serializer.serialize("not.limited", letter(100_000))).hasSizeGreaterThan(100_000);
    assertThatThrownBy(() -> serializer.serialize("chain.blocks", record))
        .isInstanceOf(LimitedSerializer.TooLargeException.class)
        .hasMessageContaining("TOPIC_ROWS_MAX_MESSAGE_BYTES");
  }

  @Test
  void shouldSendALetterWithoutItsBytesIfTheyAreTooMany() {
    byte[] sent = serializer.serialize("ops.dead_letters", letter(100_000));

    assertThat(sent).hasSizeLessThan(300);
    assertThat(new String(sent, java.nio.charset.StandardCharsets.UTF_8)).contains("its bytes");
    assertThat(serializer.serialize("ops.dead_letters", letter(3000))).hasSizeGreaterThan(3000);
  }
}
