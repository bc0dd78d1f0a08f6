package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.extractor.source.Feed;
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
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;

/** What the sources do, and what people order of them. */
@Path("/sources")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class SourcesResource {
  private static final int MAX_GAPS = 20;

  private final Extractor extractor;
  private final SourceOrders orders;

  SourcesResource(Extractor extractor) {
    this.extractor = extractor;
    this.orders = new SourceOrders(extractor);
  }

  /**
   * A source.
   *
   * @param schedule how often or when it is planned
   * @param chainId of an EVM source
   * @param problems what keeps it from working now
   */
  public record SourceStatus(
      String name,
      String schedule,
      boolean paused,
      Optional<Long> chainId,
      List<FeedStatus> feeds,
      List<EndpointStatus> endpoints,
      List<String> problems) {}

  /**
   * A feed of a source.
   *
   * @param head newest number that may be read, as this instance last saw it
   * @param nextNumber first number that is not planned yet
   * @param lag numbers that could be read and are not planned
   * @param outstanding numbers that are planned or asked for, and not worked off
   * @param givenUp numbers that are in the dead letters; they are asked for again by and by
   * @param halted whether planning stopped: for what, the problems of the source tell
   * @param gapCount ranges of what was planned, is not published whole, and is not asked for now
   * @param gaps the first of them
   */
  public record FeedStatus(
      String name,
      Optional<Long> head,
      Optional<Long> nextNumber,
      Optional<Long> lag,
      long outstanding,
      int givenUp,
      boolean halted,
      int gapCount,
      List<Gap> gaps) {}

  /**
   * A range that is asked for, both ends inclusive: numbers, or times for market data.
   *
   * @param from height, or date or time in ISO 8601
   * @param to as {@code from}
   * @param requestedBy who asks, for the record
   */
  public record RangeRequest(String from, String to, String requestedBy) {}

  /**
   * A job that was accepted.
   *
   * @param jobId stands in the requests and their results
   * @param ranges number of requests
   */
  public record Job(
      String jobId, String source, Optional<Long> chainId, long from, long to, int ranges) {}

  /** A range without published records. */
  public record Gap(long from, long to) {
    static Gap of(Range range) {
      return new Gap(range.from(), range.to());
    }
  }

  /** Every source that has an endpoint. */
  @GET
  @Operation(summary = "Sources with their feeds, endpoints and problems")
  public List<SourceStatus> list() {
    return extractor.sources().entrySet().stream()
        .map(e -> status(e.getKey(), e.getValue()))
        .toList();
  }

  private SourceStatus status(String name, Extractor.Running running) {
    return new SourceStatus(
        name,
        running.settings().cron().orElseGet(() -> "every " + running.settings().every()),
        extractor.ledger().isPaused(name),
        running.settings().chainId(),
        running.source().feeds().stream().map(f -> status(f, running.planner())).toList(),
        running.source().endpoints(),
        running.problems());
  }

  private FeedStatus status(Feed feed, Planner planner) {
    Planner.Status status = planner.status(feed.name());
    List<Range> gaps = extractor.ledger().gaps(feed.name());
    Optional<Cursor> cursor = extractor.ledger().cursor(feed.name());
    Optional<Long> next = cursor.map(Cursor::getNextNumber);
    // An instance that does not plan the feed knows the head that was seen when it was planned.
    Optional<Long> head = status.head().or(() -> cursor.map(Cursor::getHeadNumber));
    return new FeedStatus(
        feed.name(),
        head,
        next,
        head.flatMap(h -> next.map(n -> Math.max(0, h + 1 - n))),
        extractor.ledger().outstanding(feed.name()).stream().mapToLong(Range::size).sum(),
        extractor.ledger().givenUp(feed.name()),
        status.halted() || planner.halted(feed).isPresent(),
        gaps.size(),
        gaps.stream().limit(MAX_GAPS).map(Gap::of).toList());
  }

  /** Asks for a range; answers 202 with the job once its requests are committed. */
  @POST
  @Path("/{feed}/requests")
  @Operation(summary = "Fetch a range, planned or not")
  public Response request(@PathParam("feed") String name, RangeRequest request)
      throws InterruptedException {
    SourceOrders.Wanted wanted =
        request == null
            ? orders.fetch(name, null, null)
            : orders.fetch(name, request.from(), request.to());
    return submit(
        wanted,
        Optional.ofNullable(request.requestedBy()).filter(g -> !g.isBlank()).orElse("rest"));
  }

  private Response submit(SourceOrders.Wanted wanted, String by) throws InterruptedException {
    List<Range> ranges = wanted.ranges();
    String id = extractor.orders().submit(wanted.feed().name(), ranges, by);
    // Whoever asks for the job next shall find it.
    extractor.ledger().awaitAsked(id, ranges.size(), Duration.ofSeconds(10));
    return Response.accepted(
            new Job(
                id,
                wanted.feed().name(),
                wanted.running().settings().chainId(),
                ranges.getFirst().from(),
                ranges.getLast().to(),
                ranges.size()))
        .build();
  }

  /** What was planned, is not published whole, and is not asked for now. */
  @GET
  @Path("/{feed}/gaps")
  @Operation(summary = "Ranges that were planned and could not be published whole")
  public List<Gap> gaps(@PathParam("feed") String name) {
    orders.mustBeFeed(name);
    return extractor.ledger().gaps(name).stream().map(Gap::of).toList();
  }

  /** Asks for all gaps again; answers 202 with the job, or 200 if there are none. */
  @POST
  @Path("/{feed}/gaps/requests")
  @Operation(summary = "Fetch all gaps of a feed again")
  public Response requestGaps(@PathParam("feed") String name) throws InterruptedException {
    SourceOrders.Wanted wanted = orders.gaps(name);
    return wanted.ranges().isEmpty()
        ? Response.ok(Map.of("gaps", 0)).build()
        : submit(wanted, "gaps");
  }

  /** Lets the planner look now; the answer comes when it has looked. */
  @POST
  @Path("/{source}/runs")
  @Operation(summary = "Plan a source now, whatever its schedule says")
  public SourceStatus run(@PathParam("source") String name) throws InterruptedException {
    Extractor.Running running = orders.plannable(name);
    running.planner().tick(Planner.Trigger.MANUAL);
    return status(name, running);
  }

  /** Pauses a source on every instance: nothing is planned or fetched until it is resumed. */
  @POST
  @Path("/{source}/pause")
  @Operation(summary = "Pause a source on every instance")
  public Response pause(@PathParam("source") String name) {
    return pause(name, true);
  }

  /** Lets a paused source go on. */
  @POST
  @Path("/{source}/resume")
  @Operation(summary = "Let a paused source go on")
  public Response resume(@PathParam("source") String name) {
    return pause(name, false);
  }

  private Response pause(String name, boolean paused) {
    orders.source(name);
    extractor.orders().pause(name, paused, "rest");
    return Response.accepted(Map.of("source", name, "state", paused ? "paused" : "running"))
        .build();
  }
}
