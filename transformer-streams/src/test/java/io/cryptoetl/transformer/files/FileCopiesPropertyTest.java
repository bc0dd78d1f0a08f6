package io.cryptoetl.transformer.files;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.Target;
import io.cryptoetl.files.FileBucket;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.transformer.files.FileCopies.Copy;
import io.cryptoetl.transformer.state.ChunkRows;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/** What stands of copies of many chunks, beside a brute force that looks at all of them. */
class FileCopiesPropertyTest {
  private static final byte[] BUCKET = {7};

  private final MockProcessorContext<SpecificRecord, SpecificRecord> context =
      new MockProcessorContext<>(new Properties());
  private final FileLoads loads = new FileLoads(context, opened("loads"), "loads");
  private final FileCopies copies = new FileCopies(context.getStateStore(opened("copies")), loads);

  /** What the table shows: contents and file by slot. */
  private final Map<Long, String> shown = new TreeMap<>();

  /** Rows that stand, by file. */
  private final Map<Long, Integer> moved = new TreeMap<>();

  private record Chunk(String file, long firstLine) {}

  private record Row(long slot, long line, String text) {}

  private record Made(long readAt, List<Row> rows) {}

  private record Rival(long readAt, long file, long line, long firstLine, long slot, String text) {}

  private String opened(String name) {
    KeyValueStore<byte[], byte[]> store =
        Stores.keyValueStoreBuilder(
                Stores.inMemoryKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
            .withLoggingDisabled()
            .withCachingDisabled()
            .build();
    store.init(context.getStateStoreContext(), store);
    context.addStateStore(store);
    return name;
  }

  private static FileRows message(Chunk chunk, long readAt, Long replaces, byte[] rows) {
    return new FileRows(
        chunk.file(),
        "v",
        "logs",
        chunk.firstLine(),
        Instant.ofEpochMilli(readAt),
        replaces == null ? null : Instant.ofEpochMilli(replaces),
        Target.LOGS.label(),
        List.of(
            new FileBucket(ByteBuffer.wrap(BUCKET), rows == null ? null : ByteBuffer.wrap(rows))));
  }

  private static String text(Copy copy) {
    return copy == null
        ? null
        : new String(copy.entry(), copy.from(), copy.to() - copy.from(), StandardCharsets.UTF_8)
            + copy.file();
  }

  private void take(Chunk chunk, Made made, Long replaces) {
    byte[] rows = null;
    if (!made.rows().isEmpty()) {
      ChunkRows.Builder builder = new ChunkRows.Builder(Target.LOGS);
      made.rows()
          .forEach(r -> builder.add(r.slot(), r.line(), r.text().getBytes(StandardCharsets.UTF_8)));
      rows = builder.toBytes();
    }
    copies.take(
        message(chunk, made.readAt(), replaces, rows),
        (part, bucket, changes, counts) ->
            changes.forEach(
                change -> {
                  assertThat(shown.get(change.slot())).isEqualTo(text(change.before()));
                  counts.moved(Copy.files(change.before()), Copy.files(change.now()));
                  Copy.files(change.before()).forEach(file -> moved.merge(file, -1, Integer::sum));
                  Copy.files(change.now()).forEach(file -> moved.merge(file, 1, Integer::sum));
                  if (change.now() == null) {
                    shown.remove(change.slot());
                  } else {
                    shown.put(change.slot(), text(change.now()));
                  }
                }));
  }

  /** By the rule, of everything that chunks make now. */
  private Map<Long, String> expected(Map<Chunk, Made> all) {
    Map<Long, List<Rival>> rivals = new TreeMap<>();
    all.forEach(
        (chunk, made) -> {
          Instant readAt = Instant.ofEpochMilli(made.readAt());
          long file = loads.fileOf(message(chunk, made.readAt(), null, null), readAt);
          made.rows()
              .forEach(
                  r ->
                      rivals
                          .computeIfAbsent(r.slot(), _ -> new ArrayList<>())
                          .add(
                              new Rival(
                                  made.readAt(),
                                  file,
                                  r.line(),
                                  chunk.firstLine(),
                                  r.slot(),
                                  r.text())));
        });
    Map<Long, String> expected = new TreeMap<>();
    rivals.forEach(
        (slot, of) -> {
          of.sort(
              Comparator.comparingLong(Rival::readAt)
                  .thenComparing(Rival::file, Long::compareUnsigned)
                  .thenComparingLong(Rival::line)
                  .thenComparingLong(Rival::firstLine));
          int first = of.size() - 1;
          while (first > 0 && of.get(first - 1).text().equals(of.getLast().text())) {
            first--;
          }
          expected.put(slot, of.get(first).text() + of.get(first).file());
        });
    return expected;
  }

  @Property(tries = 300)
  void shouldShowTheFirstOfTheCopiesThatSayTheSameAsTheBest(
      @ForAll long seed, @ForAll @IntRange(min = 1, max = 40) int steps) {
    shown.clear();
    Random random = new Random(seed);
    Map<Chunk, Made> all = new java.util.HashMap<>();
    for (int step = 0; step < steps; step++) {
      Chunk chunk = new Chunk("file-" + random.nextInt(6), 2 + 3L * random.nextInt(2));
      Made before = all.get(chunk);
      List<Row> rows = new ArrayList<>();
      long line = chunk.firstLine();
      for (int i = random.nextInt(5); i > 0; i--) {
        rows.add(new Row(random.nextInt(4), line++, random.nextInt(4) == 0 ? "y" : "x"));
      }
      long readAt = (before == null ? 1 : before.readAt()) + random.nextInt(4);
      Made made = new Made(readAt, rows);
      all.put(chunk, made);

      take(chunk, made, before == null ? null : before.readAt());

      assertThat(shown).isEqualTo(expected(all));
      Map<Long, String> standing = new TreeMap<>();
      copies.standing(Target.LOGS, BUCKET).forEach((slot, copy) -> standing.put(slot, text(copy)));
      assertThat(standing).isEqualTo(shown);
      shown.forEach(
          (slot, text) ->
              assertThat(text(copies.standing(Target.LOGS, BUCKET, slot))).isEqualTo(text));
    }
    assertThat(moved.values().stream().mapToInt(Integer::intValue).sum()).isEqualTo(shown.size());
    all.forEach((chunk, made) -> take(chunk, new Made(made.readAt(), List.of()), made.readAt()));
    assertThat(shown).isEmpty();
    try (var left = ((KeyValueStore<byte[], byte[]>) context.getStateStore("copies")).all()) {
      assertThat(left.hasNext()).as("something left").isFalse();
    }
  }
}
