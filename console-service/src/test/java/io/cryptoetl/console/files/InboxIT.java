package io.cryptoetl.console.files;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import software.amazon.awssdk.auth.credentials.AnonymousCredentialsProvider;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.S3Object;

/** The inbox in a bucket of a real S3 server, over connections that break. */
class InboxIT {
  private static final List<String> PATH = List.of("ohlcv", "a b+ü.csv");
  private static final String KEY = "ohlcv/a b+ü.csv";

  @TempDir Path data;

  /** What cannot be read twice, as a request's body. */
  private static InputStream once(byte[] bytes) {
    return new FilterInputStream(new ByteArrayInputStream(bytes)) {
      @Override
      public boolean markSupported() {
        return false;
      }
    };
  }

  private static S3Client client(String url) {
    return S3Client.builder()
        .endpointOverride(URI.create(url))
        .forcePathStyle(true)
        .region(Region.US_EAST_1)
        .credentialsProvider(AnonymousCredentialsProvider.create())
        .httpClientBuilder(ApacheHttpClient.builder())
        .build();
  }

  /** Puts a file through connections of which the first few end after some bytes. */
  private static String put(Parts parts, int broken, int sent, int answered, byte[] file)
      throws IOException {
    try (Wire wire = new Wire(URI.create(parts.s3Url()).getPort(), broken, sent, answered);
        S3Client s3 = client(wire.url())) {
      return new Inbox(Optional.of("s3://" + Parts.INBOX), () -> s3)
          .put(PATH, once(file), file.length);
    }
  }

  private static boolean isThere(S3Client s3) {
    try {
      s3.headObject(h -> h.bucket(Parts.INBOX).key(KEY));
      return true;
    } catch (NoSuchKeyException e) {
      return false;
    }
  }

  private static boolean isPut(Parts parts, int answered, byte[] file) {
    try {
      assertThat(put(parts, 1, Wire.ALL, answered, file)).endsWith(KEY);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  void shouldPutWhatBreaksOnItsWay() throws Exception {
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    Parts parts = new Parts(new Layout(root, data), Ports.free(), "");
    Files.createDirectories(data.resolve("logs"));
    Child server = Child.start(parts.s3(), data.resolve("logs/s3.log"));
    try (S3Client s3 = client(parts.s3Url())) {
      server.awaitReady(Duration.ofSeconds(60));
      byte[] large = new byte[20_000_000];
      new Random(1).nextBytes(large);

      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> put(parts, 100, 1_000_000, Wire.ALL, large))
          .withMessageContaining("the S3 server did not take it");
      assertThat(s3.listObjectsV2(l -> l.bucket(Parts.INBOX)).contents())
          .extracting(S3Object::key)
          .doesNotContain(KEY);

      for (byte[] file : List.of(large, "x\n".getBytes(UTF_8), new byte[0])) {
        int sent = file.length > 100 ? 1_000_000 : 10;
        assertThat(put(parts, 2, sent, Wire.ALL, file))
            .isEqualTo("s3://" + Parts.INBOX + "/" + KEY);
        assertThat(s3.getObjectAsBytes(g -> g.bucket(Parts.INBOX).key(KEY)).asByteArray())
            .isEqualTo(file);
        // Another file of the name goes beside it, the same one takes its place if it is small.
        assertThat(put(parts, 0, sent, Wire.ALL, "other".getBytes(UTF_8)))
            .isEqualTo("s3://" + Parts.INBOX + "/" + KEY.replace("ohlcv/", "ohlcv/2/"));
        assertThat(s3.getObjectAsBytes(g -> g.bucket(Parts.INBOX).key(KEY)).asByteArray())
            .isEqualTo(file);
        s3.deleteObject(d -> d.bucket(Parts.INBOX).key(KEY));
      }
      // What is lost may be any answer, that of the whole upload among them: what is told is true.
      int stored = 0;
      for (int answered = 10; answered < 2500; answered += 250) {
        byte[] file = Arrays.copyOf(large, large.length - answered);
        s3.deleteObject(d -> d.bucket(Parts.INBOX).key(KEY));
        boolean told = isPut(parts, answered, file);
        stored += told ? 1 : 0;
        // The server may still be about the request whose answer was lost.
        for (int i = 0; i < 100 && isThere(s3) != told; i++) {
          Thread.sleep(100);
        }
        assertThat(isThere(s3)).as("%d bytes of answers", answered).isEqualTo(told);
        if (told) {
          assertThat(s3.getObjectAsBytes(g -> g.bucket(Parts.INBOX).key(KEY)).asByteArray())
              .isEqualTo(file);
        }
      }
      assertThat(stored).isGreaterThan(5);
    } finally {
      server.kill();
    }
  }

  /** A way to a port of this machine. */
  private static final class Wire implements AutoCloseable {
    private final ServerSocket server;
    private static final int ALL = Integer.MAX_VALUE;

    private final int to;
    private final int sent;
    private final int answered;
    private int broken;

    /** A way whose first few connections end after so many bytes to the port, or from it. */
    Wire(int to, int broken, int sent, int answered) throws IOException {
      this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
      this.to = to;
      this.broken = broken;
      this.sent = sent;
      this.answered = answered;
      Thread.ofVirtual().start(this::accept);
    }

    String url() {
      return "http://127.0.0.1:" + server.getLocalPort();
    }

    private void accept() {
      while (!server.isClosed()) {
        try {
          Socket from = server.accept();
          boolean breaks = broken-- > 0;
          Socket there = new Socket(InetAddress.getLoopbackAddress(), to);
          Thread.ofVirtual().start(() -> carry(from, there, breaks ? sent : ALL));
          Thread.ofVirtual().start(() -> carry(there, from, breaks ? answered : ALL));
        } catch (IOException e) {
          return; // It is closed.
        }
      }
    }

    private static void carry(Socket from, Socket to, int bytes) {
      try (from;
          to) {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        byte[] buffer = new byte[65_536];
        int left = bytes;
        while (left > 0) {
          int read = in.read(buffer, 0, Math.min(buffer.length, left));
          if (read < 0) {
            return;
          }
          out.write(buffer, 0, read);
          left = bytes == ALL ? left : left - read;
        }
      } catch (IOException e) {
        // One side is gone; the other is closed with it.
      }
    }

    @Override
    public void close() throws IOException {
      server.close();
    }
  }
}
