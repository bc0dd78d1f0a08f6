package io.cryptoetl.transformer.normalize;

import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.files.FileRow;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceRules;
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
  private final String loadsNode;
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
    this.loadsNode = sink.apply(Topics.OPS_FILE_LOADS.name());
    this.candles = sink.apply(Topics.MARKET_CANDLES.name());
    this.prices = sink.apply(Topics.TRANSFORMER_PRICES.name());
  }

  void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(WINNERS);
    KeyValueStore<byte[], byte[]> store = processorContext.getStateStore(COPIES);
    copies = new FileCopies(store);
    loads = new FileLoads(processorContext, LOADS, loadsNode);
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
    List<Long> ofFiles =
        before == null ? FileCopies.Copy.files(copies.standing(fileKey(key))) : List.of();
    boolean wasOut = before == null ? !ofFiles.isEmpty() : before.get() == 1;
    loads.moved(ofFiles, List.of());
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
    loads.moved(List.of(), FileCopies.Copy.files(now));
    forward(key, row(now), timestamp);
  }

  /** Takes what a file says, or that it says it no more. */
  void take(CandleKey key, FileRow copy, long timestamp) {
    long file = loads.fileOf(copy);
    FileCopies.Taken taken = copies.take(fileKey(key), file, copy);
    loads.held(taken);
    if (!taken.repeats() && winners.get(storeKey(key)) == null) {
      loads.moved(FileCopies.Copy.files(taken.before()), FileCopies.Copy.files(taken.now()));
      forward(key, row(taken.now()), timestamp);
    }
  }

  private Candle row(Optional<FileCopies.Copy> copy) {
    return copy.map(c -> loads.from(c.file(), c.read(Candle::fromByteBuffer))).orElse(null);
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
