package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.Reader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;

/**
 * Makes the configuration of a Kafka Connect worker of a file and of what users set for all
 * clients: a worker wants the same once for itself and once more for the clients of each kind that
 * it makes.
 *
 * <p>Whoever reaches the worker's REST API may change connectors. It listens to this machine only,
 * or asks for {@code CONNECT_REST_USER} and {@code CONNECT_REST_PASSWORD} (basic authentication).
 */
public final class WorkerProperties {
  private static final int USAGE = 2;
  private static final String BOOTSTRAP = "bootstrap.servers";
  private static final String REST_USER = "CONNECT_REST_USER";
  private static final String REST_PASSWORD = "CONNECT_REST_PASSWORD";
  private static final Set<String> LOOPBACK = Set.of("127.0.0.1", "localhost", "::1", "[::1]");

  private WorkerProperties() {}

  /**
   * Reads the first file and writes the second one, with what the environment says.
   *
   * @param args two files
   */
  public static void main(String[] args) throws IOException {
    if (args.length != 2) {
      System.err.println("usage: WorkerProperties FILE-TO-READ FILE-TO-WRITE");
      System.exit(USAGE);
    }
    try {
      write(Path.of(args[0]), Path.of(args[1]), System.getenv(), Map.of());
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(USAGE);
    }
  }

  /**
   * Writes the configuration into a file that only its owner may read: it may hold passwords. If
   * the REST API is to ask for a password, {@link #loginConfig} is written, too, and has to be the
   * worker's {@code java.security.auth.login.config}.
   *
   * @param more settings that come before all others
   * @throws IllegalArgumentException if the REST API would let anybody in, or a setting is wrong
   */
  public static void write(
      Path from, Path to, Map<String, String> environment, Map<String, String> more)
      throws IOException {
    Properties merged = new Properties();
    try (Reader in = Files.newBufferedReader(from, StandardCharsets.UTF_8)) {
      merged.load(in);
    }
    merged.putAll(settings(ClientSettings.from(environment), TopicSettings.from(environment)));
    if (asksForPassword(environment)) {
      merged.put(
          "rest.extension.classes",
          "org.apache.kafka.connect.rest.basic.auth.extension.BasicAuthSecurityRestExtension");
      Path users = to.resolveSibling(to.getFileName() + ".users");
      Properties user = new Properties();
      user.put(environment.get(REST_USER), environment.get(REST_PASSWORD));
      store(user, users);
      try (Writer out = ownersFile(loginConfig(to))) {
        out.write(
            "KafkaConnect {\n  org.apache.kafka.connect.rest.basic.auth.extension.PropertyFileLoginModule required file=\"%s\";\n};\n"
                .formatted(users.toAbsolutePath()));
      }
    }
    merged.putAll(more);
    store(merged, to);
  }

  /** Where the login modules of a worker's REST API are, if it asks for a password. */
  public static Path loginConfig(Path properties) {
    return properties.resolveSibling(properties.getFileName() + ".jaas");
  }

  /**
   * Whether the REST API asks for a password.
   *
   * @throws IllegalArgumentException if it would let anybody in
   */
  public static boolean asksForPassword(Map<String, String> environment) {
    boolean user = !environment.getOrDefault(REST_USER, "").isBlank();
    if (user == environment.getOrDefault(REST_PASSWORD, "").isBlank()) {
      throw new IllegalArgumentException(
          "%s and %s go together: one of them is not set".formatted(REST_USER, REST_PASSWORD));
    }
    // An empty host is all hosts.
    String host = environment.get("CONNECT_HOST");
    if (!user && host != null && !LOOPBACK.contains(host.strip())) {
      throw new IllegalArgumentException(
          "CONNECT_HOST is '%s', and whoever reaches the worker's REST API may change its connectors: set %s and %s, or CONNECT_HOST to 127.0.0.1"
              .formatted(host, REST_USER, REST_PASSWORD));
    }
    return user;
  }

  private static void store(Properties properties, Path to) throws IOException {
    try (Writer out = ownersFile(to)) {
      properties.store(out, null);
    }
  }

  private static Writer ownersFile(Path to) throws IOException {
    Files.deleteIfExists(to);
    if (to.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createFile(
          to, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }
    return Files.newBufferedWriter(to, StandardCharsets.UTF_8);
  }

  static Map<String, String> settings(ClientSettings clients, TopicSettings topics) {
    Map<String, String> settings = new TreeMap<>(clients.all());
    for (ClientSettings.Kind kind : ClientSettings.Kind.values()) {
      clients
          .of(kind)
          .forEach(
              (name, value) -> {
                if (!name.equals(BOOTSTRAP)) {
                  settings.put(kind.prefix() + name, value.toString());
                }
              });
    }
    for (String storage : new String[] {"config", "offset", "status"}) {
      settings.put(
          storage + ".storage.replication.factor",
          Short.toString(topics.replicationFactor(Topics.OPS_FILES)));
      String replicas = topics.config(Topics.OPS_FILES).get("min.insync.replicas");
      if (replicas != null) {
        settings.put(storage + ".storage.min.insync.replicas", replicas);
      }
    }
    return settings;
  }
}
