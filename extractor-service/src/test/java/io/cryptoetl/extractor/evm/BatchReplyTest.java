package io.cryptoetl.extractor.evm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.cryptoetl.extractor.evm.BatchReply.Answer;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class BatchReplyTest {
  private static BatchReply read(String text) throws IOException {
    return BatchReply.read(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String resultOf(BatchReply reply, long id) {
    return reply.answer(id).orElseThrow() instanceof Answer.Result result
        ? new String(result.json().toBytes(), StandardCharsets.UTF_8)
        : null;
  }

  /** JSON values as nodes may write them: any white space, key order, escapes and numbers. */
  @Provide
  Arbitrary<String> json() {
    return json(2);
  }

  private Arbitrary<String> json(int depth) {
    if (depth == 0) {
      return scalar();
    }
    return Arbitraries.oneOf(
        scalar(),
        Combinators.combine(json(depth - 1).list().ofMaxSize(3), space()).as(BatchReplyTest::array),
        Combinators.combine(key().list().ofMaxSize(3), json(depth - 1).list().ofSize(3), space())
            .as(BatchReplyTest::object));
  }

  private Arbitrary<String> scalar() {
    return Arbitraries.oneOf(
        text(), Arbitraries.of("true", "false", "null", "0", "-1.50e+3", "12345678901234567890.0"));
  }

  private Arbitrary<String> text() {
    return Arbitraries.of(
            "a",
            "0xdeadbeef",
            "\\\"",
            "\\\\",
            "\\u00e9",
            "é",
            "😀",
            "\\ud83d\\ude00",
            "]",
            "}",
            ",",
            "\\/",
            " ")
        .list()
        .ofMaxSize(6)
        .map(parts -> '"' + String.join("", parts) + '"');
  }

  /** Jackson refuses a surrogate pair that is escaped in a name; no API has such names. */
  private Arbitrary<String> key() {
    return text().map(text -> text.replace("\\ud83d\\ude00", ""));
  }

  private Arbitrary<String> space() {
    return Arbitraries.of("", " ", "\n", "\t ", "\r\n  ");
  }

  private static String array(List<String> elements, String space) {
    return "[" + space + String.join(space + "," + space, elements) + space + "]";
  }

  private static String object(List<String> keys, List<String> values, String space) {
    List<String> fields = new ArrayList<>();
    for (int i = 0; i < keys.size(); i++) {
      fields.add(keys.get(i) + space + ":" + space + values.get(i));
    }
    return "{" + space + String.join(space + "," + space, fields) + space + "}";
  }

  @Property
  void shouldGiveBackTheVeryBytesOfEachResult(
      @ForAll @net.jqwik.api.constraints.Size(max = 8)
          List<@net.jqwik.api.From("json") String> results,
      @ForAll Random random)
      throws IOException {
    List<String> responses = new ArrayList<>();
    for (int i = 0; i < results.size(); i++) {
      List<String> fields =
          new ArrayList<>(
              List.of(
                  "\"jsonrpc\":\"2.0\"", "\"id\": " + i, "\"result\" :\n" + results.get(i) + " "));
      Collections.shuffle(fields, random);
      responses.add("{" + String.join(" , ", fields) + "}");
    }
    Collections.shuffle(responses, random);

    BatchReply reply = read(" [" + String.join(",\n", responses) + "] ");

    for (int i = 0; i < results.size(); i++) {
      if (results.get(i).equals("null")) {
        assertThat(reply.answer(i)).contains(new Answer.Missing());
      } else {
        assertThat(resultOf(reply, i)).isEqualTo(results.get(i));
      }
    }
  }

  @Example
  void shouldTellAnErrorOfTheWholeBatchFromAnswers() throws IOException {
    BatchReply reply =
        read("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32005,\"message\":\"limit\"}}");

    assertThat(reply.failureOfAll()).contains(new Answer.Failure(-32005, "limit"));
  }

  @Example
  void shouldReadUtf8WithByteOrderMarkAndNoOtherEncoding() throws IOException {
    String text = "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"é\": 1}}";

    assertThat(resultOf(read("\uFEFF" + text), 1)).isEqualTo("{\"é\": 1}");
    assertThatThrownBy(() -> BatchReply.read(text.getBytes(StandardCharsets.UTF_16LE)))
        .isInstanceOf(IOException.class)
        .hasMessage("not JSON in UTF-8");
  }

  @Example
  void shouldRefuseWhatIsNotAReply() {
    for (String text :
        List.of(
            "", "<html></html>", "[1]", "{}", "[{\"id\":1,\"result\":{}}", "[{\"id\":1}]", "7")) {
      assertThatThrownBy(() -> read(text)).as(text).isInstanceOf(IOException.class);
    }
  }
}
