package io.cryptoetl.transformer.blocks;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.json.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonFieldsTest {
  private static final String LARGEST = "f".repeat(64);

  private static JsonFields fields(String value) throws IOException {
    return JsonFields.of(Json.parse(("{\"value\":" + value + "}").getBytes(UTF_8)), "block", 7);
  }

  /** Empty numbers are null; the last column tells whether the field deviates. */
  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      value = {
        "\"0x0\", 0, false",
        "\"0x1f\", 31, false",
        "\"0x1F\", 31, false",
        "\"0x0000000000000000000000000000000000000000000000000000000000000000000000001f\", 31, false",
        "\"\\u0030x1f\", 31, false",
        "\"0x\", 0, true",
        "\"31\", 31, true",
        "31, 31, true",
        "true, 1, true",
        "false, 0, true",
        "\"0X1f\", , true",
        "\"0x1g\", , true",
        "\"\u0660x1\", , true",
        "\"-1\", , true",
        "-1, , true",
        "1.5, , true",
        "1e3, , true",
        "\"\", , true",
        "{}, , true",
        "[], , true",
        "null, , false",
      })
  void shouldReadNumbersHoweverTheyAreWritten(String value, Long number, boolean deviates)
      throws IOException {
    JsonFields small = fields(value);
    assertThat(small.optQuantity("value")).isEqualTo(number);
    assertThat(small.deviations().contains("value")).isEqualTo(deviates);
    JsonFields large = fields(value);
    assertThat(large.optUint256("value"))
        .isEqualTo(number == null ? null : java.math.BigDecimal.valueOf(number));
    assertThat(large.deviations().contains("value")).isEqualTo(deviates);
  }

  @Test
  void shouldKeepNumbersWithinTheirColumns() throws IOException {
    assertThat(fields("\"0x7fffffffffffffff\"").optQuantity("value")).isEqualTo(Long.MAX_VALUE);
    assertThat(fields("\"0x8000000000000000\"").optQuantity("value")).isNull();
    assertThat(fields("\"0x7fffffff\"").optSmallQuantity("value")).isEqualTo(Integer.MAX_VALUE);
    assertThat(fields("\"0x80000000\"").optSmallQuantity("value")).isNull();
    assertThat(fields("\"0x00" + LARGEST + "\"").optUint256("value").toBigInteger().bitLength())
        .isEqualTo(256);
    assertThat(fields("\"0x1" + LARGEST + "\"").optUint256("value")).isNull();
    assertThat(fields("\"0x102\"").optWord("value"))
        .isEqualTo(ByteBuffer.wrap(HexFormat.of().parseHex("0".repeat(60) + "0102")));
    assertThat(fields("\"0x" + LARGEST + "\"").optWord("value").remaining()).isEqualTo(32);
  }

  @Test
  void shouldReadData() throws IOException {
    assertThat(fields("\"0x\"").data("value").remaining()).isZero();
    assertThat(fields("\"0x00aAfF\"").data("value"))
        .isEqualTo(ByteBuffer.wrap(HexFormat.of().parseHex("00aaff")));
    assertThat(fields("\"\\u0030x00\"").data("value")).isEqualTo(ByteBuffer.wrap(new byte[1]));
    for (String odd : new String[] {"\"0x0\"", "\"00\"", "\"0X00\"", "\"0x0g\"", "7", "\"\""}) {
      JsonFields fields = fields(odd);
      assertThat(fields.data("value")).as(odd).isNull();
      assertThat(fields.deviations()).as(odd).containsExactly("value");
    }
  }

  @Test
  void shouldSayWhereAndWhatIsGiven() throws IOException {
    JsonFields part = fields("{\"hash\": [\n  \"" + "x".repeat(200) + "\"]}");
    assertThatThrownBy(() -> part.requiredData("value", 32))
        .isInstanceOf(JsonFields.InvalidFieldException.class)
        .hasMessageStartingWith("field value of block 7 is {\"hash\": [ \"xxx")
        .hasMessageEndingWith("..., 32 bytes in hex is expected")
        .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(160));
    assertThatThrownBy(() -> part.requiredQuantity("other"))
        .hasMessage("field other of block 7 is missing");
    assertThatThrownBy(() -> part.part(Json.parse("[]".getBytes(UTF_8)), "log", 3, "logs."))
        .hasMessage("log 3 of block 7 is not a JSON object");
  }
}
