package io.cryptoetl.backfill.control;

import io.cryptoetl.backfill.Backfill;
import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.backfill.publishing.Requests;
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
import java.io.IOException;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.logging.Logger;

/** Files that are known, and what people ask for. */
@Path("/")
@Produces(MediaType.APPLICATION_JSON)
@Consumes(MediaType.APPLICATION_JSON)
@Blocking
public class FilesResource {
  private static final Logger LOG = Logger.getLogger(FilesResource.class);
  private static final int MOST = 1000;

  private final Backfill backfill;

  FilesResource(Backfill backfill) {
    this.backfill = backfill;
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
  public Response list(@PathParam("location") String name) {
    Location location = backfill.locations().get(name);
    if (location == null) {
      return problem(
          404,
          "there is no location '%s'; there are %s".formatted(name, backfill.locations().keySet()));
    }
    if (!backfill.leads()) {
      return problem(409, "another instance lists the locations; ask that one");
    }
    Backfill.Listing listing = backfill.list(location);
    return listing.problem().isPresent()
        ? problem(503, listing.problem().get())
        : Response.ok(listing).build();
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
    if (wanted == null || wanted.file() == null) {
      return problem(400, "file is missing; give its s3 URL or its path within a location");
    }
    Optional<String> unreachable = Optional.empty();
    for (Location location : backfill.locations().values()) {
      try {
        Optional<StoredFile> file = location.store().find(wanted.file());
        if (file.isPresent()) {
          return ask(location, file.get(), wanted);
        }
      } catch (IOException e) {
        LOG.warnf(e, "event=ask_failed file=\"%s\" reason=\"%s\"", wanted.file(), e.getMessage());
        unreachable = Optional.of(String.valueOf(e.getMessage()));
      }
    }
    if (unreachable.isPresent()) {
      return problem(503, unreachable.get());
    }
    return problem(
        404,
        "there is no file '%s' in a location; these are: %s"
            .formatted(
                wanted.file(), backfill.locations().values().stream().map(Location::url).toList()));
  }

  private Response ask(Location location, StoredFile file, Wanted wanted)
      throws InterruptedException {
    Location.Meaning told = location.meaning(file);
    Map<String, String> parameters = new HashMap<>(told.parameters());
    wanted.parameters().ifPresent(parameters::putAll);
    Requests.Asked asked =
        backfill
            .requests()
            .ask(
                location,
                file,
                new Location.Meaning(wanted.dataset().or(told::dataset), Map.copyOf(parameters)),
                wanted.requestedBy().orElse("rest"),
                wanted.again());
    return Response.accepted(
            new Accepted(
                asked.known().map(FileState::getRequestId).orElse(asked.request().getRequestId()),
                asked.request().getFile(),
                asked.request().getFileVersion(),
                asked.known().isPresent()))
        .build();
  }

  private static Response problem(int status, String error) {
    return Response.status(status)
        .type(MediaType.APPLICATION_JSON)
        .entity(Map.of("error", error))
        .build();
  }
}
