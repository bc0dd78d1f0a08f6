package io.cryptoetl.loader;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import org.apache.avro.Schema;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads schemas from a registry with <a
 * href="https://docs.confluent.io/platform/current/schema-registry/develop/api.html">Confluent's
 * API</a>. A registry that is away is asked again for a minute.
 */
final class SchemaRegistry {
  private static final Logger LOG = LoggerFactory.getLogger(SchemaRegistry.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final long PAUSE_MS = 500;
  private static final int NOT_FOUND = 404;

  private final HttpClient http = HttpClient.newBuilder().connectTimeout(TIMEOUT).build();
  private final String url;
  private final String authorization;

  /** A schema and its id. */
  record Registered(int id, Schema schema) {}

  /**
   * A registry.
   *
   * @param url base URL of its API
   * @param user {@code user:password}, or empty
   */
  SchemaRegistry(String url, String user) {
    this.url = url.replaceAll("/+$", "");
    this.authorization =
        user.isEmpty()
            ? null
            : "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8));
  }

  /** The schema of an id. */
  Schema byId(int id) {
    return parse(get("/schemas/ids/" + id, "schema id " + id));
  }

  /** The latest schema of a subject. */
  Registered latest(String subject) {
    JsonNode found =
        get(
            "/subjects/" + URLEncoder.encode(subject, StandardCharsets.UTF_8) + "/versions/latest",
            "subject " + subject);
    return new Registered(found.path("id").asInt(), parse(found));
  }

  private static Schema parse(JsonNode found) {
    return new Schema.Parser().parse(found.path("schema").asText());
  }

  private JsonNode get(String path, String what) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      String problem;
      try {
        HttpRequest.Builder request =
            HttpRequest.newBuilder(URI.create(url + path)).timeout(TIMEOUT);
        if (authorization != null) {
          request.header("Authorization", authorization);
        }
        HttpResponse<String> response =
            http.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (response.statusCode() == 200) {
          return JSON.readTree(response.body());
        }
        problem = "HTTP status " + response.statusCode();
        if (response.statusCode() == NOT_FOUND) {
          throw new DataException("the registry does not know " + what);
        }
      } catch (IOException e) {
        problem = e.toString();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RetriableException("interrupted while asking the registry", e);
      }
      if (System.nanoTime() > deadline) {
        throw new RetriableException(
            "the registry did not give " + what + " for a minute: " + problem);
      }
      LOG.warn("event=registry_away asked=\"{}\" reason=\"{}\"; asking again", what, problem);
      try {
        Thread.sleep(PAUSE_MS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RetriableException("interrupted while waiting for the registry", e);
      }
    }
  }
}
