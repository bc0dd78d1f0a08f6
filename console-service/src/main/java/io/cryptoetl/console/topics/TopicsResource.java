package io.cryptoetl.console.topics;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.cryptoetl.console.Closings;
import io.cryptoetl.console.Kafka;
import io.cryptoetl.console.Problem;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.smallrye.common.annotation.Blocking;
import io.vertx.core.http.HttpServerRequest;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.avro.generic.IndexedRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;

/** Topics, groups and records, as they are in the cluster. */
@Path("/api/topics")
@Blocking
@ApplicationScoped
public class TopicsResource {
  private static final JsonFactory JSON = new JsonFactory();
  private static final Duration AT_MOST = Duration.ofSeconds(8);

  /** Longest time for a look at records. */
  private static final Duration LOOK = Duration.ofSeconds(20);

  private static final int MOST_RECORDS = 200;
  private static final int SHORT = 4_000;
  private static final int WHOLE = 16 * 1024 * 1024;
  private static final int LOOKS = 4;

  private final Kafka kafka;
  private final Semaphore room = new Semaphore(LOOKS);
  private final CurrentVertxRequest request;
  private final Closings closings;
  private final ScheduledExecutorService watchdog =
      Executors.newSingleThreadScheduledExecutor(
          task -> Thread.ofPlatform().daemon().name("look-watchdog").unstarted(task));

  TopicsResource(Kafka kafka, CurrentVertxRequest request, Closings closings) {
    this.kafka = kafka;
    this.request = request;
    this.closings = closings;
  }

  /**
   * A topic.
   *
   * @param kind raw, rows, internal or ops; empty if the catalogue does not have it
   * @param owner who writes it; empty likewise
   * @param offsets how many there are between beginning and end: records, and marks of transactions
   * @param fields of its records' values
   */
  public record TopicRow(
      String name,
      String kind,
      String owner,
      boolean table,
      int partitions,
      long offsets,
      List<Field> fields) {}

  /** A field of a schema. */
  public record Field(String name, String type, String doc) {}

  /**
   * A group of consumers.
   *
   * @param lag offsets that it has not read
   * @param topics lag by topic
   */
  public record Group(String name, String state, long lag, Map<String, Long> topics) {}

  /** All topics but Kafka's own. */
  @GET
  public List<TopicRow> topics() throws InterruptedException {
    Map<String, Topic> known = Topics.all().stream().collect(Collectors.toMap(Topic::name, t -> t));
    Admin admin = kafka.admin();
    Map<String, TopicDescription> topics =
        get(admin.describeTopics(get(admin.listTopics().names())).allTopicNames());
    Map<TopicPartition, OffsetSpec> firsts = new HashMap<>();
    Map<TopicPartition, OffsetSpec> lasts = new HashMap<>();
    topics.forEach(
        (name, topic) ->
            topic
                .partitions()
                .forEach(
                    p -> {
                      firsts.put(new TopicPartition(name, p.partition()), OffsetSpec.earliest());
                      lasts.put(new TopicPartition(name, p.partition()), OffsetSpec.latest());
                    }));
    Map<String, Long> offsets = new HashMap<>();
    var begins = get(admin.listOffsets(firsts).all());
    get(admin.listOffsets(lasts).all())
        .forEach(
            (partition, end) ->
                offsets.merge(
                    partition.topic(), end.offset() - begins.get(partition).offset(), Long::sum));
    return topics.values().stream()
        .map(t -> row(t, known.get(t.name()), offsets.getOrDefault(t.name(), 0L)))
        .sorted(Comparator.comparing(TopicRow::name))
        .toList();
  }

  private static TopicRow row(TopicDescription topic, Topic known, long offsets) {
    return new TopicRow(
        topic.name(),
        known == null ? "" : known.kind().label(),
        known == null ? "" : known.owner(),
        known != null && known.table(),
        topic.partitions().size(),
        offsets,
        known == null
            ? List.of()
            : known.value().getFields().stream()
                .map(f -> new Field(f.name(), type(f.schema()), f.doc()))
                .toList());
  }

  private static String type(org.apache.avro.Schema schema) {
    return switch (schema.getType()) {
      case UNION ->
          schema.getTypes().stream().map(TopicsResource::type).collect(Collectors.joining(" or "));
      case ARRAY -> "array of " + type(schema.getElementType());
      case RECORD -> schema.getName();
      default ->
          schema.getLogicalType() == null
              ? schema.getType().getName()
              : schema.getLogicalType().getName();
    };
  }

  /** Groups of consumers, those that lag most first. */
  @GET
  @Path("groups")
  public List<Group> groups() throws InterruptedException {
    Admin admin = kafka.admin();
    List<Group> groups = new ArrayList<>();
    for (var listed : get(admin.listGroups().all())) {
      Map<TopicPartition, OffsetAndMetadata> read =
          get(admin.listConsumerGroupOffsets(listed.groupId()).partitionsToOffsetAndMetadata());
      Map<TopicPartition, OffsetSpec> asked = new HashMap<>();
      read.forEach(
          (partition, offset) -> {
            if (offset != null) {
              asked.put(partition, OffsetSpec.latest());
            }
          });
      Map<String, Long> topics = new HashMap<>();
      get(admin.listOffsets(asked).all())
          .forEach(
              (partition, end) ->
                  topics.merge(
                      partition.topic(),
                      Math.max(0, end.offset() - read.get(partition).offset()),
                      Long::sum));
      groups.add(
          new Group(
              listed.groupId(),
              listed.groupState().map(Object::toString).orElse("unknown"),
              topics.values().stream().mapToLong(l -> l).sum(),
              topics));
    }
    groups.sort(
        Comparator.comparing(Group::lag, Comparator.reverseOrder()).thenComparing(Group::name));
    return groups;
  }

  private static <T> T get(KafkaFuture<T> future) throws InterruptedException {
    try {
      return future.get(AT_MOST.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new Problem.Refused(
          503, "kafka_away", "Kafka does not answer. It is asked again by itself.");
    }
  }

  /** What of a topic is looked for. */
  private record Look(
      String topic, Integer partition, String offset, int count, String contains, int longest) {}

  /**
   * Records of a topic, as lines of JSON; between them how far it has looked.
   *
   * @param partition all of them without it
   * @param offset where to begin: a number, a time in ISO 8601, or empty for the newest ones
   * @param count how many
   * @param contains only records whose JSON has this text
   * @param full whether long values are given whole
   */
  @GET
  @Path("{topic}/records")
  public Response records(
      @PathParam("topic") String topic,
      @QueryParam("partition") Integer partition,
      @QueryParam("offset") @DefaultValue("") String offset,
      @QueryParam("count") @DefaultValue("20") int count,
      @QueryParam("contains") @DefaultValue("") String contains,
      @QueryParam("full") @DefaultValue("false") boolean full) {
    if (count < 1 || count > MOST_RECORDS) {
      throw new Problem.Refused(
          400, "count_wrong", "count is %d, allowed is 1 to %d".formatted(count, MOST_RECORDS));
    }
    Look look = new Look(topic, partition, offset, count, contains, full ? WHOLE : SHORT);
    AtomicBoolean gone = new AtomicBoolean();
    HttpServerRequest http = request.getCurrent().request();
    String key = UUID.randomUUID().toString();
    StreamingOutput output =
        out -> {
          if (!room.tryAcquire()) {
            line(
                out,
                json -> json.writeStringField("error", "Others look at records now. Try again."));
            return;
          }
          closings.add(http.connection(), key, () -> gone.set(true));
          Future<?> watch =
              watchdog.schedule(
                  () -> http.connection().close(),
                  LOOK.multipliedBy(2).toMillis(),
                  TimeUnit.MILLISECONDS);
          try (Consumer<byte[], byte[]> consumer = kafka.clients().reader()) {
            look(look, consumer, out, gone);
          } catch (KafkaException e) {
            line(out, json -> json.writeStringField("error", "Kafka does not answer."));
          } catch (Problem.Refused e) {
            line(out, json -> json.writeStringField("error", e.getMessage()));
          } finally {
            watch.cancel(false);
            closings.remove(http.connection(), key);
            room.release();
          }
        };
    return Response.ok(output).type("application/x-ndjson").build();
  }

  private void look(
      Look look, Consumer<byte[], byte[]> consumer, OutputStream out, AtomicBoolean gone)
      throws IOException {
    List<TopicPartition> partitions =
        consumer.partitionsFor(look.topic(), AT_MOST).stream()
            .filter(p -> look.partition() == null || p.partition() == look.partition())
            .map(p -> new TopicPartition(p.topic(), p.partition()))
            .toList();
    if (partitions.isEmpty()) {
      throw new Problem.Refused(404, "no_partition", "There is no such topic or partition.");
    }
    consumer.assign(partitions);
    Map<TopicPartition, Long> begins = consumer.beginningOffsets(partitions, AT_MOST);
    Map<TopicPartition, Long> ends = consumer.endOffsets(partitions, AT_MOST);
    seek(look, consumer, begins, ends);
    long deadline = System.nanoTime() + LOOK.toNanos();
    boolean newest = look.offset().isBlank() && look.contains().isEmpty();
    // Of the newest ones some more are read: partitions do not grow alike.
    NavigableMap<String, String> last = new TreeMap<>(Comparator.reverseOrder());
    int found = 0;
    long looked = 0;
    while (found < look.count() && !gone.get() && System.nanoTime() < deadline) {
      if (ends.entrySet().stream()
          .allMatch(end -> consumer.position(end.getKey()) >= end.getValue())) {
        break;
      }
      for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
        looked++;
        String text = found < look.count() ? text(record, look.longest()) : "";
        if (newest) {
          last.put(
              "%020d %06d %020d".formatted(record.timestamp(), record.partition(), record.offset()),
              text);
          if (last.size() > look.count()) {
            last.pollLastEntry();
          }
        } else if (!text.isEmpty() && text.contains(look.contains())) {
          out.write(text.getBytes(StandardCharsets.UTF_8));
          out.write('\n');
          found++;
        }
      }
      progress(out, looked, consumer, ends, false);
    }
    for (String text : last.values()) {
      out.write(text.getBytes(StandardCharsets.UTF_8));
      out.write('\n');
    }
    progress(out, looked, consumer, ends, true);
  }

  private static void seek(
      Look look,
      Consumer<byte[], byte[]> consumer,
      Map<TopicPartition, Long> begins,
      Map<TopicPartition, Long> ends) {
    if (look.offset().isBlank()) {
      // The newest ones; where a text is looked for, all there is.
      long back =
          look.contains().isEmpty()
              ? 2L * Math.ceilDiv(look.count(), ends.size()) + 3
              : Long.MAX_VALUE;
      ends.forEach(
          (partition, end) ->
              consumer.seek(
                  partition,
                  back == Long.MAX_VALUE
                      ? begins.get(partition)
                      : Math.max(begins.get(partition), end - back)));
      return;
    }
    if (look.offset().matches("[0-9]{1,18}")) {
      long wanted = Long.parseLong(look.offset());
      begins.forEach((partition, begin) -> consumer.seek(partition, Math.max(begin, wanted)));
      return;
    }
    Instant time;
    try {
      time = Instant.parse(look.offset());
    } catch (DateTimeException e) {
      throw new Problem.Refused(
          400,
          "offset_wrong",
          "'%s' is no offset; allowed is a number, or a time such as 2026-01-01T00:00:00Z"
              .formatted(look.offset()));
    }
    Map<TopicPartition, Long> asked = new HashMap<>();
    begins.keySet().forEach(p -> asked.put(p, time.toEpochMilli()));
    Map<TopicPartition, OffsetAndTimestamp> at = consumer.offsetsForTimes(asked, AT_MOST);
    ends.forEach(
        (partition, end) ->
            consumer.seek(partition, at.get(partition) == null ? end : at.get(partition).offset()));
  }

  private String text(ConsumerRecord<byte[], byte[]> record, int longest) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      json.writeNumberField("partition", record.partition());
      json.writeStringField("offset", Long.toString(record.offset()));
      json.writeStringField("time", Instant.ofEpochMilli(record.timestamp()).toString());
      json.writeNumberField("bytes", Math.max(0, record.serializedValueSize()));
      boolean cut = part(json, "key", record.topic(), record.key(), longest);
      cut |= part(json, "value", record.topic(), record.value(), longest);
      json.writeBooleanField("cut", cut);
      json.writeEndObject();
    }
    return text.toString();
  }

  private boolean part(JsonGenerator json, String name, String topic, byte[] bytes, int longest)
      throws IOException {
    json.writeFieldName(name);
    if (bytes == null) {
      json.writeNull();
      return false;
    }
    IndexedRecord decoded;
    try {
      decoded = kafka.clients().serdes().deserializer().deserialize(topic, bytes);
    } catch (RuntimeException e) {
      // Not of this pipeline, or the registry is away: its bytes as text.
      String text = new String(bytes, 0, Math.min(bytes.length, longest), StandardCharsets.UTF_8);
      json.writeString(text);
      return bytes.length > longest;
    }
    RecordJson record = new RecordJson(json, longest);
    record.write(decoded);
    return record.isCut();
  }

  private static void progress(
      OutputStream out,
      long looked,
      Consumer<byte[], byte[]> consumer,
      Map<TopicPartition, Long> ends,
      boolean done)
      throws IOException {
    long left = 0;
    for (Map.Entry<TopicPartition, Long> end : ends.entrySet()) {
      left += Math.max(0, end.getValue() - consumer.position(end.getKey()));
    }
    long remaining = left;
    line(
        out,
        json -> {
          json.writeObjectFieldStart("progress");
          json.writeNumberField("looked", looked);
          json.writeNumberField("left", remaining);
          json.writeBooleanField("done", done);
          json.writeEndObject();
        });
    out.flush();
  }

  /** Writes fields of an object. */
  @FunctionalInterface
  private interface Fields {
    void write(JsonGenerator json) throws IOException;
  }

  private static void line(OutputStream out, Fields fields) throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = JSON.createGenerator(text)) {
      json.writeStartObject();
      fields.write(json);
      json.writeEndObject();
    }
    out.write((text + "\n").getBytes(StandardCharsets.UTF_8));
  }
}
