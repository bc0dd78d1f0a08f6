package io.cryptoetl.backfill.control;

import io.cryptoetl.backfill.Backfill;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.publishing.Requests;
import io.cryptoetl.kafka.RefusedOrderException;
import io.cryptoetl.ops.FileState;
import io.smallrye.common.annotation.Blocking;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DefaultValue;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;

/** Files that are known, and what people ask for. */
@Path("/")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Blocking
public class FilesResource {
  private static final int MOST = 1000;

  private final Backfill backfill;
  private final FileOrders orders;

  FilesResource(Backfill backfill) {
    this.backfill = backfill;
    this.orders = new FileOrders(backfill);
  }

  /**
   * A version of a file, or a member of an archive; the fields are those of ops.files.
   *
   * @param totalRows rows that its check counted
   */
  public record File(
      String file,
      String fileVersion,
      String state,
      Optional<String> code,
      Optional<String> reason,
      String requestId,
      Optional<String> dataset,
      List<String> parameters,
      long size,
      Optional<Integer> members,
      Optional<Long> totalRows,
      Optional<Long> totalBytes,
      long rows,
      long bytes,
      long chunks,
      Optional<Instant> fetchedAt,
      Optional<Instant> finishedAt) {
    static File of(FileState s) {
      return new File(
          s.getFile(),
          s.getFileVersion(),
          s.getState(),
          Optional.ofNullable(s.getCode()),
          Optional.ofNullable(s.getReason()),
          s.getRequestId(),
          Optional.ofNullable(s.getDataset()),
          s.getParameters(),
          s.getSize(),
          Optional.ofNullable(s.getMembers()),
          Optional.ofNullable(s.getTotalRows()),
          Optional.ofNullable(s.getTotalBytes()),
          s.getRows(),
          s.getBytes(),
          s.getChunks(),
          Optional.ofNullable(s.getFetchedAt()),
          Optional.ofNullable(s.getFinishedAt()));
    }
  }

  /**
   * What somebody asks for.
   *
   * @param file its s3 URL or path, within a location
   * @param dataset of its rows; without it the location's routes, its folder, or its header tell
   * @param parameters that neither rows nor names tell
   * @param again whether it shall be published although that was done before
   * @param requestedBy who asks
   */
  public record Wanted(
      String file,
      Optional<String> dataset,
      Optional<Map<String, String>> parameters,
      boolean again,
      Optional<String> requestedBy) {}

  /**
   * What was asked for.
   *
   * @param known whether that was asked for before and did not fail, so that there is nothing to do
   */
  public record Accepted(String requestId, String file, String fileVersion, boolean known) {}

  /**
   * A location.
   *
   * @param listing how this instance listed it last; empty if another one does
   */
  public record Place(
      String name, String url, List<Location.Route> routes, Optional<Backfill.Listing> listing) {}

  /** Where files are. */
  @GET
  @Path("/locations")
  @Operation(summary = "Where files are dropped")
  public List<Place> locations() {
    return backfill.locations().values().stream()
        .map(
            l ->
                new Place(
                    l.name(),
                    l.url(),
                    l.routes(),
                    Optional.ofNullable(backfill.listings().get(l.name()))))
        .toList();
  }

  /** Lists a location now. */
  @POST
  @Path("/locations/{location}/list")
  @Consumes(MediaType.WILDCARD)
  @Operation(summary = "List a location now and ask for what is new")
  public Backfill.Listing list(@PathParam("location") String name) {
    // One that lists shows how it went.
    if (backfill.locations().containsKey(name) && !backfill.leads()) {
      throw new RefusedOrderException(409, "another instance lists the locations; ask that one");
    }
    return orders.list(name);
  }

  /** The files that changed last. */
  @GET
  @Path("/files")
  @Operation(summary = "Files, the one that changed last first")
  public List<File> files(
      @QueryParam("state") Optional<String> state,
      @QueryParam("limit") @DefaultValue("100") int limit) {
    return backfill.ledger().latest(state, Math.clamp(limit, 1, MOST)).stream()
        .map(File::of)
        .toList();
  }

  /** What a request has come to. */
  @GET
  @Path("/requests/{request}")
  @Operation(summary = "A requested file, and the members if it is an archive")
  public List<File> request(@PathParam("request") String request) {
    return backfill.ledger().ofRequest(request).stream().map(File::of).toList();
  }

  /** Asks for a file. */
  @POST
  @Path("/files")
  @Operation(summary = "Ask for a file")
  public Response ask(Wanted wanted) throws InterruptedException {
    if (wanted == null) {
      throw new RefusedOrderException(400, "nothing is asked for");
    }
    Requests.Asked asked =
        orders.ask(
            wanted.file(),
            wanted.dataset(),
            wanted.parameters().orElse(Map.of()),
            wanted.requestedBy().orElse("rest"),
            wanted.again() ? Optional.of(UUID.randomUUID().toString()) : Optional.empty());
    return Response.accepted(
            new Accepted(
                asked.known().map(FileState::getRequestId).orElse(asked.request().getRequestId()),
                asked.request().getFile(),
                asked.request().getFileVersion(),
                asked.known().isPresent()))
        .build();
  }
}
