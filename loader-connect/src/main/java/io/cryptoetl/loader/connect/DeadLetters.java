package io.cryptoetl.loader.connect;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.loader.avro.Unreadable;
import io.cryptoetl.loader.table.Json;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.Converter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes rows that the database refuses to the dead letters, in the format of the topic's other
 * records: by the converters of the connector. The payload is the row as JSON, numbers exactly and
 * bytes in base64; if it cannot be decoded, it is the record's bytes. The id of a letter is the
 * place of its record, so that a repeat replaces it.
 */
class DeadLetters implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DeadLetters.class);
  private static final int LONGEST_REASON = 4000;
  private static final int LARGEST_LETTER = 64 << 20;

  private static final Schema KEY =
      SchemaBuilder.struct()
          .name("io.cryptoetl.ops.DeadLetterKey")
          .field("id", Schema.STRING_SCHEMA)
          .build();
  private static final Schema LETTER =
      SchemaBuilder.struct()
          .name("io.cryptoetl.ops.DeadLetter")
          .field("id", Schema.STRING_SCHEMA)
          .field("stage", Schema.STRING_SCHEMA)
          .field("code", Schema.STRING_SCHEMA)
          .field("reason", Schema.STRING_SCHEMA)
          .field("source", Schema.OPTIONAL_STRING_SCHEMA)
          .field("endpoint", Schema.OPTIONAL_STRING_SCHEMA)
          .field("chain_id", Schema.OPTIONAL_INT64_SCHEMA)
          .field("block_number", Schema.OPTIONAL_INT64_SCHEMA)
          .field("topic", Schema.OPTIONAL_STRING_SCHEMA)
          .field("partition", Schema.OPTIONAL_INT32_SCHEMA)
          .field("offset", Schema.OPTIONAL_INT64_SCHEMA)
          .field("file", Schema.OPTIONAL_STRING_SCHEMA)
          .field("line", Schema.OPTIONAL_INT64_SCHEMA)
          .field("column_name", Schema.OPTIONAL_STRING_SCHEMA)
          .field("payload", Schema.OPTIONAL_BYTES_SCHEMA)
          .field("occurred_at", Timestamp.SCHEMA)
          .build();

  private final String topic;
  private final Converter keys;
  private final Converter values;
  private final JsonConverter rows;
  private final KafkaProducer<byte[], byte[]> producer;
  private final List<Sent> sent = new ArrayList<>();

  /** A letter on its way, or null for one that is withdrawn. */
  private record Sent(Struct letter, Future<RecordMetadata> future) {}

  /**
   * Opens a producer.
   *
   * @param props settings of the connector
   */
  DeadLetters(BulkSinkConfig config, Map<String, String> props) {
    topic = config.deadLettersTopic();
    keys = converter(props, true);
    values = converter(props, false);
    rows = Json.converter();
    Map<String, Object> client = BulkSinkConfig.kafka(props, ClientSettings.Kind.PRODUCER);
    // Rows may be large, and are larger as JSON.
    client.putIfAbsent("max.request.size", Integer.toString(LARGEST_LETTER));
    client.putIfAbsent("buffer.memory", Integer.toString(2 * LARGEST_LETTER));
    producer = new KafkaProducer<>(client, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static Converter converter(Map<String, String> props, boolean key) {
    String prefix = key ? "key.converter" : "value.converter";
    String type = props.get(prefix);
    if (type == null) {
      throw new ConnectException(
          prefix + " is missing: dead letters are written with the connector's own converters");
    }
    try {
      Converter converter =
          Class.forName(type).asSubclass(Converter.class).getDeclaredConstructor().newInstance();
      Map<String, String> settings = new HashMap<>();
      props.forEach(
          (name, value) -> {
            if (name.startsWith(prefix + ".")) {
              settings.put(name.substring(prefix.length() + 1), value);
            }
          });
      converter.configure(settings, key);
      return converter;
    } catch (ReflectiveOperationException e) {
      throw new ConnectException(prefix + " is " + type + ", which cannot be made", e);
    }
  }

  /**
   * Sends a letter; {@link #flush} waits for it.
   *
   * @param code countable reason
   */
  void add(SinkRecord record, String code, String reason) {
    String place =
        record.originalTopic()
            + ":"
            + record.originalKafkaPartition()
            + ":"
            + record.originalKafkaOffset();
    LOG.warn("event=dead_letter place={} code={} reason=\"{}\"", place, code, reason);
    Struct letter =
        new Struct(LETTER)
            .put("id", "load:" + place)
            .put("stage", "load")
            .put("code", code)
            .put("reason", readable(reason))
            .put("topic", record.originalTopic())
            .put("partition", record.originalKafkaPartition())
            .put("offset", record.originalKafkaOffset())
            .put("payload", payload(record))
            .put("occurred_at", occurredAt(record));
    send(letter);
  }

  /** Withdraws the letter of a record, whose row is loaded now, or a later one of its key. */
  void withdraw(TopicPartition partition, long offset) {
    String id = "load:%s:%d:%d".formatted(partition.topic(), partition.partition(), offset);
    LOG.info("event=dead_letter_withdrawn id={}", id);
    byte[] key = keys.fromConnectData(topic, KEY, new Struct(KEY).put("id", id));
    sent.add(new Sent(null, producer.send(new ProducerRecord<>(topic, key, null))));
  }

  private void send(Struct letter) {
    byte[] key =
        keys.fromConnectData(topic, KEY, new Struct(KEY).put("id", letter.getString("id")));
    sent.add(
        new Sent(
            letter,
            producer.send(
                new ProducerRecord<>(topic, key, values.fromConnectData(topic, LETTER, letter)))));
  }

  /** What a table can hold. */
  private static String readable(String reason) {
    String clean = reason.replace("\0", "\\0");
    return clean.length() > LONGEST_REASON ? clean.substring(0, LONGEST_REASON) + "..." : clean;
  }

  private byte[] payload(SinkRecord record) {
    Object value = record.value();
    if (value instanceof Unreadable unreadable) {
      return unreadable.bytes();
    }
    if (value instanceof AvroRow row) {
      try {
        value = row.struct();
      } catch (RuntimeException e) {
        // It cannot be decoded: that is why it is here.
        return row.bytes();
      }
    }
    return value == null
        ? null
        : rows.fromConnectData(record.originalTopic(), record.valueSchema(), value);
  }

  @SuppressWarnings("JavaUtilDate") // What Connect takes for its Timestamp type.
  private static Date occurredAt(SinkRecord record) {
    return new Date(record.timestamp() == null ? 0 : Math.max(0, record.timestamp()));
  }

  /**
   * Waits until all letters are kept.
   *
   * @throws RetriableException if they are not
   */
  void flush() {
    producer.flush();
    List<Sent> letters = List.copyOf(sent);
    sent.clear();
    boolean again = false;
    for (Sent each : letters) {
      try {
        each.future().get();
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof RecordTooLargeException)
            || each.letter() == null
            || each.letter().get("payload") == null) {
          throw new RetriableException("dead letters could not be written", e.getCause());
        }
        // The record is in its topic as long as that keeps it; its place is in the letter.
        send(each.letter().put("payload", null));
        again = true;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RetriableException("interrupted while writing dead letters", e);
      }
    }
    if (again) {
      flush();
    }
  }

  @Override
  public void close() {
    rows.close();
    producer.close();
  }
}
