package io.cryptoetl.loader.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.stack.Stack;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The same through PgBouncer, which gives each transaction any of its sessions. Skipped where it is
 * not installed.
 */
class PgBouncerIT extends PostgresDialectIT {
  private static final Path PROGRAM = Path.of("/usr/sbin/pgbouncer");

  @TempDir static Path folder;
  private static Process bouncer;
  private static int port;

  private final Stack stack;

  PgBouncerIT(Stack stack) {
    super(stack);
    this.stack = stack;
  }

  @Override
  protected String url() {
    return "jdbc:postgresql://127.0.0.1:" + port + "/bounced";
  }

  @Override
  @BeforeEach
  protected void begin() throws SQLException {
    assumeTrue(
        Files.isExecutable(PROGRAM), "PgBouncer is not installed (apt-get install pgbouncer)");
    if (bouncer == null) {
      try {
        start(URI.create(stack.jdbcUrl().substring("jdbc:".length())));
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }
    super.begin();
  }

  private void start(URI server) throws IOException {
    port = Ports.free().get(Ports.Name.CONSOLE);
    Path config = folder.resolve("pgbouncer.ini");
    Files.writeString(
        config,
        """
        [databases]
        bounced = host=%s port=%d dbname=%s user=%s password=%s
        [pgbouncer]
        listen_addr = 127.0.0.1
        listen_port = %d
        unix_socket_dir =
        auth_type = any
        pool_mode = transaction
        default_pool_size = 3
        server_round_robin = 1
        """
            .formatted(
                server.getHost(),
                server.getPort(),
                server.getPath().substring(1),
                stack.databaseUser(),
                stack.databasePassword(),
                port));
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Files.setPosixFilePermissions(config, PosixFilePermissions.fromString("rw-r--r--"));
    List<String> command = new ArrayList<>(List.of(PROGRAM.toString()));
    if (System.getProperty("user.name").equals("root")) {
      // It does not run as root.
      command.addAll(List.of("-u", "nobody"));
    }
    command.add(config.toString());
    bouncer =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(folder.resolve("pgbouncer.log").toFile())
            .start();
    awaitAnswer();
  }

  private static void awaitAnswer() throws IOException {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (true) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress("127.0.0.1", port), 500);
        return;
      } catch (IOException e) {
        if (System.nanoTime() > end) {
          throw new IOException(Files.readString(folder.resolve("pgbouncer.log")), e);
        }
      }
    }
  }

  @AfterAll
  static void stopBouncer() throws InterruptedException {
    if (bouncer != null) {
      bouncer.destroy();
      bouncer.waitFor();
      bouncer = null;
    }
  }

  @Override
  @Test
  protected void shouldGoOnAfterTheServerClosedTheConnection() throws SQLException {
    add(1, row(1));
    load();
    execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crypto-etl-loader'");
    add(2, row(2));
    // The pooler takes another session, if it has noticed.
    try {
      load();
    } catch (SQLException e) {
      assertThat(loader.isOutage(e)).isTrue();
      add(2, row(2));
      load();
    }

    assertThat(values("id")).containsExactly("1", "2");
  }

  @Test
  void shouldLeaveNothingInTheSessionsOfOthers() throws SQLException {
    for (int i = 0; i < 12; i++) {
      add(i % 3, row(i % 3).set("name", "round " + i));
      load();
    }

    assertThat(values("name")).containsExactly("round 9", "round 10", "round 11");
    assertThat(query("SELECT count(*) FROM pg_class WHERE relname LIKE 'staging_%'"))
        .containsExactly("0");
  }
}
