package io.cryptoetl.extractor.endpoint;

import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

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

  /**
   * What must not be shown, the longest first, so that no part of one stays when it is replaced.
   */
  private List<String> secrets() {
    Set<String> parts = new HashSet<>();
    parts.add(url.toString());
    parts.add(target().toString());
    addParts(parts, url.getRawQuery(), "[&=]");
    addParts(parts, url.getQuery(), "[&=]");
    addParts(parts, url.getRawPath(), "/");
    addParts(parts, url.getPath(), "/");
    addParts(parts, url.getRawUserInfo(), ":");
    addParts(parts, url.getUserInfo(), ":");
    if (url.getHost() != null) {
      // Providers put the account or the key into the host name too.
      parts.add(url.getHost());
    }
    // A shorter part of a URL is a word, such as the version of an API.
    parts.removeIf(part -> part.length() < SHORTEST_SECRET);
    for (String user : Arrays.asList(url.getRawUserInfo(), url.getUserInfo())) {
      if (user != null) {
        parts.add(user.substring(user.indexOf(':') + 1));
      }
    }
    for (String header : requestHeaders().values()) {
      // A scheme such as Bearer may stand before the secret.
      parts.add(header);
      parts.add(header.substring(header.indexOf(' ') + 1));
    }
    parts.remove("");
    return parts.stream().sorted(Comparator.comparingInt(String::length).reversed()).toList();
  }

  private static void addParts(Set<String> parts, String text, String separator) {
    if (text != null) {
      parts.add(text);
      parts.addAll(Arrays.asList(text.split(separator)));
    }
  }

  @Override
  public String toString() {
    return name;
  }
}
