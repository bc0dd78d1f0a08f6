package io.cryptoetl.extractor.endpoint;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of an endpoint is not shown, in whatever form a server repeats it. */
class EndpointTest {
  @ParameterizedTest
  @CsvSource({
    "https://u:p%40ss@n.example/, p%40ss",
    "https://u:p%40ss@n.example/, p@ss",
    "https://tokentoken:@n.example/, tokentoken",
    "https://n.example/v3/key%2Dkey%2Dkey, key-key-key",
    "https://n.example/v3/key%2Dkey%2Dkey, key%2Dkey%2Dkey",
    "https://n.example/?apikey=a%2Bb%2Bc%2Bd%2B, a+b+c+d+",
    "https://account-12345.n.example/, account-12345.n.example",
    "https://n.example/, short",
    "https://n.example/, dGhlIGxvbmcgb25l"
  })
  void shouldRedact(URI url, String secret) {
    Endpoint endpoint =
        new Endpoint(
            "node", url, Map.of("x-api-key", "short", "Authorization", "Bearer dGhlIGxvbmcgb25l"));

    assertThat(endpoint.redact("not found: " + secret + "?")).isEqualTo("not found: <redacted>?");
  }
}
