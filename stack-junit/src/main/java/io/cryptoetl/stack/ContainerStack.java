package io.cryptoetl.stack;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.admin.Admin;
import org.flywaydb.core.Flyway;
import org.testcontainers.containers.BindMode;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/**
 * The images that docker-compose.yml pins, run by Testcontainers on the host's network (Linux), so
 * that one address of each part holds inside and outside of the containers.
 */
final class ContainerStack implements Stack {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String USER = "pipeline";
  private static final String PASSWORD = "test";
  private static final Duration START_TIMEOUT = Duration.ofMinutes(3);

  private final Ports ports;
  private final List<GenericContainer<?>> containers = new ArrayList<>();

  private ContainerStack(Ports ports) {
    this.ports = ports;
  }

  static ContainerStack start() throws IOException, InterruptedException, SQLException {
    ContainerStack stack = new ContainerStack(Ports.free());
    try {
      stack.startAll(Path.of(System.getProperty("project.root")).toAbsolutePath());
    } catch (IOException | InterruptedException | SQLException | RuntimeException e) {
      stack.close();
      throw e;
    }
    return stack;
  }

  private void startAll(Path root) throws IOException, InterruptedException, SQLException {
    JsonNode services =
        new YAMLMapper().readTree(root.resolve("docker-compose.yml").toFile()).get("services");
    run(
        container(services, "postgres")
            .withEnv("POSTGRES_PASSWORD", PASSWORD)
            .withEnv("DATABASE_PASSWORD", PASSWORD)
            .withEnv("CONSOLE_DATABASE_PASSWORD", PASSWORD)
            .withFileSystemBind(
                root.resolve("deploy/postgres/init").toString(),
                "/docker-entrypoint-initdb.d",
                BindMode.READ_ONLY)
            .withFileSystemBind(
                root.resolve("deploy/postgres/roles.sql").toString(),
                "/roles.sql",
                BindMode.READ_ONLY)
            .withCommand("postgres", "-p", port(Ports.Name.POSTGRES))
            .waitingFor(
                Wait.forLogMessage(".*database system is ready to accept connections.*", 2)));
    Flyway.configure()
        .dataSource(jdbcUrl(), USER, PASSWORD)
        .locations("filesystem:" + root.resolve("loader-connect/migrations"))
        .load()
        .migrate();
    run(kafka(services));
    run(registry(services));
    provision();
    run(connect(services, root));
    createConnectors(root);
  }

  private GenericContainer<?> kafka(JsonNode services) {
    String controller = "127.0.0.1:" + port(Ports.Name.CONTROLLER);
    String listeners = "PLAINTEXT://" + bootstrapServers() + ",CONTROLLER://" + controller;
    GenericContainer<?> kafka = container(services, "kafka");
    // The settings of the compose file, with this run's addresses.
    services
        .get("kafka")
        .get("environment")
        .properties()
        .forEach(e -> kafka.withEnv(e.getKey(), e.getValue().asText()));
    return kafka
        .withEnv("KAFKA_LISTENERS", listeners)
        .withEnv("KAFKA_ADVERTISED_LISTENERS", listeners)
        .withEnv("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@" + controller)
        .waitingFor(Wait.forLogMessage(".*Kafka Server started.*", 1));
  }

  private GenericContainer<?> registry(JsonNode services) {
    return container(services, "registry")
        .withEnv("APICURIO_STORAGE_KIND", "sql")
        .withEnv("APICURIO_STORAGE_SQL_KIND", "postgresql")
        .withEnv(
            "APICURIO_DATASOURCE_URL",
            "jdbc:postgresql://127.0.0.1:" + port(Ports.Name.POSTGRES) + "/registry")
        .withEnv("APICURIO_DATASOURCE_USERNAME", USER)
        .withEnv("APICURIO_DATASOURCE_PASSWORD", PASSWORD)
        .withEnv("QUARKUS_HTTP_PORT", port(Ports.Name.REGISTRY))
        .withEnv("QUARKUS_MANAGEMENT_PORT", port(Ports.Name.REGISTRY_MANAGEMENT))
        .waitingFor(Wait.forLogMessage(".*started in .*", 1));
  }

  private GenericContainer<?> connect(JsonNode services, Path root) {
    return container(services, "kafka")
        .withCommand("/opt/kafka/bin/connect-distributed.sh", "/opt/crypto-etl/connect.properties")
        .withFileSystemBind(
            root.resolve("loader-connect/connect-distributed.properties").toString(),
            "/opt/crypto-etl/connect.properties",
            BindMode.READ_ONLY)
        .withFileSystemBind(
            root.resolve("loader-connect/target/plugin").toString(),
            "/opt/crypto-etl/plugins",
            BindMode.READ_ONLY)
        .withEnv("KAFKA_BOOTSTRAP_SERVERS", bootstrapServers())
        .withEnv("SCHEMA_REGISTRY_URL", registryUrl())
        .withEnv("CONNECT_HOST", "127.0.0.1")
        .withEnv("CONNECT_PORT", port(Ports.Name.CONNECT))
        .withEnv("DATABASE_URL", jdbcUrl())
        .withEnv("DATABASE_USER", USER)
        .withEnv("DATABASE_PASSWORD", PASSWORD)
        .waitingFor(Wait.forLogMessage(".*Finished starting connectors and tasks.*", 1));
  }

  private void provision() throws InterruptedException {
    Provisioner provisioner = new Provisioner(TopicSettings.defaults());
    try (Admin admin = kafka().admin()) {
      provisioner.topics(admin);
    }
    provisioner.schemas(new SchemaRegistry(Map.of("url", registryUrl()), START_TIMEOUT));
  }

  private void createConnectors(Path root) throws IOException, InterruptedException {
    try (var files = Files.list(root.resolve("loader-connect/connectors/postgres-bulk"))) {
      for (Path file : files.toList()) {
        JsonNode connector = JSON.readTree(file.toFile());
        var response =
            Parts.send(
                "PUT",
                connectUrl() + "/connectors/" + connector.get("name").asText() + "/config",
                connector.get("config").toString());
        if (response.statusCode() / 100 != 2) {
          throw new IOException("Connect refused " + file + ": " + response.body());
        }
      }
    }
  }

  private static GenericContainer<?> container(JsonNode services, String service) {
    return new GenericContainer<>(
            DockerImageName.parse(services.get(service).get("image").asText()))
        .withNetworkMode("host")
        .withStartupTimeout(START_TIMEOUT);
  }

  private void run(GenericContainer<?> container) {
    containers.add(container);
    container.start();
  }

  private String port(Ports.Name name) {
    return Integer.toString(ports.get(name));
  }

  @Override
  public String bootstrapServers() {
    return "127.0.0.1:" + port(Ports.Name.KAFKA);
  }

  @Override
  public String registryUrl() {
    return "http://127.0.0.1:" + port(Ports.Name.REGISTRY) + "/apis/ccompat/v7";
  }

  @Override
  public String connectUrl() {
    return "http://127.0.0.1:" + port(Ports.Name.CONNECT);
  }

  @Override
  public String jdbcUrl() {
    return "jdbc:postgresql://127.0.0.1:" + port(Ports.Name.POSTGRES) + "/" + USER;
  }

  @Override
  public String databaseUser() {
    return USER;
  }

  @Override
  public String databasePassword() {
    return PASSWORD;
  }

  @Override
  public void close() {
    containers.reversed().forEach(GenericContainer::stop);
  }
}
