package io.cryptoetl.transformer.files;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.ChunkMapper;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.files.FileBucket;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.files.FileRowsKey;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.KeyPartitioner;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.FileChunk;
import io.cryptoetl.ops.FileChunkKey;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.raw.RawNormalizer;
import io.cryptoetl.transformer.state.Buckets;
import io.cryptoetl.transformer.state.ChunkRows;
import io.cryptoetl.transformer.state.MadeBuckets;
import io.cryptoetl.transformer.state.Stores;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.ToIntFunction;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * Makes rows of chunks of files and sends them to where the copies of their keys meet: one record
 * for each partition, or a few. A row that its layout refuses goes to the dead letters with file,
 * line and column. What a chunk has made is counted, and where it is is remembered, so that rows
 * which a changed layout makes no more are taken back.
 */
public final class FileNormalizer extends RawNormalizer<RawCsvRows> {
  /** What chunks have made. */
  private static final String STORE = "file-chunks";

  /** A record takes no more buckets beyond it, nor beyond a part of what its topic takes. */
  private static final int MAX_BATCH_BYTES = 1 << 20;

  private static final int PART_OF_LIMIT = 4;

  private final Layouts layouts;
  private final PriceRules rules;
  private final ToIntFunction<Topic> partitions;
  private final ToIntFunction<Topic> limits;
  private final UnaryOperator<String> sink;
  private final String tallies;
  private KeyValueStore<byte[], byte[]> chunks;

  /**
   * A normalizer.
   *
   * @param values reads the value of raw records
   * @param rules tell the sides of a market
   * @param partitions how many a topic has
   * @param limits largest record of a topic, in bytes
   * @param sink name of the node that writes a topic
   */
  public FileNormalizer(
      Deserializer<SpecificRecord> values,
      Layouts layouts,
      PriceRules rules,
      ToIntFunction<Topic> partitions,
      ToIntFunction<Topic> limits,
      UnaryOperator<String> sink) {
    super(
        Topics.RAW_CSV_ROWS, RawCsvRows.class, values, sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.layouts = layouts;
    this.rules = rules;
    this.partitions = partitions;
    this.limits = limits;
    this.sink = sink;
    this.tallies = sink.apply(Topics.OPS_FILE_CHUNKS.name());
  }

  /** The stores that it needs. */
  public static Set<StoreBuilder<?>> stores() {
    return Stores.of(STORE);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    chunks = processorContext.getStateStore(STORE);
  }

  @Override
  protected void describe(RawCsvRows raw, DeadLetter.Builder letter) {
    letter.setSource(raw.getDataset()).setFile(raw.getFile()).setLine(raw.getFirstLine());
  }

  @Override
  protected void normalize(Record<byte[], byte[]> record, RawCsvRows raw)
      throws BadRecordException {
    if (raw == null) {
      throw new BadRecordException(
          DeadLetterCode.RECORD_UNREADABLE.code(),
          "the record has no value: rows of files cannot be taken back so");
    }
    Times.require("fetched_at of the chunk", raw.getFetchedAt());
    byte[] key =
        String.join(
                "\0",
                raw.getDataset(),
                raw.getFile(),
                raw.getFileVersion(),
                Long.toString(raw.getFirstLine()))
            .getBytes(StandardCharsets.UTF_8);
    byte[] stored = chunks.get(key);
    int digest = digest(record.value());
    Optional<MadeBuckets> before = Optional.ofNullable(stored).map(MadeBuckets::fromBytes);
    if (before.isPresent() && before.get().compareTo(raw.getFetchedAt(), digest) > 0) {
      return;
    }
    Made made = new Made();
    BadRecordException bad = null;
    try {
      map(record, raw, made);
    } catch (BadRecordException e) {
      // It takes the place of the one before all the same, as a chunk that makes nothing.
      bad = e;
      made = new Made();
      made.rows = ChunkMapper.count(raw);
      made.deadLetters = made.rows;
    }
    send(record, raw, made, before);
    chunks.put(
        key,
        new MadeBuckets(
                raw.getFetchedAt(),
                digest,
                made.target == null ? Target.CANDLES : made.target,
                made.buckets())
            .toBytes());
    report(record, raw, made);
    if (bad != null) {
      throw bad;
    }
  }

  /** What a chunk becomes. */
  private final class Made {
    private final Map<Integer, Map<ByteBuffer, ChunkRows.Builder>> rowsOf = new TreeMap<>();
    private final LongSummaryStatistics chains = new LongSummaryStatistics();
    private final LongSummaryStatistics heights = new LongSummaryStatistics();

    /** Null until there is a row. */
    private Target target;

    /** Partitions of the topic that takes them. */
    private int count;

    private long rows;
    private long deadLetters;
    private long rounded;

    /**
     * Adds a row.
     *
     * @throws io.cryptoetl.kafka.BadRecordException if it does not fit its schema
     */
    void add(long line, Target of, SpecificRecord row) {
      if (target == null) {
        target = of;
        count = partitions.applyAsInt(topic(of));
      }
      SpecificRecord key = of.key(row);
      byte[] bucket;
      long slot;
      if (key instanceof CandleKey candle) {
        bucket = Buckets.of(candle);
        slot = Buckets.slot(candle);
        Buckets.withoutNames((Candle) row);
      } else {
        BlockKey block = (BlockKey) key;
        bucket = Buckets.of(of, block);
        slot = Buckets.slot(of, block, of.position(row));
      }
      byte[] body = AvroSerdes.body(row);
      if (key instanceof BlockKey block) {
        chains.accept(block.getChainId());
        heights.accept(block.getNumber());
      }
      int partition = KeyPartitioner.partition(AvroSerdes.body(key), count);
      rowsOf
          .computeIfAbsent(partition, _ -> new LinkedHashMap<>())
          .computeIfAbsent(ByteBuffer.wrap(bucket), _ -> new ChunkRows.Builder(of))
          .add(slot, line, body);
    }

    Map<Integer, Set<ByteBuffer>> buckets() {
      Map<Integer, Set<ByteBuffer>> buckets = new TreeMap<>();
      rowsOf.forEach((partition, rowsOfIt) -> buckets.put(partition, rowsOfIt.keySet()));
      return buckets;
    }
  }

  private static Topic topic(Target target) {
    return target == Target.CANDLES
        ? Topics.TRANSFORMER_FILE_CANDLES
        : Topics.TRANSFORMER_FILE_ROWS;
  }

  private void map(Record<byte[], byte[]> record, RawCsvRows raw, Made made)
      throws BadRecordException {
    Map<String, Optional<PriceRules.Pair>> pairs = new HashMap<>();
    ChunkMapper.map(
        raw,
        layouts,
        new ChunkMapper.Rows() {
          @Override
          public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
            if (row instanceof Candle candle) {
              setSides(candle, pairs);
            }
            try {
              made.add(line, target, row);
              made.rows++;
            } catch (io.cryptoetl.kafka.BadRecordException e) {
              bad(
                  line,
                  Utils.toArray(bytes),
                  new BadRecordException(DeadLetterCode.ROW_INVALID.code(), e.getMessage()));
            }
          }

          @Override
          public void rounded(long line) {
            made.rounded++;
          }

          @Override
          public void bad(long line, byte[] bytes, BadRecordException reason) {
            made.rows++;
            made.deadLetters++;
            deadLetter(
                record,
                reason,
                raw,
                ":" + raw.getDataset() + ":" + line,
                bytes,
                letter -> letter.setLine(line));
          }
        });
  }

  private void setSides(Candle candle, Map<String, Optional<PriceRules.Pair>> pairs) {
    Optional<PriceRules.Pair> pair = pairs.computeIfAbsent(candle.getSymbol(), rules::pair);
    candle.setBase(pair.map(PriceRules.Pair::base).orElse(null));
    candle.setQuote(pair.map(PriceRules.Pair::quote).orElse(null));
  }

  /** Sends what a chunk makes to where the copies meet, and that it makes something no more. */
  private void send(
      Record<byte[], byte[]> record, RawCsvRows raw, Made made, Optional<MadeBuckets> before) {
    Instant replaces = before.map(MadeBuckets::fetchedAt).orElse(null);
    before
        .filter(b -> b.target() != made.target)
        .ifPresent(
            b ->
                b.buckets()
                    .forEach(
                        (partition, gone) -> {
                          Batch batch = new Batch(record, raw, replaces, b.target(), partition);
                          gone.forEach(bucket -> batch.add(bucket, null));
                          batch.send();
                        }));
    Map<Integer, Set<ByteBuffer>> old =
        before.filter(b -> b.target() == made.target).map(MadeBuckets::buckets).orElse(Map.of());
    Set<Integer> all = new TreeSet<>(old.keySet());
    all.addAll(made.rowsOf.keySet());
    for (int partition : all) {
      Batch batch = new Batch(record, raw, replaces, made.target, partition);
      Map<ByteBuffer, ChunkRows.Builder> rows = made.rowsOf.getOrDefault(partition, Map.of());
      for (ByteBuffer bucket : old.getOrDefault(partition, Set.of())) {
        if (!rows.containsKey(bucket)) {
          batch.add(bucket, null);
        }
      }
      rows.forEach((bucket, of) -> batch.add(bucket, of.toBytes()));
      batch.send();
    }
  }

  /** Buckets of one partition on their way, in records that are not too large. */
  private final class Batch {
    private final Record<byte[], byte[]> cause;
    private final RawCsvRows raw;
    private final Instant replaces;
    private final Target target;
    private final int partition;
    private final int limit;
    private List<FileBucket> buckets = new ArrayList<>();
    private int bytes;

    Batch(
        Record<byte[], byte[]> cause,
        RawCsvRows raw,
        Instant replaces,
        Target target,
        int partition) {
      this.cause = cause;
      this.raw = raw;
      this.replaces = replaces;
      this.target = target;
      this.partition = partition;
      this.limit = Math.min(MAX_BATCH_BYTES, limits.applyAsInt(topic(target)) / PART_OF_LIMIT);
    }

    void add(ByteBuffer bucket, byte[] rows) {
      int more = bucket.remaining() + (rows == null ? 0 : rows.length);
      if (bytes + more > limit) {
        send();
      }
      bytes += more;
      buckets.add(new FileBucket(bucket, rows == null ? null : ByteBuffer.wrap(rows)));
    }

    void send() {
      if (buckets.isEmpty()) {
        return;
      }
      forward(
          cause,
          sink.apply(topic(target).name()),
          new FileRowsKey(
              raw.getFile(), raw.getFileVersion(), raw.getDataset(), raw.getFirstLine(), partition),
          new FileRows(
              raw.getFile(),
              raw.getFileVersion(),
              raw.getDataset(),
              raw.getFirstLine(),
              raw.getFetchedAt(),
              replaces,
              target.label(),
              buckets));
      buckets = new ArrayList<>();
      bytes = 0;
    }
  }

  private void report(Record<byte[], byte[]> record, RawCsvRows raw, Made made) {
    LongSummaryStatistics chains = made.chains;
    LongSummaryStatistics heights = made.heights;
    boolean hasBlocks = heights.getCount() > 0;
    forward(
        record,
        tallies,
        new FileChunkKey(raw.getFile(), raw.getFileVersion(), raw.getDataset(), raw.getFirstLine()),
        FileChunk.newBuilder()
            .setFile(raw.getFile())
            .setFileVersion(raw.getFileVersion())
            .setDataset(raw.getDataset())
            .setFirstLine(raw.getFirstLine())
            .setRows(made.rows)
            .setMade(made.rows - made.deadLetters)
            .setDeadLetters(made.deadLetters)
            .setRounded(made.rounded)
            .setFetchedAt(raw.getFetchedAt())
            .setChainId(chains.getMin() == chains.getMax() ? chains.getMin() : null)
            .setFirstBlock(hasBlocks ? heights.getMin() : null)
            .setLastBlock(hasBlocks ? heights.getMax() : null)
            .build());
  }
}
