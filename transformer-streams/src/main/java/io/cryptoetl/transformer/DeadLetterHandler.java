package io.cryptoetl.transformer;

import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.raw.RawNormalizer;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.errors.DeserializationExceptionHandler;
import org.apache.kafka.streams.errors.ErrorHandlerContext;
import org.apache.kafka.streams.errors.ProcessingExceptionHandler;
import org.apache.kafka.streams.errors.ProductionExceptionHandler;
import org.apache.kafka.streams.errors.StreamsException;
import org.apache.kafka.streams.processor.api.Record;
import org.jboss.logging.Logger;

/**
 * Keeps as a dead letter what one record alone is to blame for, so that it does not hold up a
 * partition: a record that cannot be read, one that the transformer's own code fails on, and one
 * that makes a row which its topic does not take. Failures of anything else (brokers, registry,
 * disk) fail the task, which takes the record up again.
 */
public class DeadLetterHandler
    implements ProcessingExceptionHandler,
        DeserializationExceptionHandler,
        ProductionExceptionHandler {
  private static final Logger LOG = Logger.getLogger(DeadLetterHandler.class);

  private static final String OWN = "io.cryptoetl.";

  /** Libraries that are called with the data in hand, and with nothing else. */
  private static final List<String> CALLED =
      List.of("java.", "jdk.", "com.fasterxml.jackson.", "de.siegmar.fastcsv.");

  private Serializer<SpecificRecord> keys;
  private Serializer<SpecificRecord> values;

  @Override
  public void configure(Map<String, ?> configs) {
    PipelineTopology.Formats formats =
        (PipelineTopology.Formats) configs.get(StreamsSettings.FORMATS);
    keys = formats.keys();
    values = formats.values();
  }

  @Override
  public ProcessingExceptionHandler.Response handleError(
      ErrorHandlerContext context, Record<?, ?> record, Exception exception) {
    if (record == null) {
      // What goes out from time to time: no record is to blame, so none is to be kept.
      LOG.errorf(exception, "event=not_sent node=%s", context.processorNodeId());
      return isOfOurCode(exception)
          ? ProcessingExceptionHandler.Response.resume()
          : ProcessingExceptionHandler.Response.fail();
    }
    Exception failure = unwrapped(exception);
    boolean isBadRecord = failure instanceof BadRecordException;
    if (!isBadRecord && !isOfOurCode(failure)) {
      return ProcessingExceptionHandler.Response.fail();
    }
    byte[] payload = context.sourceRawValue();
    if (isReplayed(context.headers()) && record.value() instanceof byte[] value) {
      payload = value;
    }
    return ProcessingExceptionHandler.Response.resume(
        letter(
            context,
            payload,
            isBadRecord
                ? DeadLetterCode.RECORD_UNREADABLE.code()
                : DeadLetterCode.PROCESSING_FAILED.code(),
            isBadRecord
                ? failure.getMessage()
                : "%s failed with %s: a mistake in the code, please report it with the payload. Once it is fixed, ./pipeline replay processes the record again"
                    .formatted(context.processorNodeId(), failure.getClass().getName()),
            exception));
  }

  @Override
  public DeserializationExceptionHandler.Response handleError(
      ErrorHandlerContext context, ConsumerRecord<byte[], byte[]> record, Exception exception) {
    if (!(exception instanceof BadRecordException)) {
      return DeserializationExceptionHandler.Response.fail();
    }
    return DeserializationExceptionHandler.Response.resume(
        letter(
            context,
            record.value(),
            DeadLetterCode.RECORD_UNREADABLE.code(),
            exception.getMessage(),
            exception));
  }

  @Override
  public ProductionExceptionHandler.Response handleError(
      ErrorHandlerContext context, ProducerRecord<byte[], byte[]> record, Exception exception) {
    // The transaction is lost with it: the task takes its records up again.
    return ProductionExceptionHandler.Response.fail();
  }

  @Override
  @SuppressWarnings("rawtypes") // As Kafka Streams has it.
  public ProductionExceptionHandler.Response handleSerializationError(
      ErrorHandlerContext context,
      ProducerRecord record,
      Exception exception,
      SerializationExceptionOrigin origin) {
    boolean isTooLarge = exception instanceof LimitedSerializer.TooLargeException;
    if (!isTooLarge && !(exception instanceof BadRecordException)) {
      return ProductionExceptionHandler.Response.fail();
    }
    return ProductionExceptionHandler.Response.resume(
        letter(
            context,
            // What is read again is not the record that came: it is at its place.
            isReplayed(context.headers()) ? null : context.sourceRawValue(),
            isTooLarge ? DeadLetterCode.ROW_TOO_LARGE.code() : DeadLetterCode.ROW_INVALID.code(),
            exception.getMessage(),
            exception));
  }

  private static boolean isReplayed(Headers headers) {
    return headers.lastHeader(RawNormalizer.REPLAYED) != null;
  }

  private List<ProducerRecord<byte[], byte[]>> letter(
      ErrorHandlerContext context,
      byte[] payload,
      String code,
      String reason,
      Exception exception) {
    String source = context.topic();
    long offset = context.offset();
    Header replayed = context.headers().lastHeader(RawNormalizer.REPLAYED);
    if (replayed != null) {
      source = Topics.replayedBy(source).name();
      offset = ByteBuffer.wrap(replayed.value()).getLong();
    }
    LOG.errorf(
        exception,
        "event=dead_letter code=%s topic=%s partition=%d offset=%d node=%s reason=\"%s\"",
        code,
        source,
        context.partition(),
        offset,
        context.processorNodeId(),
        reason);
    String id =
        "transform:%s:%d:%d:%s"
            .formatted(source, context.partition(), offset, context.processorNodeId());
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setId(id)
            .setStage("transform")
            .setCode(code)
            .setReason(reason)
            .setTopic(source)
            .setPartition(context.partition())
            .setOffset(offset)
            .setPayload(payload == null ? null : ByteBuffer.wrap(payload))
            .setOccurredAt(Instant.ofEpochMilli(Math.max(0, context.timestamp())))
            .build();
    String topic = Topics.OPS_DEAD_LETTERS.name();
    return List.of(
        new ProducerRecord<>(
            topic, keys.serialize(topic, new DeadLetterKey(id)), values.serialize(topic, letter)));
  }

  /** Kafka Streams takes failed casts for mistakes in its settings, and says so around them. */
  private static Exception unwrapped(Exception exception) {
    return exception instanceof StreamsException
            && exception.getCause() instanceof ClassCastException cast
        ? cast
        : exception;
  }

  /** Whether the first frame that is not of a library called with data is our own. */
  private static boolean isOfOurCode(Exception exception) {
    if (exception.getCause() != null || exception instanceof KafkaException) {
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
