package io.cryptoetl.schemas;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.avro.Conversions.DecimalConversion;
import org.apache.avro.LogicalTypes;
import org.apache.avro.io.Encoder;

/**
 * Writes decimals for generated classes, with the bytes and the refusals of Avro's own conversion:
 * two's complement of the unscaled value, big-endian, as short as can be.
 *
 * @see <a href="https://avro.apache.org/docs/1.12.0/specification/#decimal">Avro, decimal</a>
 */
public final class Decimals {
  private static final DecimalConversion AVRO = new DecimalConversion();
  private static final double BITS_OF_A_DIGIT = Math.log(10) / Math.log(2);

  /** Digits that are in a long, whatever they are. */
  private static final int DIGITS_OF_A_LONG = 18;

  private Decimals() {}

  /**
   * Writes a number of at most so many digits, so many of them behind the point.
   *
   * @throws org.apache.avro.AvroTypeException if the number has more
   */
  public static void write(BigDecimal value, int precision, int scale, Encoder out)
      throws IOException {
    if (value.scale() == scale) {
      if (scale == 0 && precision >= DIGITS_OF_A_LONG && value.precision() <= DIGITS_OF_A_LONG) {
        write(value.longValue(), out);
        return;
      }
      BigInteger unscaled = value.unscaledValue();
      // So many bits are never more digits; above, digits must be counted, which is slow.
      if (unscaled.bitLength() <= (int) (precision * BITS_OF_A_DIGIT)) {
        byte[] bytes = unscaled.toByteArray();
        out.writeBytes(bytes, 0, bytes.length);
        return;
      }
    }
    out.writeBytes(AVRO.toBytes(value, null, LogicalTypes.decimal(precision, scale)));
  }

  private static void write(long unscaled, Encoder out) throws IOException {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(unscaled ^ (unscaled >> (Long.SIZE - 1)));
    byte[] bytes = new byte[bits / Byte.SIZE + 1];
    long rest = unscaled;
    for (int i = bytes.length - 1; i >= 0; i--) {
      bytes[i] = (byte) rest;
      rest >>= Byte.SIZE;
    }
    out.writeBytes(bytes, 0, bytes.length);
  }
}
