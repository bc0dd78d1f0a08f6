package io.cryptoetl.backfill.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** Stores over a real S3 server and a real folder. */
class StoresIT {
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  @TempDir Path data;

  private static List<StoredFile> all(FileStore store) throws IOException {
    List<StoredFile> files = new ArrayList<>();
    store.list(files::add);
    return files;
  }

  private static void assertChanged(ThrowingRead read) {
    assertThatExceptionOfType(RefusedException.class)
        .isThrownBy(read::run)
        .satisfies(e -> assertThat(e.code()).isEqualTo("file_changed"));
  }

  @FunctionalInterface
  private interface ThrowingRead {
    void run() throws Exception;
  }

  @Test
  void shouldReadABucket() throws Exception {
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    Parts parts = new Parts(new Layout(root, data), Ports.free(), "");
    Files.createDirectories(data.resolve("logs"));
    Child server = Child.start(parts.s3(), data.resolve("logs/s3.log"));
    try (S3Client s3 =
        S3Client.builder()
            .endpointOverride(URI.create(parts.s3Url()))
            .forcePathStyle(true)
            .region(Region.US_EAST_1)
            .credentialsProvider(AnonymousCredentialsProvider.create())
            .httpClientBuilder(UrlConnectionHttpClient.builder())
            .build()) {
      server.awaitReady(Duration.ofSeconds(60));
      S3Store store = new S3Store(s3, Parts.INBOX, "in/", false);

      // More than a page of a listing, beside others that are not below the prefix.
      for (int i = 0; i < 1050; i++) {
        put(parts, "in/many/%04d.csv".formatted(i), new byte[] {'x'});
      }
      put(parts, "other/x.csv", new byte[] {'x'});
      assertThat(all(store))
          .hasSize(1050)
          .allSatisfy(f -> assertThat(f.path()).startsWith("many/"))
          .extracting(StoredFile::name)
          .doesNotHaveDuplicates();

      // A listing tells which have no checksum beside them, of files that are there for a while.
      for (String key :
          List.of("a.csv", "a.csv-1", "a.csv.gz", "a.csv.gz.md5", "b.csv", "b.csv.CHECKSUM")) {
        put(parts, "in/sums/" + key, new byte[] {'x'});
      }
      assertThat(all(store)).noneMatch(StoredFile::alone);
      try (Stream<Path> stored = Files.walk(data.resolve("s3/buckets/inbox/in/sums"))) {
        for (Path file : stored.toList()) {
          Files.setLastModifiedTime(
              file, FileTime.from(Instant.now().minus(Duration.ofMinutes(1))));
        }
      }
      assertThat(all(store).stream().filter(f -> f.path().startsWith("sums/") && !f.alone()))
          .extracting(f -> f.path().substring(5))
          .containsExactlyInAnyOrder("a.csv.gz", "b.csv");
      assertThat(store.find("s3://inbox/in/sums/a.csv").orElseThrow().alone()).isFalse();

      byte[] content = new byte[5_000_000];
      new Random(1).nextBytes(content);
      put(parts, "in/a b+ü/big.bin", content);
      StoredFile big = store.find("s3://inbox/in/a b+ü/big.bin").orElseThrow();
      assertThat(big.size()).isEqualTo(content.length);
      try (InputStream in = store.open(big)) {
        assertThat(in.readAllBytes()).isEqualTo(content);
      }
      assertThat(store.isCurrent(big)).isTrue();

      try (InputStream in = store.open(big)) {
        in.skipNBytes(3_000_000);
        assertThat(in.readAllBytes())
            .isEqualTo(java.util.Arrays.copyOfRange(content, 3_000_000, content.length));
      }
      try (InputStream in = store.open(big)) {
        in.skipNBytes(content.length);
        assertThat(in.read()).isEqualTo(-1);
      }

      // A connection that broke is taken up by range; the server is another one by then.
      try (InputStream in = store.open(big)) {
        byte[] first = in.readNBytes(100_000);
        server.kill();
        server = Child.start(parts.s3(), data.resolve("logs/s3.log"));
        server.awaitReady(Duration.ofSeconds(60));
        byte[] rest = in.readAllBytes();
        assertThat(first.length + rest.length).isEqualTo(content.length);
        assertThat(rest).endsWith(java.util.Arrays.copyOfRange(content, 4_000_000, 5_000_000));
      }

      put(parts, "in/a b+ü/big.bin", new byte[] {'y'});
      assertThat(store.isCurrent(big)).isFalse();
      assertChanged(() -> store.open(big).close());
      s3.deleteObject(r -> r.bucket(Parts.INBOX).key("in/a b+ü/big.bin"));
      assertChanged(() -> store.open(big).close());
      assertThat(store.find("s3://inbox/in/a b+ü/big.bin")).isEmpty();
      assertThat(store.find("s3://inbox/other/x.csv")).isEmpty();
      assertThat(store.find("s3://inbox/in/../other/x.csv")).isEmpty();
    } finally {
      server.kill();
    }
  }

  /** A server that wants signatures, and a role whose credentials are the only ones it knows. */
  @Test
  void shouldReadABucketOfAnotherAccountByARole() throws Exception {
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    Parts parts = new Parts(new Layout(root, data), Ports.free(), "");
    Part open = parts.s3();
    Child server = Child.start(open, data.resolve("logs.txt"));
    server.awaitReady(Duration.ofSeconds(60));
    put(parts, "in/a.csv", "1,2\n".getBytes(UTF_8));
    server.kill();
    Path config = Path.of(open.command().getLast());
    Files.writeString(
        config,
        Files.readString(config)
            .replace(
                "s3proxy.authorization=none",
                "s3proxy.authorization=aws-v4\ns3proxy.ignore-unknown-headers=true\ns3proxy.identity=ASIAROLE\ns3proxy.credential=of-the-role"));
    List<String> asked = new CopyOnWriteArrayList<>();
    HttpServer sts = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    sts.createContext(
        "/",
        exchange -> {
          asked.add(
              new String(exchange.getRequestBody().readAllBytes(), UTF_8)
                  + exchange.getRequestHeaders().getFirst("Authorization"));
          byte[] answer =
              """
              <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
              <Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>of-the-role</SecretAccessKey>
              <SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
              </AssumeRoleResult></AssumeRoleResponse>
              """
                  .getBytes(UTF_8);
          exchange.getResponseHeaders().add("Content-Type", "text/xml");
          exchange.sendResponseHeaders(200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    sts.start();
    Path profiles =
        Files.writeString(
            data.resolve("credentials"),
            "[theirs]\naws_access_key_id = AKIAOURS\naws_secret_access_key = ours\n");
    System.setProperty("aws.endpointUrlSts", "http://127.0.0.1:" + sts.getAddress().getPort());
    System.setProperty("aws.sharedCredentialsFile", profiles.toString());
    Part secured =
        new Part(
            open.name(),
            open.title(),
            open.url(),
            open.port(),
            () -> {},
            open.command(),
            open.environment(),
            () -> {
              try (Socket socket = new Socket("127.0.0.1", open.port())) {
                return socket.isConnected();
              }
            },
            open.stopTimeout());
    server = Child.start(secured, data.resolve("logs.txt"));
    try {
      server.awaitReady(Duration.ofSeconds(60));
      S3Access byRole =
          new S3Access(
              Optional.of(parts.s3Url()),
              Optional.of("eu-central-1"),
              Optional.of(true),
              Optional.of("theirs"),
              Optional.of("arn:aws:iam::123456789012:role/reader"),
              true);
      S3Access withoutRole =
          new S3Access(
              byRole.endpoint(),
              byRole.region(),
              byRole.pathStyle(),
              byRole.profile(),
              Optional.empty(),
              false);
      try (S3Client s3 = byRole.client("an instance", "us-east-1");
          S3Client denied = withoutRole.client("an instance", "us-east-1")) {
        S3Store store = new S3Store(s3, Parts.INBOX, "in/", true);
        StoredFile file = store.find("s3://inbox/in/a.csv").orElseThrow();
        assertThat(all(store)).containsExactly(file);
        assertThat(store.range(file, 2, 1)).isEqualTo("2".getBytes(UTF_8));
        assertThatThrownBy(() -> new S3Store(denied, Parts.INBOX, "in/", false).reach())
            .isInstanceOf(IOException.class)
            .hasMessageContaining("403");
      }
      assertThat(asked).hasSize(1);
      assertThat(asked.getFirst())
          .contains("role%2Freader", "RoleSessionName=backfill-an-instance", "AKIAOURS");
    } finally {
      System.clearProperty("aws.endpointUrlSts");
      System.clearProperty("aws.sharedCredentialsFile");
      sts.stop(0);
      server.kill();
    }
  }

  private static void put(Parts parts, String key, byte[] content)
      throws IOException, InterruptedException {
    HttpResponse<String> response =
        HTTP.send(
            HttpRequest.newBuilder(
                    URI.create(
                        "%s/%s/%s"
                            .formatted(
                                parts.s3Url(),
                                Parts.INBOX,
                                key.replace(" ", "%20")
                                    .replace("+", "%2B")
                                    .replace("ü", "%C3%BC"))))
                .PUT(HttpRequest.BodyPublishers.ofByteArray(content))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
  }

  @Test
  void shouldReadAFolder() throws Exception {
    Path root = Files.createDirectories(data.resolve("root"));
    Path outside = Files.writeString(data.resolve("outside.csv"), "secret");
    Files.createDirectories(root.resolve("a/b"));
    Path file = Files.writeString(root.resolve("a/b/x.csv"), "1,2\n");
    Files.createSymbolicLink(root.resolve("link.csv"), outside);
    Files.createSymbolicLink(root.resolve("a/inside.csv"), file);
    FolderStore store = new FolderStore(root);

    assertThat(all(store))
        .extracting(StoredFile::path)
        .containsExactlyInAnyOrder("a/b/x.csv", "a/inside.csv");
    assertThat(store.find(outside.toString())).isEmpty();
    assertThat(store.find(root + "/../outside.csv")).isEmpty();
    assertThat(store.find(root.resolve("link.csv").toString())).isEmpty();
    assertThat(store.find(root.toString())).isEmpty();
    assertThat(store.find("\0")).isEmpty();

    // Same size and times of content: the inode tells.
    StoredFile before = store.find(file.toString()).orElseThrow();
    FileTime time = Files.getLastModifiedTime(file);
    Thread.sleep(20);
    Files.writeString(file, "3,4\n");
    Files.setLastModifiedTime(file, time);
    StoredFile after = store.find(file.toString()).orElseThrow();
    assertThat(after.size()).isEqualTo(before.size());
    assertThat(after.modified()).isEqualTo(before.modified());
    assertThat(after.version()).isNotEqualTo(before.version());
    assertChanged(() -> store.open(before).readAllBytes());

    // A file that is written to while it is read.
    Files.write(file, "1,2\n".repeat(100_000).getBytes(UTF_8));
    StoredFile growing = store.find(file.toString()).orElseThrow();
    try (InputStream in = store.open(growing)) {
      in.readNBytes(1000);
      Thread.sleep(20);
      Files.writeString(file, "5,6\n", java.nio.file.StandardOpenOption.APPEND);
      assertChanged(in::readAllBytes);
    }
  }
}
