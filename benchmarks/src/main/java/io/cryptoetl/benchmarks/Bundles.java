package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Log;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.transformer.blocks.BlockMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Logs of blocks as a record for each row, beside a record for each block that holds all its rows:
 * what writing, keeping and reading them costs on one broker.
 */
@Command(name = "bundles", mixinStandardHelpOptions = true)
public final class Bundles implements Callable<Integer> {
  private static final int PARTITIONS = 6;
  private static final int MAX_BYTES = 16 << 20;
  private static final OperatingSystemMXBean PROCESS =
      (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

  private static final Callback SENT =
      (metadata, failure) -> {
        if (failure != null) {
          throw new IllegalStateException(failure);
        }
      };

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--rows", defaultValue = "2000000", description = "Rows; default 2000000")
  private int rows;

  private Usage usage;
  private Layout layout;

  public static void main(String[] args) {
    System.exit(new CommandLine(new Bundles()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Recordings.get(root, root.resolve(".pipeline/bench"), 300, 175);
    Transform recorded = new Transform();
    recorded.read();
    List<Log> logs = logs(recorded);
    layout = new Layout(root, root.resolve(".pipeline/bench/bundles"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = new ObjectMapper().createObjectNode();
    result.put("rows_per_block", logs.size());
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.startPart(parts.broker());
      usage = new Usage(stack.children());
      // The first round warms up, the second counts.
      for (int round = 0; round < 2; round++) {
        for (boolean bundled : new boolean[] {false, true}) {
          measure(parts, logs, bundled, round, result.putObject(bundled ? "bundles" : "records"));
        }
      }
    }
    for (String what : List.of("write_cpu_us", "read_cpu_us", "broker_cpu_us", "bytes")) {
      double records = result.at("/records/" + what + "_per_row").asDouble();
      double bundles = result.at("/bundles/" + what + "_per_row").asDouble();
      result.put("ratio_" + what, Math.round(100 * records / bundles) / 100.0);
    }
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.println(result.toPrettyString());
    }
    System.out.println(result);
    return 0;
  }

  private static List<Log> logs(Transform recorded) throws BadRecordException {
    return BlockMapper.map(recorded.raw()).logs();
  }

  private void measure(Parts parts, List<Log> logs, boolean bundled, int round, ObjectNode result)
      throws Exception {
    String topic = (bundled ? "bundles-" : "records-") + round;
    Map<String, Object> config =
        new HashMap<>(Map.of("bootstrap.servers", parts.bootstrapServers()));
    try (Admin admin = Admin.create(config)) {
      admin
          .createTopics(
              List.of(
                  new NewTopic(topic, PARTITIONS, (short) 1)
                      .configs(Map.of("max.message.bytes", Integer.toString(MAX_BYTES)))))
          .all()
          .get();
    }
    int blocks = rows / logs.size();
    double count = (double) blocks * logs.size();
    double broker = usage.cpuSeconds().get("kafka");
    long began = PROCESS.getProcessCpuTime();
    write(config, topic, logs, blocks, bundled);
    long written = PROCESS.getProcessCpuTime();
    long read = read(config, topic, bundled);
    if (read != (long) count) {
      throw new IOException("%s: %d rows are read, not %.0f".formatted(topic, read, count));
    }
    long done = PROCESS.getProcessCpuTime();
    result.put("write_cpu_us_per_row", Math.round((written - began) / count / 10) / 100.0);
    result.put("read_cpu_us_per_row", Math.round((done - written) / count / 10) / 100.0);
    result.put(
        "broker_cpu_us_per_row",
        Math.round(1e8 * (usage.cpuSeconds().get("kafka") - broker) / count) / 100.0);
    result.put("bytes_per_row", Math.round(10 * size(topic) / count) / 10.0);
  }

  private static void write(
      Map<String, Object> config, String topic, List<Log> logs, int blocks, boolean bundled) {
    Map<String, Object> settings = new HashMap<>(config);
    settings.put("compression.type", "zstd");
    settings.put("compression.zstd.level", 1);
    settings.put("linger.ms", 50);
    settings.put("batch.size", 1 << 18);
    settings.put("max.request.size", MAX_BYTES);
    settings.put("enable.idempotence", false);
    try (KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer())) {
      for (long block = 0; block < blocks; block++) {
        ByteArrayOutputStream bundle = new ByteArrayOutputStream();
        for (Log log : logs) {
          log.setBlockNumber(block);
          byte[] row = AvroSerdes.body(log);
          if (bundled) {
            bundle.writeBytes(ByteBuffer.allocate(Integer.BYTES).putInt(row.length).array());
            bundle.writeBytes(row);
          } else {
            LogKey key = new LogKey(log.getChainId(), block, log.getLogIndex());
            producer.send(new ProducerRecord<>(topic, AvroSerdes.body(key), row), SENT);
          }
        }
        if (bundled) {
          BlockKey key = new BlockKey(logs.getFirst().getChainId(), block);
          producer.send(
              new ProducerRecord<>(topic, AvroSerdes.body(key), bundle.toByteArray()), SENT);
        }
      }
    }
  }

  /** Reads all rows, as a sink does; the count of them. */
  private static long read(Map<String, Object> config, String topic, boolean bundled) {
    long count = 0;
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          Stream.iterate(0, i -> i + 1)
              .limit(PARTITIONS)
              .map(i -> new TopicPartition(topic, i))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(e -> consumer.position(e.getKey()) < e.getValue())) {
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          ByteBuffer value = ByteBuffer.wrap(record.value());
          if (!bundled) {
            count += rowOf(record.value(), 0, record.value().length);
            continue;
          }
          while (value.hasRemaining()) {
            int length = value.getInt();
            count += rowOf(record.value(), value.position(), value.position() + length);
            value.position(value.position() + length);
          }
        }
      }
    }
    return count;
  }

  private static int rowOf(byte[] bytes, int from, int to) {
    return AvroSerdes.fromBody(Log.class, bytes, from, to).getBlockNumber() < 0 ? 0 : 1;
  }

  private double size(String topic) throws IOException {
    try (Stream<Path> files = Files.walk(layout.data())) {
      return files
          .filter(f -> f.getParent().getFileName().toString().startsWith(topic + "-"))
          .filter(f -> f.toString().endsWith(".log"))
          .mapToLong(f -> f.toFile().length())
          .sum();
    }
  }
}
