package io.cryptoetl.extractor.endpoint;

import java.net.URI;
import java.util.ArrayList;
import java.util.List;

/**
 * A server of a source: known by name everywhere, because its URL holds secrets.
 *
 * @param name name as configured
 * @param url where it listens; never shown
 */
public record Endpoint(String name, URI url) {
  private static final int SHORTEST_SECRET = 8;

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
    secrets.removeIf(s -> s.length() < SHORTEST_SECRET);
    return secrets;
  }

  @Override
  public String toString() {
    return name;
  }
}
