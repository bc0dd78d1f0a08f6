package io.cryptoetl.transformer.raw;

import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Texts;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topic;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collections;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Turns records of a raw topic into rows. What cannot be turned goes to the dead letters with its
 * place and bytes.
 *
 * @param <V> value of the raw topic
 */
public abstract class RawNormalizer<V extends SpecificRecord>
    implements Processor<byte[], byte[], SpecificRecord, SpecificRecord> {
  /**
   * Header of a record that is processed again: its offset, 8 bytes big endian. Topic and partition
   * are those that the normalizer reads anyway.
   */
  public static final String REPLAYED = "replayed-offset";

  private final Topic topic;

  /** Child node that takes dead letters. */
  private final String deadLetters;

  private final Class<V> type;
  private final Deserializer<SpecificRecord> reader;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;

  /**
   * A normalizer.
   *
   * @param topic raw topic that it reads
   * @param type of the values
   * @param reader reads keys and values of raw records
   * @param deadLetters name of the node that writes dead letters
   */
  protected RawNormalizer(
      Topic topic, Class<V> type, Deserializer<SpecificRecord> reader, String deadLetters) {
    this.topic = topic;
    this.type = type;
    this.reader = reader;
    this.deadLetters = deadLetters;
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
  }

  @Override
  public final void process(Record<byte[], byte[]> record) {
    V raw = null;
    try {
      if (record.value() != null) {
        raw = read(type, record.value());
        requireText(raw);
      }
      normalize(record, raw);
    } catch (BadRecordException e) {
      deadLetter(record, e, raw);
    }
  }

  /**
   * Makes rows of a record.
   *
   * @param raw null if the record has no value
   */
  protected abstract void normalize(Record<byte[], byte[]> record, V raw) throws BadRecordException;

  /** What is known of a raw record, for its dead letter. */
  protected abstract void describe(V raw, DeadLetter.Builder letter);

  protected final void forward(
      Record<byte[], byte[]> cause, String node, SpecificRecord key, SpecificRecord value) {
    context.forward(new Record<>(key, value, cause.timestamp()), node);
  }

  private static void requireText(SpecificRecord raw) throws BadRecordException {
    for (Schema.Field field : raw.getSchema().getFields()) {
      Object value = raw.get(field.pos());
      for (Object each : value instanceof List<?> list ? list : Collections.singletonList(value)) {
        if (each instanceof CharSequence text) {
          Texts.require(field.name() + " of the record", text.toString());
        }
      }
    }
  }

  /**
   * Tells records apart that are alike in all that an order looks at: a checksum of the bytes after
   * the frame of the wire format, or 0 if there are none.
   */
  protected static int digest(byte[] value) {
    CRC32C crc = new CRC32C();
    if (value != null && value.length > AvroSerdes.FRAME) {
      crc.update(value, AvroSerdes.FRAME, value.length - AvroSerdes.FRAME);
    }
    return (int) crc.getValue();
  }

  /** Reads a key or a value. */
  protected final <T> T read(Class<T> as, byte[] bytes) throws BadRecordException {
    if (bytes == null) {
      throw new BadRecordException(
          DeadLetterCode.RECORD_UNREADABLE.code(), "the record has no " + as.getSimpleName());
    }
    SpecificRecord read;
    try {
      read = reader.deserialize(topic.name(), bytes);
    } catch (io.cryptoetl.kafka.BadRecordException e) {
      // Of the bytes; a registry that cannot be reached fails the task.
      throw new BadRecordException(DeadLetterCode.RECORD_UNREADABLE.code(), e.getMessage());
    }
    if (!as.isInstance(read)) {
      throw new BadRecordException(
          DeadLetterCode.RECORD_UNREADABLE.code(),
          "the record is a %s, not a %s"
              .formatted(read.getSchema().getFullName(), as.getSimpleName()));
    }
    return as.cast(read);
  }

  /** Offset of a record in the raw topic. */
  private long offset(Record<byte[], byte[]> record) {
    Header replayed = record.headers().lastHeader(REPLAYED);
    return replayed == null
        ? context.recordMetadata().orElseThrow().offset()
        : ByteBuffer.wrap(replayed.value()).getLong();
  }

  private void deadLetter(Record<byte[], byte[]> record, BadRecordException bad, V raw) {
    deadLetter(record, bad, raw, "", record.value(), letter -> {});
  }

  /**
   * Keeps a part of a record that cannot be processed.
   *
   * @param part tells parts of a record apart, empty for all of it
   * @param payload the bytes of the part
   * @param more sets what else is known
   */
  protected final void deadLetter(
      Record<byte[], byte[]> record,
      BadRecordException bad,
      V raw,
      String part,
      byte[] payload,
      Consumer<DeadLetter.Builder> more) {
    int partition = context.recordMetadata().orElseThrow().partition();
    long offset = offset(record);
    String id = "transform:%s:%d:%d%s".formatted(topic.name(), partition, offset, part);
    DeadLetter.Builder letter =
        DeadLetter.newBuilder()
            .setId(id)
            .setStage("transform")
            .setCode(bad.code())
            .setReason(bad.getMessage())
            .setColumnName(bad.column())
            .setTopic(topic.name())
            .setPartition(partition)
            .setOffset(offset)
            .setPayload(payload == null ? null : ByteBuffer.wrap(payload))
            // The record's own time: a repeat makes the same letter.
            .setOccurredAt(Instant.ofEpochMilli(Math.max(0, record.timestamp())));
    if (raw != null) {
      describe(raw, letter);
    }
    more.accept(letter);
    DeadLetter whole = letter.build();
    for (Schema.Field field : whole.getSchema().getFields()) {
      if (whole.get(field.pos()) instanceof String text) {
        whole.put(field.pos(), withoutZeros(text));
      }
    }
    forward(record, deadLetters, new DeadLetterKey(whole.getId()), whole);
  }

  /** What was refused may stand in a letter, which has to be loaded all the same. */
  private static String withoutZeros(String text) {
    return text.indexOf('\0') < 0 ? text : text.replace("\0", "\\0");
  }
}
