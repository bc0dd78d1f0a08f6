package io.cryptoetl.kafka;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.Schema;
import org.apache.avro.io.DatumReader;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumReader;
import org.apache.avro.specific.SpecificRecord;
import org.apache.avro.specific.SpecificRecordBase;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Serializers and deserializers of the project's records in Confluent's wire format. A schema is
 * looked up once: when its first record is written or read. Nothing is registered here; that is the
 * provisioner's. All of it may be used by many threads.
 */
public final class AvroSerdes {
  /** Bytes before a record: zero, and the id of its schema in four bytes, big endian. */
  public static final int FRAME = WireEncoder.FRAME;

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final ThreadLocal<WireEncoder> ENCODER = ThreadLocal.withInitial(WireEncoder::new);
  private static final ThreadLocal<WireDecoder> DECODER = ThreadLocal.withInitial(WireDecoder::new);

  /** Finds the generated classes, whatever the thread's class loader is. */
  private static final SpecificData CLASSES = new SpecificData(AvroSerdes.class.getClassLoader());

  /** Readers of bodies, by class. */
  private static final Map<Class<?>, DatumReader<SpecificRecord>> BODIES =
      new ConcurrentHashMap<>();

  private final Registry registry;
  private final Map<Integer, DatumReader<SpecificRecord>> readers = new ConcurrentHashMap<>();

  /** Records whose schemas a registry holds. */
  public AvroSerdes(Registry registry) {
    this.registry = registry;
  }

  /** The subject that holds the schema of a topic's keys or values. */
  public static String subject(String topic, boolean key) {
    return topic + (key ? "-key" : "-value");
  }

  /**
   * The schema of a topic's keys as it is registered: without docs. A reworded doc must not give
   * keys another id, because their bytes tell compaction which records are of one key.
   */
  public static Schema ofKey(Schema key) {
    try {
      JsonNode json = JSON.readTree(key.toString());
      withoutDocs(json);
      return new Schema.Parser().parse(json.toString());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  private static void withoutDocs(JsonNode json) {
    if (json instanceof ObjectNode object && object.path("doc").isTextual()) {
      object.remove("doc");
    }
    json.forEach(AvroSerdes::withoutDocs);
  }

  /** A serializer; null stays null. */
  public Serializer<SpecificRecord> serializer(boolean key) {
    return new Writer(key);
  }

  /**
   * A deserializer; null stays null. It throws {@link BadRecordException} for bytes that cannot be
   * read and {@link RegistryException} if the registry is at fault.
   */
  public Deserializer<SpecificRecord> deserializer() {
    return (topic, bytes) -> read(topic, bytes);
  }

  /**
   * The bytes of a record without frame, for stores of one's own.
   *
   * @throws BadRecordException if the record does not fit its schema
   */
  public static byte[] body(SpecificRecord record) {
    WireEncoder encoder = ENCODER.get();
    encoder.begin(0);
    write(record, encoder, "a store");
    return encoder.bodyToByteArray();
  }

  private static void write(SpecificRecord record, WireEncoder encoder, String where) {
    try {
      ((SpecificRecordBase) record).customEncode(encoder);
    } catch (IOException | RuntimeException e) {
      // A field that must have a value and has none, a number of too many digits.
      throw new BadRecordException(
          "a %s for %s does not fit its schema: %s"
              .formatted(record.getSchema().getFullName(), where, e.getMessage()),
          e);
    }
  }

  /**
   * Reads a record that {@link #body} has written with the schema of today.
   *
   * @param from where it begins
   * @param to the first byte behind it
   * @throws BadRecordException if it is none
   */
  public static <T extends SpecificRecord> T fromBody(
      Class<T> type, byte[] bytes, int from, int to) {
    WireDecoder decoder = DECODER.get().of(bytes, from, to);
    T record;
    try {
      record =
          type.cast(
              BODIES.computeIfAbsent(type, t -> reader(CLASSES.getSchema(t))).read(null, decoder));
    } catch (IOException | RuntimeException e) {
      throw new BadRecordException(
          "a %s of a store cannot be read: %s".formatted(type.getSimpleName(), e.getMessage()), e);
    }
    if (!decoder.isEnd()) {
      throw new BadRecordException(
          "a %s of a store has bytes behind its end".formatted(type.getSimpleName()));
    }
    return record;
  }

  private final class Writer implements Serializer<SpecificRecord> {
    private final boolean key;
    private final Map<String, Registered> ids = new ConcurrentHashMap<>();

    private record Registered(Class<?> type, int id) {}

    Writer(boolean key) {
      this.key = key;
    }

    @Override
    public byte[] serialize(String topic, SpecificRecord data) {
      if (data == null) {
        return null;
      }
      Registered registered = ids.get(topic);
      if (registered == null || registered.type() != data.getClass()) {
        registered = register(topic, data);
      }
      WireEncoder encoder = ENCODER.get();
      encoder.begin(registered.id());
      write(data, encoder, topic);
      return encoder.toByteArray();
    }

    private Registered register(String topic, SpecificRecord data) {
      Schema schema = key ? ofKey(data.getSchema()) : data.getSchema();
      Registered found =
          new Registered(data.getClass(), registry.idOf(subject(topic, key), schema));
      ids.put(topic, found);
      return found;
    }
  }

  /**
   * Reads a record.
   *
   * @return null if there are no bytes
   */
  public SpecificRecord read(String topic, byte[] bytes) {
    if (bytes == null) {
      return null;
    }
    int id = schemaId(topic, bytes);
    DatumReader<SpecificRecord> reader = readers.get(id);
    if (reader == null) {
      reader = reader(topic, id);
    }
    WireDecoder decoder = DECODER.get().of(bytes, FRAME);
    SpecificRecord record;
    try {
      record = reader.read(null, decoder);
    } catch (IOException | RuntimeException e) {
      // Whatever it was, it came of nothing but the bytes.
      throw new BadRecordException(
          "a record of %s cannot be read with schema id %d: %s"
              .formatted(topic, id, e.getMessage()),
          e);
    }
    if (!decoder.isEnd()) {
      throw new BadRecordException(
          "a record of %s has bytes behind its end, by schema id %d".formatted(topic, id));
    }
    return record;
  }

  /**
   * Reads a record that must be of a kind.
   *
   * @return null if there are no bytes
   * @throws BadRecordException also if the record is of another kind
   */
  public SpecificRecord read(String topic, byte[] bytes, Schema kind) {
    return only(kind, this::read).deserialize(topic, bytes);
  }

  /** A deserializer that refuses records of other kinds with {@link BadRecordException}. */
  public static Deserializer<SpecificRecord> only(
      Schema kind, Deserializer<SpecificRecord> reader) {
    return (topic, bytes) -> {
      SpecificRecord record = reader.deserialize(topic, bytes);
      if (record != null && !record.getSchema().getFullName().equals(kind.getFullName())) {
        throw new BadRecordException(
            "a record of %s is a %s, not a %s"
                .formatted(topic, record.getSchema().getFullName(), kind.getFullName()));
      }
      return record;
    };
  }

  /**
   * The id of the schema in a record's frame.
   *
   * @throws BadRecordException if the record has no frame
   */
  public static int schemaId(String topic, byte[] record) {
    if (record.length < FRAME || record[0] != 0) {
      throw new BadRecordException(
          "a record of %s is not in Confluent's wire format: it does not begin with a zero byte and the id of a schema"
              .formatted(topic));
    }
    return ByteBuffer.wrap(record, 1, Integer.BYTES).getInt();
  }

  private DatumReader<SpecificRecord> reader(String topic, int id) {
    DatumReader<SpecificRecord> reader;
    try {
      reader = reader(registry.byId(id));
    } catch (RegistryException.NotFound e) {
      throw new BadRecordException("a record of %s: %s".formatted(topic, e.getMessage()), e);
    } catch (BadRecordException e) {
      throw new BadRecordException(
          "a record of %s, schema id %d: %s".formatted(topic, id, e.getMessage()), e);
    }
    readers.put(id, reader);
    return reader;
  }

  private static DatumReader<SpecificRecord> reader(Schema writer) {
    Class<?> type = writer.getType() == Schema.Type.RECORD ? CLASSES.getClass(writer) : null;
    if (type == null || !SpecificRecordBase.class.isAssignableFrom(type)) {
      throw new BadRecordException(
          "a %s is of no kind that is known here".formatted(writer.getFullName()));
    }
    SpecificData data = SpecificData.getForClass(type);
    return new SpecificDatumReader<>(writer, data.getSchema(type), data);
  }
}
