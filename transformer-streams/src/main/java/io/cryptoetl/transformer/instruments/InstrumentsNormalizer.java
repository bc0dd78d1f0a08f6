package io.cryptoetl.transformer.instruments;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.Decimals;
import io.cryptoetl.datasets.values.Texts;
import io.cryptoetl.datasets.values.Times;
import io.cryptoetl.market.Instrument;
import io.cryptoetl.market.InstrumentKey;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.raw.RawInstruments;
import io.cryptoetl.raw.RawInstrumentsKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.transformer.raw.RawNormalizer;
import io.cryptoetl.transformer.state.Rank;
import io.cryptoetl.transformer.state.Stores;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;

/**
 * Turns snapshots of a venue's instruments into rows of {@code market.instruments}. The JSON is
 * that of <a
 * href="https://developers.binance.com/docs/binance-spot-api-docs/rest-api/general-endpoints#exchange-information">
 * Binance's exchangeInfo</a>. A snapshot that replaces another one of its time takes away the
 * symbols that it has not.
 */
public final class InstrumentsNormalizer extends RawNormalizer<RawInstruments> {
  private static final String STORE = "instrument-winners";

  private static final String BETWEEN = "\0";

  private final String instruments;
  private KeyValueStore<byte[], byte[]> winners;

  /**
   * A normalizer.
   *
   * @param reader reads keys and values of raw records
   * @param sink name of the node that writes a topic
   */
  public InstrumentsNormalizer(Deserializer<SpecificRecord> reader, UnaryOperator<String> sink) {
    super(
        Topics.RAW_MARKET_INSTRUMENTS,
        RawInstruments.class,
        reader,
        sink.apply(Topics.OPS_DEAD_LETTERS.name()));
    this.instruments = sink.apply(Topics.MARKET_INSTRUMENTS.name());
  }

  /** The stores that it needs. */
  public static Set<StoreBuilder<?>> stores() {
    return Stores.of(STORE);
  }

  @Override
  public void init(ProcessorContext<SpecificRecord, SpecificRecord> processorContext) {
    super.init(processorContext);
    winners = processorContext.getStateStore(STORE);
  }

  @Override
  protected void describe(RawInstruments raw, DeadLetter.Builder letter) {
    letter.setSource(raw.getSource()).setEndpoint(raw.getEndpoint());
  }

  @Override
  protected void normalize(Record<byte[], byte[]> record, RawInstruments raw)
      throws BadRecordException {
    RawInstrumentsKey key =
        raw == null
            ? read(RawInstrumentsKey.class, record.key())
            : new RawInstrumentsKey(raw.getVenue(), raw.getAsOf());
    Rank rank =
        raw == null
            ? Rank.ofNothing(record.timestamp())
            : Rank.of(raw.getFetchedAt(), raw.getChecks().size(), digest(record.value()));
    byte[] storeKey =
        (key.getVenue() + BETWEEN + key.getAsOf().toEpochMilli()).getBytes(StandardCharsets.UTF_8);
    byte[] stored = winners.get(storeKey);
    TreeSet<String> surplus = new TreeSet<>();
    boolean again = false;
    if (stored != null) {
      ByteBuffer before = ByteBuffer.wrap(stored);
      int order = rank.compareTo(Rank.readFrom(before));
      if (order < 0) {
        return;
      }
      again = order == 0;
      String symbols = StandardCharsets.UTF_8.decode(before).toString();
      if (!symbols.isEmpty()) {
        surplus.addAll(List.of(symbols.split(BETWEEN)));
      }
    }
    Map<String, Instrument> rows;
    try {
      rows = raw == null ? Map.of() : map(raw);
    } catch (BadRecordException e) {
      if (again) {
        surplus.forEach(symbol -> put(record, key, symbol, null));
        winners.delete(storeKey);
      }
      throw e;
    }
    rows.forEach((symbol, row) -> put(record, key, symbol, row));
    surplus.removeAll(rows.keySet());
    surplus.forEach(symbol -> put(record, key, symbol, null));
    byte[] symbols = String.join(BETWEEN, rows.keySet()).getBytes(StandardCharsets.UTF_8);
    ByteBuffer after = ByteBuffer.allocate(Rank.BYTES + symbols.length);
    rank.writeTo(after);
    after.put(symbols);
    winners.put(storeKey, after.array());
  }

  private void put(
      Record<byte[], byte[]> record, RawInstrumentsKey snapshot, String symbol, Instrument row) {
    forward(
        record,
        instruments,
        new InstrumentKey(snapshot.getVenue(), symbol, snapshot.getAsOf()),
        row);
  }

  private static Map<String, Instrument> map(RawInstruments raw) throws BadRecordException {
    String what = "the snapshot of %s as of %s".formatted(raw.getVenue(), raw.getAsOf());
    Times.require("time of " + what, raw.getAsOf());
    JsonNode symbols = Decimals.parse(what, raw.getInstrumentsJson()).get("symbols");
    if (symbols == null || !symbols.isArray()) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(), what + " has no array symbols");
    }
    Map<String, Instrument> rows = new TreeMap<>();
    for (JsonNode symbol : symbols) {
      Instrument row = row(raw, symbol);
      rows.put(row.getSymbol(), row);
    }
    return rows;
  }

  private static Instrument row(RawInstruments raw, JsonNode symbol) throws BadRecordException {
    String what =
        "symbol %s of %s as of %s"
            .formatted(symbol.path("symbol").asText("without name"), raw.getVenue(), raw.getAsOf());
    Instrument row = new Instrument();
    row.setVenue(raw.getVenue());
    row.setSymbol(text(what, symbol, "symbol"));
    row.setAsOf(raw.getAsOf());
    row.setStatus(text(what, symbol, "status"));
    row.setBase(text(what, symbol, "baseAsset"));
    row.setQuote(text(what, symbol, "quoteAsset"));
    row.setBasePrecision(digits(symbol, "baseAssetPrecision"));
    row.setQuotePrecision(digits(symbol, "quoteAssetPrecision"));
    row.setTickSize(limit(what, symbol, "PRICE_FILTER", "tickSize"));
    row.setMinPrice(limit(what, symbol, "PRICE_FILTER", "minPrice"));
    row.setMaxPrice(limit(what, symbol, "PRICE_FILTER", "maxPrice"));
    row.setStepSize(limit(what, symbol, "LOT_SIZE", "stepSize"));
    row.setMinQuantity(limit(what, symbol, "LOT_SIZE", "minQty"));
    row.setMaxQuantity(limit(what, symbol, "LOT_SIZE", "maxQty"));
    BigDecimal notional = limit(what, symbol, "NOTIONAL", "minNotional");
    row.setMinNotional(
        notional == null ? limit(what, symbol, "MIN_NOTIONAL", "minNotional") : notional);
    row.setSource(raw.getSource());
    row.setEndpoint(raw.getEndpoint());
    row.setFetchedAt(raw.getFetchedAt());
    row.setChecks(raw.getChecks());
    return row;
  }

  private static String text(String what, JsonNode symbol, String field) throws BadRecordException {
    JsonNode value = symbol.get(field);
    if (value == null || !value.isTextual() || value.textValue().isEmpty()) {
      throw new BadRecordException(
          DeadLetterCode.FIELD_INVALID.code(),
          "%s of %s is %s, a text is expected".formatted(field, what, value));
    }
    return Texts.require(field + " of " + what, value.textValue());
  }

  private static Integer digits(JsonNode symbol, String field) {
    JsonNode value = symbol.get(field);
    return value == null || !value.isInt() ? null : value.intValue();
  }

  /** A limit of a filter; null where the filter is absent, or switched off by a zero. */
  private static BigDecimal limit(String what, JsonNode symbol, String filter, String field)
      throws BadRecordException {
    for (JsonNode each : symbol.path("filters")) {
      if (each.path("filterType").asText().equals(filter)) {
        return Decimals.optional(field + " of " + what, each.get(field))
            .filter(limit -> limit.signum() != 0)
            .orElse(null);
      }
    }
    return null;
  }
}
