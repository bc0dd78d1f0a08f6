package io.cryptoetl.extractor.endpoint;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A server of a source: known by name everywhere, because its URL holds secrets.
 *
 * @param name name as configured
 * @param url where it listens; never shown. A user and a password in it are sent as basic
 *     authentication
 * @param headers what each request has, such as an API key; never shown
 */
public record Endpoint(String name, URI url, Map<String, String> headers) {
  private static final int SHORTEST_SECRET = 8;

  /** An endpoint without headers of its own. */
  public Endpoint(String name, URI url) {
    this(name, url, Map.of());
  }

  /** Where requests go: the URL without its user. */
  URI target() {
    if (url.getRawUserInfo() == null) {
      return url;
    }
    try {
      return new URI(url.toString().replaceFirst("//[^/@]*@", "//"));
    } catch (URISyntaxException e) {
      throw new IllegalStateException("the URL of endpoint " + name + " is not valid");
    }
  }

  /** All headers that requests have of their own. */
  Map<String, String> requestHeaders() {
    Map<String, String> all = new LinkedHashMap<>();
    if (url.getUserInfo() != null) {
      all.put(
          "Authorization",
          "Basic "
              + Base64.getEncoder()
                  .encodeToString(url.getUserInfo().getBytes(StandardCharsets.UTF_8)));
    }
    all.putAll(headers);
    return all;
  }

  /** {@code text} with every part of the URL that could be a secret replaced. */
  public String redact(String text) {
    String redacted = text;
    for (String secret : secrets()) {
      redacted = redacted.replace(secret, "<redacted>");
    }
    return redacted;
  }

  private List<String> secrets() {
    List<String> secrets = new ArrayList<>();
    secrets.add(url.toString());
    if (url.getRawUserInfo() != null) {
      secrets.add(url.getRawUserInfo());
      secrets.addAll(List.of(url.getRawUserInfo().split(":")));
    }
    if (url.getRawQuery() != null) {
      secrets.add(url.getRawQuery());
      secrets.addAll(List.of(url.getRawQuery().split("[&=]")));
    }
    if (url.getRawPath() != null) {
      secrets.addAll(List.of(url.getRawPath().split("/")));
    }
    if (url.getHost() != null) {
      // Providers put the account or the key into the host name too.
      secrets.add(url.getHost());
    }
    secrets.addAll(headers.values());
    requestHeaders().values().forEach(value -> secrets.addAll(List.of(value.split(" "))));
    secrets.removeIf(s -> s.length() < SHORTEST_SECRET);
    return secrets;
  }

  @Override
  public String toString() {
    return name;
  }
}
