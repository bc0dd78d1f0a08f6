package io.cryptoetl.transformer.datasets;

import io.cryptoetl.files.FileRow;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceRules;
import io.cryptoetl.transformer.normalize.BadRecordException;
import io.cryptoetl.transformer.normalize.RawNormalizer;
import io.cryptoetl.transformer.normalize.Times;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.zip.CRC32C;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Makes rows of chunks of files and sends each to where the copies of its key meet. A row that its
 * layout refuses goes to the dead letters with file, line and column. What a chunk has made is
 * remembered, so that rows which a changed layout makes no more are taken back.
 */
public final class FileNormalizer extends RawNormalizer<RawCsvRows> {
  /** Name of the store of what chunks have made. */
  public static final String STORE = "file-chunks";

  private final Layouts layouts;
  private final PriceRules rules;
  private final String blockRows;
  private final String candles;
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
    Set<MadeRows.Row> made = new LinkedHashSet<>();
    try {
      map(record, raw, digest, made);
    } catch (BadRecordException e) {
      if (order == 0) {
        before.get().rows().forEach(row -> send(record, row, raw.getFetchedAt(), null));
        chunks.delete(key);
      }
      throw e;
    }
    before.ifPresent(
        b ->
            b.rows().stream()
                .filter(row -> order != 0 || !made.contains(row))
                .forEach(row -> send(record, row, b.fetchedAt(), null)));
    chunks.put(key, new MadeRows(raw.getFetchedAt(), digest, List.copyOf(made)).toBytes());
  }

  private void map(
      Record<byte[], byte[]> record, RawCsvRows raw, int chunkDigest, Set<MadeRows.Row> made)
      throws BadRecordException {
    Layout layout =
        layouts
            .named(raw.getDataset())
            .orElseThrow(
                () ->
                    new BadRecordException(
                        "dataset_unknown",
                        "no layout is named '%s'; these are: %s"
                            .formatted(
                                raw.getDataset(),
                                layouts.all().stream()
                                    .map(Layout::name)
                                    .collect(Collectors.joining(", ")))));
    RowReader reader = new RowReader(raw);
    Optional<Cells> head = reader.head();
    List<String> names =
        head.map(Cells::values).filter(c -> RowMapper.hasNames(layout, c)).orElse(null);
    RowMapper mapper = new RowMapper(layout, rules, raw, names);
    RowReader.Rows rows =
        new RowReader.Rows() {
          @Override
          public void row(Cells cells) {
            try {
              SpecificRecord row = mapper.map(cells);
              MadeRows.Row one =
                  new MadeRows.Row(
                      layout.target(),
                      layout.target().key(row),
                      layout.target().position(row),
                      cells.line(),
                      digestOf(chunkDigest, cells));
              made.add(one);
              send(record, one, raw.getFetchedAt(), row);
            } catch (BadRecordException e) {
              bad(cells.line(), cells.bytes(), e);
            }
          }

          @Override
          public void bad(long line, byte[] bytes, BadRecordException reason) {
            deadLetter(
                record,
                reason,
                raw,
                ":" + raw.getDataset() + ":" + line,
                bytes,
                letter -> letter.setLine(line));
          }
        };
    // The head of a file without names holds its first row.
    if (names == null && raw.getFirstLine() == reader.headLines() + 1) {
      reader.headRows(rows);
    }
    reader.rows(rows);
  }

  private void send(
      Record<byte[], byte[]> record, MadeRows.Row row, Instant fetchedAt, SpecificRecord value) {
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
            .build());
  }

  /** Of the bytes of a row and its chunk: no two chunks make the same copy. */
  private static int digestOf(int chunkDigest, Cells cells) {
    CRC32C crc = new CRC32C();
    crc.update(ByteBuffer.allocate(Integer.BYTES).putInt(chunkDigest).flip());
    crc.update(cells.bytes());
    return (int) crc.getValue();
  }
}
