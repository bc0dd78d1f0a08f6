package io.cryptoetl.kafka;

import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What users say of Kafka and of the schema registry, by one rule for all services.
 *
 * <ul>
 *   <li>Any property of Kafka's clients is a variable of the environment: {@code KAFKA_}, then the
 *       property in capitals with underscores for dots. {@code KAFKA_SECURITY_PROTOCOL} is {@code
 *       security.protocol}. With {@code KAFKA_PRODUCER_}, {@code KAFKA_CONSUMER_} or {@code
 *       KAFKA_ADMIN_} it is for clients of that kind only.
 *   <li>{@code SCHEMA_REGISTRY_URL} and further {@code SCHEMA_REGISTRY_} variables go to the
 *       registry in the same way: {@code basic.auth.user.info}, {@code bearer.auth.token}, {@code
 *       ssl.*}.
 *   <li>{@code KAFKA_PROPERTIES_FILE} names a file of properties, for secrets: Kafka's own names,
 *       also with {@code producer.}, {@code consumer.} or {@code admin.} before them, and those of
 *       the registry behind {@value SchemaRegistry#PREFIX}. The environment comes before the file.
 * </ul>
 *
 * <p>Values are never part of a text that this class makes.
 */
public final class ClientSettings {
  /** A kind of Kafka client. */
  public enum Kind {
    PRODUCER(ProducerConfig.configNames()),
    CONSUMER(ConsumerConfig.configNames()),
    ADMIN(AdminClientConfig.configNames());

    private final Set<String> names;

    Kind(Set<String> names) {
      this.names = names;
    }

    /** What its own settings begin with, where they stand beside those of other kinds. */
    public String prefix() {
      return name().toLowerCase(Locale.ROOT) + ".";
    }

    /** Whether clients of this kind know a property. */
    boolean knows(String property) {
      return names.contains(property);
    }
  }

  private static final Logger LOG = LoggerFactory.getLogger(ClientSettings.class);
  private static final String KAFKA = "KAFKA_";
  private static final String REGISTRY = "SCHEMA_REGISTRY_";
  private static final String FILE = "KAFKA_PROPERTIES_FILE";
  private static final String BOOTSTRAP = "bootstrap.servers";

  /** Variables that Kafka's scripts, images and Kubernetes' links to a service named kafka set. */
  private static final Pattern OF_OTHERS =
      Pattern.compile("KAFKA_(.*OPTS|HOME|VERSION|DEBUG|JMX_PORT|MODE|PORT(_.*)?|SERVICE_.*)");

  /** Variables that Kubernetes sets for a service named schema-registry. */
  private static final Pattern OF_KUBERNETES =
      Pattern.compile("SCHEMA_REGISTRY_(PORT(_.*)?|SERVICE_.*)");

  /** What the laws of the pipeline rest on, and why. */
  private static final Map<String, String> FIXED =
      Map.ofEntries(
          Map.entry("acks", "records are kept by all replicas in sync"),
          Map.entry("transaction.timeout.ms", "it follows from what one transaction holds"),
          Map.entry("max.poll.interval.ms", "it follows from how long work may take"),
          Map.entry(
              "max.poll.records", "requests are taken one at a time, raw records by their bytes"),
          Map.entry("enable.idempotence", "records are written in transactions"),
          Map.entry("transactional.id", "transactions belong to workers and planners"),
          Map.entry("transaction.two.phase.commit.enable", "transactions end within one service"),
          Map.entry("partitioner.class", "records are placed by their key"),
          Map.entry("partitioner.ignore.keys", "records are placed by their key"),
          Map.entry("isolation.level", "only committed records are read"),
          Map.entry("enable.auto.commit", "offsets are committed with what was made of records"),
          Map.entry("auto.offset.reset", "topics are read from their beginning"),
          Map.entry("group.id", "each kind of worker has a group of its own"),
          Map.entry("group.instance.id", "it is made of the name of the instance"),
          Map.entry("group.protocol", "workers keep their place by group.instance.id"),
          Map.entry("key.serializer", "records are Avro"),
          Map.entry("value.serializer", "records are Avro"),
          Map.entry("key.deserializer", "records are Avro"),
          Map.entry("value.deserializer", "records are Avro"));

  private final Map<String, String> properties;
  private final Map<String, String> registry;

  private ClientSettings(Map<String, String> properties, Map<String, String> registry) {
    this.properties = properties;
    this.registry = registry;
  }

  /** The settings that this process was given. */
  public static ClientSettings fromEnvironment() {
    return from(System.getenv());
  }

  /** Settings of a cluster and a registry that ask for nothing else. */
  public static ClientSettings of(String bootstrapServers, String registryUrl) {
    return from(
        Map.of("KAFKA_BOOTSTRAP_SERVERS", bootstrapServers, "SCHEMA_REGISTRY_URL", registryUrl));
  }

  /**
   * Settings of an environment.
   *
   * @throws IllegalArgumentException if something is missing, cannot be read, or may not be set
   */
  public static ClientSettings from(Map<String, String> environment) {
    Map<String, String> file = file(environment);
    Map<String, String> properties = new TreeMap<>(file);
    properties.keySet().removeIf(name -> name.startsWith(SchemaRegistry.PREFIX));
    Map<String, String> names = namesByVariable();
    List<String> ignored = new ArrayList<>();
    new TreeMap<>(environment)
        .forEach(
            (variable, value) -> {
              if (value.isBlank() || variable.equals(FILE)) {
                return;
              }
              if (names.containsKey(variable)) {
                properties.put(names.get(variable), value);
              } else if (variable.startsWith(KAFKA) && !OF_OTHERS.matcher(variable).matches()) {
                ignored.add(variable);
              }
            });
    if (!ignored.isEmpty()) {
      LOG.warn(
          "event=settings_ignored names={} reason=\"no property of Kafka's clients has that name\"",
          ignored);
    }
    refuseFixed(properties);
    if (environment.getOrDefault("KAFKA_BOOTSTRAP_SERVERS", "").isBlank()) {
      throw new IllegalArgumentException(
          "KAFKA_BOOTSTRAP_SERVERS is not set in the environment: one or more brokers, such as broker-1:9092,broker-2:9092");
    }
    return new ClientSettings(properties, registryOf(environment, file));
  }

  /**
   * Settings for {@link SchemaRegistry}, which may be none.
   *
   * @throws IllegalArgumentException if the file cannot be read
   */
  public static Map<String, String> registryOf(Map<String, String> environment) {
    return registryOf(environment, file(environment));
  }

  private static Map<String, String> registryOf(
      Map<String, String> environment, Map<String, String> file) {
    Map<String, String> registry = new TreeMap<>();
    file.forEach(
        (name, value) -> {
          if (name.startsWith(SchemaRegistry.PREFIX)) {
            registry.put(name.substring(SchemaRegistry.PREFIX.length()), value);
          }
        });
    List<String> ignored = new ArrayList<>();
    environment.forEach(
        (variable, value) -> {
          if (variable.startsWith(REGISTRY) && !value.isBlank()) {
            String name =
                variable.substring(REGISTRY.length()).toLowerCase(Locale.ROOT).replace('_', '.');
            if (SchemaRegistry.knows(name)) {
              registry.put(name, value);
            } else if (!OF_KUBERNETES.matcher(variable).matches()) {
              ignored.add(variable);
            }
          }
        });
    if (!ignored.isEmpty()) {
      LOG.warn(
          "event=settings_ignored names={} reason=\"no setting of the registry has that name\"",
          ignored);
    }
    return registry;
  }

  private static Map<String, String> file(Map<String, String> environment) {
    String file = environment.getOrDefault(FILE, "");
    return file.isBlank() ? Map.of() : read(Path.of(file));
  }

  private static Map<String, String> read(Path file) {
    Properties read = new Properties();
    try (Reader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      read.load(in);
    } catch (IOException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "%s names %s, which cannot be read as a file of properties: %s"
              .formatted(FILE, file, e instanceof IOException ? e.toString() : "bad escape"));
    }
    Map<String, String> settings = new TreeMap<>();
    read.stringPropertyNames().forEach(name -> settings.put(name, read.getProperty(name).strip()));
    return settings;
  }

  /** Every property that a variable can set, by the variable. */
  private static Map<String, String> namesByVariable() {
    Map<String, String> names = new LinkedHashMap<>();
    for (Kind kind : Kind.values()) {
      for (String name : kind.names) {
        names.put(variable(name), name);
        names.put(variable(kind.prefix() + name), kind.prefix() + name);
      }
    }
    return names;
  }

  /** The variable of the environment that sets a property. */
  static String variable(String property) {
    return KAFKA + property.toUpperCase(Locale.ROOT).replace('.', '_');
  }

  private static void refuseFixed(Map<String, String> properties) {
    Set<String> refused = new TreeSet<>();
    for (String name : properties.keySet()) {
      String bare = name;
      for (Kind kind : Kind.values()) {
        bare = bare.startsWith(kind.prefix()) ? bare.substring(kind.prefix().length()) : bare;
      }
      if (FIXED.containsKey(bare)) {
        refused.add("%s (%s): %s".formatted(variable(name), name, FIXED.get(bare)));
      }
    }
    if (!refused.isEmpty()) {
      throw new IllegalArgumentException(
          "these cannot be set, because the pipeline relies on them: "
              + String.join("; ", refused));
    }
  }

  /** Settings of clients of a kind, those for all kinds among them. */
  public Map<String, Object> of(Kind kind) {
    Map<String, Object> settings = new TreeMap<>();
    properties.forEach(
        (name, value) -> {
          boolean ofAKind = Stream.of(Kind.values()).anyMatch(k -> name.startsWith(k.prefix()));
          // What another kind alone knows would be told of in its log, client by client.
          boolean ofOthers =
              !kind.knows(name) && Stream.of(Kind.values()).anyMatch(k -> k.knows(name));
          if (!ofAKind && !ofOthers) {
            settings.put(name, value);
          }
        });
    properties.forEach(
        (name, value) -> {
          if (name.startsWith(kind.prefix())) {
            settings.put(name.substring(kind.prefix().length()), value);
          }
        });
    return settings;
  }

  /**
   * All settings as frameworks take them that make clients of each kind: Kafka Streams, a Connect
   * worker.
   */
  public Map<String, String> all() {
    return Map.copyOf(properties);
  }

  /** Brokers, host:port, with commas between them. */
  public String bootstrapServers() {
    return properties.get(BOOTSTRAP);
  }

  /** Settings for {@link SchemaRegistry}. */
  public Map<String, String> registry() {
    return Map.copyOf(registry);
  }

  /** Names of what is set, without values. */
  @Override
  public String toString() {
    return "ClientSettings" + properties.keySet() + registry.keySet();
  }
}
