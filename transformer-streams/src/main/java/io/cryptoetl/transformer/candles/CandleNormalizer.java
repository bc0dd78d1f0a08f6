package io.cryptoetl.transformer.candles;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.CandleLength;
import io.cryptoetl.datasets.values.Decimals;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.raw.RawCandle;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.prices.PriceRules;
import io.cryptoetl.transformer.raw.RawNormalizer;
import io.cryptoetl.transformer.state.Rank;
import java.math.BigDecimal;
import java.time.Instant;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Turns raw candles into rows of {@code market.candles}. The JSON is an array as <a
 * href="https://developers.binance.com/docs/binance-spot-api-docs/rest-api/market-data-endpoints#klinecandlestick-data">
 * Binance's klines</a>: open time, open, high, low, close, volume, and if the venue tells them
 * close time, quote volume, trades, taker base volume, taker quote volume.
 */
public final class CandleNormalizer extends RawNormalizer<RawCandle> {
  private static final int LEAST_FIELDS = 6;
  private static final int CLOSE_TIME = 6;

  private final PriceRules rules;
  private final CandleTable table;

  /**
   * A normalizer.
   *
   * @param reader reads keys and values of raw records
   * @param rules tell the sides of a market
   * @param sink name of the node that writes a topic
   */
  public CandleNormalizer(
      Deserializer<SpecificRecord> reader, PriceRules rules, UnaryOperator<String> sink) {
    super(
        Topics.RAW_MARKET_CANDLES,
        RawCandle.class,
        reader,
        sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.rules = rules;
    this.table = new CandleTable(rules, sink);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    table.init(processorContext);
  }

  @Override
  protected void describe(RawCandle raw, DeadLetter.Builder letter) {
    letter.setSource(raw.getSource()).setEndpoint(raw.getEndpoint());
  }

  @Override
  protected void normalize(Record<byte[], byte[]> record, RawCandle raw) throws BadRecordException {
    CandleKey key =
        raw == null
            ? known(read(CandleKey.class, record.key()))
            : new CandleKey(raw.getVenue(), raw.getSymbol(), raw.getInterval(), raw.getOpenTime());
    Rank rank =
        raw == null
            ? Rank.ofNothing(record.timestamp())
            : Rank.of(raw.getFetchedAt(), raw.getChecks().size(), digest(record.value()));
    table.offer(key, rank, record.timestamp(), () -> raw == null ? null : map(raw));
  }

  private static CandleKey known(CandleKey key) throws BadRecordException {
    Times.require("open time", key.getOpenTime());
    return key;
  }

  private Candle map(RawCandle raw) throws BadRecordException {
    String what =
        "the candle of %s %s %s that opens at %s"
            .formatted(raw.getVenue(), raw.getSymbol(), raw.getInterval(), raw.getOpenTime());
    Times.require("open time of " + what, raw.getOpenTime());
    Times.require("close time of " + what, raw.getCloseTime());
    Optional<Instant> end = CandleLength.end(raw.getOpenTime(), raw.getInterval());
    if (end.isEmpty() || !end.get().equals(raw.getCloseTime().plusMillis(1))) {
      throw new BadRecordException(
          DeadLetterCode.CANDLE_INTERVAL.code(),
          "%s closes at %s: an interval such as 1m, 4h, 1d or 1M and the last millisecond of it are expected"
              .formatted(what, raw.getCloseTime()));
    }
    JsonNode json = Decimals.parse(what, raw.getCandleJson());
    if (!json.isArray() || json.size() < LEAST_FIELDS) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          what + " is not a JSON array of time, open, high, low, close, volume");
    }
    if (json.get(0).asLong() != raw.getOpenTime().toEpochMilli()
        || (json.size() > CLOSE_TIME
            && json.get(CLOSE_TIME).asLong() != raw.getCloseTime().toEpochMilli())) {
      throw new BadRecordException(
          DeadLetterCode.RAW_INCONSISTENT.code(),
          what + " has other times in its JSON than in its record: milliseconds are expected");
    }
    Optional<PriceRules.Pair> pair = rules.pair(raw.getSymbol());
    Candle row = new Candle();
    row.setVenue(raw.getVenue());
    row.setSymbol(raw.getSymbol());
    row.setInterval(raw.getInterval());
    row.setOpenTime(raw.getOpenTime());
    row.setCloseTime(raw.getCloseTime());
    row.setBase(pair.map(PriceRules.Pair::base).orElse(null));
    row.setQuote(pair.map(PriceRules.Pair::quote).orElse(null));
    row.setOpen(Decimals.of("open of " + what, json.get(1)));
    row.setHigh(Decimals.of("high of " + what, json.get(2)));
    row.setLow(Decimals.of("low of " + what, json.get(3)));
    row.setClose(Decimals.of("close of " + what, json.get(4)));
    row.setVolume(Decimals.of("volume of " + what, json.get(5)));
    row.setQuoteVolume(Decimals.optional("quote volume of " + what, json.get(7)).orElse(null));
    row.setTrades(trades(what, json.get(8)));
    row.setTakerBaseVolume(
        Decimals.optional("taker base volume of " + what, json.get(9)).orElse(null));
    row.setTakerQuoteVolume(
        Decimals.optional("taker quote volume of " + what, json.get(10)).orElse(null));
    row.setSource(raw.getSource());
    row.setEndpoint(raw.getEndpoint());
    row.setFetchedAt(raw.getFetchedAt());
    row.setChecks(raw.getChecks());
    return row;
  }

  private static Long trades(String what, JsonNode node) throws BadRecordException {
    Optional<BigDecimal> trades = Decimals.optional("trades of " + what, node);
    if (trades.isEmpty()) {
      return null;
    }
    try {
      return trades.get().longValueExact();
    } catch (ArithmeticException e) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          "trades of %s is %s, a whole number is expected".formatted(what, node));
    }
  }
}
