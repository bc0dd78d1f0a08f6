package io.cryptoetl.transformer.state;

import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.BadRecordException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;

/**
 * Records in stores: the fingerprint of their schema in eight bytes, docs left out, then the
 * record. What a transformer of another version has kept is refused with words, and not misread.
 */
public final class Kept {
  private static final Map<Schema, Long> FINGERPRINTS = new ConcurrentHashMap<>();

  private Kept() {}

  /** The fingerprint of a schema, with all but its docs. */
  static long fingerprint(Schema schema) {
    return FINGERPRINTS.computeIfAbsent(
        schema,
        s ->
            SchemaNormalization.fingerprint64(
                AvroSerdes.ofKey(s).toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** What to say of another fingerprint. */
  static BadRecordException ofOtherVersion(String what) {
    return new BadRecordException(
        "%s in the state was kept by a transformer of another version, which had other columns: clear the transformer's state and replay, see docs/replay.md"
            .formatted(what));
  }

  /** As stores have it. */
  public static byte[] toBytes(SpecificRecord record) {
    byte[] body = AvroSerdes.body(record);
    return ByteBuffer.allocate(Long.BYTES + body.length)
        .putLong(fingerprint(record.getSchema()))
        .put(body)
        .array();
  }

  /**
   * Reads what a store has.
   *
   * @throws BadRecordException if it is of another version of the transformer
   */
  public static <T extends SpecificRecord> T fromBytes(Class<T> type, byte[] bytes) {
    Schema schema = SpecificData.get().getSchema(type);
    if (bytes.length < Long.BYTES || ByteBuffer.wrap(bytes).getLong() != fingerprint(schema)) {
      throw ofOtherVersion("a " + schema.getName());
    }
    return AvroSerdes.fromBody(type, bytes, Long.BYTES, bytes.length);
  }
}
