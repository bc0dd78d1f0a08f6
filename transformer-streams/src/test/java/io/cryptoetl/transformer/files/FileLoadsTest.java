package io.cryptoetl.transformer.files;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.files.FileRows;
import io.cryptoetl.ops.FileLoad;
import io.cryptoetl.ops.FileLoadKey;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.MockProcessorContext.CapturedPunctuator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class FileLoadsTest {
  private static final String STORE = "loads";
  private static final Instant READ_AT = Instant.ofEpochSecond(1);

  private final KeyValueStore<byte[], byte[]> store =
      Stores.keyValueStoreBuilder(
              Stores.inMemoryKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray())
          .withLoggingDisabled()
          .withCachingDisabled()
          .build();
  private MockProcessorContext<SpecificRecord, SpecificRecord> context;
  private FileLoads loads;

  @BeforeEach
  void open() {
    context = newContext();
    store.init(context.getStateStoreContext(), store);
    loads = new FileLoads(context, STORE, "out");
  }

  private MockProcessorContext<SpecificRecord, SpecificRecord> newContext() {
    MockProcessorContext<SpecificRecord, SpecificRecord> made =
        new MockProcessorContext<>(new Properties());
    made.addStateStore(store);
    return made;
  }

  private long fileOf(String file) {
    return loads.fileOf(
        new FileRows(file, "v1", "logs", 2L, READ_AT, null, "chain.logs", List.of()), READ_AT);
  }

  private void come(String file) {
    count(file, 1);
  }

  private void go(String file) {
    count(file, -1);
  }

  private void count(String file, int rows) {
    FileLoads.Counts counts = loads.count();
    counts.held(fileOf(file), rows);
    counts.commit();
  }

  /** What goes out as time goes by, as file and counts. */
  private List<String> out() {
    context.scheduledPunctuators().stream()
        .filter(p -> !p.cancelled())
        .forEach(p -> p.getPunctuator().punctuate(1000));
    List<String> out =
        context.forwarded().stream()
            .map(
                forwarded -> {
                  FileLoadKey key = (FileLoadKey) forwarded.record().key();
                  FileLoad load = (FileLoad) forwarded.record().value();
                  return key.getFile()
                      + (load == null ? " gone" : " " + load.getLoaded() + "/" + load.getRows());
                })
            .toList();
    context.resetForwards();
    return out;
  }

  @Test
  void shouldSendWhatChangedOnceAndLetAnIdleTaskBe() {
    assertThat(context.scheduledPunctuators()).isEmpty();

    come("a.csv");
    come("a.csv");
    come("b.csv");
    FileLoads.Counts counts = loads.count();
    counts.moved(List.of(), List.of(fileOf("b.csv")));
    counts.commit();

    assertThat(out()).containsExactlyInAnyOrder("a.csv 0/2", "b.csv 1/1");
    assertThat(context.scheduledPunctuators()).allMatch(CapturedPunctuator::cancelled);

    come("a.csv");
    assertThat(out()).containsExactly("a.csv 0/3");
  }

  @Test
  void shouldForgetAFileThatMakesNothingMoreUnlessItMakesSomethingAgainAtOnce() {
    come("a.csv");
    come("b.csv");
    go("a.csv");
    go("b.csv");
    come("b.csv");
    assertThat(out()).containsExactlyInAnyOrder("a.csv gone", "b.csv 0/1");

    come("a.csv");
    assertThat(out()).containsExactly("a.csv 0/1");
    go("a.csv");
    go("b.csv");
    out();
    try (var all = store.all()) {
      assertThat(all.hasNext()).as("something left").isFalse();
    }
  }

  @Test
  void shouldSendWhatAnInstanceBeforeHasCountedAndNotSent() {
    come("a.csv");

    context = newContext();
    loads = new FileLoads(context, STORE, "out");

    assertThat(out()).containsExactly("a.csv 0/1");
  }
}
