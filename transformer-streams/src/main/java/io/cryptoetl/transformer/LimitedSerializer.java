package io.cryptoetl.transformer;

import io.cryptoetl.ops.DeadLetter;
import java.util.function.ToIntFunction;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Refuses values that their topic does not take, before the producer sees them: a record that is
 * too large would abort the transaction of all others, and its task would try it for ever. A dead
 * letter that is too large goes without its payload.
 */
final class LimitedSerializer implements Serializer<SpecificRecord> {
  /** Room for the key, and for what Kafka adds to a record. */
  private static final int OVERHEAD = 4096;

  private final Serializer<SpecificRecord> serializer;
  private final ToIntFunction<String> limits;

  /** A value is larger than its topic takes. */
  static final class TooLargeException extends SerializationException {
    private static final long serialVersionUID = 1L;

    TooLargeException(String message) {
      super(message);
    }
  }

  /**
   * A serializer.
   *
   * @param limits largest record of each topic, in bytes
   */
  LimitedSerializer(Serializer<SpecificRecord> serializer, ToIntFunction<String> limits) {
    this.serializer = serializer;
    this.limits = limits;
  }

  @Override
  public byte[] serialize(String topic, SpecificRecord data) {
    byte[] bytes = serializer.serialize(topic, data);
    if (bytes == null || fits(topic, bytes)) {
      return bytes;
    }
    if (data instanceof DeadLetter letter && letter.getPayload() != null) {
      return serialize(
          topic,
          DeadLetter.newBuilder(letter)
              .setPayload(null)
              .setReason(
                  letter.getReason()
                      + " (its bytes are too many for a letter; they are at its place)")
              .build());
    }
    throw new TooLargeException(
        "a %s of %d bytes, where topic %s takes %d: raise TOPIC_%s_MAX_MESSAGE_BYTES, provision the topics again, restart and replay"
            .formatted(
                data.getSchema().getName(),
                bytes.length,
                topic,
                limits.applyAsInt(topic),
                topic.startsWith("transformer.") ? "INTERNAL" : "ROWS"));
  }

  private boolean fits(String topic, byte[] bytes) {
    return bytes.length <= limits.applyAsInt(topic) - OVERHEAD;
  }
}
