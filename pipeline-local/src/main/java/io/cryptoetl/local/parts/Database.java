package io.cryptoetl.local.parts;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveInputStream;
import org.apache.commons.compress.compressors.xz.XZCompressorInputStream;
import org.flywaydb.core.Flyway;

/** A real PostgreSQL server from the binaries on the class path, with its data in a folder. */
public final class Database {
  /** The database of the tables. */
  public static final String PIPELINE = "pipeline";

  /** The database of the schema registry. */
  public static final String REGISTRY = "registry";

  /** The role that owns both, and loads the tables. */
  public static final String USER = "pipeline";

  /** The role that may only read the tables. */
  public static final String READER = "console_reader";

  private static final String SUPERUSER = "postgres";

  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(20);

  /** Line of postmaster.pid, from 0, with the key and the id of the shared memory. */
  private static final int SHARED_MEMORY_LINE = 6;

  private final Layout layout;
  private final int port;
  private final String password;

  Database(Layout layout, int port, String password) {
    this.layout = layout;
    this.port = port;
    this.password = password;
  }

  public String password() {
    return password;
  }

  /** JDBC URL of a database of the server. */
  public String jdbcUrl(String name) {
    return "jdbc:postgresql://127.0.0.1:" + port + "/" + name;
  }

  /** What to type to look at the data. */
  public String psql() {
    return "PGPASSWORD=%s psql -h 127.0.0.1 -p %d -U %s %s"
        .formatted(password, port, USER, PIPELINE);
  }

  Part part() throws IOException {
    Path data = layout.data().resolve("postgres");
    Path home = binaries();
    List<String> command = unprivileged();
    command.addAll(
        List.of(
            home.resolve("bin/postgres").toString(),
            "-D",
            data.toString(),
            "-p",
            Integer.toString(port),
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            "unix_socket_directories=",
            "-c",
            "shared_buffers=256MB",
            "-c",
            "max_wal_size=2GB",
            "-c",
            "maintenance_work_mem=128MB"));
    return new Part(
        "postgres",
        "PostgreSQL",
        "postgresql://127.0.0.1:" + port + "/" + PIPELINE,
        port,
        () -> initialize(home, data),
        command,
        Map.of(),
        () -> {
          try (Connection c = administrator("postgres")) {
            return c.isValid(1);
          }
        },
        STOP_TIMEOUT);
  }

  /** A connection of the superuser, whom no part of the pipeline is. */
  public Connection administrator(String database) throws SQLException {
    return DriverManager.getConnection(jdbcUrl(database), SUPERUSER, superuserPassword());
  }

  private String superuserPassword() throws SQLException {
    try {
      return Secrets.of(layout, "postgres-superuser");
    } catch (IOException e) {
      throw new SQLException("the superuser's password cannot be read: " + e.getMessage(), e);
    }
  }

  /** Creates databases and roles and runs the migrations; what is done already is left as it is. */
  public void migrate() throws IOException, SQLException {
    try (Connection c = administrator("postgres");
        Statement s = c.createStatement()) {
      for (String name : List.of(PIPELINE, REGISTRY)) {
        try (ResultSet found =
            s.executeQuery("SELECT 1 FROM pg_database WHERE datname = '" + name + "'")) {
          if (!found.next()) {
            s.execute("CREATE DATABASE " + name);
          }
        }
      }
    }
    try (Connection c = administrator(PIPELINE);
        Statement s = c.createStatement()) {
      for (String setting : List.of("roles.pipeline_password", "roles.console_password")) {
        try (PreparedStatement set = c.prepareStatement("SELECT set_config(?, ?, false)")) {
          set.setString(1, setting);
          set.setString(2, password);
          set.execute();
        }
      }
      s.execute(Files.readString(layout.roles()));
      s.execute("ALTER DATABASE " + REGISTRY + " OWNER TO " + USER);
    }
    Flyway.configure()
        .dataSource(jdbcUrl(PIPELINE), USER, password)
        .locations("filesystem:" + layout.migrations())
        .load()
        .migrate();
  }

  private void initialize(Path home, Path data) throws IOException, InterruptedException {
    if (Files.exists(data.resolve("PG_VERSION"))) {
      awaitEndOfOldServer(data.resolve("postmaster.pid"));
      return;
    }
    // A folder without that file is what a broken off initdb left.
    Deletion.deleteTree(data);
    Path passwordFile =
        Files.createTempFile(
            layout.data(),
            "initdb",
            "",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(passwordFile, Secrets.of(layout, "postgres-superuser"));
      List<String> command = unprivileged();
      command.addAll(
          List.of(
              home.resolve("bin/initdb").toString(),
              "-D",
              data.toString(),
              "-U",
              SUPERUSER,
              "--auth=scram-sha-256",
              "--pwfile=" + passwordFile,
              "--encoding=UTF8",
              "--no-locale"));
      Path log = layout.log("postgres");
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile()))
              .start();
      if (process.waitFor() != 0) {
        throw new Child.FailedException("initdb failed\n" + Child.tail(log));
      }
    } finally {
      Files.deleteIfExists(passwordFile);
    }
  }

  /**
   * When a server was killed, its children need a moment to notice; until then a new server refuses
   * to start. The old server's shared memory tells whether any of them is left.
   */
  private static void awaitEndOfOldServer(Path pidFile) throws IOException, InterruptedException {
    Path segments = Path.of("/proc/sysvipc/shm");
    if (!Files.exists(pidFile) || !Files.exists(segments)) {
      return;
    }
    List<String> lines = Files.readAllLines(pidFile);
    if (lines.size() <= SHARED_MEMORY_LINE) {
      return;
    }
    String[] keyAndId = lines.get(SHARED_MEMORY_LINE).strip().split(" +");
    String id = keyAndId[keyAndId.length - 1];
    Instant until = Instant.now().plus(STOP_TIMEOUT);
    while (Instant.now().isBefore(until) && isAttached(segments, id)) {
      Thread.sleep(50);
    }
  }

  /** Whether a process has the shared memory segment attached: columns shmid and nattch. */
  private static boolean isAttached(Path segments, String id) throws IOException {
    return Files.readAllLines(segments).stream()
        .map(line -> line.strip().split(" +"))
        .anyMatch(columns -> columns[1].equals(id) && !columns[6].equals("0"));
  }

  /** PostgreSQL refuses to run as root; in a user namespace of its own it is nobody. */
  private static List<String> unprivileged() {
    List<String> command = new ArrayList<>();
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("unshare", "-U"));
    }
    return command;
  }

  /** Folder of the server's binaries, unpacked on first use. */
  private Path binaries() throws IOException {
    String system =
        System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("mac") ? "darwin" : "linux";
    String machine =
        switch (System.getProperty("os.arch")) {
          case "amd64", "x86_64" -> "x86_64";
          case "aarch64", "arm64" -> "arm_64";
          default -> System.getProperty("os.arch");
        };
    String archive = "postgres-" + system + "-" + machine + ".txz";
    // Beside the build: several data folders share it, and a clean build renews it.
    Path home = layout.root().resolve("pipeline-local/target/postgres-" + machine);
    if (Files.exists(home)) {
      return home;
    }
    InputStream in = Database.class.getResourceAsStream("/" + archive);
    if (in == null) {
      throw new IOException(
          "there are no PostgreSQL binaries for this machine (%s is not on the class path); use docker-compose"
              .formatted(archive));
    }
    Path unpacked = Files.createTempDirectory(home.getParent(), "postgres-unpacking");
    try (TarArchiveInputStream tar =
        new TarArchiveInputStream(new XZCompressorInputStream(new BufferedInputStream(in)))) {
      for (TarArchiveEntry entry = tar.getNextEntry(); entry != null; entry = tar.getNextEntry()) {
        unpack(tar, entry, unpacked);
      }
    }
    // In one step, so that a half unpacked folder is never taken for a whole one.
    try {
      Files.setPosixFilePermissions(unpacked, PosixFilePermissions.fromString("rwxr-xr-x"));
      Files.move(unpacked, home, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (!Files.exists(home)) {
        throw e;
      }
      Deletion.deleteTree(unpacked);
    }
    return home;
  }

  private static void unpack(TarArchiveInputStream tar, TarArchiveEntry entry, Path into)
      throws IOException {
    Path target = into.resolve(entry.getName()).normalize();
    if (!target.startsWith(into)) {
      throw new IOException("the archive leads out of its folder: " + entry.getName());
    }
    if (entry.isDirectory()) {
      Files.createDirectories(target);
      return;
    }
    Files.createDirectories(target.getParent());
    if (entry.isSymbolicLink()) {
      Files.createSymbolicLink(target, Path.of(entry.getLinkName()));
    } else {
      Files.copy(tar, target);
      if ((entry.getMode() & 0100) != 0) {
        Files.setPosixFilePermissions(target, PosixFilePermissions.fromString("rwxr-xr-x"));
      }
    }
  }
}
