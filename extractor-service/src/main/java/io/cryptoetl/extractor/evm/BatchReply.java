package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.cryptoetl.extractor.source.JsonSlices;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The reply to a JSON-RPC batch, cut into the very bytes of each result. Nothing is re-serialised:
 * white space, key order and escapes inside a result stay as they came.
 */
final class BatchReply {
  private final Map<Long, Answer> answers;

  private BatchReply(Map<Long, Answer> answers) {
    this.answers = answers;
  }

  /** What the node said to one call. */
  sealed interface Answer {
    /** The value of {@code result}, verbatim; the JSON text {@code null} is {@link Missing}. */
    record Result(byte[] json) implements Answer {}

    /** {@code "result": null}: the node does not have it (yet). */
    record Missing() implements Answer {}

    /** An error object. */
    record Failure(long code, String message) implements Answer {}
  }

  /**
   * Reads a reply.
   *
   * @throws IOException if it is not what JSON-RPC 2.0 calls a response or a batch of them; the
   *     message does not quote it
   */
  static BatchReply read(byte[] reply) throws IOException {
    Map<Long, Answer> answers = new HashMap<>();
    try (JsonParser parser = JsonSlices.parser(reply)) {
      JsonToken first = parser.nextToken();
      if (first == JsonToken.START_ARRAY) {
        while (parser.nextToken() == JsonToken.START_OBJECT) {
          readResponse(parser, reply, answers);
        }
        if (parser.currentToken() != JsonToken.END_ARRAY) {
          throw new IOException("a batch reply holds something that is not an object");
        }
      } else if (first == JsonToken.START_OBJECT) {
        // A node may answer a whole batch with one error.
        readResponse(parser, reply, answers);
      } else {
        throw new IOException("neither an object nor an array");
      }
      if (parser.nextToken() != null) {
        throw new IOException("something follows the JSON value");
      }
    } catch (JacksonException e) {
      throw JsonSlices.malformed(e);
    }
    return new BatchReply(answers);
  }

  /** What the node said to the call of this id, if it said anything. */
  Optional<Answer> answer(long id) {
    return Optional.ofNullable(answers.get(id));
  }

  /** An error that the node gave without the id of a call: it stands for the whole batch. */
  Optional<Answer.Failure> failureOfAll() {
    return answers.get(null) instanceof Answer.Failure failure
        ? Optional.of(failure)
        : Optional.empty();
  }

  private static void readResponse(JsonParser parser, byte[] reply, Map<Long, Answer> answers)
      throws IOException {
    Long id = null;
    Answer answer = null;
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (field) {
        case "id" -> {
          if (value == JsonToken.VALUE_NUMBER_INT) {
            id = parser.getLongValue();
          } else if (value == JsonToken.VALUE_STRING && parser.getText().matches("[0-9]{1,18}")) {
            id = Long.valueOf(parser.getText());
          } else {
            parser.skipChildren();
          }
        }
        case "result" -> {
          if (value == JsonToken.VALUE_NULL) {
            answer = answer == null ? new Answer.Missing() : answer;
          } else {
            answer = new Answer.Result(JsonSlices.value(parser, reply));
          }
        }
        case "error" -> {
          if (value == JsonToken.START_OBJECT) {
            answer = readError(parser);
          } else if (value != JsonToken.VALUE_NULL) {
            parser.skipChildren();
            answer = new Answer.Failure(0, "an error that is not an object");
          }
        }
        default -> parser.skipChildren();
      }
    }
    if (answer == null) {
      throw new IOException("a response has neither result nor error");
    }
    answers.put(id, answer);
  }

  private static Answer readError(JsonParser parser) throws IOException {
    long code = 0;
    String message = "";
    while (parser.nextToken() == JsonToken.FIELD_NAME) {
      String field = parser.currentName();
      JsonToken value = parser.nextToken();
      if (field.equals("code") && value == JsonToken.VALUE_NUMBER_INT) {
        code = parser.getLongValue();
      } else if (field.equals("message") && value == JsonToken.VALUE_STRING) {
        message = parser.getText();
      } else {
        parser.skipChildren();
      }
    }
    return new Answer.Failure(code, message);
  }
}
