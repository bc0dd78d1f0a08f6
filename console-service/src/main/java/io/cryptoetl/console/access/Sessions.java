package io.cryptoetl.console.access;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Problem;
import io.github.bucket4j.Bucket;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Who is let in: by a link that works once, made by who knows the secret, or by a password. A
 * session is a signed cookie; the service keeps none.
 *
 * <p>A link's token is {@code <end, seconds since 1970>.<random>.<name>.<signature>}; the name of
 * who made it is in Base64 for URLs.
 */
@ApplicationScoped
public class Sessions {
  private static final String LINK = "link";
  private static final String SESSION = "session";
  private static final int SHORTEST_SECRET = 32;
  private static final int SHORTEST_PASSWORD = 12;
  private static final int TRIES_PER_MINUTE = 10;
  private static final int MAX_NAME = 60;
  private static final int MOST_ADDRESSES = 10_000;

  private final ConsoleConfig config;
  private final Signer signer;
  private final Clock clock = Clock.systemUTC();

  /** Tokens of links that were used, until they are too old anyway. Guarded by this. */
  private final Map<String, Instant> used = new LinkedHashMap<>();

  /** Tries by address. Guarded by this. */
  private final Map<String, Bucket> tries =
      new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, Bucket> eldest) {
          return size() > MOST_ADDRESSES;
        }
      };

  Sessions(ConsoleConfig config) {
    this.config = config;
    this.signer = new Signer(config.secret());
  }

  /** What was set must be safe: a service that anybody may use does not start. */
  void start(@Observes StartupEvent event) throws UnknownHostException {
    config
        .secret()
        .filter(s -> s.length() < SHORTEST_SECRET)
        .ifPresent(
            _ -> {
              throw new IllegalArgumentException(
                  "CONSOLE_SECRET is shorter than %d characters; make one with: openssl rand -hex 32"
                      .formatted(SHORTEST_SECRET));
            });
    mustBeLong("CONSOLE_PASSWORD", config.password());
    mustBeLong("CONSOLE_VIEWER_PASSWORD", config.viewerPassword());
    boolean isLocal = InetAddress.getByName(config.listensOn()).isLoopbackAddress();
    if (!isLocal && config.password().isEmpty()) {
      throw new IllegalArgumentException(
          "The console listens on %s, which others can reach, and has no password. Set CONSOLE_PASSWORD, or HTTP_HOST=127.0.0.1"
              .formatted(config.listensOn()));
    }
  }

  private static void mustBeLong(String variable, Optional<String> password) {
    if (password.isPresent() && password.get().length() < SHORTEST_PASSWORD) {
      throw new IllegalArgumentException(
          "%s is shorter than %d characters".formatted(variable, SHORTEST_PASSWORD));
    }
  }

  /**
   * Lets somebody in who has a link's token.
   *
   * @return the value of the session's cookie
   */
  synchronized String byLink(String address, String token) {
    countTry(address);
    Instant now = clock.instant();
    used.values().removeIf(end -> end.isBefore(now));
    String[] parts = signer.read(LINK, token).orElseThrow(Sessions::linkRefused).split("\\.");
    Instant end = Instant.ofEpochSecond(Long.parseLong(parts[0]));
    if (end.isBefore(now) || used.putIfAbsent(token, end) != null) {
      throw linkRefused();
    }
    return session(Person.Role.OPERATOR, parts.length > 2 ? decoded(parts[2]) : "console");
  }

  private static Problem.Refused linkRefused() {
    return new Problem.Refused(
        401,
        "link_used",
        "This link was used already, or is too old. Make a new one with ./pipeline console");
  }

  /**
   * Lets somebody in who has a password.
   *
   * @param name as they call themselves, for the record
   */
  synchronized String byPassword(String address, String password, String name) {
    countTry(address);
    if (config.password().filter(p -> isSame(p, password)).isPresent()) {
      return session(Person.Role.OPERATOR, name);
    }
    if (config.viewerPassword().filter(p -> isSame(p, password)).isPresent()) {
      return session(Person.Role.VIEWER, name);
    }
    throw new Problem.Refused(401, "password_wrong", "The password is wrong.");
  }

  private static boolean isSame(String a, String b) {
    return MessageDigest.isEqual(
        a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));
  }

  private void countTry(String address) {
    Bucket bucket =
        tries.computeIfAbsent(
            address,
            _ ->
                Bucket.builder()
                    .addLimit(
                        limit ->
                            limit
                                .capacity(TRIES_PER_MINUTE)
                                .refillGreedy(TRIES_PER_MINUTE, Duration.ofMinutes(1)))
                    .build());
    if (!bucket.tryConsume(1)) {
      throw new Problem.Refused(
          429, "too_many_logins", "Too many tries to log in. Wait a minute, then try again.");
    }
  }

  private String session(Person.Role role, String name) {
    Instant until = clock.instant().plus(config.session());
    String known = name.strip().replaceAll("\\p{Cntrl}", "");
    String kept =
        known.isEmpty() ? "console" : known.substring(0, Math.min(known.length(), MAX_NAME));
    return signer.sign(
        SESSION,
        String.join(
            ".",
            Long.toString(until.getEpochSecond()),
            role.name(),
            Base64.getUrlEncoder()
                .withoutPadding()
                .encodeToString(kept.getBytes(StandardCharsets.UTF_8)),
            Signer.random()));
  }

  private static String decoded(String name) {
    return new String(Base64.getUrlDecoder().decode(name), StandardCharsets.UTF_8);
  }

  /** Who a cookie lets in; empty if it is no session, or an old one. */
  Optional<Person> read(String cookie) {
    return signer
        .read(SESSION, cookie)
        .map(text -> text.split("\\."))
        .map(
            parts ->
                new Person(
                    parts[3],
                    decoded(parts[2]),
                    Person.Role.valueOf(parts[1]),
                    Instant.ofEpochSecond(Long.parseLong(parts[0]))))
        .filter(person -> person.until().isAfter(clock.instant()));
  }
}
