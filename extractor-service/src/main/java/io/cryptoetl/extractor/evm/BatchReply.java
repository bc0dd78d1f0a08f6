package io.cryptoetl.extractor.evm;

import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
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
    record Result(JsonValue json) implements Answer {}

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
    JsonValue all = Json.parse(reply);
    if (all.isArray()) {
      for (JsonValue response : all.items()) {
        if (!response.isObject()) {
          throw new IOException("a batch reply holds something that is not an object");
        }
        read(response, answers);
      }
    } else if (all.isObject()) {
      // A node may answer a whole batch with one error.
      read(all, answers);
    } else {
      throw new IOException("neither an object nor an array");
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

  private static void read(JsonValue response, Map<Long, Answer> answers) throws IOException {
    JsonValue id = response.get("id");
    JsonValue result = response.get("result");
    JsonValue error = response.get("error");
    Answer answer;
    if (error != null && !error.isNull()) {
      answer = failure(error);
    } else if (result == null) {
      throw new IOException("a response has neither result nor error");
    } else {
      answer = result.isNull() ? new Answer.Missing() : new Answer.Result(result);
    }
    answers.put(id == null ? null : number(id), answer);
  }

  private static Answer failure(JsonValue error) {
    if (!error.isObject()) {
      return new Answer.Failure(0, "an error that is not an object");
    }
    JsonValue code = error.get("code");
    JsonValue message = error.get("message");
    Long number = code == null || code.isString() ? null : number(code);
    return new Answer.Failure(
        number == null ? 0 : number, message != null && message.isString() ? message.text() : "");
  }

  /** A number, or a string that holds one; null if it is none that a call could have as its id. */
  private static Long number(JsonValue value) {
    boolean isNumber = value.isString() || value.isInteger();
    return isNumber && value.text().matches("-?[0-9]{1,18}") ? Long.valueOf(value.text()) : null;
  }
}
