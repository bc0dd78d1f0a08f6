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
import java.util.TreeMap;

/**
 * Makes the configuration of a Kafka Connect worker of a file and of what users set for all
 * clients: a worker wants the same once for itself and once more for the clients of each kind that
 * it makes.
 */
public final class WorkerProperties {
  private static final int USAGE = 2;
  private static final String BOOTSTRAP = "bootstrap.servers";

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
   * Writes the configuration into a file that only its owner may read: it may hold passwords.
   *
   * @param more settings that come before all others
   */
  public static void write(
      Path from, Path to, Map<String, String> environment, Map<String, String> more)
      throws IOException {
    Properties merged = new Properties();
    try (Reader in = Files.newBufferedReader(from, StandardCharsets.UTF_8)) {
      merged.load(in);
    }
    merged.putAll(settings(ClientSettings.from(environment), TopicSettings.from(environment)));
    merged.putAll(more);
    Files.deleteIfExists(to);
    if (to.getFileSystem().supportedFileAttributeViews().contains("posix")) {
      Files.createFile(
          to, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    }
    try (Writer out = Files.newBufferedWriter(to, StandardCharsets.UTF_8)) {
      merged.store(out, null);
    }
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
