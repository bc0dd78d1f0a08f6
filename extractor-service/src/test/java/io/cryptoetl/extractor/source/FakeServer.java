package io.cryptoetl.extractor.source;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;

/** A server over real HTTP that answers well, until a test makes it do otherwise. */
public abstract class FakeServer implements AutoCloseable {
  /** Stands in the URL and must never be seen elsewhere. */
  public static final String SECRET = "5ecre7-api-key-0123456789";

  public final AtomicInteger requests = new AtomicInteger();
  public volatile int status = 200;
  public volatile UnaryOperator<String> distortion = text -> text;
  public final Map<String, String> headers = new ConcurrentHashMap<>();

  /** Status of the reply at hand, if it is not that of all. */
  protected final ThreadLocal<Integer> ownStatus = new ThreadLocal<>();

  private final HttpServer server;

  protected FakeServer() {
    try {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.createContext("/", this::handle);
    server.start();
  }

  private void handle(HttpExchange exchange) throws IOException {
    try (exchange) {
      requests.incrementAndGet();
      byte[] reply = distortion.apply(reply(exchange)).getBytes(StandardCharsets.UTF_8);
      headers.forEach((name, value) -> exchange.getResponseHeaders().set(name, value));
      int answered = ownStatus.get() == null ? status : ownStatus.get();
      exchange.sendResponseHeaders(answered, reply.length == 0 ? -1 : reply.length);
      exchange.getResponseBody().write(reply);
    }
  }

  /** What it answers when all is well. */
  protected abstract String reply(HttpExchange exchange) throws IOException;

  /** Its URL, with a secret in the path. */
  public URI url() {
    return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/v3/" + SECRET);
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
