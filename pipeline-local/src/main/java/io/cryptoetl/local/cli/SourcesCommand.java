package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.OrderResult;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Shows the sources, and operates them. */
@Command(
    name = "sources",
    description = "Shows sources with their feeds and endpoints; subcommands operate them.",
    mixinStandardHelpOptions = true)
final class SourcesCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The jobs that people ordered, newest first. */
  private static final String JOBS =
      "SELECT "
          + Job.COLUMNS
          + """
          , r.job_id, r.target, coalesce(o.requested_by, '?') AS requested_by, r.answered_at
          FROM ops.order_results AS r LEFT JOIN ops.orders AS o USING (order_id)
          LEFT JOIN LATERAL (SELECT * FROM ops.jobs WHERE job_id = r.job_id) AS j ON true
          WHERE r.job_id IS NOT NULL AND (?::text IS NULL OR r.job_id = ?)
          ORDER BY r.answered_at DESC LIMIT 50
          """;

  @Option(names = "--json", description = "What the extractors tell of themselves")
  private boolean json;

  private final Screen screen = Screen.system();

  private OrderResult give(Order.Builder order) throws IOException, InterruptedException {
    OrderResult result = Deployment.current().knowing(order.getTarget()).give(order.build());
    screen.line(result.getMessage());
    return result;
  }

  @Override
  public Integer call() throws Exception {
    JsonNode sources = Deployment.current().sources();
    if (json) {
      screen.line(JSON.writerWithDefaultPrettyPrinter().writeValueAsString(sources));
      return 0;
    }
    if (sources.isEmpty()) {
      screen.line("No source has an endpoint; see .env.example");
    }
    for (JsonNode source : sources) {
      screen.line(
          "%s (%s%s)"
              .formatted(
                  source.get("name").asText(),
                  source.get("schedule").asText(),
                  source.get("paused").asBoolean() ? ", paused" : ""));
      screen.line(
          "  %-32s %14s %14s %10s %12s %9s"
              .formatted("feed", "head", "planned to", "lag", "to fetch", "given up"));
      for (JsonNode feed : source.get("feeds")) {
        screen.line(
            "  %-32s %14s %14s %10s %12d %9d%s"
                .formatted(
                    feed.get("name").asText(),
                    feed.path("head").asText("unknown"),
                    feed.path("nextNumber").isNumber()
                        ? Long.toString(feed.get("nextNumber").asLong() - 1)
                        : "-",
                    feed.path("lag").asText("-"),
                    feed.get("outstanding").asLong(),
                    feed.get("givenUp").asLong(),
                    feed.get("halted").asBoolean() ? "  HALTED" : ""));
      }
      screen.line(
          "  %-20s %-8s %12s %8s %6s %10s %8s  %s"
              .formatted(
                  "endpoint", "health", "head", "requests", "batch", "calls/s", "ms", "failures"));
      for (JsonNode endpoint : source.get("endpoints")) {
        screen.line(
            "  %-20s %-8s %12s %8s %6d %10s %8d  %s"
                .formatted(
                    endpoint.get("name").asText(),
                    endpoint.get("health").asText(),
                    endpoint.path("head").asText("-"),
                    endpoint.get("inFlight").asInt() + "/" + endpoint.get("concurrency").asInt(),
                    endpoint.get("batchCalls").asInt(),
                    endpoint.path("ratePerSecond").isNumber()
                        ? "%.1f".formatted(endpoint.get("ratePerSecond").asDouble())
                        : "free",
                    endpoint.get("latencyMillis").asLong(),
                    endpoint.get("failures").isEmpty() ? "none" : endpoint.get("failures")));
        if (endpoint.path("note").isTextual()) {
          screen.line("    " + endpoint.get("note").asText());
        }
      }
      source.path("problems").forEach(p -> screen.line("  ! " + p.asText()));
    }
    return 0;
  }

  @Command(
      name = "pause",
      description = "Stops planning and fetching of a source, on every instance.",
      mixinStandardHelpOptions = true)
  int pause(@Parameters(paramLabel = "SOURCE") String source)
      throws IOException, InterruptedException {
    give(Deployment.order("pause", source));
    return 0;
  }

  @Command(
      name = "resume",
      description = "Lets a paused source go on.",
      mixinStandardHelpOptions = true)
  int resume(@Parameters(paramLabel = "SOURCE") String source)
      throws IOException, InterruptedException {
    give(Deployment.order("resume", source));
    return 0;
  }

  @Command(
      name = "run",
      description = "Looks for something new now, whatever the schedule says.",
      mixinStandardHelpOptions = true)
  int run(@Parameters(paramLabel = "SOURCE") String source)
      throws IOException, InterruptedException {
    give(Deployment.order("plan", source));
    return 0;
  }

  @Command(
      name = "gaps",
      description = "Shows ranges that were planned and could not be published whole.",
      mixinStandardHelpOptions = true)
  int gaps(
      @Parameters(paramLabel = "FEED") String feed,
      @Option(names = "--fetch", description = "Fetch them again") boolean fetch)
      throws IOException, InterruptedException {
    if (fetch) {
      follow(give(Deployment.order("refetch", feed)));
      return 0;
    }
    JsonNode source = Deployment.current().knowing(feed).sourceOf(feed).orElseThrow();
    for (JsonNode each : source.get("feeds")) {
      if (each.get("name").asText().equals(feed)) {
        if (each.get("gaps").isEmpty()) {
          screen.line("No gaps.");
        }
        each.get("gaps")
            .forEach(
                gap -> screen.line(gap.get("from").asText() + " to " + gap.get("to").asText()));
        int more = each.get("gapCount").asInt() - each.get("gaps").size();
        if (more > 0) {
          screen.line("and %,d more".formatted(more));
        }
      }
    }
    return 0;
  }

  /** Says where the job that an order made can be seen. */
  private void follow(OrderResult result) {
    if (result.getJobId() != null) {
      screen.line("How far it is: ./pipeline sources jobs " + result.getJobId());
    }
  }

  @Command(
      name = "jobs",
      description = "Shows ranges that somebody asked for, with their progress.",
      mixinStandardHelpOptions = true)
  int jobs(
      @Parameters(paramLabel = "JOB", arity = "0..1", description = "Id of one job") String job)
      throws IOException, SQLException {
    boolean none = true;
    try (Connection db = Deployment.current().database().connect();
        PreparedStatement query = db.prepareStatement(JOBS)) {
      query.setString(1, job);
      query.setString(2, job);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          none = false;
          Job one = Job.of(rows);
          screen.line(
              "%s  %-9s %-24s %d of %d ranges, records %d, dead letters %d, asked for by %s at %s"
                  .formatted(
                      rows.getString("job_id"),
                      one.state(),
                      rows.getString("target"),
                      one.rangesDone(),
                      one.ranges(),
                      one.records(),
                      one.deadLetters(),
                      rows.getString("requested_by"),
                      rows.getObject("answered_at", OffsetDateTime.class).toInstant()));
        }
      }
    }
    if (none && job != null) {
      throw new MisuseException(
          "nobody ordered a job '%s'; ./pipeline sources jobs shows the latest".formatted(job));
    }
    if (none) {
      screen.line("No jobs. ./pipeline extract asks for a range.");
    }
    return 0;
  }

  @Command(
      name = "cancel",
      description = "Cancels what is left of a job; what is published stays.",
      mixinStandardHelpOptions = true)
  int cancel(@Parameters(paramLabel = "JOB") String job)
      throws IOException, InterruptedException, SQLException {
    Deployment deployment = Deployment.current();
    String feed;
    try (Connection db = deployment.database().connect();
        PreparedStatement query =
            db.prepareStatement("SELECT target FROM ops.order_results WHERE job_id = ?")) {
      query.setString(1, job);
      try (ResultSet rows = query.executeQuery()) {
        if (!rows.next()) {
          throw new MisuseException(
              "nobody ordered a job '%s'; ./pipeline sources jobs shows the latest".formatted(job));
        }
        feed = rows.getString(1);
      }
    }
    deployment.give(Deployment.order("cancel", feed).setJobId(job).build());
    screen.line("Cancelled. ./pipeline sources jobs %s shows what was done.".formatted(job));
    return 0;
  }
}
