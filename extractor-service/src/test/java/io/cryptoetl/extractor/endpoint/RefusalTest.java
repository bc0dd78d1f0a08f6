package io.cryptoetl.extractor.endpoint;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.verify.Corpus;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RefusalTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Instant NOW = Instant.parse("2026-01-01T00:00:00Z");

  /** What each recorded body means; null where it is an answer and not a refusal. */
  private static final Map<String, Kind> MEANINGS = new TreeMap<>();

  static {
    MEANINGS.put("infura-429-daily", Kind.LIMITED);
    MEANINGS.put("alchemy-429-cups", Kind.LIMITED);
    MEANINGS.put("infura-32602-range", Kind.TOO_LARGE);
    MEANINGS.put("tenderly-429", Kind.LIMITED);
    MEANINGS.put("infura-header-not-found", Kind.NOT_THERE);
    MEANINGS.put("null-block-geth-parity", null);
    MEANINGS.put("null-block-erigon-polygon", null);
    MEANINGS.put("alchemy-400-too-large", Kind.TOO_LARGE);
    MEANINGS.put("reth-32008", Kind.TOO_LARGE);
    MEANINGS.put("erigon-batch-limit", Kind.TOO_LARGE);
    MEANINGS.put("infura-200-plaintext", Kind.REFUSED);
    MEANINGS.put("nginx-429-html", Kind.LIMITED);
    MEANINGS.put("empty-body", Kind.REFUSED);
    MEANINGS.put("nodereal-limit", Kind.LIMITED);
    MEANINGS.put("missing-trie-node", Kind.NOT_THERE);
    MEANINGS.put("empty-logs-future", null);
    MEANINGS.put("parity-null-by-hash", null);
  }

  @Test
  void shouldKnowWhatProvidersSay() throws IOException {
    JsonNode recorded =
        JSON.readTree(Corpus.folder().resolve("rpc-errors/rpc-errors.json").toFile());

    assertThat(recorded.size()).isEqualTo(MEANINGS.size());
    for (JsonNode each : recorded) {
      String id = each.get("id").asText();
      if (MEANINGS.get(id) == null) {
        continue;
      }
      assertThat(kind(each)).as(id).isEqualTo(MEANINGS.get(id));
    }
  }

  private static Kind kind(JsonNode recorded) {
    String body = recorded.get("body").asText();
    if (recorded.path("http_status").asInt(200) != 200) {
      return Refusal.ofHttp(recorded.get("http_status").asInt(), Optional.empty(), body, NOW)
          .kind();
    }
    try {
      JsonNode error = JSON.readTree(body).path("error");
      if (error.isObject()) {
        return Refusal.ofError(error.path("code").asLong(), error.path("message").asText()).kind();
      }
    } catch (IOException e) {
      return Refusal.ofText(body).kind();
    }
    return Refusal.ofText(body).kind();
  }

  @ParameterizedTest
  @CsvSource({
    "429, 7, '', LIMITED, PT7S",
    "429, 'Thu, 01 Jan 2026 00:00:09 GMT', '', LIMITED, PT9S",
    "429, soon, 'try again in 250ms', LIMITED, PT0.25S",
    "429, 0, '', LIMITED, ",
    "429, 999999, '', LIMITED, PT10M",
    "418, 30, '', LIMITED, PT30S",
    "503, 3, '', OUTAGE, PT3S",
    "413, , '', TOO_LARGE, ",
    "400, , 'Response size is larger than 150MB limit', TOO_LARGE, ",
    "403, , 'daily request count exceeded', LIMITED, PT1M",
    "401, , 'invalid key', OUTAGE, ",
    "402, , 'payment required', OUTAGE, ",
    "408, , '', OUTAGE, ",
    "429, , 'too many RPC calls in batch request', TOO_LARGE, ",
    "400, , 'bad request', REFUSED, ",
  })
  void shouldReadStatusHeaderAndText(
      int status, String retryAfter, String text, Kind kind, Duration pause) {
    Refusal.Meaning meaning =
        Refusal.ofHttp(status, Optional.ofNullable(retryAfter), text == null ? "" : text, NOW);

    assertThat(meaning.kind()).isEqualTo(kind);
    assertThat(meaning.pause()).isEqualTo(Optional.ofNullable(pause));
  }
}
