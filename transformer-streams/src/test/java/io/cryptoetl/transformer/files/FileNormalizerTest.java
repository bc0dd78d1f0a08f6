package io.cryptoetl.transformer.files;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.files.FileBucket;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.files.FileRowsKey;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.KeyPartitioner;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.ops.FileChunk;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.state.Buckets;
import io.cryptoetl.transformer.state.ChunkRows;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Where rows of a chunk go in a cluster of several partitions. */
class FileNormalizerTest {
  private static final int PARTITIONS = 5;

  private final MockProcessorContext<SpecificRecord, SpecificRecord> context =
      new MockProcessorContext<>(new Properties());
  private RawCsvRows chunk;
  private int limit = 16 << 20;
  private FileNormalizer normalizer;

  @BeforeEach
  void open() {
    for (StoreBuilder<?> declared : FileNormalizer.stores()) {
      KeyValueStore<byte[], byte[]> store =
          Stores.keyValueStoreBuilder(
                  Stores.inMemoryKeyValueStore(declared.name()),
                  Serdes.ByteArray(),
                  Serdes.ByteArray())
              .withLoggingDisabled()
              .withCachingDisabled()
              .build();
      store.init(context.getStateStoreContext(), store);
      context.addStateStore(store);
    }
    context.setRecordMetadata("raw.csv.rows", 0, 0);
    normalizer =
        new FileNormalizer(
            (topic, bytes) -> chunk,
            Layouts.defaults(),
            PriceRules.defaults(),
            topic -> PARTITIONS,
            topic -> limit,
            topic -> topic);
    normalizer.init(context);
  }

  private static ByteBuffer bytes(String text) {
    return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
  }

  /** What is forwarded of a chunk of candles of so many minutes, read at a second. */
  private List<Record<?, ?>> normalize(int minutes, int readAt) {
    StringBuilder rows = new StringBuilder();
    for (int minute = 0; minute < minutes; minute++) {
      rows.append(1_699_999_980L + 60L * minute).append(",1,2,0.5,1.5,7\n");
    }
    chunk =
        RawCsvRows.newBuilder()
            .setDataset("ohlcv")
            .setFile("a.csv")
            .setFileVersion("v")
            .setFirstLine(2)
            .setFormat("csv")
            .setDelimiter(",")
            .setHead(bytes("unix,open,high,low,close,volume\n"))
            .setRows(bytes(rows.toString()))
            .setParameters(Map.of("venue", "v", "symbol", "s", "interval", "1m"))
            .setFetchedAt(Instant.ofEpochSecond(readAt))
            .build();
    context.resetForwards();
    normalizer.process(new Record<>(new byte[0], bytes("" + minutes + readAt).array(), 0));
    List<Record<?, ?>> records = new ArrayList<>();
    context.forwarded().forEach(forwarded -> records.add(forwarded.record()));
    return records;
  }

  private static Set<Long> linesOf(List<Record<?, ?>> records) {
    Set<Long> lines = new TreeSet<>();
    for (Record<?, ?> record : records) {
      if (record.value() instanceof FileRows rows) {
        int partition = ((FileRowsKey) record.key()).getPartition();
        for (FileBucket bucket : rows.getBuckets()) {
          ChunkRows.forEach(
              Target.CANDLES,
              bucket.getRows().array(),
              (slot, line, from, to) -> {
                CandleKey key = Buckets.candle(bucket.getBucket().array(), slot);
                assertThat(KeyPartitioner.partition(AvroSerdes.body(key), PARTITIONS))
                    .as("where venues' candles of the key are")
                    .isEqualTo(partition);
                assertThat(lines.add(line)).as("a row is sent once").isTrue();
              });
        }
      }
    }
    return lines;
  }

  @Test
  void shouldSendEachRowOnceToThePartitionOfItsKeyInOneRecordForEach() {
    List<Record<?, ?>> records = normalize(3_000, 1);

    assertThat(linesOf(records)).hasSize(3_000);
    assertThat(records.stream().filter(r -> r.value() instanceof FileRows)).hasSize(PARTITIONS);
    assertThat(records.getLast().value())
        .isInstanceOfSatisfying(
            FileChunk.class, counts -> assertThat(counts.getMade()).isEqualTo(3_000));
  }

  @Test
  void shouldSplitWhatIsTooMuchForARecord() {
    List<Record<?, ?>> records = normalize(150_000, 1);

    assertThat(linesOf(records)).hasSize(150_000);
    assertThat(records.stream().filter(r -> r.value() instanceof FileRows))
        .hasSizeGreaterThan(PARTITIONS)
        .allSatisfy(
            r -> assertThat(AvroSerdes.body((FileRows) r.value())).hasSizeLessThan(2 << 20));
  }

  @Test
  void shouldKeepToTheLimitOfTheTopic() {
    limit = 200_000;

    List<Record<?, ?>> records = normalize(20_000, 1);

    assertThat(linesOf(records)).hasSize(20_000);
    assertThat(records.stream().filter(r -> r.value() instanceof FileRows))
        .allSatisfy(r -> assertThat(AvroSerdes.body((FileRows) r.value())).hasSizeLessThan(limit));
  }

  @Test
  void shouldTakeBackBucketsInWhichTheChunkMakesNothingMore() {
    normalize(3_000, 1);

    List<Record<?, ?>> records = normalize(10, 2);

    Set<Long> lines = new TreeSet<>();
    int gone = 0;
    for (Record<?, ?> record : records) {
      if (record.value() instanceof FileRows rows) {
        assertThat(rows.getReplaces()).isEqualTo(Instant.ofEpochSecond(1));
        for (FileBucket bucket : rows.getBuckets()) {
          if (bucket.getRows() == null) {
            gone++;
          } else {
            ChunkRows.forEach(
                Target.CANDLES,
                bucket.getRows().array(),
                (slot, line, from, to) -> lines.add(line));
          }
        }
      }
    }
    assertThat(lines).hasSize(10);
    assertThat(gone).isGreaterThanOrEqualTo(2 * PARTITIONS);
    assertThat(normalize(3_000, 1)).as("an older reading of the chunk").isEmpty();
  }
}
