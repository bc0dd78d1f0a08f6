package io.cryptoetl.kafka;

import com.fasterxml.jackson.core.JsonProcessingException;
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
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaParseException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.SslConfigs;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.security.ssl.DefaultSslEngineFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A schema registry that speaks <a
 * href="https://docs.confluent.io/platform/current/schema-registry/develop/api.html">Confluent's
 * API</a>: Confluent's own, Apicurio, Karapace, Redpanda. Only paths under {@code /subjects},
 * {@code /schemas/ids} and {@code /config} are used. One that is away is asked again for a while;
 * several URLs are asked in turn.
 */
public final class SchemaRegistry implements Registry {
  /** What settings of a registry begin with, where they stand beside those of Kafka clients. */
  public static final String PREFIX = "schema.registry.";

  private static final Logger LOG = LoggerFactory.getLogger(SchemaRegistry.class);
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
  private static final Duration TIMEOUT = Duration.ofSeconds(10);
  private static final Duration PAUSE = Duration.ofMillis(500);
  private static final Duration UNKNOWN_FOR = Duration.ofSeconds(30);
  private static final int MAX_UNKNOWN = 1000;
  private static final int LONGEST_ANSWER = 300;

  private final List<String> urls;
  private final Optional<String> authorization;
  private final Duration patience;
  private final HttpClient http;
  private final Map<Integer, Schema> schemas = new ConcurrentHashMap<>();

  /** Ids that the registry does not know, and until when it is not asked again. */
  private final Map<Integer, Unknown> unknown = new ConcurrentHashMap<>();

  private record Unknown(long until, String reason) {}

  /**
   * A schema and its id.
   *
   * @param id by which records name the schema
   */
  public record Registered(int id, Schema schema) {}

  /**
   * A registry.
   *
   * @param settings {@code url}, one or more base URLs of the API with commas between them; {@code
   *     basic.auth.user.info}, user:password; {@code bearer.auth.token}; {@code ssl.*} as Kafka
   *     clients have them. Without the prefix {@value #PREFIX}
   * @param patience how long one that is away is asked again
   * @throws IllegalArgumentException if a setting is missing or wrong; the message names it
   */
  public SchemaRegistry(Map<String, ?> settings, Duration patience) {
    this.urls = urls(text(settings, "url"));
    this.authorization = authorization(settings);
    this.patience = patience;
    HttpClient.Builder client =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(TIMEOUT)
            // A redirect would carry the password to wherever it leads.
            .followRedirects(HttpClient.Redirect.NEVER);
    tls(settings).ifPresent(client::sslContext);
    this.http = client.build();
  }

  /** Whether a registry has a setting of a name. */
  static boolean knows(String name) {
    return Set.of("url", "basic.auth.user.info", "bearer.auth.token").contains(name)
        || name.startsWith("ssl.");
  }

  private static String text(Map<String, ?> settings, String name) {
    Object value = settings.get(name);
    return value == null ? "" : value.toString().strip();
  }

  private static List<String> urls(String text) {
    List<String> urls =
        Stream.of(text.split(","))
            .map(String::strip)
            .filter(u -> !u.isEmpty())
            .map(u -> u.replaceAll("/+$", ""))
            .toList();
    if (urls.isEmpty()) {
      throw new IllegalArgumentException(
          "SCHEMA_REGISTRY_URL (schema.registry.url) is not set: the base URL of the registry's API, such as http://localhost:8081");
    }
    for (String url : urls) {
      try {
        URI uri = URI.create(url);
        if (uri.getHost() == null || !List.of("http", "https").contains(uri.getScheme())) {
          throw new IllegalArgumentException("no http or https URL");
        }
        if (uri.getUserInfo() != null) {
          throw new IllegalArgumentException("it holds a password");
        }
      } catch (IllegalArgumentException e) {
        // The URL itself is not shown: it may hold a secret.
        throw new IllegalArgumentException(
            "SCHEMA_REGISTRY_URL (schema.registry.url) must be URLs such as https://registry:8081, with commas between them; user and password go into SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO");
      }
    }
    return urls;
  }

  private static Optional<String> authorization(Map<String, ?> settings) {
    String user = text(settings, "basic.auth.user.info");
    String token = text(settings, "bearer.auth.token");
    if (!user.isEmpty() && !token.isEmpty()) {
      throw new IllegalArgumentException(
          "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO and SCHEMA_REGISTRY_BEARER_AUTH_TOKEN are both set; one of them is enough");
    }
    if (!user.isEmpty() && user.indexOf(':') < 1) {
      throw new IllegalArgumentException(
          "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO must be user:password (it is not shown here)");
    }
    if (!token.chars().allMatch(c -> c > ' ' && c < 0x7F)) {
      throw new IllegalArgumentException(
          "SCHEMA_REGISTRY_BEARER_AUTH_TOKEN must be one line of letters, digits and signs without spaces (it is not shown here)");
    }
    return user.isEmpty()
        ? token.isEmpty() ? Optional.empty() : Optional.of("Bearer " + token)
        : Optional.of(
            "Basic " + Base64.getEncoder().encodeToString(user.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Kafka's own reader of {@code ssl.*}: PKCS12, JKS and PEM, in files or in the setting itself.
   */
  private static Optional<SSLContext> tls(Map<String, ?> settings) {
    Map<String, Object> ssl = new HashMap<>();
    settings.forEach(
        (name, value) -> {
          if (name.startsWith("ssl.")) {
            ssl.put(name, value);
          }
        });
    if (ssl.isEmpty()) {
      return Optional.empty();
    }
    ConfigDef definition = new ConfigDef();
    SslConfigs.addClientSslSupport(definition);
    try (DefaultSslEngineFactory factory = new DefaultSslEngineFactory()) {
      factory.configure(new AbstractConfig(definition, ssl, false).values());
      return Optional.of(factory.sslContext());
    } catch (KafkaException e) {
      throw new IllegalArgumentException(
          "the settings SCHEMA_REGISTRY_SSL_* (schema.registry.ssl.*) cannot be used: "
              + e.getMessage(),
          e);
    }
  }

  @Override
  public Schema byId(int id) {
    Schema known = schemas.get(id);
    if (known != null) {
      return known;
    }
    Unknown before = unknown.get(id);
    if (before != null && System.nanoTime() - before.until() < 0) {
      throw new RegistryException.NotFound(before.reason());
    }
    Schema found;
    try {
      found = look(id);
    } catch (RegistryException.NotFound e) {
      if (unknown.size() >= MAX_UNKNOWN) {
        unknown.clear();
      }
      unknown.put(id, new Unknown(System.nanoTime() + UNKNOWN_FOR.toNanos(), e.getMessage()));
      throw e;
    }
    schemas.put(id, found);
    return found;
  }

  private Schema look(int id) {
    String what = "schema id " + id;
    try {
      return parse(ask("GET", "/schemas/ids/" + id, null, what), what);
    } catch (RegistryException.NotFound e) {
      // A follower of the registry may not have heard yet of an id that is new.
      pause();
      return parse(ask("GET", "/schemas/ids/" + id, null, what), what);
    }
  }

  /**
   * The latest schema of a subject.
   *
   * @throws RegistryException.NotFound if the subject has none
   */
  public Registered latest(String subject) {
    String what = "subject " + subject;
    JsonNode found = ask("GET", path(subject, "/versions/latest"), null, what);
    return new Registered(id(found, what), parse(found, what));
  }

  /**
   * The versions that a subject has.
   *
   * @throws RegistryException.NotFound if the subject is not there
   */
  public List<Integer> versions(String subject) {
    List<Integer> versions = new ArrayList<>();
    ask("GET", path(subject, "/versions"), null, "versions of subject " + subject)
        .forEach(version -> versions.add(version.asInt()));
    return versions;
  }

  /**
   * A version of a subject's schema.
   *
   * @throws RegistryException.NotFound if there is none
   */
  public Registered version(String subject, int version) {
    String what = "version %d of subject %s".formatted(version, subject);
    JsonNode found = ask("GET", path(subject, "/versions/" + version), null, what);
    return new Registered(id(found, what), parse(found, what));
  }

  @Override
  public int idOf(String subject, Schema schema) {
    String what = "the schema %s of subject %s".formatted(schema.getFullName(), subject);
    return id(ask("POST", path(subject, ""), Map.of("schema", schema.toString()), what), what);
  }

  /**
   * Registers a schema, if it is not there yet.
   *
   * @return its id
   * @throws RegistryException if it does not go with those before it, or may not be registered
   */
  public int register(String subject, Schema schema) {
    String what = "to register %s for subject %s".formatted(schema.getFullName(), subject);
    return id(
        ask("POST", path(subject, "/versions"), Map.of("schema", schema.toString()), what), what);
  }

  /**
   * Sets the rule by which a subject's next schema must go with those before it.
   *
   * @param rule such as BACKWARD
   */
  public void setCompatibility(String subject, String rule) {
    ask(
        "PUT",
        "/config/" + encoded(subject),
        Map.of("compatibility", rule),
        "to set the rule %s for subject %s".formatted(rule, subject));
  }

  private static int id(JsonNode answer, String what) {
    JsonNode id = answer.path("id");
    if (!id.isInt()) {
      throw new RegistryException("the registry gave no id for " + what);
    }
    return id.intValue();
  }

  private static String path(String subject, String rest) {
    return "/subjects/" + encoded(subject) + rest;
  }

  private static String encoded(String subject) {
    return URLEncoder.encode(subject, StandardCharsets.UTF_8);
  }

  private static Schema parse(JsonNode found, String what) {
    String type = found.path("schemaType").asText("AVRO");
    if (!type.equals("AVRO")) {
      throw new RegistryException.NotFound(what + " is of type " + type + ", not Avro");
    }
    if (!found.path("references").isEmpty()) {
      throw new RegistryException.NotFound(
          what + " refers to schemas of other subjects, which is not known here");
    }
    try {
      return new Schema.Parser().parse(found.path("schema").asText());
    } catch (SchemaParseException e) {
      throw new RegistryException.NotFound(what + " is not Avro: " + e.getMessage());
    }
  }

  private JsonNode ask(String method, String path, Map<String, String> body, String what) {
    long deadline = System.nanoTime() + patience.toNanos();
    while (true) {
      RegistryException.NotFound notFound = null;
      RegistryException.Away away = null;
      for (String url : urls) {
        try {
          return ask(method, url, path, body, what);
        } catch (RegistryException.NotFound e) {
          notFound = e;
        } catch (RegistryException.Away e) {
          away = e;
          LOG.warn("event=registry_away reason=\"{}\"", e.getMessage());
        }
      }
      // That something is not there counts only if all say so.
      if (away == null) {
        throw notFound;
      }
      if (System.nanoTime() >= deadline) {
        throw away;
      }
      pause();
    }
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE.toMillis());
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    }
  }

  private JsonNode ask(
      String method, String url, String path, Map<String, String> body, String what) {
    String asked = "%s from the schema registry %s".formatted(what, url);
    HttpResponse<String> response;
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create(url + path))
              .timeout(TIMEOUT)
              .header("Accept", CONTENT_TYPE)
              .header("Content-Type", CONTENT_TYPE)
              .method(
                  method,
                  body == null
                      ? HttpRequest.BodyPublishers.noBody()
                      : HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(body)));
      authorization.ifPresent(a -> request.header("Authorization", a));
      response = http.send(request.build(), HttpResponse.BodyHandlers.ofString());
    } catch (InterruptedException e) {
      throw new InterruptException(e);
    } catch (SSLException e) {
      throw new RegistryException.Away(
          "asked for %s; TLS failed: %s. Look at SCHEMA_REGISTRY_SSL_TRUSTSTORE_LOCATION, and at SCHEMA_REGISTRY_SSL_KEYSTORE_LOCATION if it asks for a certificate"
              .formatted(asked, e.getMessage()),
          e);
    } catch (IOException e) {
      throw new RegistryException.Away(
          "asked for %s; it cannot be reached: %s. Look at SCHEMA_REGISTRY_URL".formatted(asked, e),
          e);
    }
    return answer(response, asked);
  }

  private static JsonNode answer(HttpResponse<String> response, String asked) {
    int status = response.statusCode();
    String said = shortened(response.body());
    if (status == 401 || status == 403) {
      throw new RegistryException(
          "asked for %s; it refused with HTTP %d. Look at SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO or SCHEMA_REGISTRY_BEARER_AUTH_TOKEN, and at what that user may do"
              .formatted(asked, status));
    }
    // An error code says that it is the registry itself that answers, and not something before it.
    if (status == 404 && said.matches(".*\"error_code\"\\s*:\\s*404[0-9]{2}\\b.*")) {
      throw new RegistryException.NotFound(
          "asked for %s; it is not there (HTTP 404: %s). Has the provisioner run against this registry? Is SCHEMA_REGISTRY_URL the base of Confluent's API (for Apicurio it ends in /apis/ccompat/v7)?"
              .formatted(asked, said));
    }
    if (status / 100 == 5 || status == 404 || status == 408 || status == 429) {
      throw new RegistryException.Away(
          "asked for %s; it is in trouble, or no registry: HTTP %d: %s. Is SCHEMA_REGISTRY_URL the base of Confluent's API (for Apicurio it ends in /apis/ccompat/v7)?"
              .formatted(asked, status, said),
          null);
    }
    if (status / 100 != 2) {
      throw new RegistryException(
          "asked for %s; it refused with HTTP %d: %s".formatted(asked, status, said));
    }
    try {
      return JSON.readTree(response.body());
    } catch (JsonProcessingException e) {
      throw new RegistryException(
          "asked for %s; it did not answer with JSON: %s. Is SCHEMA_REGISTRY_URL the base of Confluent's API?"
              .formatted(asked, said));
    }
  }

  private static String shortened(String body) {
    String line = body.strip().replaceAll("\\s+", " ");
    return line.length() > LONGEST_ANSWER ? line.substring(0, LONGEST_ANSWER) + "..." : line;
  }
}
