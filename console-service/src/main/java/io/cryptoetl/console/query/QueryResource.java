package io.cryptoetl.console.query;

import io.cryptoetl.console.Closings;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.quarkus.vertx.http.runtime.CurrentVertxRequest;
import io.smallrye.common.annotation.Blocking;
import io.vertx.core.http.HttpServerRequest;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.DELETE;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import jakarta.ws.rs.core.MediaType;
import jakarta.ws.rs.core.Response;
import jakarta.ws.rs.core.StreamingOutput;
import java.io.IOException;
import java.io.OutputStream;
import java.sql.SQLException;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Queries, their plans and exports. */
@Path("/api")
@Blocking
public class QueryResource {
  private static final String NDJSON = "application/x-ndjson";
  private static final Set<String> FORMATS = Set.of("csv", "ndjson", "parquet");
  private static final DateTimeFormatter FILE =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss").withZone(ZoneOffset.UTC);

  private final Queries queries;
  private final Exports exports;
  private final Person.Current current;
  private final CurrentVertxRequest request;
  private final Closings closings;
  private final Clock clock = Clock.systemUTC();

  QueryResource(
      Queries queries,
      Exports exports,
      Person.Current current,
      CurrentVertxRequest request,
      Closings closings) {
    this.queries = queries;
    this.exports = exports;
    this.current = current;
    this.request = request;
    this.closings = closings;
  }

  /** Writes a result. */
  @FunctionalInterface
  private interface Writer {
    void write(Queries.Reader reader, OutputStream out) throws IOException;
  }

  /** Runs a query: lines of JSON with columns, rows, and what came of it. */
  @POST
  @Path("queries/{id}")
  @Consumes(MediaType.APPLICATION_JSON)
  public Response run(@PathParam("id") String id, QueryRequest asked) throws SQLException {
    SqlText text = asked.text();
    return stream(id, (reader, out) -> queries.run(reader, text, out)).type(NDJSON).build();
  }

  /** Rows of one of the pages' own queries, as those of people's come. */
  @POST
  @Path("views/{name}")
  @Consumes(MediaType.APPLICATION_JSON)
  public Response view(@PathParam("name") String name, QueryRequest asked) throws IOException {
    SqlText text = SqlText.of(Views.sql(name), asked.parameters().orElse(Map.of()));
    String key = key(UUID.randomUUID().toString());
    queries.enterView();
    return stream(key, (reader, out) -> queries.view(reader, text, out), queries::leaveView)
        .type(NDJSON)
        .build();
  }

  /** The plan of a query. */
  @POST
  @Path("plans/{id}")
  @Consumes(MediaType.APPLICATION_JSON)
  public Response plan(@PathParam("id") String id, QueryRequest asked) throws SQLException {
    SqlText text = asked.text();
    boolean analyze = asked.analyze().orElse(false);
    return stream(id, (reader, out) -> queries.explain(reader, text, analyze, out))
        .type(NDJSON)
        .build();
  }

  /** Cancels a query of the same session, in the database. */
  @DELETE
  @Path("queries/{id}")
  public void cancel(@PathParam("id") String id) {
    queries.cancel(key(id));
  }

  /** Asks for an export; the link to it works once. */
  @POST
  @Path("exports")
  @Consumes(MediaType.APPLICATION_JSON)
  public Map<String, String> export(QueryRequest asked) {
    String format = asked.format().orElse("csv");
    if (!FORMATS.contains(format)) {
      throw new Problem.Refused(
          400,
          "no_format",
          "There is no format '%s'; there are csv, ndjson and parquet.".formatted(format));
    }
    return Map.of("id", exports.ask(current.person(), asked.text(), format));
  }

  /** All rows of a query as a file. */
  @GET
  @Path("exports/{id}")
  public Response download(@PathParam("id") String id) throws SQLException {
    Exports.Asked asked = exports.take(current.person(), id);
    return stream(id, (reader, out) -> queries.export(reader, asked.text(), asked.format(), out))
        .type(
            switch (asked.format()) {
              case "csv" -> "text/csv; charset=utf-8";
              case "parquet" -> "application/vnd.apache.parquet";
              default -> NDJSON;
            })
        .header(
            "Content-Disposition",
            "attachment; filename=\"query-%s.%s\""
                .formatted(FILE.format(Instant.now(clock)), asked.format()))
        .build();
  }

  private Response.ResponseBuilder stream(String id, Writer writer) throws SQLException {
    queries.enter();
    return stream(key(id), writer, queries::leave);
  }

  private Response.ResponseBuilder stream(String key, Writer writer, Runnable leave) {
    HttpServerRequest http = request.getCurrent().request();
    Queries.Reader reader = new Queries.Reader(key, () -> http.connection().close());
    StreamingOutput output =
        out -> {
          closings.add(http.connection(), key, () -> queries.cancel(key));
          try {
            writer.write(reader, out);
          } finally {
            closings.remove(http.connection(), key);
            leave.run();
          }
        };
    return Response.ok(output);
  }

  /** Sessions cannot meet each other's queries. */
  private String key(String id) {
    return current.person().session() + "/" + id;
  }
}
