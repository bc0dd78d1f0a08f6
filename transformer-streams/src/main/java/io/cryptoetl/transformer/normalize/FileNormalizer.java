package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.ChunkMapper;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.Candle;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.FileChunk;
import io.cryptoetl.ops.FileChunkKey;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceRules;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.zip.CRC32C;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Makes rows of chunks of files and sends each to where the copies of its key meet. A row that its
 * layout refuses goes to the dead letters with file, line and column. What a chunk has made is
 * counted, and remembered, so that rows which a changed layout makes no more are taken back.
 */
public final class FileNormalizer extends RawNormalizer<RawCsvRows> {
  /** Name of the store of what chunks have made. */
  public static final String STORE = "file-chunks";

  private final Layouts layouts;
  private final PriceRules rules;
  private final String blockRows;
  private final String candles;
  private final String tallies;
  private KeyValueStore<byte[], byte[]> chunks;

  /**
   * A normalizer.
   *
   * @param values reads the value of raw records
   * @param rules tell the sides of a market
   * @param sink name of the node that writes a topic
   */
  public FileNormalizer(
      Deserializer<SpecificRecord> values,
      Layouts layouts,
      PriceRules rules,
      UnaryOperator<String> sink) {
    super(
        Topics.RAW_CSV_ROWS, RawCsvRows.class, values, sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.layouts = layouts;
    this.rules = rules;
    this.blockRows = sink.apply(Topics.TRANSFORMER_FILE_ROWS.name());
    this.candles = sink.apply(Topics.TRANSFORMER_FILE_CANDLES.name());
    this.tallies = sink.apply(Topics.OPS_FILE_CHUNKS.name());
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
          "record_unreadable", "the record has no value: rows of files cannot be taken back so");
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
    Optional<MadeRows> before = Optional.ofNullable(stored).map(MadeRows::fromBytes);
    int order = before.map(b -> b.compareTo(raw.getFetchedAt(), digest)).orElse(-1);
    if (order > 0) {
      return;
    }
    Tally tally = new Tally();
    try {
      map(record, raw, digest, tally);
    } catch (BadRecordException e) {
      // It takes the place of the one before all the same, as a chunk that makes nothing.
      before.ifPresent(b -> b.rows().forEach(row -> send(record, raw, row, b.fetchedAt(), null)));
      chunks.put(key, new MadeRows(raw.getFetchedAt(), digest, List.of()).toBytes());
      Tally nothing = new Tally();
      nothing.rows = ChunkMapper.count(raw);
      nothing.deadLetters = nothing.rows;
      report(record, raw, nothing);
      throw e;
    }
    before.ifPresent(
        b ->
            b.rows().stream()
                .filter(row -> order != 0 || !tally.made.contains(row))
                .forEach(row -> send(record, raw, row, b.fetchedAt(), null)));
    chunks.put(key, new MadeRows(raw.getFetchedAt(), digest, List.copyOf(tally.made)).toBytes());
    report(record, raw, tally);
  }

  /** What a chunk has become. */
  private static final class Tally {
    private final Set<MadeRows.Row> made = new LinkedHashSet<>();
    private long rows;
    private long deadLetters;
  }

  private void map(Record<byte[], byte[]> record, RawCsvRows raw, int chunkDigest, Tally tally)
      throws BadRecordException {
    ChunkMapper.map(
        raw,
        layouts,
        new ChunkMapper.Rows() {
          @Override
          public void row(long line, byte[] bytes, Target target, SpecificRecord row) {
            if (row instanceof Candle candle) {
              setSides(candle);
            }
            MadeRows.Row one =
                new MadeRows.Row(
                    target,
                    target.key(row),
                    target.position(row),
                    line,
                    digestOf(chunkDigest, bytes));
            tally.rows++;
            tally.made.add(one);
            send(record, raw, one, raw.getFetchedAt(), FileLoads.fromNowhere(row));
          }

          @Override
          public void bad(long line, byte[] bytes, BadRecordException reason) {
            tally.rows++;
            tally.deadLetters++;
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

  private void setSides(Candle candle) {
    Optional<PriceRules.Pair> pair = rules.pair(candle.getSymbol());
    candle.setBase(pair.map(PriceRules.Pair::base).orElse(null));
    candle.setQuote(pair.map(PriceRules.Pair::quote).orElse(null));
  }

  private void report(Record<byte[], byte[]> record, RawCsvRows raw, Tally tally) {
    List<BlockKey> blocks =
        tally.made.stream()
            .map(MadeRows.Row::key)
            .filter(BlockKey.class::isInstance)
            .map(BlockKey.class::cast)
            .toList();
    LongSummaryStatistics chains =
        blocks.stream().mapToLong(BlockKey::getChainId).summaryStatistics();
    LongSummaryStatistics heights =
        blocks.stream().mapToLong(BlockKey::getNumber).summaryStatistics();
    forward(
        record,
        tallies,
        new FileChunkKey(raw.getFile(), raw.getFileVersion(), raw.getDataset(), raw.getFirstLine()),
        FileChunk.newBuilder()
            .setFile(raw.getFile())
            .setFileVersion(raw.getFileVersion())
            .setDataset(raw.getDataset())
            .setFirstLine(raw.getFirstLine())
            .setRows(tally.rows)
            .setMade(tally.rows - tally.deadLetters)
            .setDeadLetters(tally.deadLetters)
            .setFetchedAt(raw.getFetchedAt())
            .setChainId(chains.getMin() == chains.getMax() ? chains.getMin() : null)
            .setFirstBlock(blocks.isEmpty() ? null : heights.getMin())
            .setLastBlock(blocks.isEmpty() ? null : heights.getMax())
            .build());
  }

  private void send(
      Record<byte[], byte[]> record,
      RawCsvRows raw,
      MadeRows.Row row,
      Instant fetchedAt,
      SpecificRecord value) {
    forward(
        record,
        row.target() == Target.CANDLES ? candles : blockRows,
        row.key(),
        FileRow.newBuilder()
            .setPart(row.target().label())
            .setPosition(row.position())
            .setFetchedAt(fetchedAt)
            .setLine(row.line())
            .setDigest(row.digest())
            .setRow(value == null ? null : ByteBuffer.wrap(MadeRows.encode(value)))
            .setFile(raw.getFile())
            .setFileVersion(raw.getFileVersion())
            .setDataset(raw.getDataset())
            .build());
  }

  /** Of the bytes of a row and its chunk: no two chunks make the same copy. */
  private static int digestOf(int chunkDigest, byte[] row) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Integer.BYTES).putInt(chunkDigest).flip());
    crc.update(row);
    return (int) crc.getValue();
  }
}
