package io.cryptoetl.backfill.publishing;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.cryptoetl.backfill.files.FileStore;
import io.cryptoetl.backfill.files.FolderStore;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.backfill.publishing.Ledger.Progress;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.Stack;
import io.cryptoetl.stack.StackExtension;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.ByteArrayOutputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** A store goes away, on a real broker: its files wait, those of others do not. */
@ExtendWith(StackExtension.class)
class OutageIT {
  private static final int SMALL_FILES = 20;
  private static final int ROWS = 300_000;

  private final Stack stack;
  @TempDir Path folder;

  OutageIT(Stack stack) {
    this.stack = stack;
  }

  /** A folder on a machine that can be gone. */
  private static final class FarStore implements FileStore {
    private final FileStore store;

    /** Bytes that it still gives before it takes its time. */
    private final AtomicLong left;

    private volatile boolean away;

    private final AtomicInteger tries = new AtomicInteger();
    private final AtomicLong read = new AtomicLong();

    FarStore(Path folder, long left) throws IOException {
      this.store = new FolderStore(folder);
      this.left = new AtomicLong(left);
    }

    private void requireReach() throws IOException {
      tries.incrementAndGet();
      if (away) {
        throw new IOException("the far store does not answer");
      }
    }

    @Override
    public void list(Consumer<StoredFile> each) throws IOException {
      requireReach();
      store.list(each);
    }

    @Override
    public Optional<StoredFile> find(String name) throws IOException {
      requireReach();
      return store.find(name);
    }

    @Override
    public void reach() throws IOException {
      requireReach();
    }

    @Override
    public InputStream open(StoredFile file) throws IOException {
      requireReach();
      return new FilterInputStream(store.open(file)) {
        @Override
        public int read(byte[] to, int from, int length) throws IOException {
          await().forever().until(() -> left.get() > 0 || away);
          if (away) {
            throw new IOException("the far store broke off");
          }
          int got = super.read(to, from, length);
          left.addAndGet(-Math.max(0, got));
          read.addAndGet(Math.max(0, got));
          return got;
        }
      };
    }

    @Override
    public byte[] range(StoredFile file, long offset, int length) throws IOException {
      requireReach();
      return store.range(file, offset, length);
    }
  }

  private static String candles(int rows) {
    return IntStream.range(0, rows)
        .mapToObj(i -> "%d,%d,%d,%d,%d,1".formatted(1_600_000_020L + 60L * i, i, i, i, i))
        .collect(Collectors.joining("\n", "time,open,high,low,close,volume\n", "\n"));
  }

  private Path files(String location, String symbol) throws IOException {
    return Files.createDirectories(
        folder.resolve(location).resolve("venue=v/interval=1m/symbol=" + symbol));
  }

  @Test
  void shouldLoadFilesOfOthersWhileAStoreIsAway() throws Exception {
    // A large file is checked, begun to be published, and broken off; many wait behind it.
    Path large = files("far", "LARGE").resolve("large.csv");
    Files.writeString(large, candles(ROWS));
    FarStore store = new FarStore(folder.resolve("far"), Files.size(large) * 7 / 4);
    Path small = files("far", "SMALL");
    for (int i = 0; i < SMALL_FILES; i++) {
      Files.writeString(files("near", "NEAR").resolve(i + ".csv"), candles(5));
    }
    Location far = location("far", store);
    Location near = location("near", new FolderStore(folder.resolve("near")));
    Ledger ledger = new Ledger(stack.kafka());
    Outages outages = new Outages(Clock.systemUTC());
    Worker worker =
        new Worker(
            new Worker.Settings("outage", Duration.ofMillis(10), 5, Limits.DEFAULT),
            Map.of("far", far, "near", near),
            outages,
            stack.kafka(),
            ledger,
            new Detector(Layouts.defaults()),
            Clock.systemUTC(),
            new Meters(new SimpleMeterRegistry()));
    List<Thread> threads =
        List.of(Thread.ofPlatform().start(ledger), Thread.ofPlatform().start(worker));
    try (Requests requests =
        new Requests(stack.kafka(), ledger, "outage", Duration.ZERO, Clock.systemUTC())) {
      requests.list(far);
      await().atMost(Duration.ofMinutes(1)).until(() -> store.left.get() <= 0);
      for (int i = 0; i < SMALL_FILES; i++) {
        Files.writeString(small.resolve(i + ".csv"), candles(5));
      }
      requests.list(far);
      requests.list(near);
      store.away = true;

      awaitAll(ledger, "near", Progress.DONE, SMALL_FILES);
      awaitAll(ledger, "far", Progress.WAITING, SMALL_FILES + 1);
      FileState broken = state(ledger, large);
      assertThat(broken.getChunks()).isPositive();
      assertThat(broken.getCode()).isEqualTo("store_unreachable");
      assertThat(outages.problems()).singleElement().asString().contains("far store");
      // Without a try for each of them: whoever waits for an answer, waits long.
      assertThat(store.tries.get()).isLessThan(SMALL_FILES);

      store.left.set(Long.MAX_VALUE);
      store.away = false;
      store.read.set(0);
      outages.answered("far");
      requests.list(far);

      awaitAll(ledger, "far", Progress.DONE, SMALL_FILES + 1);
      assertThat(state(ledger, large).getCode()).isNull();
      assertThat(state(ledger, large).getFetchedAt()).isEqualTo(broken.getFetchedAt());
      assertThat(store.read.get())
          .as("what was published is not read again")
          .isLessThan(Files.size(large) - broken.getBytes() + 1_500_000);
      assertThat(published(large.toString())).isEqualTo(candles(ROWS));
      requests.list(far);
      assertThat(ledger.progress(large.toString(), broken.getFileVersion()))
          .contains(Progress.DONE);
    } finally {
      worker.stop();
      ledger.stop();
      for (Thread thread : threads) {
        thread.join();
      }
    }
  }

  private static Location location(String name, FileStore store) {
    return new Location(name, "/" + name, store, List.of(), Layouts.defaults());
  }

  private static FileState state(Ledger ledger, Path file) {
    return ledger.latest(Optional.empty(), 1_000).stream()
        .filter(s -> s.getFile().equals(file.toString()))
        .findFirst()
        .orElseThrow();
  }

  private void awaitAll(Ledger ledger, String location, Progress progress, int files) {
    await()
        .atMost(Duration.ofMinutes(1))
        .untilAsserted(
            () ->
                assertThat(
                        ledger.latest(Optional.empty(), 1_000).stream()
                            .filter(s -> s.getFile().startsWith(folder.toString()))
                            .filter(s -> s.getLocation().equals(location))
                            .collect(
                                Collectors.groupingBy(
                                    s -> s.getState() + " " + s.getReason(),
                                    Collectors.counting())))
                    .hasSize(1)
                    .allSatisfy(
                        (state, count) -> {
                          assertThat(state).startsWith(progress.word());
                          assertThat(count).isEqualTo(files);
                        }));
  }

  /** All chunks of a file, one after the other, each of them once. */
  private String published(String file) throws InterruptedException {
    TreeMap<Long, RawCsvRows> chunks = new TreeMap<>();
    TopicFollower.read(
        stack.kafka(),
        List.of(Topics.RAW_CSV_ROWS),
        (_, value) -> {
          RawCsvRows chunk = (RawCsvRows) value;
          if (chunk.getFile().equals(file)) {
            assertThat(chunks.put(chunk.getFirstLine(), chunk)).isNull();
          }
        },
        Duration.ofMinutes(1));
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    bytes.writeBytes(chunks.firstEntry().getValue().getHead().array());
    chunks.values().forEach(c -> bytes.writeBytes(c.getRows().array()));
    return bytes.toString(java.nio.charset.StandardCharsets.UTF_8);
  }
}
