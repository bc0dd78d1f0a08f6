package io.cryptoetl.backfill.control;

import io.cryptoetl.kafka.RefusedOrderException;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.Map;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;

/** Tells why an order is refused. */
class Refusals {
  @ServerExceptionMapper
  Response refused(RefusedOrderException refused) {
    return Response.status(refused.status())
        .type(MediaType.APPLICATION_JSON)
        .entity(Map.of("error", refused.getMessage()))
        .build();
  }
}
