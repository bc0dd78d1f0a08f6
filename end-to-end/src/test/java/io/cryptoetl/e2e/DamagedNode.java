package io.cryptoetl.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.Executors;

/** A node that answers as another one does, but has not one of its blocks until it is mended. */
final class DamagedNode implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final HttpServer server;
  private final URI node;
  private final String missing;
  private final HttpClient http = HttpClient.newHttpClient();
  private volatile boolean mended;

  /**
   * A node before another one.
   *
   * @param number of the block that it has not
   */
  DamagedNode(URI node, long number) throws IOException {
    this.node = node;
    this.missing = "0x" + Long.toHexString(number);
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", this::pass);
    server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
    server.start();
  }

  String url() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  void mend() {
    mended = true;
  }

  private void pass(HttpExchange exchange) throws IOException {
    try (exchange) {
      HttpRequest request =
          HttpRequest.newBuilder(node)
              .header("Content-Type", "application/json")
              .POST(
                  HttpRequest.BodyPublishers.ofByteArray(exchange.getRequestBody().readAllBytes()))
              .build();
      JsonNode reply =
          JSON.readTree(http.send(request, HttpResponse.BodyHandlers.ofByteArray()).body());
      if (!mended) {
        Iterable<JsonNode> answers = reply.isArray() ? reply : JSON.createArrayNode().add(reply);
        for (JsonNode answer : answers) {
          if (answer.at("/result/number").asText().equals(missing)) {
            ((ObjectNode) answer).putNull("result");
          }
        }
      }
      byte[] body = JSON.writeValueAsBytes(reply);
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
