package io.cryptoetl.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.cryptoetl.kafka.ClientSettings.Kind;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClientSettingsTest {
  private static final String SECRET = "pass:w0rd=#!";

  @TempDir Path folder;

  private final Map<String, String> environment =
      new HashMap<>(Map.of("KAFKA_BOOTSTRAP_SERVERS", "one:9092,two:9092"));

  private ClientSettings settings() {
    return ClientSettings.from(environment);
  }

  @Test
  void shouldTakeAnyPropertyFromTheEnvironment() {
    environment.put("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    environment.put("KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL", "https://id.example/token");
    environment.put("KAFKA_LINGER_MS", "7");
    environment.put("KAFKA_CONSUMER_FETCH_MAX_BYTES", "9");
    environment.put("KAFKA_PRODUCER_CLIENT_ID", "p");
    environment.put("KAFKA_EMPTY", " ");

    assertThat(settings().of(Kind.PRODUCER))
        .containsOnly(
            Map.entry("bootstrap.servers", "one:9092,two:9092"),
            Map.entry("security.protocol", "SASL_SSL"),
            Map.entry("sasl.oauthbearer.token.endpoint.url", "https://id.example/token"),
            Map.entry("linger.ms", "7"),
            Map.entry("client.id", "p"));
    assertThat(settings().of(Kind.CONSUMER))
        .containsEntry("fetch.max.bytes", "9")
        .containsEntry("security.protocol", "SASL_SSL")
        .doesNotContainKeys("linger.ms", "client.id");
    assertThat(settings().of(Kind.ADMIN)).doesNotContainKeys("linger.ms", "fetch.max.bytes");
  }

  @Test
  void shouldTakeSecretsFromAFileBelowTheEnvironment() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("kafka.properties"),
            """
            # As Kafka's own tools have it.
            sasl.mechanism=PLAIN
            sasl.jaas.config=%s
            producer.linger.ms=3
            my.plugin.setting=x
            schema.registry.basic.auth.user.info=user:%s
            schema.registry.url=http://from-file:8081
            """
                .formatted(SECRET, SECRET));
    environment.put("KAFKA_PROPERTIES_FILE", file.toString());
    environment.put("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512");
    environment.put("SCHEMA_REGISTRY_URL", "http://from-environment:8081");
    environment.put("SCHEMA_REGISTRY_SSL_TRUSTSTORE_LOCATION", "/ca.pem");

    ClientSettings settings = settings();

    assertThat(settings.of(Kind.PRODUCER))
        .containsEntry("sasl.mechanism", "SCRAM-SHA-512")
        .containsEntry("sasl.jaas.config", SECRET)
        .containsEntry("linger.ms", "3")
        .containsEntry("my.plugin.setting", "x");
    assertThat(settings.registry())
        .containsOnly(
            Map.entry("url", "http://from-environment:8081"),
            Map.entry("basic.auth.user.info", "user:" + SECRET),
            Map.entry("ssl.truststore.location", "/ca.pem"));
    assertThat(settings.toString()).doesNotContain(SECRET).contains("sasl.jaas.config");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "KAFKA_ACKS|1|records are kept by all replicas",
        "KAFKA_CONSUMER_ISOLATION_LEVEL|read_uncommitted|only committed records",
        "KAFKA_PRODUCER_PARTITIONER_CLASS|Mine|placed by their key",
        "KAFKA_GROUP_ID|mine|a group of its own"
      })
  void shouldRefuseWhatThePipelineReliesOn(String variable, String value, String why) {
    environment.put(variable, value);

    assertThatIllegalArgumentException()
        .isThrownBy(this::settings)
        .withMessageContaining(variable)
        .withMessageContaining(why);
  }

  @Test
  void shouldSayWhatIsMissing() {
    environment.clear();
    assertThatIllegalArgumentException()
        .isThrownBy(this::settings)
        .withMessageContaining("KAFKA_BOOTSTRAP_SERVERS");
    environment.put("KAFKA_BOOTSTRAP_SERVERS", "one:9092");
    environment.put("KAFKA_PROPERTIES_FILE", folder.resolve("none").toString());
    assertThatIllegalArgumentException()
        .isThrownBy(this::settings)
        .withMessageContaining("KAFKA_PROPERTIES_FILE");
  }

  @Test
  void shouldMakeTheConfigurationOfAWorker() throws IOException {
    environment.put("KAFKA_SECURITY_PROTOCOL", "SSL");
    environment.put("KAFKA_CONSUMER_FETCH_MAX_BYTES", "9");
    environment.put("TOPIC_REPLICATION_FACTOR", "3");
    environment.put("TOPIC_MIN_INSYNC_REPLICAS", "2");
    Path base = Files.writeString(folder.resolve("base"), "group.id=loader\nplugin.path=/a\n");
    Path made = folder.resolve("made");

    WorkerProperties.write(base, made, environment, Map.of("plugin.path", "/b"));

    java.util.Properties worker = new java.util.Properties();
    try (var in = Files.newBufferedReader(made)) {
      worker.load(in);
    }
    assertThat(worker)
        .containsEntry("group.id", "loader")
        .containsEntry("plugin.path", "/b")
        .containsEntry("security.protocol", "SSL")
        .containsEntry("producer.security.protocol", "SSL")
        .containsEntry("consumer.security.protocol", "SSL")
        .containsEntry("admin.security.protocol", "SSL")
        .containsEntry("consumer.fetch.max.bytes", "9")
        .containsEntry("config.storage.replication.factor", "3")
        .containsEntry("offset.storage.min.insync.replicas", "2")
        .doesNotContainKey("producer.fetch.max.bytes");
    assertThat(Files.getPosixFilePermissions(made)).hasSize(2);
  }

  @Test
  void shouldLetNobodyIntoTheRestApiOfAWorkerWithoutAPassword() throws IOException {
    Path base = Files.writeString(folder.resolve("base"), "group.id=loader\n");
    Path made = folder.resolve("made");
    environment.put("CONNECT_HOST", "0.0.0.0");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WorkerProperties.write(base, made, environment, Map.of()))
        .withMessageContaining("CONNECT_REST_USER");

    environment.put("CONNECT_REST_USER", "us=er");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> WorkerProperties.write(base, made, environment, Map.of()))
        .withMessageContaining("go together");

    environment.put("CONNECT_REST_PASSWORD", "se:c=ret");
    WorkerProperties.write(base, made, environment, Map.of());

    assertThat(Files.readString(made))
        .contains("BasicAuthSecurityRestExtension")
        .doesNotContain("ret");
    java.util.Properties users = new java.util.Properties();
    try (var in = Files.newBufferedReader(folder.resolve("made.users"))) {
      users.load(in);
    }
    assertThat(users).containsExactlyEntriesOf(Map.of("us=er", "se:c=ret"));
    assertThat(WorkerProperties.loginConfig(made)).content().contains("made.users");
  }
}
