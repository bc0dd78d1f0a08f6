package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/** The extractor's REST API, as the commands use it. */
final class ExtractorApi {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Parts parts;

  ExtractorApi(Parts parts) {
    this.parts = parts;
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
   * @throws MisuseException with what the extractor says, if it refuses
   */
  private JsonNode call(String method, String path, String json)
      throws IOException, InterruptedException {
    HttpResponse<String> response;
    try {
      response = Parts.send(method, parts.extractorUrl() + path, json);
    } catch (IOException e) {
      throw new IOException("The extractor does not answer; see ./pipeline status", e);
    }
    if (response.statusCode() >= 200 && response.statusCode() < 300) {
      return JSON.readTree(response.body());
    }
    if (response.statusCode() < 500 && response.body().startsWith("{")) {
      throw new MisuseException(JSON.readTree(response.body()).path("error").asText());
    }
    throw new IOException("The extractor answered HTTP " + response.statusCode());
  }
}
