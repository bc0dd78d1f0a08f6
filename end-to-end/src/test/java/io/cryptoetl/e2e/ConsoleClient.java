package io.cryptoetl.e2e;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;

/** Somebody who asks the console without a browser. */
final class ConsoleClient {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final String url;
  private final Optional<String> cookie;

  private ConsoleClient(String url, Optional<String> cookie) {
    this.url = url;
    this.cookie = cookie;
  }

  static ConsoleClient stranger(String url) {
    return new ConsoleClient(url, Optional.empty());
  }

  static ConsoleClient withCookie(String url, String cookie) {
    return new ConsoleClient(url, Optional.of(cookie));
  }

  /** Status of a POST to any address. */
  static int post(String url, Map<String, String> headers)
      throws IOException, InterruptedException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url)).POST(HttpRequest.BodyPublishers.noBody());
    headers.forEach(request::header);
    return HTTP.send(request.build(), HttpResponse.BodyHandlers.discarding()).statusCode();
  }

  /** Logs in by a link, as a browser does that opens it. */
  static ConsoleClient byLink(String link) throws IOException, InterruptedException {
    String url = link.substring(0, link.indexOf("/#"));
    HttpResponse<String> answer = stranger(url).logIn(link.substring(link.indexOf('=') + 1));
    String cookie = answer.headers().firstValue("Set-Cookie").orElseThrow().split(";")[0];
    return withCookie(url, cookie);
  }

  String cookie() {
    return cookie.orElseThrow();
  }

  HttpResponse<String> logIn(String token) throws IOException, InterruptedException {
    return send("POST", "login", JSON.writeValueAsString(Map.of("link", token)), Map.of());
  }

  HttpResponse<String> send(String method, String path, String body, Map<String, String> headers)
      throws IOException, InterruptedException {
    return HTTP.send(request(method, path, body, headers), HttpResponse.BodyHandlers.ofString());
  }

  HttpResponse<String> get(String path) throws IOException, InterruptedException {
    return send("GET", path, "", Map.of());
  }

  private HttpRequest request(
      String method, String path, String body, Map<String, String> headers) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(url + "/api/" + path))
            .header("Content-Type", "application/json")
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body));
    cookie.ifPresent(c -> request.header("Cookie", c));
    headers.forEach(request::setHeader);
    return request.build();
  }

  static String query(String sql) throws IOException {
    return JSON.writeValueAsString(Map.of("sql", sql));
  }

  HttpResponse<String> run(String sql) throws IOException, InterruptedException {
    return send("POST", "queries/" + UUID.randomUUID(), query(sql), Map.of());
  }

  /** What comes of a query: the SQLState or the status it is refused with; "ok" if it runs. */
  String outcome(String sql) throws IOException, InterruptedException {
    HttpResponse<String> answer = run(sql);
    if (answer.statusCode() != 200) {
      return Integer.toString(answer.statusCode());
    }
    JsonNode last = JSON.readTree(answer.body().lines().reduce((a, b) -> b).orElseThrow());
    return last.has("done") ? "ok" : last.at("/error/sqlstate").asText();
  }

  /** The first cell of a query's result. */
  String cell(String sql) throws IOException, InterruptedException {
    return JSON.readTree(run(sql).body().lines().toList().get(1)).get(0).asText();
  }

  /** All rows of a query as a file of Parquet. */
  byte[] parquet(String sql) throws IOException, InterruptedException {
    String wanted = JSON.writeValueAsString(Map.of("sql", sql, "format", "parquet"));
    JsonNode asked = JSON.readTree(send("POST", "exports", wanted, Map.of()).body());
    return HTTP.send(
            request("GET", "exports/" + asked.get("id").asText(), "", Map.of()),
            HttpResponse.BodyHandlers.ofByteArray())
        .body();
  }

  /** All rows of a query as a file. */
  String export(String sql) throws IOException, InterruptedException {
    JsonNode asked = JSON.readTree(send("POST", "exports", query(sql), Map.of()).body());
    return get("exports/" + asked.get("id").asText()).body();
  }
}
