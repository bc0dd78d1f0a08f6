package io.cryptoetl.backfill.control;

import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Response;
import java.util.Map;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;

/**
 * Takes no orders from web pages. This service has none, so that a browser's {@code Origin} (Fetch
 * standard, 3.2) always tells of somebody else's.
 */
class NoPages {
  @ServerRequestFilter(preMatching = true)
  Response refuse(ContainerRequestContext request) {
    boolean reads = request.getMethod().equals("GET") || request.getMethod().equals("HEAD");
    return reads || request.getHeaderString("Origin") == null
        ? null
        : Response.status(403)
            .entity(Map.of("error", "web pages cannot give orders here; use the console"))
            .build();
  }
}
