package io.cryptoetl.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.chain.Block;
import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The client against a strict stand-in that has Confluent's paths only. */
class SchemaRegistryTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String SECRET = "p4ss";

  private final List<String> asked = Collections.synchronizedList(new ArrayList<>());
  private final Map<String, List<Integer>> subjects = new TreeMap<>();
  private final List<String> schemas = new ArrayList<>();
  private final Map<String, String> settings = new HashMap<>();
  private HttpServer server;
  private String authorization;
  private int failures;
  private int failWith = 503;
  private String failSaying = "{\"error_code\":50001}";

  @BeforeEach
  void start() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::answer);
    server.start();
    settings.put("url", "http://127.0.0.1:" + server.getAddress().getPort() + "/");
  }

  @AfterEach
  void stop() {
    server.stop(0);
  }

  private synchronized void answer(HttpExchange exchange) throws IOException {
    String method = exchange.getRequestMethod();
    String path = exchange.getRequestURI().getPath();
    asked.add(method + " " + path);
    authorization = exchange.getRequestHeaders().getFirst("Authorization");
    byte[] body = exchange.getRequestBody().readAllBytes();
    if (failures > 0) {
      failures--;
      send(exchange, failWith, failSaying);
      return;
    }
    String[] parts = path.substring(1).split("/");
    if (path.matches("/schemas/ids/[0-9]+") && Integer.parseInt(parts[2]) <= schemas.size()) {
      send(exchange, 200, schema(Integer.parseInt(parts[2])));
    } else if (method.equals("PUT") && path.matches("/config/[^/]+")) {
      send(exchange, 200, "{\"compatibility\":\"BACKWARD\"}");
    } else if (method.equals("POST") && path.matches("/subjects/[^/]+(/versions)?")) {
      JsonNode json = JSON.readTree(body);
      int id = schemas.indexOf(json.get("schema").asText()) + 1;
      if (parts.length == 3) {
        if (id == 0) {
          schemas.add(json.get("schema").asText());
          id = schemas.size();
        }
        subjects.computeIfAbsent(parts[1], s -> new ArrayList<>()).add(id);
      }
      if (subjects.getOrDefault(parts[1], List.of()).contains(id)) {
        send(exchange, 200, "{\"id\":" + id + "}");
      } else {
        send(exchange, 404, "{\"error_code\":40403,\"message\":\"Schema not found\"}");
      }
    } else if (path.matches("/subjects/[^/]+/versions/latest") && subjects.containsKey(parts[1])) {
      send(exchange, 200, schema(subjects.get(parts[1]).getLast()));
    } else {
      send(exchange, 404, "{\"error_code\":%d}".formatted(isOfTheApi(path) ? 40403 : 404));
    }
  }

  private static boolean isOfTheApi(String path) {
    return path.matches("/schemas/ids/[0-9]+|/subjects/[^/]+(/versions(/latest)?)?");
  }

  private String schema(int id) throws IOException {
    return "{\"id\":%d,\"schema\":%s}".formatted(id, JSON.writeValueAsString(schemas.get(id - 1)));
  }

  private static void send(HttpExchange exchange, int status, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private SchemaRegistry registry() {
    return new SchemaRegistry(settings, Duration.ofSeconds(2));
  }

  @Test
  void shouldRegisterTheWholeCatalogueAndFindItAgain() {
    SchemaRegistry registry = registry();
    new Provisioner(TopicSettings.defaults()).schemas(registry);

    for (Topic topic : Topics.all()) {
      int id = registry.idOf(topic.name() + "-value", topic.value());
      assertThat(registry.byId(id)).isEqualTo(topic.value());
      assertThat(registry.latest(topic.name() + "-key").schema().toString())
          .isEqualTo(AvroSerdes.ofKey(topic.key()).toString());
      assertThat(asked).contains("PUT /config/" + topic.name() + "-key");
    }
  }

  @Test
  void shouldLookEachSchemaUpOnce() {
    new Provisioner(TopicSettings.defaults()).schemas(registry());
    AvroSerdes serdes = new AvroSerdes(registry());
    asked.clear();
    for (int i = 0; i < 3; i++) {
      byte[] key = serdes.serializer(true).serialize("chain.blocks", new BlockKey(1L, 1L));
      serdes.read("chain.blocks", key);
    }

    // A serializer is made once for each client; these were three.
    assertThat(asked.stream().filter(a -> a.startsWith("GET"))).hasSize(1);
  }

  @Test
  void shouldSayThatTheProvisionerHasNotRun() {
    assertThatExceptionOfType(RegistryException.NotFound.class)
        .isThrownBy(() -> registry().idOf("chain.blocks-value", Block.getClassSchema()))
        .withMessageContaining("io.cryptoetl.chain.Block of subject chain.blocks-value")
        .withMessageContaining("Has the provisioner run")
        .withMessageContaining("/apis/ccompat/v7");
  }

  @Test
  void shouldSendWhatUsersSet() {
    settings.put("basic.auth.user.info", "etl:" + SECRET);
    registry().register("s", BlockKey.getClassSchema());
    assertThat(authorization).isEqualTo("Basic ZXRsOnA0c3M=");
    settings.remove("basic.auth.user.info");
    settings.put("bearer.auth.token", SECRET);
    registry().byId(1);
    assertThat(authorization).isEqualTo("Bearer " + SECRET);
  }

  @ParameterizedTest
  @CsvSource({"401", "403"})
  void shouldNotAskAgainWhoRefusesItsUser(int status) {
    settings.put("basic.auth.user.info", "etl:" + SECRET);
    failures = 100;
    failWith = status;

    assertThatExceptionOfType(RegistryException.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("HTTP " + status)
        .withMessageContaining("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO")
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain(SECRET));
    assertThat(asked).hasSize(1);
  }

  @Test
  void shouldAskAgainWhoIsInTrouble() {
    registry().register("s", BlockKey.getClassSchema());
    failures = 2;

    assertThat(registry().byId(1)).isEqualTo(BlockKey.getClassSchema());
  }

  @Test
  void shouldGiveUpAfterAWhile() throws IOException {
    failures = 100;
    assertThatExceptionOfType(RegistryException.Away.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("HTTP 503");
    try (ServerSocket free = new ServerSocket(0)) {
      settings.put("url", "http://127.0.0.1:" + free.getLocalPort());
    }
    assertThatExceptionOfType(RegistryException.Away.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("cannot be reached")
        .withMessageContaining("SCHEMA_REGISTRY_URL");
  }

  @Test
  void shouldAskAgainForAnIdThatAFollowerDoesNotKnowYet() {
    registry().register("s", BlockKey.getClassSchema());
    failures = 1;
    failWith = 404;
    failSaying = "{\"error_code\":40403,\"message\":\"Schema not found\"}";

    assertThat(registry().byId(1)).isEqualTo(BlockKey.getClassSchema());
  }

  @Test
  void shouldNotAskForEachRecordOfAnUnknownSchema() {
    SchemaRegistry registry = registry();
    for (int i = 0; i < 3; i++) {
      assertThatExceptionOfType(RegistryException.NotFound.class)
          .isThrownBy(() -> registry.byId(7));
    }

    assertThat(asked).hasSize(2);
  }

  @Test
  void shouldNotTakeAnotherServersNotFoundForTheRegistrys() {
    settings.put("url", settings.get("url") + "wrong");

    assertThatExceptionOfType(RegistryException.Away.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("no registry: HTTP 404");
  }

  @Test
  void shouldNotCarryThePasswordToWhereARedirectLeads() {
    settings.put("basic.auth.user.info", "etl:" + SECRET);
    failures = 1;
    failWith = 302;

    assertThatExceptionOfType(RegistryException.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("HTTP 302");
    assertThat(asked).hasSize(1);
  }

  @Test
  void shouldAskTheNextOneOfSeveral() throws IOException {
    registry().register("s", BlockKey.getClassSchema());
    try (ServerSocket free = new ServerSocket(0)) {
      settings.put("url", "http://127.0.0.1:" + free.getLocalPort() + ", " + settings.get("url"));
    }

    assertThat(registry().byId(1)).isEqualTo(BlockKey.getClassSchema());
  }

  @Test
  void shouldSayWhatIsNoRegistry() {
    failures = 1;
    failWith = 200;
    failSaying = "<html>Welcome</html>";

    assertThatExceptionOfType(RegistryException.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining("<html>Welcome</html>")
        .withMessageContaining("Confluent's API");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"schema\":\"syntax = proto3\",\"schemaType\":\"PROTOBUF\"}|PROTOBUF",
        "{\"schema\":\"{}\"}|is not Avro",
        "{\"schema\":\"\\\"string\\\"\",\"references\":[{\"name\":\"a\"}]}|of other subjects"
      })
  void shouldTakeOnlyAvro(String answer, String why) {
    failures = 2;
    failWith = 200;
    failSaying = answer;

    assertThatExceptionOfType(RegistryException.NotFound.class)
        .isThrownBy(() -> registry().byId(1))
        .withMessageContaining(why);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "url||SCHEMA_REGISTRY_URL",
        "url|registry:8081|such as https://registry:8081",
        "url|http://etl:p4ss@registry|SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO",
        "basic.auth.user.info|p4ss|user:password",
        "bearer.auth.token|p4ss word|SCHEMA_REGISTRY_BEARER_AUTH_TOKEN",
        "bearer.auth.token|p4ssé|SCHEMA_REGISTRY_BEARER_AUTH_TOKEN",
        "ssl.truststore.location|/no/such/p4ss/file|SCHEMA_REGISTRY_SSL"
      })
  void shouldSayWhatIsWrongWithSettings(String name, String value, String says) {
    settings.put(name, value == null ? "" : value);

    assertThatIllegalArgumentException()
        .isThrownBy(this::registry)
        .withMessageContaining(says)
        .satisfies(
            e -> {
              if (!name.startsWith("ssl")) {
                assertThat(e.getMessage()).doesNotContain(SECRET);
              }
            });
  }

  @Test
  void shouldReadWhatASchemaWithOtherDocsHasWritten() {
    Schema reworded =
        new Schema.Parser()
            .parse(Block.getClassSchema().toString().replace("Height of the block", "Its height"));
    SchemaRegistry registry = registry();
    int id = registry.register("t-value", Block.getClassSchema());
    int other = registry.register("t-value", reworded);
    SpecificRecord block = Records.random(Block.getClassSchema(), new Random(5));
    byte[] framed = new AvroSerdes(registry).serializer(false).serialize("t", block);
    framed[4] = (byte) other;

    assertThat(other).isNotEqualTo(id);
    assertThat(new AvroSerdes(registry).read("t", framed)).isEqualTo(block);
  }
}
