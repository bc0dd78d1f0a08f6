package io.cryptoetl.transformer;

import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.schemas.WireFormat;
import io.cryptoetl.transformer.normalize.RawNormalizer;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.ProcessingExceptionHandler;
import org.apache.kafka.streams.processor.api.Record;
import org.jboss.logging.Logger;

/**
 * Keeps a record that the transformer's own code fails on as a dead letter, so that one mistake in
 * the code does not hold up a partition. Failures of anything else (brokers, registry, disk) fail
 * the task, which takes the record up again: no record is at fault.
 */
public class DeadLetterHandler implements ProcessingExceptionHandler {
  private static final Logger LOG = Logger.getLogger(DeadLetterHandler.class);

  private static final String OWN = "io.cryptoetl.";

  /** Libraries that are called with the data in hand, and with nothing else. */
  private static final List<String> CALLED =
      List.of("java.", "jdk.", "com.fasterxml.jackson.", "de.siegmar.fastcsv.");

  private Serializer<SpecificRecord> keys;
  private Serializer<SpecificRecord> values;

  @Override
  public void configure(Map<String, ?> configs) {
    keys = serializer(configs, true);
    values = serializer(configs, false);
  }

  /** A writer of letters. */
  Serializer<SpecificRecord> serializer(Map<String, ?> configs, boolean key) {
    Serializer<SpecificRecord> serializer = new AvroKafkaSerializer<>();
    serializer.configure(
        WireFormat.settings(configs.get("dead.letters.schema.registry.url").toString()), key);
    return serializer;
  }

  @Override
  public Response handleError(
      ErrorHandlerContext context, Record<?, ?> record, Exception exception) {
    if (!isOfOurCode(exception)) {
      return Response.fail();
    }
    String source = context.topic();
    long offset = context.offset();
    byte[] payload = context.sourceRawValue();
    Header replayed = context.headers().lastHeader(RawNormalizer.REPLAYED);
    if (replayed != null && record.value() instanceof byte[] value) {
      source = Topics.replayedBy(source).name();
      offset = ByteBuffer.wrap(replayed.value()).getLong();
      payload = value;
    }
    LOG.errorf(
        exception,
        "event=processing_failed topic=%s partition=%d offset=%d node=%s",
        source,
        context.partition(),
        offset,
        context.processorNodeId());
    String id =
        "transform:%s:%d:%d:%s"
            .formatted(source, context.partition(), offset, context.processorNodeId());
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setId(id)
            .setStage("transform")
            .setCode("processing_failed")
            .setReason(
                "%s failed with %s: a mistake in the code, please report it with the payload. After it is mended, ./pipeline replay processes the record again"
                    .formatted(context.processorNodeId(), exception.getClass().getName()))
            .setTopic(source)
            .setPartition(context.partition())
            .setOffset(offset)
            .setPayload(payload == null ? null : ByteBuffer.wrap(payload))
            .setOccurredAt(Instant.ofEpochMilli(Math.max(0, context.timestamp())))
            .build();
    String topic = Topics.OPS_DEAD_LETTERS.name();
    return Response.resume(
        List.of(
            new ProducerRecord<>(
                topic,
                keys.serialize(topic, new DeadLetterKey(id)),
                values.serialize(topic, letter))));
  }

  /** Whether the first frame that is not of a library called with data is our own. */
  private static boolean isOfOurCode(Exception exception) {
    if (exception.getCause() != null) {
      return false;
    }
    for (StackTraceElement frame : exception.getStackTrace()) {
      if (CALLED.stream().noneMatch(frame.getClassName()::startsWith)) {
        return frame.getClassName().startsWith(OWN);
      }
    }
    return false;
  }
}
