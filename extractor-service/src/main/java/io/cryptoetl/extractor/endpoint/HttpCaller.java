package io.cryptoetl.extractor.endpoint;

import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.zip.GZIPInputStream;

/** HTTP to one endpoint: bounded in time and size, with every failure told by name. */
public final class HttpCaller {
  /** Code of a failure in which nobody was reached, so that it tells nothing about the request. */
  public static final String UNREACHABLE = "unreachable";

  private static final int SNIPPET = 200;
  private static final int READ_FOR_SNIPPET = 4096;

  private final Endpoint endpoint;
  private final HttpClient http;
  private final Duration timeout;
  private final int maxReplyBytes;
  private final Clock clock;

  /**
   * A caller.
   *
   * @param timeout how long a request may take
   * @param maxReplyBytes largest reply that is read, in bytes
   */
  public HttpCaller(
      Endpoint endpoint, HttpClient http, Duration timeout, int maxReplyBytes, Clock clock) {
    this.endpoint = endpoint;
    this.http = http;
    this.timeout = timeout;
    this.maxReplyBytes = maxReplyBytes;
    this.clock = clock;
  }

  /** A successful answer, decompressed. */
  public record Reply(byte[] body, HttpHeaders headers) {}

  /** Whom it calls. */
  public Endpoint endpoint() {
    return endpoint;
  }

  /** Posts JSON to the endpoint's URL. */
  public Reply post(byte[] json) throws CallFailedException, InterruptedException {
    return send(
        HttpRequest.newBuilder(endpoint.target())
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(json)));
  }

  /**
   * Gets a path below the endpoint's URL.
   *
   * @param pathAndQuery begins with a slash, properly encoded
   */
  public Reply get(String pathAndQuery) throws CallFailedException, InterruptedException {
    String base = endpoint.target().toString().replaceAll("/+$", "");
    return send(HttpRequest.newBuilder(java.net.URI.create(base + pathAndQuery)).GET());
  }

  private Reply send(HttpRequest.Builder builder) throws CallFailedException, InterruptedException {
    endpoint.requestHeaders().forEach(builder::setHeader);
    HttpRequest request =
        builder.header("Accept", "application/json").header("Accept-Encoding", "gzip").build();
    HttpResponse<byte[]> answer;
    byte[] body;
    CompletableFuture<HttpResponse<byte[]>> pending =
        http.sendAsync(request, BoundedBody.handler(maxReplyBytes));
    try {
      answer = pending.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      boolean gzip =
          answer.headers().firstValue("Content-Encoding").orElse("").equalsIgnoreCase("gzip");
      body = gzip ? unzipped(answer.body()) : answer.body();
    } catch (ExecutionException e) {
      throw failed(e.getCause());
    } catch (IOException e) {
      throw failed(e);
    } catch (TimeoutException e) {
      throw failed(new HttpTimeoutException("the request's time is over"));
    } finally {
      pending.cancel(true);
    }
    if (answer.statusCode() != 200) {
      Refusal.Meaning meaning =
          Refusal.ofHttp(
              answer.statusCode(),
              answer.headers().firstValue("Retry-After"),
              text(body),
              clock.instant());
      throw new CallFailedException(
          meaning.kind(),
          meaning.kind() == Kind.LIMITED ? "rate_limited" : "http_" + answer.statusCode(),
          "endpoint %s answered HTTP %d: %s"
              .formatted(endpoint.name(), answer.statusCode(), snippet(body)),
          meaning.pause().orElse(null));
    }
    return new Reply(body, answer.headers());
  }

  private byte[] unzipped(byte[] body) throws IOException {
    try (InputStream in = new GZIPInputStream(new ByteArrayInputStream(body), 64 * 1024)) {
      byte[] bytes = in.readNBytes(maxReplyBytes);
      if (bytes.length == maxReplyBytes && in.read() >= 0) {
        throw new BoundedBody.TooLongException();
      }
      return bytes;
    }
  }

  private CallFailedException failed(Throwable cause) {
    for (Throwable each = cause; each != null; each = each.getCause()) {
      if (each instanceof BoundedBody.TooLongException) {
        return new CallFailedException(
            Kind.TOO_LARGE,
            "reply_too_large",
            "endpoint %s sent more than %d bytes for one request; raise extractor.max-reply-bytes"
                .formatted(endpoint.name(), maxReplyBytes));
      }
    }
    return unreachable(cause);
  }

  /** The failure that an answer which is not JSON stands for. */
  public CallFailedException malformed(byte[] body, String why) {
    Refusal.Meaning meaning = Refusal.ofText(text(body));
    return new CallFailedException(
        meaning.kind() == Kind.REFUSED ? Kind.OUTAGE : meaning.kind(),
        meaning.kind() == Kind.LIMITED ? "rate_limited" : "reply_malformed",
        "endpoint %s answered what cannot be read (%s): %s"
            .formatted(endpoint.name(), why, snippet(body)),
        meaning.pause().orElse(null));
  }

  /** The beginning of a reply, as it is: it may hold secrets. */
  private static String text(byte[] body) {
    return new String(body, 0, Math.min(body.length, READ_FOR_SNIPPET), StandardCharsets.UTF_8)
        .replaceAll("\\s+", " ")
        .trim();
  }

  /** The beginning of a reply, fit for a log line. */
  private String snippet(byte[] body) {
    String text = text(body);
    // Redacted before it is cut, or a secret across the cut would not be known any more.
    String redacted = endpoint.redact(text);
    return redacted.isEmpty()
        ? "nothing"
        : redacted.substring(0, Math.min(SNIPPET, redacted.length()));
  }

  private CallFailedException unreachable(Throwable e) {
    // Messages of the JDK's exceptions can hold the URL; its class says enough.
    String code = UNREACHABLE;
    String what;
    switch (e) {
      case java.net.http.HttpConnectTimeoutException _ ->
          what = "could not be connected to in time";
      case java.net.http.HttpTimeoutException _ -> {
        code = "timed_out";
        what = "did not answer within " + timeout.toSeconds() + " s";
      }
      case java.net.ConnectException _ -> what = "refuses connections or is not known to DNS";
      case javax.net.ssl.SSLException _ -> what = "failed the TLS handshake";
      default -> {
        code = "connection_closed";
        what = "closed the connection (" + e.getClass().getSimpleName() + ")";
      }
    }
    return new CallFailedException(
        Kind.OUTAGE,
        code,
        "endpoint %s %s; check its URL and the network".formatted(endpoint.name(), what));
  }
}
