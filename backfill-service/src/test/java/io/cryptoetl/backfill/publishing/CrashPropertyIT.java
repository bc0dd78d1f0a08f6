package io.cryptoetl.backfill.publishing;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.backfill.files.FolderStore;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.CrashingKafka;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Workers and who asks for files die at any step, and a real broker keeps what was committed: that
 * is every file, each chunk once.
 */
@ExtendWith(StackExtension.class)
class CrashPropertyIT {
  private static final int ROWS = 250_000;

  private final Stack stack;
  @TempDir Path folder;

  CrashPropertyIT(Stack stack) {
    this.stack = stack;
  }

  private static String candles(int from) {
    return IntStream.range(from, from + ROWS)
        .mapToObj(i -> "%d,%d,%d,%d,%d,1".formatted(1_600_000_020L + 60L * i, i, i, i, i))
        .collect(Collectors.joining("\n", "time,open,high,low,close,volume\n", "\n"));
  }

  @ParameterizedTest
  @ValueSource(longs = {21, 22, 23})
  void shouldPublishEveryChunkExactlyOnce(long seed) throws Exception {
    Map<String, String> contents = new HashMap<>();
    Path files =
        Files.createDirectories(folder.resolve("venue=v/symbol=S%d/interval=1m".formatted(seed)));
    write(files, contents);
    KafkaClients calm = stack.kafka();
    CrashingKafka kafka =
        new CrashingKafka(stack.bootstrapServers(), stack.registryUrl(), 0.02, seed);
    Ledger ledger = new Ledger(calm);
    Location location =
        new Location(
            "test", folder.toString(), new FolderStore(folder), List.of(), Layouts.defaults());
    AtomicBoolean over = new AtomicBoolean();
    List<Thread> threads = new ArrayList<>();
    threads.add(Thread.ofPlatform().start(ledger));
    threads.add(Thread.ofPlatform().start(() -> list(location, kafka, ledger, over)));
    for (int i = 0; i < 2; i++) {
      String name = "crash-" + i;
      threads.add(Thread.ofPlatform().start(() -> work(location, kafka, ledger, name, over)));
    }

    await()
        .atMost(Duration.ofMinutes(3))
        .until(
            () ->
                contents.keySet().stream()
                    .allMatch(
                        file ->
                            ledger.latest(java.util.Optional.of("done"), 1000).stream()
                                .anyMatch(s -> s.getFile().equals(file))));
    kafka.calm();
    over.set(true);
    ledger.stop();
    for (Thread thread : threads) {
      thread.join(Duration.ofSeconds(30));
    }
    kafka.bury();

    assertThat(kafka.crashes()).as("crashes").isGreaterThan(5);
    Map<String, TreeMap<Long, RawCsvRows>> published = published(calm, files.toString());
    assertThat(published.keySet()).isEqualTo(contents.keySet());
    published.forEach(
        (file, chunks) -> {
          ByteArrayOutputStream bytes = new ByteArrayOutputStream();
          bytes.writeBytes(chunks.firstEntry().getValue().getHead().array());
          chunks.values().forEach(c -> bytes.writeBytes(c.getRows().array()));
          assertThat(bytes.toString(UTF_8).equals(contents.get(file))).as(file).isTrue();
          assertThat(chunks.values().stream().map(RawCsvRows::getFetchedAt).distinct()).hasSize(1);
          FileState state =
              ledger.latest(java.util.Optional.of("done"), 1000).stream()
                  .filter(s -> s.getFile().equals(file))
                  .findFirst()
                  .orElseThrow();
          assertThat(state.getRows()).isEqualTo(ROWS);
          assertThat(state.getChunks()).isEqualTo(chunks.size());
        });
  }

  /** A plain file, a packed one and an archive of three. */
  private static void write(Path files, Map<String, String> contents) throws IOException {
    contents.put(files.resolve("plain.csv").toString(), candles(0));
    Files.writeString(files.resolve("plain.csv"), candles(0));
    contents.put(files.resolve("packed.csv.gz").toString(), candles(ROWS));
    try (GZIPOutputStream out =
        new GZIPOutputStream(Files.newOutputStream(files.resolve("packed.csv.gz")))) {
      out.write(candles(ROWS).getBytes(UTF_8));
    }
    Path archive = files.resolve("archive.zip");
    try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(archive))) {
      for (int i = 2; i < 5; i++) {
        contents.put(archive + "!/m%d.csv".formatted(i), candles(i * ROWS));
        out.putNextEntry(new ZipEntry("m%d.csv".formatted(i)));
        out.write(candles(i * ROWS).getBytes(UTF_8));
      }
    }
  }

  private static Map<String, TreeMap<Long, RawCsvRows>> published(KafkaClients kafka, String below)
      throws InterruptedException {
    Map<String, TreeMap<Long, RawCsvRows>> published = new HashMap<>();
    TopicFollower.read(
        kafka,
        List.of(Topics.RAW_CSV_ROWS),
        (_, value) -> {
          RawCsvRows chunk = (RawCsvRows) value;
          if (chunk.getFile().startsWith(below)) {
            assertThat(
                    published
                        .computeIfAbsent(chunk.getFile(), _ -> new TreeMap<>())
                        .put(chunk.getFirstLine(), chunk))
                .as("line %d of %s twice", chunk.getFirstLine(), chunk.getFile())
                .isNull();
          }
        },
        Duration.ofMinutes(1));
    return published;
  }

  /** Lists, and begins anew after each death; two at once do no harm. */
  private static void list(
      Location location, KafkaClients kafka, Ledger ledger, AtomicBoolean over) {
    while (!over.get()) {
      try (Requests requests =
          new Requests(kafka, ledger, "crash", Duration.ZERO, Clock.systemUTC())) {
        while (!over.get()) {
          requests.list(location);
          Thread.sleep(50);
        }
      } catch (CrashingKafka.Crash | org.apache.kafka.common.KafkaException e) {
        // The next one takes over.
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
    }
  }

  /** Works, and begins anew after each death. */
  private static void work(
      Location location, KafkaClients kafka, Ledger ledger, String name, AtomicBoolean over) {
    while (!over.get()) {
      Worker worker =
          new Worker(
              new Worker.Settings(name, Duration.ofMillis(10), 5, Limits.DEFAULT),
              Map.of("test", location),
              new Outages(Clock.systemUTC()),
              kafka,
              ledger,
              new Detector(Layouts.defaults()),
              Clock.systemUTC(),
              new Meters(new SimpleMeterRegistry()));
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
