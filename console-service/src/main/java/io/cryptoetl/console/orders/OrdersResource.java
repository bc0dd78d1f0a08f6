package io.cryptoetl.console.orders;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.console.Kafka;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.OrderKey;
import io.cryptoetl.ops.OrderResult;
import io.cryptoetl.ops.Status;
import io.cryptoetl.schemas.Topics;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/** Orders to services, as records; and what the services tell. */
@Path("/api")
@Blocking
@ApplicationScoped
public class OrdersResource {
  private static final Set<String> KINDS =
      Set.of("plan", "fetch", "refetch", "pause", "resume", "cancel", "list", "load");
  private static final int LONGEST = 2000;

  private final Followed followed;
  private final Person.Current current;
  private final Kafka kafka;
  private final Clock clock = Clock.systemUTC();

  OrdersResource(Followed followed, Person.Current current, Kafka kafka) {
    this.followed = followed;
    this.current = current;
    this.kafka = kafka;
  }

  /**
   * What somebody wants.
   *
   * @param kind as in ops.orders
   * @param target as in ops.orders
   * @param from of a fetch
   * @param to of a fetch
   * @param job that is to be cancelled
   * @param dataset of a file that is to be loaded
   * @param parameters of the file, name=value
   * @param again whether it is to be published although that was done before
   */
  public record Wanted(
      Optional<String> kind,
      Optional<String> target,
      Optional<String> from,
      Optional<String> to,
      Optional<String> job,
      Optional<String> dataset,
      Optional<List<String>> parameters,
      boolean again) {}

  /**
   * What came of an order.
   *
   * @param outcome accepted, refused, or waiting while nobody has answered
   */
  public record Answer(
      String outcome,
      String message,
      Optional<String> jobId,
      Optional<Integer> ranges,
      Optional<String> requestId) {}

  /**
   * An instance of a service.
   *
   * @param up whether it told of itself lately
   * @param detail what it knows of its sources
   */
  public record Instance(
      String service,
      String instance,
      boolean up,
      Instant startedAt,
      Instant seenAt,
      List<String> problems,
      JsonNode detail) {}

  /** Writes an order; only operators may. */
  @POST
  @Path("orders")
  @Consumes(MediaType.APPLICATION_JSON)
  public Map<String, String> order(Wanted wanted) throws InterruptedException {
    current.mustBeOperator("give orders");
    String kind = wanted.kind().orElse("");
    String target = wanted.target().orElse("");
    if (!KINDS.contains(kind)
        || target.isBlank()
        || target.length() > LONGEST
        || target.indexOf('\0') >= 0) {
      throw new Problem.Refused(
          400, "no_order", "There is no order '%s' for '%s'.".formatted(kind, target));
    }
    String id = UUID.randomUUID().toString();
    Order order =
        Order.newBuilder()
            .setOrderId(id)
            .setKind(kind)
            .setTarget(target)
            .setRangeFrom(wanted.from().orElse(null))
            .setRangeTo(wanted.to().orElse(null))
            .setJobId(wanted.job().orElse(null))
            .setDataset(wanted.dataset().filter(d -> !d.isEmpty()).orElse(null))
            .setParameters(wanted.parameters().orElse(List.of()))
            .setAgain(wanted.again())
            .setRequestedBy(current.person().name())
            .setOrderedAt(clock.instant())
            .build();
    kafka.write(Topics.OPS_ORDERS, new OrderKey(id), order);
    return Map.of("id", id);
  }

  /** What came of an order. */
  @GET
  @Path("orders/{id}")
  public Answer answer(@PathParam("id") String id) {
    Optional<OrderResult> result = followed.result(id);
    return result
        .map(
            r ->
                new Answer(
                    r.getOutcome(),
                    r.getMessage(),
                    Optional.ofNullable(r.getJobId()),
                    Optional.ofNullable(r.getRanges()),
                    Optional.ofNullable(r.getRequestId())))
        .orElseGet(
            () -> new Answer("waiting", "", Optional.empty(), Optional.empty(), Optional.empty()));
  }

  /** Instances of the extractor, with their sources and endpoints. */
  @GET
  @Path("extractors")
  public List<Instance> extractors() {
    Instant now = clock.instant();
    return followed.instances("extractor").stream().map(told -> instance(told, now)).toList();
  }

  private static Instance instance(Followed.Told told, Instant now) {
    Status status = told.status();
    return new Instance(
        status.getService(),
        status.getInstance(),
        told.isUp(now),
        status.getStartedAt(),
        status.getSeenAt(),
        status.getProblems(),
        told.detail());
  }
}
