package io.cryptoetl.console.access;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Problem;
import io.vertx.core.http.HttpMethod;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.HostAndPort;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Cookie;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.SimpleResourceInfo;

/**
 * What every request must pass: it is for this service by one of its names (so that no page of
 * another site reaches it by a name of its own), what changes something is from a page of this
 * service, and who makes it is logged in. Replies forbid the browser all that the page does not
 * need.
 */
@ApplicationScoped
public class Gate {
  static final String COOKIE = "console";

  /** Asked for without a name, by who watches the service. */
  private static final String OPERATIONS = "/q/";

  private static final String API = "/api/";

  /** Files may be large; a statement, an order or a login is not. */
  private static final String FILES = "/api/files";

  private static final long MAX_BODY = 2L << 20;
  private static final Set<HttpMethod> READING = Set.of(HttpMethod.GET, HttpMethod.HEAD);

  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "X-Frame-Options",
          "DENY",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cross-Origin-Resource-Policy",
          "same-origin",
          "Permissions-Policy",
          "camera=(), geolocation=(), microphone=()");

  private final ConsoleConfig config;
  private final Sessions sessions;
  private final Person.Current current;

  Gate(ConsoleConfig config, Sessions sessions, Person.Current current) {
    this.config = config;
    this.sessions = sessions;
    this.current = current;
  }

  void guard(@Observes Router router) {
    router.route().order(Integer.MIN_VALUE).handler(this::pass);
  }

  private void pass(RoutingContext context) {
    HttpServerRequest request = context.request();
    HttpServerResponse response = context.response();
    HEADERS.forEach(response::putHeader);
    // Resources are found by the normalized path, without what follows a semicolon.
    String path = context.normalizedPath();
    if (path.startsWith(API)) {
      response.putHeader("Cache-Control", "no-store");
    }
    if (path.contains(";") || (path.startsWith(API) && request.method().equals(HttpMethod.HEAD))) {
      refuse(response, new Problem(400, "request_odd", "There is nothing of that kind here."));
      return;
    }
    if (path.startsWith(OPERATIONS)) {
      context.next();
      return;
    }
    HostAndPort host = request.authority();
    if (host == null || !config.hosts().contains(host.host())) {
      refuse(
          response,
          new Problem(
              421,
              "host_unknown",
              "This service is not known by that name; add it to CONSOLE_HOSTS."));
      return;
    }
    if (!READING.contains(request.method()) && !isOwn(request, host)) {
      refuse(
          response,
          new Problem(403, "origin_foreign", "Only pages of this console may ask for that."));
      return;
    }
    long most = path.startsWith(FILES) ? config.uploadBytes() : MAX_BODY;
    if (!READING.contains(request.method()) && !isWithin(request, most)) {
      refuse(
          response,
          new Problem(
              413,
              "too_large",
              "At most %,d bytes are taken here, and their number must be said before."
                  .formatted(most)));
      return;
    }
    context.next();
  }

  /** Whether a body is known to be small enough before it is read. */
  private static boolean isWithin(HttpServerRequest request, long most) {
    String length = request.getHeader("Content-Length");
    if (length == null) {
      // Then there is no body: HTTP/1.1 announces one.
      return request.getHeader("Transfer-Encoding") == null;
    }
    return length.matches("[0-9]{1,18}") && Long.parseLong(length) <= most;
  }

  /** Whether a page of this service makes the request, as the browser tells it. */
  private static boolean isOwn(HttpServerRequest request, HostAndPort host) {
    String origin = request.getHeader("Origin");
    if (origin == null) {
      // Not from a browser's page of another origin: those always say theirs.
      String site = request.getHeader("Sec-Fetch-Site");
      return site == null || site.equals("same-origin");
    }
    String authority = host.port() > 0 ? host.host() + ":" + host.port() : host.host();
    return origin.equals("http://" + authority) || origin.equals("https://" + authority);
  }

  private static void refuse(HttpServerResponse response, Problem problem) {
    response
        .setStatusCode(problem.status())
        .putHeader("Content-Type", "application/json")
        .end(
            new JsonObject()
                .put("status", problem.status())
                .put("code", problem.code())
                .put("message", problem.message())
                .encode());
  }

  /** Whoever asks for anything but to be let in must be logged in. */
  @ServerRequestFilter
  void logIn(ContainerRequestContext request, SimpleResourceInfo resource) {
    if (resource.getResourceClass() == LoginResource.class) {
      return;
    }
    Cookie cookie = request.getCookies().get(COOKIE);
    current.set(
        Optional.ofNullable(cookie)
            .flatMap(c -> sessions.read(c.getValue()))
            .orElseThrow(
                () ->
                    new Problem.Refused(
                        401, "not_logged_in", "You are not logged in, or your session ended.")));
  }
}
