package io.cryptoetl.datasets;

import com.fasterxml.jackson.annotation.JsonProperty;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.market.Candle;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigDecimal;
import org.apache.avro.specific.SpecificRecord;

/** What must be true of a row, besides that its cells can be read. */
enum RowCheck {
  /** No price of a candle is above its high, below its low, or below zero. */
  @JsonProperty("prices")
  PRICES {
    @Override
    void check(SpecificRecord row) throws BadRecordException {
      Candle candle = (Candle) row;
      BigDecimal high = candle.getHigh();
      BigDecimal low = candle.getLow();
      for (BigDecimal price : new BigDecimal[] {candle.getOpen(), candle.getClose(), high, low}) {
        if (price != null
            && (price.signum() < 0
                || (high != null && price.compareTo(high) > 0)
                || (low != null && price.compareTo(low) < 0))) {
          throw inconsistent(
              "open %s, high %s, low %s, close %s: all prices of a candle are between its low and its high"
                  .formatted(
                      plain(candle.getOpen()), plain(high), plain(low), plain(candle.getClose())));
        }
      }
    }
  },
  /**
   * Quote volume is base volume at about the candle's prices: within a factor of two, so that
   * rounding does no harm, and nearer than it would be the other way round, so that volumes under
   * each other's name are found where prices are about one.
   */
  @JsonProperty("volumes")
  VOLUMES {
    @Override
    void check(SpecificRecord row) throws BadRecordException {
      Candle candle = (Candle) row;
      BigDecimal base = candle.getVolume();
      BigDecimal quote = candle.getQuoteVolume();
      if (base == null
          || quote == null
          || base.signum() == 0
          || quote.signum() == 0
          || candle.getHigh() == null
          || candle.getLow() == null
          || candle.getHigh().signum() == 0) {
        return;
      }
      BigDecimal middle = candle.getHigh().add(candle.getLow());
      double straight = away(quote, base, middle);
      if (straight > 2 || straight > away(base, quote, middle)) {
        throw inconsistent(
            "volume %s in base and %s in quote do not fit prices from %s to %s: the two volumes may be exchanged"
                .formatted(
                    plain(base), plain(quote), plain(candle.getLow()), plain(candle.getHigh())));
      }
    }
  };

  /**
   * Looks at a row.
   *
   * @throws BadRecordException if it cannot be right
   */
  abstract void check(SpecificRecord row) throws BadRecordException;

  /** By what factor the quote volume is away from base volume at the middle of the prices. */
  private static double away(BigDecimal quote, BigDecimal base, BigDecimal twiceTheMiddle) {
    double factor = 2 * quote.doubleValue() / (base.doubleValue() * twiceTheMiddle.doubleValue());
    return Math.max(factor, 1 / factor);
  }

  private static BadRecordException inconsistent(String reason) {
    return new BadRecordException(DeadLetterCode.ROW_INCONSISTENT.code(), reason);
  }

  private static String plain(BigDecimal value) {
    return value == null ? "none" : value.stripTrailingZeros().toPlainString();
  }
}
