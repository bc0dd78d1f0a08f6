package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.extractor.planning.Ledger;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.ops.ExtractResult;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * How long the extractor's ledger takes to read what was ever asked for, and what memory it then
 * takes: requests and results of many blocks and of years of candles, written to a broker.
 */
@Command(name = "ledger", mixinStandardHelpOptions = true)
public final class LedgerStart implements Callable<Integer> {
  private static final long MINUTES_PER_YEAR = 525_960;
  private static final ByteBuffer HASH = ByteBuffer.wrap(new byte[32]);

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--blocks", defaultValue = "20000000", description = "Blocks; default 20000000")
  private long blocks;

  @Option(names = "--blocks-per-range", defaultValue = "50", description = "Default 50")
  private int blocksPerRange;

  @Option(names = "--years", defaultValue = "10", description = "Years of candles; default 10")
  private int years;

  @Option(
      names = "--minutes-per-range",
      defaultValue = "1",
      description = "Candles of a minute in a range; default 1, as they are read when they close")
  private int minutesPerRange;

  public static void main(String[] args) {
    System.exit(new CommandLine(new LedgerStart()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/ledger"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    ObjectNode result = new ObjectMapper().createObjectNode();
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.startPart(parts.postgres());
      parts.database().migrate();
      stack.startPart(parts.broker());
      stack.startPart(parts.registry());
      KafkaClients kafka = parts.kafka();
      Provisioner provisioner = new Provisioner(TopicSettings.defaults());
      try (Admin admin = kafka.admin()) {
        provisioner.topics(admin);
      }
      provisioner.schemas(
          new SchemaRegistry(Map.of("url", parts.registryUrl()), Duration.ofMinutes(1)));
      long written = write(kafka);
      System.err.printf("%,d records are written.%n", written);
      measure(kafka, result.put("records", written));
    }
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.println(result.toPrettyString());
    }
    System.out.println(result);
    return 0;
  }

  private long write(KafkaClients kafka) {
    long written = 0;
    Instant from = Instant.parse("2016-01-01T00:00:00Z");
    try (Producer<SpecificRecord, SpecificRecord> producer = kafka.producer()) {
      long minutes = years * MINUTES_PER_YEAR;
      long number = 0;
      // In the order of time, as it comes to be.
      for (long minute = 0; minute < minutes; minute += minutesPerRange) {
        Instant at = from.plusSeconds(minute * 60);
        for (; number < blocks && number * minutes <= minute * blocks; number += blocksPerRange) {
          written +=
              range(
                  producer,
                  Topics.OPS_EXTRACT_BULK_REQUESTS,
                  "ethereum",
                  number,
                  blocksPerRange,
                  at);
        }
        written +=
            range(
                producer,
                Topics.OPS_EXTRACT_REQUESTS,
                "binance-klines.1m",
                minute,
                minutesPerRange,
                at);
      }
    }
    return written;
  }

  private static long range(
      Producer<SpecificRecord, SpecificRecord> producer,
      Topic topic,
      String source,
      long number,
      int size,
      Instant at) {
    String id = source + "-" + number;
    producer.send(
        new ProducerRecord<>(
            topic.name(),
            null,
            at.toEpochMilli(),
            new ExtractRequestKey(id),
            new ExtractRequest(id, id, source, number, number + size - 1, "schedule", at)));
    ExtractResult result =
        ExtractResult.newBuilder()
            .setRequestId(id)
            .setJobId(id)
            .setSource(source)
            .setFromNumber(number)
            .setToNumber(number + size - 1)
            .setBlocks(size)
            .setDeadLetters(0)
            .setBytes(size * 1000L)
            .setCalls(2L * size)
            .setRetries(0)
            .setEndpoint("node")
            .setWorker("bench")
            .setStartedAt(at)
            .setFinishedAt(at.plusSeconds(1))
            .setOutcome("published")
            .setAbsent(0)
            .setChecks(List.of("header_hash", "receipts_root"))
            .setFirstParentHash(HASH)
            .setLastHash(HASH)
            .build();
    producer.send(
        new ProducerRecord<>(
            Topics.OPS_EXTRACT_RESULTS.name(),
            null,
            at.plusSeconds(1).toEpochMilli(),
            new ExtractResultKey(id),
            result));
    return 2;
  }

  private void measure(KafkaClients kafka, ObjectNode result) throws InterruptedException {
    long before = used();
    long peak = 0;
    long began = System.nanoTime();
    Ledger ledger = new Ledger(kafka);
    Thread thread = Thread.ofPlatform().start(ledger);
    while (!ledger.awaitRead(Duration.ofSeconds(1))) {
      peak = Math.max(peak, used());
    }
    double seconds = (System.nanoTime() - began) / 1e9;
    peak = Math.max(peak, used());
    result
        .put("read_s", Math.round(seconds * 10) / 10.0)
        .put("records_per_s", Math.round(result.get("records").asLong() / seconds))
        .put("live_mib_before", before >> 20)
        .put("peak_live_mib", peak >> 20)
        .put("live_mib_after", used() >> 20)
        .put("outstanding", ledger.outstanding("ethereum").size());
    ledger.stop();
    thread.join();
  }

  /** What is alive, by a collection. */
  private static long used() {
    System.gc();
    return ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
  }
}
