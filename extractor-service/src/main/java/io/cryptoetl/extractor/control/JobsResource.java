package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.planning.Ledger;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.openapi.annotations.Operation;

/** Jobs that people asked for. */
@Path("/jobs")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class JobsResource {
  private final Extractor extractor;
  private final SourceOrders orders;

  JobsResource(Extractor extractor) {
    this.extractor = extractor;
    this.orders = new SourceOrders(extractor);
  }

  /** The latest jobs, oldest first. */
  @GET
  @Operation(summary = "Jobs that somebody asked for, with their progress")
  public List<Ledger.JobStatus> list() {
    return extractor.ledger().jobs();
  }

  /** A job with its progress. */
  @GET
  @Path("/{job}")
  @Operation(summary = "Progress of a job")
  public Ledger.JobStatus get(@PathParam("job") String id) {
    orders.mustBeJob(id);
    return extractor.ledger().job(id).orElseThrow();
  }

  /** Cancels what is left of a job; what is published stays. */
  @POST
  @Path("/{job}/cancel")
  @Operation(summary = "Cancel what is left of a job")
  public Response cancel(@PathParam("job") String id) {
    orders.mustBeJob(id);
    extractor.orders().cancel(id, "rest");
    return Response.accepted(Map.of("job", id, "state", "cancelled")).build();
  }
}
