package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.business.BlockEconomics;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.LogKey;
import io.cryptoetl.chain.TokenTransferKey;
import io.cryptoetl.chain.TransactionKey;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.Registry;
import io.cryptoetl.kafka.Replays;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.prices.PriceBucket;
import io.cryptoetl.prices.PriceBucketKey;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.BoundedRocksDb;
import io.cryptoetl.transformer.blocks.BlockMapper;
import io.cryptoetl.transformer.blocks.BlockRows;
import io.cryptoetl.transformer.prices.PriceJoin;
import io.cryptoetl.transformer.prices.PriceRules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.Serializer;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.processor.api.MockProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * From JSON to rows, beside Jackson's reading of the same bytes; the price join with a million
 * candles in its store; and the service from Kafka to Kafka.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class Transform {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Ids are no matter here. */
  private static final AvroSerdes SERDES =
      new AvroSerdes(
          new Registry() {
            @Override
            public int idOf(String subject, Schema schema) {
              return 1;
            }

            @Override
            public Schema byId(int id) {
              throw new UnsupportedOperationException("nothing is read");
            }
          });

  private static final Serializer<SpecificRecord> KEYS = SERDES.serializer(true);
  private static final Serializer<SpecificRecord> VALUES = SERDES.serializer(false);
  private static final int CANDLES = 1_000_000;
  private static final int BLOCKS = 1_000_000;
  private static final int UPDATES = 20_000;
  private static final int BUCKET = 1024;
  private static final int PUBLISHED = 1200;
  private static final int ROUNDS = 4;
  private static final Instant BEGIN = Instant.parse("2024-01-01T00:00:00Z");

  private RawBlock raw;
  private byte[] block;
  private byte[] receipts;

  public static void main(String[] args) throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    Recordings.get(root, root.resolve(".pipeline/bench"), 300, 175);
    ObjectNode result = JSON.createObjectNode();
    for (RunResult run :
        new Runner(
                new OptionsBuilder()
                    .include("\\." + Transform.class.getSimpleName() + "\\.")
                    .jvmArgsAppend("-Dpipeline.root=" + root)
                    .addProfiler(GCProfiler.class)
                    .build())
            .run()) {
      String name = run.getPrimaryResult().getLabel();
      result.put(name + "_us_per_block", Math.round(run.getPrimaryResult().getScore()));
      result.put(
          name + "_bytes_allocated_per_block",
          Math.round(run.getSecondaryResults().get("gc.alloc.rate.norm").getScore()));
    }
    Transform largest = new Transform();
    largest.read();
    BlockRows rows = BlockMapper.map(largest.raw);
    long count =
        1L
            + rows.transactions().size()
            + rows.logs().size()
            + rows.tokenTransfers().size()
            + rows.withdrawals().size()
            + rows.accessListEntries().size()
            + rows.authorizations().size();
    long bytes = (long) largest.block.length + largest.receipts.length;
    double seconds = result.get("rows_us_per_block").asDouble() / 1e6;
    result.put("bytes_per_block", bytes).put("rows_per_block", count);
    result.put("mb_per_s", Math.round(bytes / 1e5 / seconds) / 10.0);
    result.put("rows_per_s", Math.round(count / seconds));
    result.put(
        "bytes_allocated_per_row",
        Math.round(result.get("rows_bytes_allocated_per_block").asDouble() / count));
    result.put(
        "ratio",
        Math.round(
                1e3
                    * result.get("parse_us_per_block").asDouble()
                    / result.get("rows_us_per_block").asDouble())
            / 1e3);
    join(result, root.resolve(".pipeline/bench/join"));
    topology(result, root, bytes, count);
    if (!Arrays.asList(args).contains("--json")) {
      System.out.printf(
          "JSON to rows: %.1f MB/s, %,d rows/s; reading alone takes %.3f of its time%n",
          result.get("mb_per_s").asDouble(),
          result.get("rows_per_s").asLong(),
          result.get("ratio").asDouble());
      System.out.printf(
          "Join: %,d blocks/s and %,d late candles/s, %,d rows/s changed by them%n",
          result.get("join_blocks_per_s").asLong(),
          result.get("join_late_candles_per_s").asLong(),
          result.get("join_updates_per_s").asLong());
      System.out.printf(
          "Topology: %.1f blocks/s, %,d rows/s from Kafka to Kafka, %.3f of mapping alone%n",
          result.get("topology_blocks_per_s").asDouble(),
          result.get("topology_rows_per_s").asLong(),
          result.get("topology_ratio").asDouble());
    }
    System.out.println(result);
  }

  /** Takes the largest block of the recording. */
  @Setup
  public void read() throws IOException {
    Path root = Path.of(System.getProperty("pipeline.root", "."));
    Recording chain = Recording.read(root.resolve(".pipeline/bench/recording-300x175"));
    long number = 0;
    for (long each : chain.numbers()) {
      byte[] json = chain.block(each).orElseThrow();
      if (block == null || json.length > block.length) {
        number = each;
        block = json;
        receipts = chain.receipts(each).orElseThrow();
      }
    }
    String hash = JSON.readTree(block).get("hash").asText();
    raw =
        RawBlock.newBuilder()
            .setSource("bench")
            .setChainId(31337)
            .setNumber(number)
            .setHash(ByteBuffer.wrap(HexFormat.of().parseHex(hash, 2, hash.length())))
            .setParentHash(ByteBuffer.allocate(32))
            .setTimestamp(BEGIN)
            .setBlockJson(ByteBuffer.wrap(block))
            .setReceiptsJson(ByteBuffer.wrap(receipts))
            .setEndpoint("bench")
            .setFetchedAt(BEGIN)
            .setChecks(List.of())
            .setUnchecked(List.of())
            .build();
  }

  RawBlock raw() {
    return raw;
  }

  /** The rows of a block. */
  @Benchmark
  public BlockRows rows() throws BadRecordException {
    return BlockMapper.map(raw);
  }

  /** Bytes of the records of a block: all its rows but those of few, keys and values. */
  @Benchmark
  public long records() throws BadRecordException {
    BlockRows rows = BlockMapper.map(raw);
    Long chain = raw.getChainId();
    Long number = raw.getNumber();
    long bytes = encoded(Topics.CHAIN_BLOCKS, new BlockKey(chain, number), rows.block());
    for (int i = 0; i < rows.transactions().size(); i++) {
      TransactionKey key = new TransactionKey(chain, number, i);
      bytes += encoded(Topics.CHAIN_TRANSACTIONS, key, rows.transactions().get(i));
    }
    for (int i = 0; i < rows.logs().size(); i++) {
      bytes += encoded(Topics.CHAIN_LOGS, new LogKey(chain, number, i), rows.logs().get(i));
    }
    for (int i = 0; i < rows.tokenTransfers().size(); i++) {
      TokenTransferKey key = new TokenTransferKey(chain, number, i);
      bytes += encoded(Topics.CHAIN_TOKEN_TRANSFERS, key, rows.tokenTransfers().get(i));
    }
    return bytes;
  }

  private static long encoded(Topic topic, SpecificRecord key, SpecificRecord value) {
    return (long) KEYS.serialize(topic.name(), key).length
        + VALUES.serialize(topic.name(), value).length;
  }

  /** Reading alone. */
  @Benchmark
  public Object[] parse() throws IOException {
    return new Object[] {JSON.readTree(block), JSON.readTree(receipts)};
  }

  /** The join by itself, on the stores that it has in the service, without Kafka. */
  private static void join(ObjectNode result, Path folder) throws IOException {
    Deletion.deleteTree(folder);
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench");
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "unused:9092");
    settings.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, BoundedRocksDb.class);
    MockProcessorContext<SpecificRecord, SpecificRecord> context =
        new MockProcessorContext<>(
            settings, new org.apache.kafka.streams.processor.TaskId(0, 0), folder.toFile());
    Map<String, KeyValueStore<byte[], byte[]>> stores = new TreeMap<>();
    for (StoreBuilder<?> declared : PriceJoin.stores()) {
      String name = declared.name();
      KeyValueStore<byte[], byte[]> store =
          Stores.keyValueStoreBuilder(
                  Stores.persistentKeyValueStore(name), Serdes.ByteArray(), Serdes.ByteArray())
              .withCachingDisabled()
              .withLoggingDisabled()
              .build();
      store.init(context.getStateStoreContext(), store);
      context.addStateStore(store);
      stores.put(name, store);
    }
    PriceJoin join = new PriceJoin(PriceRules.defaults());
    join.init(context);

    double candles =
        seconds(
            () -> {
              for (int begin = 0; begin < CANDLES; begin += BUCKET) {
                // Every tenth candle comes late, after the blocks.
                candles(join, begin, begin);
              }
            });
    // A block every twelve seconds, over a part of the time of the candles.
    double blocks =
        seconds(
            () -> {
              for (int i = 0; i < BLOCKS; i++) {
                join.process(new Record<>(new BlockKey(1L, (long) i), economics(i), 0));
                if (i % 10_000 == 0) {
                  context.resetForwards();
                }
              }
            });
    stores.values().forEach(s -> s.commit(Map.of()));
    long size = size(folder);
    context.resetForwards();
    double late =
        seconds(
            () -> {
              for (int i = 0; i < UPDATES; i++) {
                candles(join, 10 * i / BUCKET * BUCKET, 10 * i + 1);
              }
            });
    int changed = context.forwarded().size();
    stores.values().forEach(KeyValueStore::close);
    Deletion.deleteTree(folder);
    result.put("join_candles_per_s", Math.round(CANDLES * 0.9 / candles));
    result.put("join_blocks_per_s", Math.round(BLOCKS / blocks));
    result.put("join_late_candles_per_s", Math.round(UPDATES / late));
    result.put("join_updates_per_s", Math.round(changed / late));
    result.put("join_state_bytes_with_a_million_blocks_and_candles", size);
  }

  /**
   * The service by itself: raw blocks in Kafka to rows in Kafka, transactions, changelogs and
   * registry included, Connect stopped. Blocks are processed once to warm it up, then again.
   */
  private static void topology(ObjectNode result, Path root, long bytes, long rows)
      throws Exception {
    Layout layout = new Layout(root, root.resolve(".pipeline/bench/topology"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    Transform largest = new Transform();
    largest.read();
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.start(List.of(), List.of(parts.transformer(Map.of())), TopicSettings.defaults());
      stack.child("connect").stop();
      publish(parts, largest.raw);
      try (Replays replays = new Replays(parts.kafka())) {
        double best = Double.MAX_VALUE;
        for (int i = 0; i < ROUNDS; i++) {
          long began = System.nanoTime();
          Replays.Started replay = replays.start(List.of(Topics.RAW_EVM_BLOCKS), Optional.empty());
          while (replays.done(replay) < replay.offsets()) {
            Thread.sleep(50);
          }
          best = Math.min(best, (System.nanoTime() - began) / 1e9);
        }
        result.put("topology_blocks_per_s", Math.round(10 * PUBLISHED / best) / 10.0);
        result.put("topology_rows_per_s", Math.round(rows * PUBLISHED / best));
        result.put("topology_mb_per_s", Math.round(bytes * PUBLISHED / 1e5 / best) / 10.0);
        result.put(
            "topology_ratio",
            Math.round(1e3 * PUBLISHED * result.get("rows_us_per_block").asDouble() / 1e6 / best)
                / 1e3);
      }
    }
    Deletion.deleteTree(layout.data());
  }

  /** One block under many heights. */
  private static void publish(Parts parts, RawBlock raw) throws IOException {
    {
      String json = StandardCharsets.UTF_8.decode(raw.getBlockJson().duplicate()).toString();
      String number = JSON.readTree(json).get("number").asText();
      try (Producer<SpecificRecord, SpecificRecord> producer = parts.kafka().producer()) {
        if (!json.contains("\"number\":\"" + number)) {
          throw new IOException("the recording is not written as it was when this was made");
        }
        for (long i = 0; i < PUBLISHED; i++) {
          raw.setNumber(i);
          raw.setBlockJson(
              ByteBuffer.wrap(
                  json.replace("\"number\":\"" + number, "\"number\":\"0x" + Long.toHexString(i))
                      .getBytes(StandardCharsets.UTF_8)));
          producer.send(
              new ProducerRecord<>(
                  Topics.RAW_EVM_BLOCKS.name(), new BlockKey(raw.getChainId(), i), raw));
        }
      }
    }
  }

  private static double seconds(Runnable work) {
    long began = System.nanoTime();
    work.run();
    return (System.nanoTime() - began) / 1e9;
  }

  /**
   * A bucket of candles of a minute.
   *
   * @param late minute before which the late ones have come
   */
  private static void candles(PriceJoin join, int begin, int late) {
    List<Instant> openTimes = new ArrayList<>();
    List<BigDecimal> closes = new ArrayList<>();
    for (int minute = begin; minute < Math.min(begin + BUCKET, CANDLES); minute++) {
      if (minute % 10 != 0 || minute < late) {
        openTimes.add(BEGIN.plusSeconds(60L * minute));
        closes.add(BigDecimal.valueOf(2000_00000000L + minute, 8).setScale(18));
      }
    }
    PriceBucketKey key =
        new PriceBucketKey("binance", "ETHUSDT", "1m", BEGIN.plusSeconds(60L * begin), 0);
    join.process(new Record<>(key, new PriceBucket(openTimes, closes, false), 0));
  }

  private static BlockEconomics economics(int number) {
    BigDecimal wei = BigDecimal.valueOf(123_456_789_012_345_678L);
    BlockEconomics row = new BlockEconomics();
    row.setChainId(1);
    row.setNumber(number);
    row.setHash(ByteBuffer.allocate(32));
    row.setTimestamp(BEGIN.plusSeconds(12L * number));
    row.setGasUsed(15_000_000L);
    row.setBaseFeePerGas(BigDecimal.valueOf(12_345_678_901L));
    row.setTransactionCount(150);
    row.setSucceededCount(148);
    row.setFailedCount(2);
    row.setDynamicFeeCount(150);
    row.setBurned(wei);
    row.setPriorityFees(wei);
    row.setBlobFees(BigDecimal.ZERO);
    row.setFeesPaid(wei);
    row.setValueMoved(wei);
    row.setGasPriceP10(wei);
    row.setGasPriceP25(wei);
    row.setGasPriceP50(wei);
    row.setGasPriceP75(wei);
    row.setGasPriceP90(wei);
    return row;
  }

  private static long size(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .mapToLong(
              file -> {
                try {
                  return Files.size(file);
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              })
          .sum();
    }
  }
}
