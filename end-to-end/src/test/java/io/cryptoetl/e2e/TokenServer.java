package io.cryptoetl.e2e;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.Signature;
import java.security.interfaces.RSAPublicKey;
import java.time.Instant;
import java.util.Base64;

/** Gives OAuth tokens to a client that knows the secret, and the key that they are signed with. */
final class TokenServer implements AutoCloseable {
  private static final Base64.Encoder BASE64 = Base64.getUrlEncoder().withoutPadding();

  private final HttpServer server;
  private final KeyPair keys;
  private final String authorization;

  TokenServer(String client, String secret) throws IOException, GeneralSecurityException {
    KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA");
    generator.initialize(2048);
    keys = generator.generateKeyPair();
    authorization =
        "Basic "
            + Base64.getEncoder()
                .encodeToString((client + ":" + secret).getBytes(StandardCharsets.UTF_8));
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(
        "/token",
        exchange -> {
          boolean known =
              authorization.equals(exchange.getRequestHeaders().getFirst("Authorization"));
          send(
              exchange,
              known ? 200 : 401,
              known
                  ? "{\"access_token\":\"%s\",\"expires_in\":3600}".formatted(token(client))
                  : "{\"error\":\"invalid_client\"}");
        });
    server.createContext("/jwks", exchange -> send(exchange, 200, keySet()));
    server.start();
  }

  String url(String path) {
    return "http://127.0.0.1:" + server.getAddress().getPort() + path;
  }

  private static void send(HttpExchange exchange, int status, String json) throws IOException {
    byte[] bytes = json.getBytes(StandardCharsets.UTF_8);
    exchange.getResponseHeaders().add("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, bytes.length);
    exchange.getResponseBody().write(bytes);
    exchange.close();
  }

  private String token(String subject) {
    long now = Instant.now().getEpochSecond();
    String content =
        encoded("{\"alg\":\"RS256\",\"kid\":\"one\",\"typ\":\"JWT\"}")
            + "."
            + encoded(
                "{\"sub\":\"%s\",\"aud\":\"kafka\",\"iss\":\"test\",\"scope\":\"all\",\"iat\":%d,\"exp\":%d}"
                    .formatted(subject, now, now + 3600));
    try {
      Signature signature = Signature.getInstance("SHA256withRSA");
      signature.initSign(keys.getPrivate());
      signature.update(content.getBytes(StandardCharsets.US_ASCII));
      return content + "." + BASE64.encodeToString(signature.sign());
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String encoded(String json) {
    return BASE64.encodeToString(json.getBytes(StandardCharsets.UTF_8));
  }

  private String keySet() {
    RSAPublicKey key = (RSAPublicKey) keys.getPublic();
    byte[] modulus = key.getModulus().toByteArray();
    // Without the sign.
    byte[] unsigned = java.util.Arrays.copyOfRange(modulus, modulus.length - 256, modulus.length);
    return "{\"keys\":[{\"kty\":\"RSA\",\"use\":\"sig\",\"alg\":\"RS256\",\"kid\":\"one\",\"n\":\"%s\",\"e\":\"%s\"}]}"
        .formatted(
            BASE64.encodeToString(unsigned),
            BASE64.encodeToString(key.getPublicExponent().toByteArray()));
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
