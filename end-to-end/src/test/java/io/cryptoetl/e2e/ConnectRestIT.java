package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.local.parts.Access;
import io.cryptoetl.stack.EmbeddedStack;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.Base64;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A worker that others reach asks who they are. */
class ConnectRestIT {
  private static final String PASSWORD = "a-s3cret";

  @Test
  void shouldAskForAPasswordWhereOthersReachIt() throws Exception {
    Map<String, String> worker =
        Map.of(
            "CONNECT_HOST", "0.0.0.0",
            "CONNECT_REST_USER", "operator",
            "CONNECT_REST_PASSWORD", PASSWORD);
    try (EmbeddedStack stack =
        EmbeddedStack.prepare(
            ports ->
                new Access(
                    Map.of(),
                    Access.standalone(),
                    part -> part.equals("connect") ? worker : Map.of()))) {
      stack.startPart(stack.parts().broker());
      stack.startPart(stack.parts().connect());

      assertThat(status(stack, null)).isEqualTo(401);
      assertThat(status(stack, "operator:wrong")).isEqualTo(401);
      assertThat(status(stack, "operator:" + PASSWORD)).isEqualTo(200);
      assertThat(Files.readString(stack.log("connect"))).doesNotContain(PASSWORD);
    }
  }

  private static int status(EmbeddedStack stack, String user) throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(stack.connectUrl() + "/connectors"));
    if (user != null) {
      request.header(
          "Authorization",
          "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
    }
    try (HttpClient http = HttpClient.newHttpClient()) {
      return http.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
    }
  }
}
