package io.cryptoetl.transformer.normalize;

import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.ops.FileLoadKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceRules;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The rows of {@code market.candles}: what the venue says, of several copies the one of the highest
 * {@link Rank}; where it says nothing, the best of the {@link FileCopies copies} of files. Candles
 * of markets that price chains also go to the join.
 */
public final class CandleTable {
  /** Name of the store of what venues say. */
  public static final String WINNERS = "candle-winners";

  /** Name of the store of what files say. Key of a row: venue, symbol, interval, open time. */
  public static final String COPIES = "file-candles";

  /** Name of the store of {@link FileLoads files}. */
  public static final String LOADS = "file-candle-loads";

  private final PriceRules rules;
  private final UnaryOperator<String> sink;
  private final String candles;
  private final String prices;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> winners;
  private FileCopies copies;
  private FileLoads loads;

  /** Makes the row of a copy. */
  interface Mapping {
    /** The row; null if the copy says that there is no candle. */
    Candle row() throws BadRecordException;
  }

  CandleTable(PriceRules rules, UnaryOperator<String> sink) {
    this.rules = rules;
    this.sink = sink;
    this.candles = sink.apply(Topics.MARKET_CANDLES.name());
    this.prices = sink.apply(Topics.TRANSFORMER_PRICES.name());
  }

  void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(WINNERS);
    KeyValueStore<byte[], byte[]> store = processorContext.getStateStore(COPIES);
    copies = new FileCopies(store);
    loads = new FileLoads(processorContext, LOADS);
  }

  /** Has what stands in the table of each file written out from now on. */
  void report() {
    loads.report(context, sink);
  }

  /**
   * Takes what the venue says, unless it has said better. What that is out already is mapped again:
   * that is how a replay brings what has changed in the mapping.
   */
  void offer(CandleKey key, Rank rank, long timestamp, Mapping mapping) throws BadRecordException {
    byte[] storeKey = storeKey(key);
    byte[] stored = winners.get(storeKey);
    ByteBuffer before = stored == null ? null : ByteBuffer.wrap(stored);
    if (before != null && rank.compareTo(Rank.readFrom(before)) < 0) {
      return;
    }
    Candle row = mapping.row();
    List<Long> ofFiles = before == null ? files(copies.standing(fileKey(key))) : List.of();
    boolean wasOut = before == null ? !ofFiles.isEmpty() : before.get() == 1;
    loads.hidden(ofFiles);
    if (row != null || wasOut) {
      forward(key, row, timestamp);
    }
    ByteBuffer after = ByteBuffer.allocate(Rank.BYTES + 1);
    rank.writeTo(after);
    after.put((byte) (row == null ? 0 : 1));
    winners.put(storeKey, after.array());
  }

  /** Forgets what the venue says if it is of this rank: what files say is out then. */
  void withdraw(CandleKey key, Rank rank, long timestamp) {
    byte[] storeKey = storeKey(key);
    byte[] stored = winners.get(storeKey);
    if (stored == null || !Rank.readFrom(ByteBuffer.wrap(stored)).equals(rank)) {
      return;
    }
    winners.delete(storeKey);
    Optional<FileCopies.Copy> now = copies.standing(fileKey(key));
    loads.shown(files(now));
    forward(key, row(now), timestamp);
  }

  /** Takes what a file says, or that it says it no more. */
  void take(CandleKey key, FileRow copy, long timestamp) {
    byte[] fileKey = fileKey(key);
    boolean hidden = winners.get(storeKey(key)) != null;
    List<Long> before = hidden ? List.of() : files(copies.standing(fileKey));
    long file = loads.fileOf(copy);
    int held = copies.take(fileKey, file, copy);
    if (hidden) {
      loads.taken(file, held, List.of(), List.of());
      return;
    }
    Optional<FileCopies.Copy> now = copies.standing(fileKey);
    loads.taken(file, held, before, files(now));
    forward(key, row(now), timestamp);
  }

  private static List<Long> files(Optional<FileCopies.Copy> copy) {
    return copy.map(FileCopies.Copy::file).stream().toList();
  }

  private Candle row(Optional<FileCopies.Copy> copy) {
    if (copy.isEmpty()) {
      return null;
    }
    Candle row;
    try {
      row = Candle.fromByteBuffer(copy.get().row());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
    if (copy.get().file() != FileLoads.UNKNOWN) {
      FileLoadKey file = loads.name(copy.get().file());
      row.setSource(file.getDataset());
      row.setEndpoint(file.getFile());
      row.setFetchedAt(file.getFetchedAt());
    }
    return row;
  }

  private void forward(CandleKey key, Candle row, long timestamp) {
    context.forward(new Record<>(key, row, timestamp), candles);
    if (!rules.pricedBy(key.getVenue(), key.getSymbol()).isEmpty()) {
      context.forward(new Record<>(key, row, timestamp), prices);
    }
  }

  private static byte[] storeKey(CandleKey key) {
    return String.join(
            "\0",
            key.getVenue(),
            key.getSymbol(),
            key.getInterval(),
            Long.toString(key.getOpenTime().toEpochMilli()))
        .getBytes(StandardCharsets.UTF_8);
  }

  /** Names hold no zeros and end with one, the rest has one length: no key begins another one. */
  private static byte[] fileKey(CandleKey key) {
    byte[] names =
        String.join("\0", key.getVenue(), key.getSymbol(), key.getInterval(), "")
            .getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(names.length + Long.BYTES)
        .put(names)
        .putLong(key.getOpenTime().toEpochMilli())
        .array();
  }
}
