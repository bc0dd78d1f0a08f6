package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.planning.Jobs;
import io.cryptoetl.extractor.publishing.Worker;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.ops.Cursor;
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
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/** What the sources do, and historical ranges on request. */
@Path("/sources")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class SourcesResource {
  /** Most requests that one job may make: they are committed together. */
  private static final long MOST_RANGES = 100_000;

  private final Extractor extractor;

  SourcesResource(Extractor extractor) {
    this.extractor = extractor;
  }

  /**
   * A source.
   *
   * @param head newest height that may be read, as this instance last saw it
   * @param nextNumber first height that is not planned yet
   * @param problems what keeps it from working now
   */
  public record SourceStatus(
      String name,
      long chainId,
      Set<String> endpoints,
      Optional<Long> head,
      Optional<Long> nextNumber,
      List<String> problems) {}

  /** A range that is asked for, both heights inclusive. */
  public record RangeRequest(Long from, Long to, String requestedBy) {}

  /** Every source that has an endpoint. */
  @GET
  public List<SourceStatus> list() {
    Map<String, Cursor> cursors = extractor.cursors().read();
    return extractor.sources().entrySet().stream()
        .map(e -> status(e.getKey(), e.getValue(), cursors.get(e.getKey())))
        .toList();
  }

  private static SourceStatus status(String name, Extractor.Running running, Cursor cursor) {
    return new SourceStatus(
        name,
        running.config().evm().chainId(),
        running.config().endpoints().keySet(),
        running.planner().status().head(),
        Optional.ofNullable(cursor).map(Cursor::getNextNumber),
        Stream.concat(
                running.planner().status().problem().stream(),
                running.workers().stream().map(Worker::problem).flatMap(Optional::stream))
            .distinct()
            .toList());
  }

  /** Asks for a range; answers 202 with the job once its requests are committed. */
  @POST
  @Path("/{source}/requests")
  public Response request(@PathParam("source") String source, RangeRequest request) {
    Extractor.Running running = extractor.sources().get(source);
    if (running == null) {
      return problem(
          404,
          "there is no source '%s', there are: %s".formatted(source, extractor.sources().keySet()));
    }
    if (request == null
        || request.from() == null
        || request.to() == null
        || request.from() < 0
        || request.to() < request.from()) {
      return problem(400, "from and to must be heights with 0 <= from <= to, got " + request);
    }
    int rangeSize = running.config().rangeSize();
    if ((request.to() - request.from()) / rangeSize >= MOST_RANGES) {
      return problem(
          400,
          "heights %d to %d are more than %d ranges of %d; ask for less at once, or raise range-size of the source"
              .formatted(request.from(), request.to(), MOST_RANGES, rangeSize));
    }
    Jobs.Job job =
        extractor
            .jobs()
            .submit(
                source,
                new Range(request.from(), request.to()),
                rangeSize,
                Optional.ofNullable(request.requestedBy()).orElse("rest"));
    return Response.accepted(job).build();
  }

  private static Response problem(int status, String message) {
    return Response.status(status).entity(Map.of("error", message)).build();
  }
}
