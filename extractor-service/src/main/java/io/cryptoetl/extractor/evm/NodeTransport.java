package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.source.TransientException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.web3j.protocol.ObjectMapperFactory;
import org.web3j.protocol.Service;
import org.web3j.protocol.Web3j;
import org.web3j.protocol.core.Request;

/**
 * HTTP to one endpoint. web3j uses it for single typed calls; {@link #post} gives the very bytes of
 * a reply, which raw records keep.
 */
final class NodeTransport extends Service {
  private static final ObjectMapper JSON = ObjectMapperFactory.getObjectMapper();
  private static final int SNIPPET = 200;

  private final Endpoint endpoint;
  private final HttpClient http;
  private final Duration timeout;
  private final int maxReplyBytes;
  // One for the life of the endpoint: each has threads and a shutdown hook of its own.
  private final Web3j web3j;

  NodeTransport(Endpoint endpoint, HttpClient http, Duration timeout, int maxReplyBytes) {
    super(false);
    this.endpoint = endpoint;
    this.http = http;
    this.timeout = timeout;
    this.maxReplyBytes = maxReplyBytes;
    this.web3j = Web3j.build(this);
  }

  Endpoint endpoint() {
    return endpoint;
  }

  /** Makes requests to this endpoint. */
  Web3j web3j() {
    return web3j;
  }

  /** Sends calls as one batch and returns the bytes of the reply, decompressed. */
  byte[] batch(List<? extends Request<?, ?>> calls)
      throws TransientException, InterruptedException {
    try {
      return post(JSON.writeValueAsBytes(calls));
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON-RPC request cannot be written", e);
    }
  }

  @Override
  protected InputStream performIO(String payload) throws IOException {
    try {
      return new ByteArrayInputStream(post(payload.getBytes(StandardCharsets.UTF_8)));
    } catch (TransientException e) {
      throw new CallFailedException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  @Override
  public void close() {
    http.close();
  }

  private byte[] post(byte[] payload) throws TransientException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(endpoint.url())
            .timeout(timeout)
            .header("Content-Type", "application/json")
            .header("Accept", "application/json")
            .header("Accept-Encoding", "gzip")
            .POST(HttpRequest.BodyPublishers.ofByteArray(payload))
            .build();
    HttpResponse<InputStream> response;
    byte[] body;
    try {
      response = http.send(request, HttpResponse.BodyHandlers.ofInputStream());
      boolean gzip =
          response.headers().firstValue("Content-Encoding").orElse("").equalsIgnoreCase("gzip");
      try (InputStream raw = response.body();
          InputStream in = gzip ? new GZIPInputStream(raw, 64 * 1024) : raw) {
        body = in.readNBytes(maxReplyBytes);
        if (body.length == maxReplyBytes && in.read() >= 0) {
          throw new TransientException(
              "reply_too_large",
              "endpoint %s sent more than %d bytes for one request; lower extractor.batch-calls or raise extractor.max-reply-bytes"
                  .formatted(endpoint.name(), maxReplyBytes));
        }
      }
    } catch (IOException | UncheckedIOException e) {
      throw unreachable(e);
    }
    if (response.statusCode() != 200) {
      throw new TransientException(
          response.statusCode() == 429 ? "rate_limited" : "http_" + response.statusCode(),
          "endpoint %s answered HTTP %d: %s"
              .formatted(endpoint.name(), response.statusCode(), snippet(body)));
    }
    return body;
  }

  /** The beginning of a reply, fit for a log line. */
  String snippet(byte[] body) {
    String text =
        new String(body, 0, Math.min(body.length, SNIPPET), StandardCharsets.UTF_8)
            .replaceAll("\\s+", " ")
            .trim();
    return endpoint.redact(text);
  }

  private TransientException unreachable(Exception e) {
    // Messages of the JDK's exceptions can hold the URL; its class says enough.
    String what =
        switch (e) {
          case java.net.http.HttpConnectTimeoutException _ -> "could not be connected to in time";
          case java.net.http.HttpTimeoutException _ ->
              "did not answer within " + timeout.toSeconds() + " s";
          case java.net.ConnectException _ -> "refuses connections or is not known to DNS";
          case javax.net.ssl.SSLException _ -> "failed the TLS handshake";
          default -> "closed the connection (" + e.getClass().getSimpleName() + ")";
        };
    return new TransientException(
        "unreachable",
        "endpoint %s %s; check its URL and the network".formatted(endpoint.name(), what));
  }

  /** Carries a {@link TransientException} through web3j, which knows only {@link IOException}. */
  static final class CallFailedException extends IOException {
    private static final long serialVersionUID = 1L;

    private final TransientException reason;

    CallFailedException(TransientException reason) {
      super(reason.getMessage());
      this.reason = reason;
    }

    TransientException reason() {
      return reason;
    }
  }
}
