package io.cryptoetl.extractor.publishing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.evm.EvmSource;
import io.cryptoetl.extractor.evm.FaultyNode;
import io.cryptoetl.extractor.metrics.Meters;
import io.cryptoetl.extractor.planning.Ledger;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.extractor.planning.Start;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.verify.Corpus;
import io.cryptoetl.extractor.verify.Corpus.Recorded;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.Cursor;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.ExtractResultKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.CrashingKafka;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Planner and workers die at any step, nodes fail in every way, and a real broker keeps what was
 * committed: that is the chain, each block once, or a dead letter that says why not.
 */
@ExtendWith(StackExtension.class)
class CrashPropertyIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<Recorded> CHAIN = Corpus.longestRunWithoutBlobs(Corpus.chain(400));

  private final Stack stack;

  CrashPropertyIT(Stack stack) {
    this.stack = stack;
  }

  @ParameterizedTest
  @ValueSource(longs = {11, 12, 13, 14})
  void shouldPublishTheChainExactlyOnce(long seed) throws Exception {
    String name = "crash-" + seed;
    CrashingKafka kafka =
        new CrashingKafka(stack.bootstrapServers(), stack.registryUrl(), 0.03, seed);
    Ledger ledger = new Ledger(stack.kafka());
    Meters meters = new Meters(new SimpleMeterRegistry());
    AtomicBoolean over = new AtomicBoolean();
    List<Thread> threads = new ArrayList<>();
    threads.add(Thread.ofPlatform().start(ledger));
    try (FaultyNode first = new FaultyNode(CHAIN, 0.3, seed);
        FaultyNode second = new FaultyNode(CHAIN, 0.1, ~seed);
        EvmSource source = FaultyNode.source(name, Duration.ofSeconds(5), first, second)) {
      threads.add(Thread.ofPlatform().start(() -> plan(source, kafka, ledger, meters, over)));
      for (int i = 0; i < 2; i++) {
        String worker = name + "-" + i;
        threads.add(
            Thread.ofPlatform().start(() -> work(source, kafka, ledger, worker, meters, over)));
      }
      long last = CHAIN.getLast().number();
      await()
          .atMost(Duration.ofMinutes(3))
          .until(
              () ->
                  ledger.cursor(name).map(Cursor::getNextNumber).orElse(0L) > last
                      && ledger.outstanding(name).isEmpty());
      kafka.calm();
      over.set(true);
      ledger.stop();
      for (Thread thread : threads) {
        thread.join(Duration.ofSeconds(20));
      }
      kafka.bury();

      assertThat(kafka.crashes()).as("crashes").isPositive();
      assertPublished(kafka, name);
      for (Range gap : ledger.gaps(name)) {
        assertThat(deadLetters(kafka, name))
            .anyMatch(number -> number >= gap.from() && number <= gap.to());
      }
    }
  }

  @Test
  void shouldNotWaitForWhatAWorkerLeftOpenThatIsGone() throws Exception {
    String name = "left-open";
    KafkaClients kafka = stack.kafka();
    Ledger ledger = new Ledger(kafka);
    Meters meters = new Meters(new SimpleMeterRegistry());
    AtomicBoolean over = new AtomicBoolean();
    List<Thread> threads = new ArrayList<>();
    threads.add(Thread.ofPlatform().start(ledger));
    try (Producer<SpecificRecord, SpecificRecord> dead =
            kafka.producer(Worker.group(name) + "/gone", Duration.ofMinutes(10));
        FaultyNode node = new FaultyNode(CHAIN, 0, 1);
        EvmSource source = FaultyNode.source(name, Duration.ofSeconds(5), node)) {
      dead.initTransactions();
      dead.beginTransaction();
      for (int i = 0; i < Topics.OPS_EXTRACT_RESULTS.partitions(); i++) {
        dead.send(
                new ProducerRecord<>(
                    Topics.OPS_EXTRACT_RESULTS.name(), i, new ExtractResultKey("never"), null))
            .get();
      }
      threads.add(Thread.ofPlatform().start(() -> plan(source, kafka, ledger, meters, over)));
      threads.add(
          Thread.ofPlatform().start(() -> work(source, kafka, ledger, name + "-0", meters, over)));

      // Far less than the ten minutes of the transaction.
      await()
          .atMost(Duration.ofMinutes(2))
          .until(
              () ->
                  ledger.cursor(name).map(Cursor::getNextNumber).orElse(0L)
                          > CHAIN.getLast().number()
                      && ledger.outstanding(name).isEmpty());
      over.set(true);
      ledger.stop();
      for (Thread thread : threads) {
        thread.join(Duration.ofSeconds(20));
      }
      assertPublished(kafka, name);
    }
  }

  private void assertPublished(KafkaClients kafka, String name) throws Exception {
    Map<Long, List<RawBlock>> published = new TreeMap<>();
    for (SpecificRecord record : read(kafka, Topics.RAW_EVM_BLOCKS)) {
      if (record instanceof RawBlock raw && raw.getSource().equals(name)) {
        published.computeIfAbsent(raw.getNumber(), _ -> new ArrayList<>()).add(raw);
      }
    }
    TreeSet<Long> dead = deadLetters(kafka, name);
    for (Recorded recorded : CHAIN) {
      List<RawBlock> copies = published.getOrDefault(recorded.number(), List.of());
      if (copies.isEmpty()) {
        assertThat(dead).contains(recorded.number());
        continue;
      }
      // A range may be fetched again because its neighbour came from elsewhere; the copies are
      // equal.
      for (RawBlock raw : copies) {
        assertThat(json(raw)).isEqualTo(recorded.block());
      }
      assertThat(copies).as("block " + recorded.number()).hasSize(1);
    }
    assertThat(published.keySet()).allMatch(n -> n >= CHAIN.getFirst().number());
  }

  private static JsonNode json(RawBlock raw) throws Exception {
    return JSON.readTree(StandardCharsets.UTF_8.decode(raw.getBlockJson()).toString());
  }

  private static TreeSet<Long> deadLetters(KafkaClients kafka, String name)
      throws InterruptedException {
    TreeSet<Long> numbers = new TreeSet<>();
    for (SpecificRecord record : read(kafka, Topics.OPS_DEAD_LETTERS)) {
      if (record instanceof DeadLetter letter && name.equals(letter.getSource())) {
        assertThat(letter.getReason()).isNotBlank();
        numbers.add(letter.getBlockNumber());
      }
    }
    return numbers;
  }

  private static List<SpecificRecord> read(KafkaClients kafka, Topic topic)
      throws InterruptedException {
    List<SpecificRecord> records = new ArrayList<>();
    TopicFollower.read(
        kafka, List.of(topic), (_, value) -> records.add(value), Duration.ofMinutes(1));
    return records;
  }

  /** Plans, and begins anew after each death. */
  private static void plan(
      EvmSource source, KafkaClients kafka, Ledger ledger, Meters meters, AtomicBoolean over) {
    while (!over.get()) {
      Planner planner =
          new Planner(
              source,
              new Planner.Settings(
                  new Start.Height(CHAIN.getFirst().number()), 2, 3, source.name()),
              () -> true,
              kafka,
              ledger,
              meters,
              Clock.systemUTC());
      try {
        while (!over.get()) {
          planner.tick(Planner.Trigger.SCHEDULE);
          Thread.sleep(20);
        }
        planner.close();
      } catch (CrashingKafka.Crash e) {
        // The next one takes over.
        continue;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Works, and begins anew after each death. */
  private static void work(
      EvmSource source,
      KafkaClients kafka,
      Ledger ledger,
      String name,
      Meters meters,
      AtomicBoolean over) {
    while (!over.get()) {
      Worker worker =
          new Worker(
              source,
              () -> {},
              kafka,
              ledger,
              name,
              Duration.ofMillis(10),
              8,
              Clock.systemUTC(),
              meters);
      Thread stopper =
          Thread.ofVirtual()
              .start(
                  () -> {
                    await().forever().untilTrue(over);
                    worker.stop();
                  });
      try {
        worker.run();
      } catch (CrashingKafka.Crash e) {
        stopper.interrupt();
      }
    }
  }
}
