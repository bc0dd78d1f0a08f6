package io.cryptoetl.console.query;

import io.cryptoetl.console.Kafka;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.cryptoetl.console.orders.Followed;
import io.cryptoetl.ops.SavedQuery;
import io.cryptoetl.ops.SavedQueryKey;
import io.cryptoetl.schemas.Topics;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.MediaType;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Queries that people keep for each other: records of ops.saved_queries. */
@Path("/api/saved")
@Blocking
@ApplicationScoped
public class SavedQueriesResource {
  private static final int MAX_NAME = 100;
  private static final int MAX_TEXT = 200_000;

  private final Followed followed;
  private final Kafka kafka;
  private final Person.Current current;
  private final Clock clock = Clock.systemUTC();

  SavedQueriesResource(Followed followed, Kafka kafka, Person.Current current) {
    this.followed = followed;
    this.kafka = kafka;
    this.current = current;
  }

  /**
   * A query to keep.
   *
   * @param chart how its result is drawn, as JSON of the page
   */
  public record Wanted(
      Optional<String> name,
      Optional<String> sql,
      Optional<Map<String, String>> parameters,
      Optional<String> chart) {}

  /** A query that is kept. */
  public record Kept(
      String id,
      String name,
      String sql,
      Map<String, String> parameters,
      Optional<String> chart,
      String savedBy,
      Instant savedAt) {
    static Kept of(SavedQuery query) {
      Map<String, String> parameters = new TreeMap<>();
      for (String parameter : query.getParameters()) {
        String[] parts = parameter.split("=", 2);
        parameters.put(parts[0], parts.length == 1 ? "" : parts[1]);
      }
      return new Kept(
          query.getQueryId(),
          query.getName(),
          query.getSql(),
          parameters,
          Optional.ofNullable(query.getChart()),
          query.getSavedBy(),
          query.getSavedAt());
    }
  }

  /** All of them, by name. */
  @GET
  public List<Kept> list() {
    return followed.queries().stream().map(Kept::of).toList();
  }

  /** Keeps one, in place of the one with that id; only operators may. */
  @PUT
  @Path("{id}")
  @Consumes(MediaType.APPLICATION_JSON)
  public void keep(@PathParam("id") String id, Wanted wanted) throws InterruptedException {
    current.mustBeOperator("save queries");
    String name = wanted.name().orElse("").strip();
    String sql = wanted.sql().orElse("");
    List<String> parameters =
        new TreeMap<>(wanted.parameters().orElse(Map.of()))
            .entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
    String all = name + sql + wanted.chart().orElse("") + String.join("", parameters);
    if (!id.matches("[A-Za-z0-9-]{1,64}")
        || name.isEmpty()
        || name.length() > MAX_NAME
        || sql.isBlank()
        || all.length() > MAX_TEXT
        || all.indexOf('\0') >= 0) {
      throw new Problem.Refused(
          400,
          "no_query",
          "A saved query needs a name of 1 to %d characters and a statement; with its parameters it may have %,d."
              .formatted(MAX_NAME, MAX_TEXT));
    }
    kafka.write(
        Topics.OPS_SAVED_QUERIES,
        new SavedQueryKey(id),
        SavedQuery.newBuilder()
            .setQueryId(id)
            .setName(name)
            .setSql(sql)
            .setParameters(parameters)
            .setChart(wanted.chart().orElse(null))
            .setSavedBy(current.person().name())
            .setSavedAt(clock.instant())
            .build());
  }

  /** Keeps one no longer; only operators may. */
  @DELETE
  @Path("{id}")
  public void drop(@PathParam("id") String id) throws InterruptedException {
    current.mustBeOperator("save queries");
    kafka.write(Topics.OPS_SAVED_QUERIES, new SavedQueryKey(id), null);
  }
}
