package io.cryptoetl.console.access;

import io.cryptoetl.console.ConsoleConfig;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.CookieParam;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.NewCookie;
import jakarta.ws.rs.core.Response;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Coming in, and going. */
@Path("/api")
public class LoginResource {
  private final Sessions sessions;
  private final ConsoleConfig config;

  LoginResource(Sessions sessions, ConsoleConfig config) {
    this.sessions = sessions;
    this.config = config;
  }

  /**
   * A try to log in.
   *
   * @param link token of a link
   * @param password instead of one
   * @param name as who has a password calls themselves
   */
  public record Login(Optional<String> link, Optional<String> password, Optional<String> name) {}

  /** Logs in. */
  @POST
  @Path("login")
  @Consumes(MediaType.APPLICATION_JSON)
  public Response login(Login login, @Context HttpServerRequest request) {
    String address = request.remoteAddress().host();
    String session =
        login.link().isPresent()
            ? sessions.byLink(address, login.link().get())
            : sessions.byPassword(address, login.password().orElse(""), login.name().orElse(""));
    return Response.noContent().cookie(cookie(request, session, -1)).build();
  }

  /** Logs out. */
  @DELETE
  @Path("session")
  public Response logout(@Context HttpServerRequest request) {
    return Response.noContent().cookie(cookie(request, "", 0)).build();
  }

  /** Who is logged in, and how one could. */
  @GET
  @Path("session")
  public Map<String, Object> session(@CookieParam(Gate.COOKIE) String cookie) {
    Optional<Person> person = Optional.ofNullable(cookie).flatMap(sessions::read);
    Map<String, Object> session = new LinkedHashMap<>();
    session.put(
        "role", person.map(p -> p.role().name().toLowerCase(java.util.Locale.ROOT)).orElse(""));
    session.put("name", person.map(Person::name).orElse(""));
    session.put("password", config.password().isPresent());
    return session;
  }

  private static NewCookie cookie(HttpServerRequest request, String value, int maxAge) {
    return new NewCookie.Builder(Gate.COOKIE)
        .value(value)
        .path("/")
        .maxAge(maxAge)
        .httpOnly(true)
        .secure(request.isSSL() || "https".equals(request.getHeader("X-Forwarded-Proto")))
        .sameSite(NewCookie.SameSite.STRICT)
        .build();
  }
}
