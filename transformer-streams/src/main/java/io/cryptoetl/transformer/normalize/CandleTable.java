package io.cryptoetl.transformer.normalize;

import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.join.PriceRules;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * The rows of {@code market.candles}: of the copies of a candle the one of the highest {@link Rank}
 * is out. Candles of markets that price chains also go to the join.
 */
public final class CandleTable {
  /** Name of the store of winners. */
  public static final String STORE = "candle-winners";

  private final PriceRules rules;
  private final String candles;
  private final String prices;
  private ProcessorContext<SpecificRecord, SpecificRecord> context;
  private KeyValueStore<byte[], byte[]> winners;

  /** Makes the row of a copy. */
  interface Mapping {
    /** The row; null if the copy says that there is no candle. */
    Candle row() throws BadRecordException;
  }

  CandleTable(PriceRules rules, UnaryOperator<String> sink) {
    this.rules = rules;
    this.candles = sink.apply(Topics.MARKET_CANDLES.name());
    this.prices = sink.apply(Topics.TRANSFORMER_PRICES.name());
  }

  void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    context = processorContext;
    winners = processorContext.getStateStore(STORE);
  }

  /**
   * Takes a copy, unless a better one is out. One that is out already is mapped again: that is how
   * a replay brings what has changed in the mapping.
   */
  void offer(CandleKey key, Rank rank, long timestamp, Mapping mapping) throws BadRecordException {
    byte[] storeKey = storeKey(key);
    byte[] stored = winners.get(storeKey);
    ByteBuffer before = stored == null ? null : ByteBuffer.wrap(stored);
    if (before != null && rank.compareTo(Rank.readFrom(before)) < 0) {
      return;
    }
    Candle row = mapping.row();
    if (row != null || (before != null && before.get() == 1)) {
      forward(key, row, timestamp);
    }
    ByteBuffer after = ByteBuffer.allocate(Rank.BYTES + 1);
    rank.writeTo(after);
    after.put((byte) (row == null ? 0 : 1));
    winners.put(storeKey, after.array());
  }

  /** Takes away the row of a copy if it is the one that is out. */
  void withdraw(CandleKey key, Rank rank, long timestamp) {
    byte[] storeKey = storeKey(key);
    byte[] stored = winners.get(storeKey);
    if (stored == null || !Rank.readFrom(ByteBuffer.wrap(stored)).equals(rank)) {
      return;
    }
    if (stored[Rank.BYTES] == 1) {
      forward(key, null, timestamp);
    }
    winners.delete(storeKey);
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
}
