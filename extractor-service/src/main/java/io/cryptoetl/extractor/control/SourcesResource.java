package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.Times;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
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
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.jboss.logging.Logger;

/** What the sources do, and what people order of them. */
@Path("/sources")
@Produces(MediaType.APPLICATION_JSON)
@Blocking
public class SourcesResource {
  /** Most requests that one job may make: they are committed together. */
  private static final long MOST_RANGES = 100_000;

  private static final Logger LOG = Logger.getLogger(SourcesResource.class);

  private final Extractor extractor;

  SourcesResource(Extractor extractor) {
    this.extractor = extractor;
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
   */
  public record FeedStatus(
      String name,
      Optional<Long> head,
      Optional<Long> nextNumber,
      Optional<Long> lag,
      long outstanding,
      int givenUp,
      boolean halted) {}

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
  public record Gap(long from, long to) {}

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
        status.halted() || planner.halted(feed).isPresent());
  }

  /** Asks for a range; answers 202 with the job once its requests are committed. */
  @POST
  @Path("/{feed}/requests")
  @Operation(summary = "Fetch a range, planned or not")
  public Response request(@PathParam("feed") String name, RangeRequest request)
      throws InterruptedException {
    Optional<Found> found = find(name);
    if (found.isEmpty()) {
      return unknown(name);
    }
    Feed feed = found.get().feed();
    Optional<Long> from = number(feed, request == null ? null : request.from());
    Optional<Long> to = number(feed, request == null ? null : request.to());
    if (from.isEmpty() || to.isEmpty() || to.get() < from.get()) {
      return problem(
          400,
          "from and to must be %s with 0 <= from <= to, got %s"
              .formatted(
                  feed.numberAt(java.time.Instant.EPOCH).isPresent()
                      ? "numbers, dates or times such as 2024-01-01 or 2024-01-01T12:00:00Z,"
                      : "heights",
                  request == null
                      ? "nothing"
                      : "from %s to %s".formatted(request.from(), request.to())));
    }
    int rangeSize = found.get().running().settings().rangeSize();
    if ((to.get() - from.get()) / rangeSize >= MOST_RANGES) {
      return problem(
          400,
          "%d to %d are more than %d ranges of %d; ask for less at once, or raise range-size of the source"
              .formatted(from.get(), to.get(), MOST_RANGES, rangeSize));
    }
    Optional<Long> head = head(feed);
    if (head.isPresent() && to.get() > head.get()) {
      return problem(
          400,
          "%s can be read up to %d now, got from %s to %s; ask for what is there, the rest is planned when it comes"
              .formatted(name, head.get(), request.from(), request.to()));
    }
    return submit(
        found.get(),
        List.of(new Range(from.get(), to.get())),
        rangeSize,
        by(request.requestedBy()));
  }

  /** The newest number that may be read now; empty if the source cannot tell. */
  private static Optional<Long> head(Feed feed) throws InterruptedException {
    try {
      return Optional.of(feed.head());
    } catch (TransientException e) {
      // The request waits until the source can be asked.
      LOG.debugf("source=%s event=head_unknown code=%s", feed.name(), e.code());
      return Optional.empty();
    }
  }

  private static String by(String given) {
    return Optional.ofNullable(given).filter(g -> !g.isBlank()).orElse("rest");
  }

  private static Optional<Long> number(Feed feed, String text) {
    if (text == null) {
      return Optional.empty();
    }
    return text.matches("[0-9]{1,18}")
        ? Optional.of(Long.valueOf(text))
        : Times.parse(text).flatMap(feed::numberAt).filter(n -> n >= 0);
  }

  private Response submit(Found found, List<Range> wanted, int rangeSize, String by)
      throws InterruptedException {
    List<Range> ranges = new ArrayList<>();
    wanted.forEach(w -> ranges.addAll(w.cut(rangeSize, Long.MAX_VALUE)));
    String id = extractor.orders().submit(found.feed().name(), ranges, by);
    // Whoever asks for the job next shall find it.
    extractor.ledger().awaitAsked(id, ranges.size(), Duration.ofSeconds(10));
    return Response.accepted(
            new Job(
                id,
                found.feed().name(),
                found.running().settings().chainId(),
                ranges.getFirst().from(),
                ranges.getLast().to(),
                ranges.size()))
        .build();
  }

  /** What was planned, is not published whole, and is not asked for now. */
  @GET
  @Path("/{feed}/gaps")
  @Operation(summary = "Ranges that were planned and could not be published whole")
  public Response gaps(@PathParam("feed") String name) {
    return find(name).isEmpty()
        ? unknown(name)
        : Response.ok(
                extractor.ledger().gaps(name).stream().map(r -> new Gap(r.from(), r.to())).toList())
            .build();
  }

  /** Asks for all gaps again; answers 202 with the job, or 200 if there are none. */
  @POST
  @Path("/{feed}/gaps/requests")
  @Operation(summary = "Fetch all gaps of a feed again")
  public Response requestGaps(@PathParam("feed") String name) throws InterruptedException {
    Optional<Found> found = find(name);
    if (found.isEmpty()) {
      return unknown(name);
    }
    List<Range> gaps = extractor.ledger().gaps(name);
    if (gaps.isEmpty()) {
      return Response.ok(Map.of("gaps", 0)).build();
    }
    return submit(found.get(), gaps, found.get().running().settings().rangeSize(), "gaps");
  }

  /** Lets the planner look now; the answer comes when it has looked. */
  @POST
  @Path("/{source}/runs")
  @Operation(summary = "Plan a source now, whatever its schedule says")
  public Response run(@PathParam("source") String name) throws InterruptedException {
    Extractor.Running running = extractor.sources().get(name);
    if (running == null) {
      return unknownSource(name);
    }
    if (extractor.ledger().isPaused(name)) {
      return problem(409, "source %s is paused; resume it first".formatted(name));
    }
    running.planner().tick(Planner.Trigger.MANUAL);
    return Response.ok(status(name, running)).build();
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
    if (!extractor.sources().containsKey(name)) {
      return unknownSource(name);
    }
    extractor.orders().pause(name, paused, "rest");
    return Response.accepted(Map.of("source", name, "state", paused ? "paused" : "running"))
        .build();
  }

  /** A feed with its source. */
  private record Found(Feed feed, Extractor.Running running) {}

  private Optional<Found> find(String name) {
    return extractor.sources().values().stream()
        .flatMap(r -> r.source().allFeeds().map(f -> new Found(f, r)))
        .filter(f -> f.feed().name().equals(name))
        .findFirst();
  }

  private Response unknown(String feed) {
    return unknown(
        "feed",
        feed,
        extractor.sources().values().stream()
            .flatMap(r -> r.source().allFeeds())
            .map(Feed::name)
            .toList());
  }

  private Response unknownSource(String source) {
    return unknown("source", source, extractor.sources().keySet());
  }

  private static Response unknown(String what, String name, Collection<String> known) {
    return problem(404, "there is no %s '%s', there are: %s".formatted(what, name, known));
  }

  static Response problem(int status, String message) {
    return Response.status(status).entity(Map.of("error", message)).build();
  }
}
