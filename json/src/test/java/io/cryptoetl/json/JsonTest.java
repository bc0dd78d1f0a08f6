package io.cryptoetl.json;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** What is read here is what Jackson reads, and nothing else. */
class JsonTest {
  private static final ObjectMapper JACKSON =
      new ObjectMapper(JsonFactory.builder().build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS);

  private static JsonValue parse(String text) throws Exception {
    return Json.parse(text.getBytes(StandardCharsets.UTF_8));
  }

  private static final List<String> PARTS =
      List.of(
          "{",
          "}",
          "[",
          "]",
          ":",
          ",",
          " ",
          "\n",
          "\"",
          "\"a\"",
          "\"a\":",
          "\"\\u0061\":",
          "null",
          "true",
          "false",
          "0",
          "-1",
          "1.5",
          "2e3",
          "-",
          "01",
          "\"0x00ff\"",
          "\"é\"",
          "\"\\n\"",
          "\"\\q\"",
          "\"😀 and more than eight bytes\"",
          "\"eight by\\\"tes\"",
          "{\"b\":[1,2]}",
          "{\"a\":1,\"a\":2}",
          "[]",
          "{}",
          "tru",
          "\u0001",
          "\"\u0001\"");

  @Property(tries = 5000)
  void shouldAcceptWhatJacksonAcceptsAndReadTheSame(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    String text = random.nextInt(4) == 0 ? rubbish(random) : valid(random, 3);
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    if (random.nextInt(4) == 0 && bytes.length > 0) {
      bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
    }
    byte[] input = bytes;
    JsonNode expected = null;
    Throwable refusal = null;
    try {
      // Jackson takes some sequences that are no UTF-8.
      CharBuffer unused = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(input));
      expected = JACKSON.readTree(input);
      if (expected.isMissingNode()) {
        refusal = new IllegalArgumentException("empty");
      }
    } catch (java.io.IOException e) {
      refusal = e;
    }
    if (refusal == null) {
      assertSame(Json.parse(input), expected);
    } else {
      assertThat(catchThrowable(() -> Json.parse(input)))
          .as(new String(input, StandardCharsets.UTF_8))
          .isInstanceOf(java.io.IOException.class);
    }
  }

  private static String rubbish(Random random) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(8); i >= 0; i--) {
      text.append(PARTS.get(random.nextInt(PARTS.size())));
    }
    return text.toString();
  }

  private static String valid(Random random, int depth) {
    String space = List.of("", " ", "\r\n", "\t").get(random.nextInt(4));
    StringBuilder text = new StringBuilder(space);
    int kind = depth == 0 ? 2 : random.nextInt(3);
    if (kind == 2) {
      text.append(
          List.of(
                  "null",
                  "true",
                  "false",
                  "0",
                  "-7",
                  "1.25",
                  "3E-2",
                  "\"\"",
                  "\"0xfe\"",
                  "\"\\u00e9\\\\\"",
                  "\"é😀abcdefgh\"",
                  "\"" + "ab01".repeat(random.nextInt(9)) + "\"")
              .get(random.nextInt(12)));
    } else {
      text.append(kind == 0 ? "{" : "[").append(space);
      int size = random.nextInt(4);
      for (int i = 0; i < size; i++) {
        text.append(i == 0 ? "" : ",");
        if (kind == 0) {
          text.append(List.of("\"a\"", "\"b\"", "\"\\u0061\"", "\"é\"").get(random.nextInt(4)));
          text.append(space).append(":");
        }
        text.append(valid(random, depth - 1));
      }
      text.append(space).append(kind == 0 ? "}" : "]");
    }
    return text.append(space).toString();
  }

  private static void assertSame(JsonValue value, JsonNode expected) {
    assertThat(value.isObject()).isEqualTo(expected.isObject());
    assertThat(value.isArray()).isEqualTo(expected.isArray());
    assertThat(value.isNull()).isEqualTo(expected.isNull());
    assertThat(value.isInteger()).isEqualTo(expected.isIntegralNumber());
    if (expected.isObject()) {
      expected
          .fieldNames()
          .forEachRemaining(name -> assertSame(value.get(name), expected.get(name)));
      assertThat(value.get("none of them")).isNull();
    } else if (expected.isArray()) {
      List<JsonValue> items = value.items();
      assertThat(items).hasSize(expected.size());
      for (int i = 0; i < items.size(); i++) {
        assertSame(items.get(i), expected.get(i));
      }
    } else if (expected.isTextual()) {
      assertThat(value.text()).isEqualTo(expected.textValue());
    } else if (expected.isIntegralNumber()) {
      assertThat(new BigInteger(value.text())).isEqualTo(expected.bigIntegerValue());
    }
  }

  @Property
  void shouldReadHex(@ForAll byte[] bytes) throws Exception {
    String hex = HexFormat.of().formatHex(bytes);
    BigInteger number = new BigInteger(1, bytes);
    for (String written : List.of("\"0x" + hex + "\"", "\"\\u0030x" + hex + "\"")) {
      assertThat(parse(written).data()).isEqualTo(bytes);
      assertThat(new BigInteger(1, parse(written).quantity())).isEqualTo(number);
    }
    byte[] odd =
        parse("\"0x0" + number.toString(16).toUpperCase(java.util.Locale.ROOT) + "\"").quantity();
    assertThat(new BigInteger(1, odd)).isEqualTo(number);
    assertThat(odd.length == 0 || odd[0] != 0).isTrue();
  }

  @Example
  void shouldTellWhatIsNoHex() throws Exception {
    for (String text :
        List.of("\"0x0\"", "\"ff\"", "\"0xfg\"", "7", "\"\"", "\"0x\u00e9\"", "null")) {
      assertThat(parse(text).data()).as(text).isNull();
    }
    for (String text : List.of("\"0xg\"", "\"\"", "-1", "1.5", "true", "\"a\\n\"", "\"-1\"")) {
      assertThat(parse(text).quantity()).as(text).isNull();
    }
    assertThat(parse("\"300\"").quantity()).isEqualTo(new byte[] {1, 44});
    assertThat(parse("300").quantity()).isEqualTo(new byte[] {1, 44});
    assertThat(parse("\"0x\"").quantity()).isEmpty();
  }

  @Example
  void shouldBoundWhatAnswersCanCost() {
    assertThatThrownBy(() -> parse("[".repeat(100_000)))
        .isInstanceOf(java.io.IOException.class)
        .hasMessageContaining("deep");
    assertThatThrownBy(() -> parse("[" + "[],".repeat(200_000) + "[]]"))
        .isInstanceOf(java.io.IOException.class)
        .hasMessageContaining("more values");
    assertThatThrownBy(() -> parse("9".repeat(2000))).isInstanceOf(java.io.IOException.class);
  }
}
