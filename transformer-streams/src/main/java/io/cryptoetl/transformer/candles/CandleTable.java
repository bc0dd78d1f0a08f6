package io.cryptoetl.transformer.candles;

import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.files.FileRows;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.prices.PriceBucket;
import io.cryptoetl.prices.PriceBucketKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.files.FileCopies;
import io.cryptoetl.transformer.files.FileLoads;
import io.cryptoetl.transformer.files.FileRowsNormalizer;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.state.Buckets;
import io.cryptoetl.transformer.state.Closes;
import io.cryptoetl.transformer.state.Marks;
import io.cryptoetl.transformer.state.Rank;
import io.cryptoetl.transformer.state.Stores;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.LongSummaryStatistics;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * The rows of {@code market.candles}: what the venue says, of several copies the one of the highest
 * {@link Rank}; where it says nothing, the best of the {@link FileCopies copies} of files. Candles
 * of markets that price chains also go to the join, those of a bucket together, within a second.
 */
public final class CandleTable implements FileRowsNormalizer.Rows {
  /** What rows of files become candles. */
  public static final Set<Target> PARTS = Set.of(Target.CANDLES);

  /** What venues say, by candle. */
  private static final String WINNERS = "candle-winners";

  /** What files say, by {@link Buckets bucket}. */
  private static final String COPIES = "file-candles";

  private static final String LOADS = "file-candle-loads";

  /**
   * What goes to the join: by letter and bucket its {@link Closes}, whether a replay has been
   * there, and whether it is to go out.
   */
  private static final String PRICES = "candle-prices";

  private static final byte CLOSES = 'p';
  private static final char CHANGED = 'c';
  private static final byte AGAIN = 'r';

  private final PriceRules rules;
  private final String loadsNode;
  private final String candles;
  private final String pricesNode;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> winners;
  private FileCopies copies;
  private FileLoads loads;
  private KeyValueStore<byte[], byte[]> prices;
  private Marks changed;

  /** Makes the row of a copy. */
  interface Mapping {
    /** The row; null if the copy says that there is no candle. */
    Candle row() throws BadRecordException;
  }

  /**
   * The table.
   *
   * @param rules tell which markets price chains
   * @param sink name of the node that writes a topic
   */
  public CandleTable(PriceRules rules, UnaryOperator<String> sink) {
    this.rules = rules;
    this.loadsNode = sink.apply(Topics.OPS_FILE_LOADS.name());
    this.candles = sink.apply(Topics.MARKET_CANDLES.name());
    this.pricesNode = sink.apply(Topics.TRANSFORMER_PRICES.name());
  }

  /** The stores of the table. */
  public static Set<StoreBuilder<?>> stores() {
    return Stores.with(Stores.of(WINNERS, COPIES), Stores.cached(LOADS), Stores.cached(PRICES));
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(WINNERS);
    loads = new FileLoads(processorContext, LOADS, loadsNode);
    copies = new FileCopies(processorContext.getStateStore(COPIES), loads);
    prices = processorContext.getStateStore(PRICES);
    changed = new Marks(processorContext, prices, CHANGED, this::sendPrices);
  }

  /**
   * Takes what the venue says, unless it has said better. What that is out already is mapped again:
   * that is how a replay brings what has changed in the mapping.
   *
   * @throws BadRecordException if there is no row of it; if it was out, it is not any more
   */
  void offer(CandleKey key, Rank rank, long timestamp, Mapping mapping) throws BadRecordException {
    byte[] storeKey = Buckets.candleKey(key);
    byte[] stored = winners.get(storeKey);
    ByteBuffer before = stored == null ? null : ByteBuffer.wrap(stored);
    int order = before == null ? 1 : rank.compareTo(Rank.readFrom(before));
    if (order < 0) {
      return;
    }
    Candle row;
    try {
      row = mapping.row();
    } catch (BadRecordException e) {
      if (order == 0) {
        withdraw(key, timestamp);
      }
      throw e;
    }
    FileLoads.Counts counts = loads.count();
    boolean wasOut;
    if (before == null) {
      List<Long> ofFiles = FileCopies.Copy.files(standing(key));
      wasOut = !ofFiles.isEmpty();
      counts.moved(ofFiles, List.of());
    } else {
      wasOut = before.get() == 1;
    }
    if (row != null || wasOut) {
      show(key, row, order == 0, timestamp);
    }
    ByteBuffer after = ByteBuffer.allocate(Rank.BYTES + 1);
    rank.writeTo(after);
    after.put((byte) (row == null ? 0 : 1));
    winners.put(storeKey, after.array());
    counts.commit();
  }

  /** Forgets what the venue says: what files say is out then. */
  private void withdraw(CandleKey key, long timestamp) {
    FileCopies.Copy now = standing(key);
    FileLoads.Counts counts = loads.count();
    counts.moved(List.of(), FileCopies.Copy.files(now));
    show(key, row(key, now), true, timestamp);
    winners.delete(Buckets.candleKey(key));
    counts.commit();
  }

  private FileCopies.Copy standing(CandleKey key) {
    return copies.standing(Target.CANDLES, Buckets.of(key), Buckets.slot(key));
  }

  @Override
  public void take(FileRows chunk, long timestamp) {
    boolean again = chunk.getFetchedAt().equals(chunk.getReplaces());
    copies.take(
        chunk,
        (part, bucket, changes, counts) -> {
          CandleKey any = Buckets.candle(bucket, 0);
          boolean prices = prices(any);
          Set<Long> ofVenue = ofVenue(bucket, changes);
          Map<Long, Candle> rows = new HashMap<>();
          for (FileCopies.Change change : changes) {
            if (!ofVenue.contains(change.slot())) {
              counts.moved(
                  FileCopies.Copy.files(change.before()), FileCopies.Copy.files(change.now()));
              CandleKey key =
                  new CandleKey(
                      any.getVenue(),
                      any.getSymbol(),
                      any.getInterval(),
                      Instant.ofEpochMilli(change.slot()));
              Candle row = row(key, change.now());
              forward(key, row, timestamp);
              if (prices) {
                rows.put(change.slot(), row);
              }
            }
          }
          price(bucket, rows, again);
        });
  }

  /** Candles of a bucket of which the venue says something. */
  private Set<Long> ofVenue(byte[] bucket, List<FileCopies.Change> changes) {
    LongSummaryStatistics slots =
        changes.stream().mapToLong(FileCopies.Change::slot).summaryStatistics();
    Set<Long> found = new HashSet<>();
    try (KeyValueIterator<byte[], byte[]> range =
        winners.range(
            Buckets.candleKey(bucket, slots.getMin()), Buckets.candleKey(bucket, slots.getMax()))) {
      range.forEachRemaining(winner -> found.add(Buckets.slotOfCandle(winner.key)));
    }
    return found;
  }

  private Candle row(CandleKey key, FileCopies.Copy copy) {
    return copy == null
        ? null
        : Buckets.withNames(loads.from(copy.file(), copy.read(Candle.class)), key);
  }

  private void show(CandleKey key, Candle row, boolean again, long timestamp) {
    forward(key, row, timestamp);
    if (prices(key)) {
      price(Buckets.of(key), Collections.singletonMap(Buckets.slot(key), row), again);
    }
  }

  private boolean prices(CandleKey key) {
    return !rules.pricedBy(key.getVenue(), key.getSymbol()).isEmpty();
  }

  private void forward(CandleKey key, Candle row, long timestamp) {
    context.forward(new Record<>(key, row, timestamp), candles);
  }

  /**
   * Keeps what candles of a bucket price.
   *
   * @param rows by slot, null where there is none any more
   * @param again whether blocks look for their prices even if none has changed: rules may have
   */
  private void price(byte[] bucket, Map<Long, Candle> rows, boolean again) {
    if (rows.isEmpty()) {
      return;
    }
    byte[] key = priceKey(CLOSES, bucket);
    Map<Long, BigDecimal> closes = Closes.fromBytes(prices.get(key));
    boolean[] differs = {false};
    rows.forEach(
        (slot, row) -> {
          BigDecimal before = row == null ? closes.remove(slot) : closes.put(slot, row.getClose());
          differs[0] |=
              row == null
                  ? before != null
                  : before == null || before.compareTo(row.getClose()) != 0;
        });
    if (again) {
      prices.put(priceKey(AGAIN, bucket), new byte[0]);
    }
    if (differs[0]) {
      prices.put(key, Closes.toBytes(closes));
    }
    if (differs[0] || again) {
      changed.mark(bucket);
    }
  }

  /** Sends all closes that a bucket has now. */
  private void sendPrices(byte[] bucket, long now) {
    Map<Long, BigDecimal> closes = Closes.fromBytes(prices.get(priceKey(CLOSES, bucket)));
    CandleKey first = Buckets.candle(bucket, Buckets.slotOfCandle(bucket));
    context.forward(
        new Record<>(
            new PriceBucketKey(
                first.getVenue(),
                first.getSymbol(),
                first.getInterval(),
                first.getOpenTime(),
                context.taskId().partition()),
            new PriceBucket(
                closes.keySet().stream().map(Instant::ofEpochMilli).toList(),
                List.copyOf(closes.values()),
                prices.delete(priceKey(AGAIN, bucket)) != null),
            now),
        pricesNode);
  }

  private static byte[] priceKey(byte letter, byte[] bucket) {
    return ByteBuffer.allocate(1 + bucket.length).put(letter).put(bucket).array();
  }
}
