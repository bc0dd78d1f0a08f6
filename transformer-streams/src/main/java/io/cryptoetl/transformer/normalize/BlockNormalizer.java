package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.List;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Turns raw blocks into rows. A raw block that does not beat the one whose rows are out already is
 * dropped; one that does replaces its rows, and tombstones take away the rows that are too many.
 *
 * <p>Rows are forwarded to the child node that {@link #sink} names.
 */
public final class BlockNormalizer
    implements Processor<byte[], byte[], SpecificRecord, SpecificRecord> {
  /** Name of the store of winners. */
  public static final String STORE = "block-winners";

  private final Deserializer<RawBlock> deserializer;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> winners;

  /**
   * A normalizer.
   *
   * @param deserializer reads the value of raw records
   */
  public BlockNormalizer(Deserializer<RawBlock> deserializer) {
    this.deserializer = deserializer;
  }

  /** Name of the node that writes a topic. */
  public static String sink(String topic) {
    return "to-" + topic;
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(STORE);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    RawBlock raw;
    try {
      raw = deserializer.deserialize(Topics.RAW_EVM_BLOCKS.name(), record.value());
      if (raw == null) {
        return;
      }
    } catch (RuntimeException e) {
      if (!isOfTheBytes(e, record.value())) {
        throw e;
      }
      deadLetter(
          record,
          "record_unreadable",
          "the record is not a RawBlock in Confluent's wire format: " + e.getMessage(),
          record.value(),
          null);
      return;
    }
    normalize(record, raw);
  }

  private void normalize(Record<byte[], byte[]> record, RawBlock raw) {
    byte[] key = storeKey(raw.getChainId(), raw.getNumber());
    byte[] stored = winners.get(key);
    Winner before = stored == null ? null : Winner.fromBytes(stored);
    Winner challenger;
    BlockRows rows;
    try {
      if (raw.getHash().remaining() != 32) {
        throw new BadBlockException(
            "field_invalid",
            "the hash of raw block %d has %d bytes, 32 are expected"
                .formatted(raw.getNumber(), raw.getHash().remaining()));
      }
      challenger = Winner.of(raw);
      if (before != null && !challenger.beats(before)) {
        return;
      }
      rows = BlockMapper.map(raw);
    } catch (BadBlockException e) {
      deadLetter(record, e.code(), e.getMessage(), record.value(), raw);
      return;
    }
    int[] counts = new int[ChildTable.values().length];
    for (ChildTable table : ChildTable.values()) {
      List<? extends SpecificRecord> children = table.rows(rows);
      counts[table.slot()] = children.size();
      for (int i = 0; i < children.size(); i++) {
        forward(
            record,
            table.topic().name(),
            table.key(raw.getChainId(), raw.getNumber(), i),
            children.get(i));
      }
      int surplus = before == null ? 0 : before.counts()[table.slot()];
      for (int i = children.size(); i < surplus; i++) {
        forward(
            record, table.topic().name(), table.key(raw.getChainId(), raw.getNumber(), i), null);
      }
    }
    forward(
        record,
        Topics.CHAIN_BLOCKS.name(),
        new BlockKey(raw.getChainId(), raw.getNumber()),
        rows.block());
    winners.put(key, challenger.withCounts(counts).toBytes());
  }

  /**
   * Whether the bytes are at fault, and not, say, a registry that cannot be reached: bytes without
   * the frame of the wire format, or that Avro cannot decode.
   */
  private static boolean isOfTheBytes(RuntimeException e, byte[] value) {
    if (value.length < 5 || value[0] != 0) {
      return true;
    }
    for (Throwable t = e; t != null; t = t.getCause()) {
      if (t instanceof org.apache.avro.AvroRuntimeException
          || t instanceof java.io.EOFException
          || t instanceof ClassCastException
          || t instanceof IndexOutOfBoundsException
          || (t instanceof SerializationException && t.getCause() == null)) {
        return true;
      }
    }
    return false;
  }

  private void deadLetter(
      Record<byte[], byte[]> record, String code, String reason, byte[] payload, RawBlock raw) {
    RecordMetadata place = context.recordMetadata().orElseThrow();
    String id = "transform:%s:%d:%d".formatted(place.topic(), place.partition(), place.offset());
    DeadLetter letter =
        DeadLetter.newBuilder()
            .setId(id)
            .setStage("transform")
            .setCode(code)
            .setReason(reason)
            .setSource(raw == null ? null : raw.getSource())
            .setEndpoint(raw == null ? null : raw.getEndpoint())
            .setChainId(raw == null ? null : raw.getChainId())
            .setBlockNumber(raw == null ? null : raw.getNumber())
            .setTopic(place.topic())
            .setPartition(place.partition())
            .setOffset(place.offset())
            .setPayload(ByteBuffer.wrap(payload))
            // The record's own time: a repeat makes the same letter.
            .setOccurredAt(Instant.ofEpochMilli(Math.max(0, record.timestamp())))
            .build();
    forward(record, Topics.OPS_DEAD_LETTERS.name(), new DeadLetterKey(id), letter);
  }

  private void forward(
      Record<byte[], byte[]> cause, String topic, SpecificRecord key, SpecificRecord value) {
    context.forward(new Record<>(key, value, cause.timestamp()), sink(topic));
  }

  private static byte[] storeKey(long chainId, long number) {
    return ByteBuffer.allocate(2 * Long.BYTES).putLong(chainId).putLong(number).array();
  }
}
