package io.cryptoetl.schemas;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.apache.avro.AvroTypeException;
import org.apache.avro.Conversions;
import org.apache.avro.LogicalTypes;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class DecimalsTest {
  private interface Write {
    void to(BinaryEncoder encoder) throws IOException;
  }

  private static byte[] written(Write write) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    write.to(encoder);
    encoder.flush();
    return out.toByteArray();
  }

  private static void compare(BigDecimal value, int precision, int scale) throws IOException {
    ByteBuffer avros =
        new Conversions.DecimalConversion()
            .toBytes(value, null, LogicalTypes.decimal(precision, scale));

    assertThat(written(out -> Decimals.write(value, precision, scale, out)))
        .as("%s of %d digits, %d behind the point", value, precision, scale)
        .isEqualTo(written(out -> out.writeBytes(avros)));
  }

  @ParameterizedTest
  @CsvSource({"78, 0", "38, 18", "18, 0", "17, 0", "5, 2", "1, 0"})
  void shouldWriteTheBytesOfAvro(int precision, int scale) throws IOException {
    BigInteger end = BigInteger.TEN.pow(precision);
    for (int bit = 0; bit < end.bitLength(); bit++) {
      for (int off = -1; off <= 1; off++) {
        BigInteger unscaled = BigInteger.ONE.shiftLeft(bit).add(BigInteger.valueOf(off));
        if (unscaled.compareTo(end) < 0) {
          compare(new BigDecimal(unscaled, scale), precision, scale);
          compare(new BigDecimal(unscaled.negate(), scale), precision, scale);
        }
      }
    }
    for (int digits = 0; digits <= precision; digits++) {
      BigInteger nines = BigInteger.TEN.pow(digits).subtract(BigInteger.ONE);
      compare(new BigDecimal(nines, scale), precision, scale);
      compare(new BigDecimal(nines.negate(), scale), precision, scale);
    }
  }

  @Test
  void shouldTakeNumbersOfFewerDigitsBehindThePoint() throws IOException {
    compare(new BigDecimal("1.5"), 38, 18);
    compare(new BigDecimal("1e3"), 78, 0);
  }

  @ParameterizedTest
  @CsvSource({"100000, 5, 0", "-100000, 5, 0", "0.5, 5, 0", "1e78, 78, 0", "1e18, 18, 0"})
  void shouldRefuseWhatAvroRefuses(BigDecimal value, int precision, int scale) {
    assertThatExceptionOfType(AvroTypeException.class)
        .isThrownBy(() -> written(out -> Decimals.write(value, precision, scale, out)));
  }
}
