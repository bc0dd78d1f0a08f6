package io.cryptoetl.transformer.prices;

import io.cryptoetl.business.BlockEconomics;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.values.CandleLength;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.prices.PriceBucket;
import io.cryptoetl.prices.PriceBucketKey;
import io.cryptoetl.transformer.prices.PriceRules.Market;
import io.cryptoetl.transformer.prices.PriceRules.Period;
import io.cryptoetl.transformer.state.Closes;
import io.cryptoetl.transformer.state.Kept;
import io.cryptoetl.transformer.state.Stores;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * Joins blocks with the price of their chain's asset as of the block: the close of the last candle
 * that closed at or before the block's time and not longer before than the staleness, of the first
 * market of the asset that has one; of candles that closed at the same moment the shortest.
 *
 * <p>Takes what blocks cost, keyed by {@link BlockKey}, without value if the block is gone, and
 * closes of candles, keyed by {@link PriceBucketKey}: all that a bucket has now. Whichever comes
 * first, and however often either is corrected, the rows end the same: a block looks for its price
 * when it comes, and a candle that comes, changes or goes looks for the blocks between its close
 * and the next one's, and updates those whose price it changes.
 */
public final class PriceJoin
    implements Processor<SpecificRecord, SpecificRecord, SpecificRecord, SpecificRecord> {
  /** Rows. Key: chain id, number. */
  private static final String ROWS = "block-economics";

  /** Finds rows by time. Key: chain id, time, number. */
  private static final String ROWS_BY_TIME = "block-economics-by-time";

  /**
   * Closes. Key: venue, symbol, time of the close, length of the candle. A candle that is gone
   * leaves {@link #NO_CLOSE}.
   */
  private static final String CLOSES = "closes";

  /**
   * Stands where a candle was. RocksDB passes over deleted keys one by one before it looks whether
   * the end of the range is reached: after many were deleted each look for a close would take as
   * long as there are deleted ones behind it.
   */
  private static final byte[] NO_CLOSE = new byte[0];

  /** What buckets held when they came last. */
  private static final String BUCKETS = "price-buckets";

  private static final int PRICE_SCALE = 18;
  private static final int USD_SCALE = 18;
  private static final int USD_DIGITS = 96;
  private static final BigDecimal WEI_PER_COIN = BigDecimal.TEN.pow(18);

  private final PriceRules rules;

  /** Chains that have rows here: candles need not look for blocks of others. Found when needed. */
  private Set<Long> chains;

  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> rows;
  private KeyValueStore<byte[], byte[]> rowsByTime;
  private KeyValueStore<byte[], byte[]> closes;
  private KeyValueStore<byte[], byte[]> buckets;

  /**
   * A join.
   *
   * @param rules which market prices which chain
   */
  public PriceJoin(PriceRules rules) {
    this.rules = rules;
  }

  /** The stores that it needs. */
  public static Set<StoreBuilder<?>> stores() {
    return Stores.of(ROWS, ROWS_BY_TIME, CLOSES, BUCKETS);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    rows = processorContext.getStateStore(ROWS);
    rowsByTime = processorContext.getStateStore(ROWS_BY_TIME);
    closes = processorContext.getStateStore(CLOSES);
    buckets = processorContext.getStateStore(BUCKETS);
  }

  @Override
  public void process(Record<SpecificRecord, SpecificRecord> record) {
    if (chains == null) {
      chains = findChains();
    }
    switch (record.key()) {
      case BlockKey key when record.value() == null -> forget(key, record.timestamp());
      case BlockKey key -> block(key, (BlockEconomics) record.value(), record.timestamp());
      case PriceBucketKey key -> prices(key, (PriceBucket) record.value(), record.timestamp());
      default -> throw new IllegalArgumentException("a key of " + record.key().getClass());
    }
  }

  private Set<Long> findChains() {
    Set<Long> found = new HashSet<>();
    long from = 0;
    while (true) {
      try (KeyValueIterator<byte[], byte[]> next =
          rows.range(rowKey(from, 0), rowKey(Long.MAX_VALUE, Long.MAX_VALUE))) {
        if (!next.hasNext()) {
          return found;
        }
        long chain = ByteBuffer.wrap(next.next().key).getLong();
        found.add(chain);
        if (chain == Long.MAX_VALUE) {
          return found;
        }
        from = chain + 1;
      }
    }
  }

  /** A block that is no more. */
  private void forget(BlockKey key, long timestamp) {
    byte[] stored = rows.delete(rowKey(key.getChainId(), key.getNumber()));
    if (stored != null) {
      rowsByTime.delete(timeKey(key.getChainId(), decode(stored).getTimestamp(), key.getNumber()));
      context.forward(new Record<>(key, null, timestamp));
    }
  }

  private void block(BlockKey key, BlockEconomics row, long timestamp) {
    byte[] rowKey = rowKey(key.getChainId(), key.getNumber());
    byte[] stored = rows.get(rowKey);
    if (stored != null) {
      Instant before = decode(stored).getTimestamp();
      if (!before.equals(row.getTimestamp())) {
        rowsByTime.delete(timeKey(key.getChainId(), before, key.getNumber()));
      }
    }
    chains.add(key.getChainId());
    rowsByTime.put(timeKey(key.getChainId(), row.getTimestamp(), key.getNumber()), new byte[0]);
    price(row);
    rows.put(rowKey, Kept.toBytes(row));
    context.forward(new Record<>(key, row, timestamp));
  }

  /** Takes all prices of a bucket; those that were there before and are not any more are gone. */
  private void prices(PriceBucketKey key, PriceBucket bucket, long timestamp) {
    if (bucket == null || bucket.getOpenTimes().size() != bucket.getCloses().size()) {
      throw new BadRecordException("a bucket of prices without a price for each time");
    }
    Map<Long, BigDecimal> now = new TreeMap<>();
    for (int i = 0; i < bucket.getOpenTimes().size(); i++) {
      now.put(bucket.getOpenTimes().get(i).toEpochMilli(), bucket.getCloses().get(i));
    }
    byte[] bucketKey = AvroSerdes.body(key);
    Map<Long, BigDecimal> before = Closes.fromBytes(buckets.get(bucketKey));
    Set<Long> changed = new TreeSet<>(now.keySet());
    changed.addAll(before.keySet());
    // With a replay rules may have changed.
    if (!bucket.getAgain()) {
      changed.removeIf(
          open ->
              now.containsKey(open)
                  && before.containsKey(open)
                  && now.get(open).compareTo(before.get(open)) == 0);
    }
    String market = market(key.getVenue(), key.getSymbol());
    List<Instant> closedAt = new ArrayList<>();
    for (long open : changed) {
      Instant closed =
          CandleLength.end(Instant.ofEpochMilli(open), key.getInterval()).orElseThrow();
      closes.put(
          closeKey(market, closed, closed.toEpochMilli() - open, key.getInterval()),
          now.containsKey(open)
              ? now.get(open).setScale(PRICE_SCALE).unscaledValue().toByteArray()
              : NO_CLOSE);
      closedAt.add(closed);
    }
    buckets.put(bucketKey, Closes.toBytes(now));
    for (Period period : rules.pricedBy(key.getVenue(), key.getSymbol())) {
      if (chains.contains(period.chainId())) {
        priceAgain(market, period, closedAt, timestamp);
      }
    }
  }

  /** Looks for the prices of the blocks that some closes may price. */
  private void priceAgain(String market, Period period, List<Instant> closedAt, long timestamp) {
    if (closedAt.isEmpty()
        || !hasBlocks(
            period.chainId(), closedAt.getFirst(), closedAt.getLast().plus(rules.staleness()))) {
      return;
    }
    for (Instant closed : closedAt) {
      Instant last = closed.plus(rules.staleness());
      Instant end = nextClose(market, closed, last).orElse(last.plusMillis(1));
      Instant from = closed.isBefore(period.from()) ? period.from() : closed;
      Instant until = end.isBefore(period.until()) ? end : period.until();
      if (from.isBefore(until)) {
        priceAgain(period.chainId(), from, until, timestamp);
      }
    }
  }

  private boolean hasBlocks(long chainId, Instant from, Instant last) {
    try (KeyValueIterator<byte[], byte[]> blocks =
        rowsByTime.range(timeKey(chainId, from, 0), timeKey(chainId, last, Long.MAX_VALUE))) {
      return blocks.hasNext();
    }
  }

  /** Looks for the prices of the blocks of a time; those that have another one are forwarded. */
  private void priceAgain(long chainId, Instant from, Instant until, long timestamp) {
    List<byte[]> touched = new ArrayList<>();
    try (KeyValueIterator<byte[], byte[]> blocks =
        rowsByTime.range(timeKey(chainId, from, 0), timeKey(chainId, until, 0))) {
      while (blocks.hasNext()) {
        ByteBuffer found = ByteBuffer.wrap(blocks.next().key);
        if (found.getLong(Long.BYTES) < until.toEpochMilli()) {
          touched.add(rowKey(chainId, found.getLong(2 * Long.BYTES)));
        }
      }
    }
    for (byte[] rowKey : touched) {
      byte[] before = rows.get(rowKey);
      BlockEconomics row = decode(before);
      price(row);
      byte[] after = Kept.toBytes(row);
      if (!Arrays.equals(before, after)) {
        rows.put(rowKey, after);
        context.forward(
            new Record<>(new BlockKey(row.getChainId(), row.getNumber()), row, timestamp));
      }
    }
  }

  /** Sets the price of a row, and what follows from it. */
  private void price(BlockEconomics row) {
    Optional<String> asset = rules.asset(row.getChainId(), row.getTimestamp());
    Optional<Close> close = asset.flatMap(a -> closeOf(a, row.getTimestamp()));
    row.setAsset(asset.orElse(null));
    row.setPrice(close.map(Close::price).orElse(null));
    row.setPriceMissing(asset.isEmpty() ? "no_asset" : close.isEmpty() ? "no_price" : null);
    row.setPriceVenue(close.map(c -> c.market().venue()).orElse(null));
    row.setPriceSymbol(close.map(c -> c.market().symbol()).orElse(null));
    row.setPriceInterval(close.map(Close::interval).orElse(null));
    row.setPriceClosedAt(close.map(Close::at).orElse(null));
    row.setPriceQuote(close.map(c -> c.market().quote()).orElse(null));
    row.setUsdAssumption(close.flatMap(c -> c.market().assumption()).orElse(null));
    row.setBurnedUsd(usd(row.getBurned(), close));
    row.setPriorityFeesUsd(usd(row.getPriorityFees(), close));
    row.setBlobFeesUsd(usd(row.getBlobFees(), close));
    row.setFeesPaidUsd(usd(row.getFeesPaid(), close));
    row.setValueMovedUsd(usd(row.getValueMoved(), close));
  }

  private static BigDecimal usd(BigDecimal wei, Optional<Close> close) {
    if (wei == null || close.isEmpty()) {
      return null;
    }
    BigDecimal usd =
        wei.multiply(close.get().price()).divide(WEI_PER_COIN, USD_SCALE, RoundingMode.HALF_EVEN);
    return usd.precision() > USD_DIGITS ? null : usd;
  }

  /** The price of a block, and where it is from. */
  private record Close(Market market, String interval, Instant at, BigDecimal price) {}

  private Optional<Close> closeOf(String asset, Instant time) {
    for (Market market : rules.markets(asset)) {
      String name = market(market.venue(), market.symbol());
      // The first after it, and none of its own: times are whole milliseconds.
      byte[] end = closePrefix(name, time.plusMillis(1));
      byte[] begin = closePrefix(name, time.minus(rules.staleness()));
      try (KeyValueIterator<byte[], byte[]> found = closes.reverseRange(begin, end)) {
        Optional<KeyValue<byte[], byte[]>> close = firstClose(found);
        if (close.isPresent()) {
          ByteBuffer key = ByteBuffer.wrap(close.get().key);
          key.position(name.length() + 1);
          Instant at = Instant.ofEpochMilli(key.getLong());
          key.getLong();
          return Optional.of(
              new Close(
                  market,
                  StandardCharsets.UTF_8.decode(key).toString(),
                  at,
                  new BigDecimal(new BigInteger(close.get().value), PRICE_SCALE)));
        }
      }
    }
    return Optional.empty();
  }

  /** When the next candle of a market closed, looking no further than a time. */
  private Optional<Instant> nextClose(String market, Instant after, Instant last) {
    byte[] begin = closePrefix(market, after.plusMillis(1));
    byte[] end = closePrefix(market, last.plusMillis(1));
    try (KeyValueIterator<byte[], byte[]> found = closes.range(begin, end)) {
      return firstClose(found)
          .map(
              close ->
                  Instant.ofEpochMilli(ByteBuffer.wrap(close.key).getLong(market.length() + 1)));
    }
  }

  /** The first one that is of a candle. */
  private static Optional<KeyValue<byte[], byte[]>> firstClose(
      KeyValueIterator<byte[], byte[]> found) {
    while (found.hasNext()) {
      KeyValue<byte[], byte[]> close = found.next();
      if (close.value.length > 0) {
        return Optional.of(close);
      }
    }
    return Optional.empty();
  }

  /** ASCII of venue and symbol, so that its length is that of its bytes. */
  private static String market(String venue, String symbol) {
    String name = venue + '/' + symbol;
    StringBuilder ascii = new StringBuilder();
    name.chars().forEach(c -> ascii.append(c < 128 ? (char) c : '?'));
    return ascii.toString();
  }

  /** Nothing closed before 1970, and negative numbers would sort behind the others. */
  private static byte[] closePrefix(String market, Instant at) {
    return ByteBuffer.allocate(market.length() + 1 + Long.BYTES)
        .put(market.getBytes(StandardCharsets.US_ASCII))
        .put((byte) 0)
        .putLong(Math.max(0, at.toEpochMilli()))
        .array();
  }

  /** Of closes at one moment the shortest candle is the last one. */
  private static byte[] closeKey(String market, Instant at, long lengthMs, String interval) {
    byte[] prefix = closePrefix(market, at);
    byte[] label = interval.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(prefix.length + Long.BYTES + label.length)
        .put(prefix)
        .putLong(Long.MAX_VALUE - lengthMs)
        .put(label)
        .array();
  }

  private static byte[] rowKey(long chainId, long number) {
    return ByteBuffer.allocate(2 * Long.BYTES).putLong(chainId).putLong(number).array();
  }

  private static byte[] timeKey(long chainId, Instant time, long number) {
    return ByteBuffer.allocate(3 * Long.BYTES)
        .putLong(chainId)
        .putLong(time.toEpochMilli())
        .putLong(number)
        .array();
  }

  private static BlockEconomics decode(byte[] bytes) {
    return Kept.fromBytes(BlockEconomics.class, bytes);
  }
}
