package io.cryptoetl.e2e;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executors;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/**
 * Lets through to a real registry what Confluent's registry has, and nothing else: its paths from
 * the root on, over TLS, for users with a password. Only one user may write.
 */
final class RegistryGate implements AutoCloseable {
  private final HttpsServer server;
  private final String registry;
  private final Map<String, String> passwords;
  private final String writer;
  private final List<String> refused = new CopyOnWriteArrayList<>();
  private final HttpClient http = HttpClient.newHttpClient();

  /**
   * A gate.
   *
   * @param registry base URL of the API of the registry behind
   * @param passwords by user
   * @param writer the user that may write
   */
  RegistryGate(Path store, String registry, Map<String, String> passwords, String writer)
      throws IOException, GeneralSecurityException {
    this.registry = registry;
    this.passwords = passwords;
    this.writer = writer;
    KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
    keys.init(Certificates.load(store), Certificates.PASSWORD.toCharArray());
    SSLContext tls = SSLContext.getInstance("TLS");
    tls.init(keys.getKeyManagers(), null, null);
    server = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.setHttpsConfigurator(new HttpsConfigurator(tls));
    server.createContext("/", this::pass);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
  }

  String url() {
    return "https://127.0.0.1:" + server.getAddress().getPort();
  }

  /** Requests that were not let through. */
  List<String> refused() {
    return refused;
  }

  private void pass(HttpExchange exchange) throws IOException {
    String method = exchange.getRequestMethod();
    String path = exchange.getRequestURI().getRawPath();
    byte[] body = exchange.getRequestBody().readAllBytes();
    String user = user(exchange.getRequestHeaders().getFirst("Authorization"));
    boolean read =
        method.equals("GET")
            ? path.matches("/schemas/ids/[0-9]+|/subjects/[^/]+/versions/(latest|[0-9]+)|/subjects")
            : method.equals("POST") && path.matches("/subjects/[^/]+");
    boolean write =
        (method.equals("POST") && path.matches("/subjects/[^/]+/versions"))
            || (method.equals("PUT") && path.matches("/config/[^/]+"));
    int status =
        user == null ? 401 : !read && !write ? 404 : write && !user.equals(writer) ? 403 : 0;
    if (status != 0) {
      refused.add("%d %s %s %s".formatted(status, user, method, path));
      exchange.sendResponseHeaders(status, -1);
      exchange.close();
      return;
    }
    try {
      HttpResponse<byte[]> answer =
          http.send(
              HttpRequest.newBuilder(URI.create(registry + path))
                  .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                  .method(method, HttpRequest.BodyPublishers.ofByteArray(body))
                  .build(),
              HttpResponse.BodyHandlers.ofByteArray());
      exchange.sendResponseHeaders(answer.statusCode(), answer.body().length);
      exchange.getResponseBody().write(answer.body());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      exchange.close();
    }
  }

  private String user(String authorization) {
    if (authorization == null || !authorization.startsWith("Basic ")) {
      return null;
    }
    String[] parts =
        new String(Base64.getDecoder().decode(authorization.substring(6)), StandardCharsets.UTF_8)
            .split(":", 2);
    return parts[1].equals(passwords.get(parts[0])) ? parts[0] : null;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
