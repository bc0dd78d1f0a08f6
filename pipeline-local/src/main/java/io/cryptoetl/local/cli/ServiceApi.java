package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** The REST API of a service, as the commands use it. */
final class ServiceApi {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final String name;
  private final String url;

  /**
   * The API of a service.
   *
   * @param name of the service, for messages
   */
  ServiceApi(String name, String url) {
    this.name = name;
    this.url = url;
  }

  /** A name as a part of a path. */
  static String segment(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8);
  }

  JsonNode get(String path) throws IOException, InterruptedException {
    return call("GET", path, "");
  }

  JsonNode post(String path, String json) throws IOException, InterruptedException {
    return call("POST", path, json);
  }

  /**
   * Calls the API.
   *
   * @throws MisuseException with what the service says, if it refuses
   */
  private JsonNode call(String method, String path, String json)
      throws IOException, InterruptedException {
    HttpResponse<String> response;
    try {
      response = Parts.send(method, url + path, json);
    } catch (IOException e) {
      throw new IOException("The " + name + " does not answer; see ./pipeline status", e);
    }
    if (response.statusCode() >= 200 && response.statusCode() < 300) {
      return JSON.readTree(response.body());
    }
    String error =
        response.body().startsWith("{")
            ? JSON.readTree(response.body()).path("error").asText()
            : "";
    if (response.statusCode() < 500 && !error.isEmpty()) {
      throw new MisuseException(error);
    }
    throw new IOException(
        "The %s answered HTTP %d%s"
            .formatted(name, response.statusCode(), error.isEmpty() ? "" : ": " + error));
  }
}
