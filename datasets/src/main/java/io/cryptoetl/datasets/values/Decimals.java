package io.cryptoetl.datasets.values;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.cryptoetl.schemas.DeadLetterCode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.util.Optional;

/** Prices and amounts of market data: exact, with 18 digits after the point and 20 before it. */
public final class Decimals {
  /** A reader that never makes a double of a number. */
  private static final ObjectMapper JSON =
      JsonMapper.builder().enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS).build();

  private static final int SCALE = 18;
  private static final int INTEGER_DIGITS = 20;
  private static final int MAX_LENGTH = 60;

  private Decimals() {}

  /** Reads JSON whose numbers stay exact. */
  public static JsonNode parse(String what, ByteBuffer json) throws BadRecordException {
    try {
      return JSON.readTree(json.array(), json.arrayOffset() + json.position(), json.remaining());
    } catch (JacksonException e) {
      throw new BadRecordException(
          DeadLetterCode.JSON_INVALID.code(), what + " is not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  /**
   * A number, written as JSON number or string.
   *
   * @param what names it in messages
   * @param node the number; absent and null are refused
   */
  public static BigDecimal of(String what, JsonNode node) throws BadRecordException {
    if (node == null || !(node.isNumber() || node.isTextual())) {
      throw invalid(what, node == null ? "missing" : node.asText());
    }
    return of(what, node.asText());
  }

  /**
   * A number, written as text.
   *
   * @param what names it in messages
   */
  public static BigDecimal of(String what, String text) throws BadRecordException {
    return of(what, text, RoundingMode.UNNECESSARY);
  }

  /**
   * A number, written as text: digits beyond the 18th after the point are rounded, half to even.
   *
   * @param what names it in messages
   */
  public static BigDecimal rounded(String what, String text) throws BadRecordException {
    return of(what, text, RoundingMode.HALF_EVEN);
  }

  private static BigDecimal of(String what, String text, RoundingMode rounding)
      throws BadRecordException {
    if (text.length() <= MAX_LENGTH) {
      try {
        BigDecimal value = new BigDecimal(text);
        if (value.scale() > SCALE || value.signum() == 0) {
          value = value.stripTrailingZeros();
        }
        if (value.scale() > SCALE && rounding != RoundingMode.UNNECESSARY) {
          // To round what is far below the last digit would take a power of ten of its exponent.
          boolean isNothing = (long) value.scale() - value.precision() > SCALE + 1;
          value = isNothing ? BigDecimal.ZERO : value.setScale(SCALE, rounding);
        }
        if (value.scale() <= SCALE && (long) value.precision() - value.scale() <= INTEGER_DIGITS) {
          return value.setScale(SCALE);
        }
      } catch (NumberFormatException e) {
        throw invalid(what, text);
      }
    }
    throw invalid(what, text);
  }

  /** A number that may be absent or null. */
  public static Optional<BigDecimal> optional(String what, JsonNode node)
      throws BadRecordException {
    return node == null || node.isNull() || node.isMissingNode()
        ? Optional.empty()
        : Optional.of(of(what, node));
  }

  private static BadRecordException invalid(String what, String text) {
    return new BadRecordException(
        DeadLetterCode.FIELD_INVALID.code(),
        "%s is '%s', a number with at most %d digits before and %d after the point is expected"
            .formatted(
                what,
                text.length() > MAX_LENGTH ? text.substring(0, MAX_LENGTH) + "..." : text,
                INTEGER_DIGITS,
                SCALE));
  }
}
