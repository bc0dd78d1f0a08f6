package io.cryptoetl.schemas;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.avro.Schema;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.common.config.ConfigResource;

/**
 * Creates what the services expect to find: every topic of the catalogue with its settings, and
 * every schema in the registry under the BACKWARD rule. It can run again at any time; a topic's
 * partitions and records are left as they are.
 */
public final class Provisioner {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(5))
          .build();

  /**
   * Runs with {@code KAFKA_BOOTSTRAP_SERVERS}, {@code SCHEMA_REGISTRY_URL} and, optionally, {@code
   * TOPIC_REPLICATION_FACTOR} (default 1) and {@code RAW_MAX_MESSAGE_BYTES} of the environment.
   */
  public static void main(String[] args) throws Exception {
    Map<String, String> env = System.getenv();
    String bootstrap = required(env, "KAFKA_BOOTSTRAP_SERVERS");
    String registry = required(env, "SCHEMA_REGISTRY_URL");
    Provisioner provisioner = new Provisioner();
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      provisioner.topics(
          admin,
          (short) positive(env, "TOPIC_REPLICATION_FACTOR", 1, Short.MAX_VALUE),
          positive(
              env,
              "RAW_MAX_MESSAGE_BYTES",
              Topics.RAW_EVM_BLOCKS.maxMessageBytes(),
              Topics.OPS_DEAD_LETTERS.maxMessageBytes()));
    }
    provisioner.schemas(registry);
    System.out.printf(
        "%d topics and %d schemas are in place%n", Topics.all().size(), 2 * Topics.all().size());
  }

  /**
   * Creates missing topics and sets the declared settings on all of them.
   *
   * @param rawMaxMessageBytes largest record that raw topics take, in bytes
   */
  public void topics(Admin admin, short replicationFactor, int rawMaxMessageBytes)
      throws ExecutionException, InterruptedException {
    Set<String> present = admin.listTopics().names().get();
    List<NewTopic> missing = new ArrayList<>();
    Map<ConfigResource, Collection<AlterConfigOp>> settings = new HashMap<>();
    for (Topic topic : Topics.all()) {
      Map<String, String> config = topic.config();
      if (topic.name().startsWith("raw.")) {
        config.put("max.message.bytes", Integer.toString(rawMaxMessageBytes));
      }
      if (present.contains(topic.name())) {
        settings.put(
            new ConfigResource(ConfigResource.Type.TOPIC, topic.name()),
            config.entrySet().stream()
                .map(
                    e ->
                        new AlterConfigOp(
                            new ConfigEntry(e.getKey(), e.getValue()), AlterConfigOp.OpType.SET))
                .toList());
      } else {
        missing.add(
            new NewTopic(topic.name(), topic.partitions(), replicationFactor).configs(config));
      }
    }
    admin.createTopics(missing).all().get();
    admin.incrementalAlterConfigs(settings).all().get();
  }

  /**
   * Sets the registry's rule to BACKWARD and registers the key and value schemas of every topic.
   *
   * @throws IOException if the registry refuses a schema, as it does one that is not backward
   *     compatible; the message names the subject and what the registry said
   */
  public void schemas(String registryUrl) throws IOException, InterruptedException {
    String base = registryUrl.replaceAll("/+$", "") + "/apis/ccompat/v7";
    send("PUT", base + "/config", Map.of("compatibility", "BACKWARD"), "the compatibility rule");
    for (Topic topic : Topics.all()) {
      register(base, topic.name() + "-key", topic.key());
      register(base, topic.name() + "-value", topic.value());
    }
  }

  private void register(String base, String subject, Schema schema)
      throws IOException, InterruptedException {
    send(
        "POST",
        base + "/subjects/" + subject + "/versions",
        Map.of("schema", schema.toString()),
        "the schema of " + subject);
  }

  private void send(String method, String url, Map<String, String> body, String what)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        http.send(
            HttpRequest.newBuilder(URI.create(url))
                .timeout(Duration.ofSeconds(30))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .method(
                    method,
                    HttpRequest.BodyPublishers.ofString(
                        JSON.writeValueAsString(body), StandardCharsets.UTF_8))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() / 100 != 2) {
      throw new IOException(
          "the schema registry refused "
              + what
              + " with HTTP "
              + response.statusCode()
              + ": "
              + response.body());
    }
  }

  private static String required(Map<String, String> env, String key) {
    String value = env.get(key);
    if (value == null || value.isBlank()) {
      throw new IllegalArgumentException(key + " is not set in the environment");
    }
    return value;
  }

  private static int positive(Map<String, String> env, String key, int otherwise, int most) {
    String value = env.getOrDefault(key, "");
    if (value.isBlank()) {
      return otherwise;
    }
    if (!value.matches("[0-9]{1,9}")
        || Integer.parseInt(value) < 1
        || Integer.parseInt(value) > most) {
      throw new IllegalArgumentException(
          key + " is '" + value + "', a whole number from 1 to " + most + " is allowed");
    }
    return Integer.parseInt(value);
  }
}
