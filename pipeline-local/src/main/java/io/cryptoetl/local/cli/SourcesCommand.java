package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
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

  @Option(names = "--json", description = "The extractor's own answer")
  private boolean json;

  private final Screen screen = Screen.system();

  private static ServiceApi api() throws IOException {
    return new ServiceApi("extractor", PipelineCommand.running().parts().extractorUrl());
  }

  @Override
  public Integer call() throws Exception {
    JsonNode sources = api().get("/sources");
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
    api().post("/sources/" + ServiceApi.segment(source) + "/pause", "");
    screen.line(
        "%s is paused. ./pipeline sources resume %s lets it go on.".formatted(source, source));
    return 0;
  }

  @Command(
      name = "resume",
      description = "Lets a paused source go on.",
      mixinStandardHelpOptions = true)
  int resume(@Parameters(paramLabel = "SOURCE") String source)
      throws IOException, InterruptedException {
    api().post("/sources/" + ServiceApi.segment(source) + "/resume", "");
    screen.line(source + " goes on.");
    return 0;
  }

  @Command(
      name = "run",
      description = "Looks for something new now, whatever the schedule says.",
      mixinStandardHelpOptions = true)
  int run(@Parameters(paramLabel = "SOURCE") String source)
      throws IOException, InterruptedException {
    JsonNode status = api().post("/sources/" + ServiceApi.segment(source) + "/runs", "");
    for (JsonNode feed : status.get("feeds")) {
      screen.line(
          "%s: head %s, planned to %s, %d to fetch"
              .formatted(
                  feed.get("name").asText(),
                  feed.path("head").asText("unknown"),
                  feed.path("nextNumber").isNumber()
                      ? Long.toString(feed.get("nextNumber").asLong() - 1)
                      : "-",
                  feed.get("outstanding").asLong()));
    }
    status.path("problems").forEach(p -> screen.line("! " + p.asText()));
    return status.path("problems").isEmpty() ? 0 : PipelineCommand.FAILED;
  }

  @Command(
      name = "gaps",
      description = "Shows ranges that were planned and could not be published whole.",
      mixinStandardHelpOptions = true)
  int gaps(
      @Parameters(paramLabel = "FEED") String feed,
      @Option(names = "--fetch", description = "Fetch them again") boolean fetch)
      throws IOException, InterruptedException {
    String path = "/sources/" + ServiceApi.segment(feed) + "/gaps";
    JsonNode gaps = api().get(path);
    if (gaps.isEmpty()) {
      screen.line("No gaps.");
      return 0;
    }
    for (JsonNode gap : gaps) {
      screen.line(gap.get("from").asText() + " to " + gap.get("to").asText());
    }
    if (fetch) {
      JsonNode job = api().post(path + "/requests", "");
      if (job.has("jobId")) {
        screen.line(
            "Asked for them again: ./pipeline sources jobs %s"
                .formatted(job.get("jobId").asText()));
      }
    }
    return 0;
  }

  @Command(
      name = "jobs",
      description = "Shows ranges that somebody asked for, with their progress.",
      mixinStandardHelpOptions = true)
  int jobs(
      @Parameters(paramLabel = "JOB", arity = "0..1", description = "Id of one job") String job)
      throws IOException, InterruptedException {
    JsonNode jobs =
        job == null
            ? api().get("/jobs")
            : JSON.createArrayNode().add(api().get("/jobs/" + ServiceApi.segment(job)));
    if (jobs.isEmpty()) {
      screen.line("No jobs. ./pipeline extract asks for a range.");
    }
    for (JsonNode each : jobs) {
      screen.line(
          "%s  %-9s %-24s %d of %d, records %d, dead letters %d, asked for by %s at %s"
              .formatted(
                  each.get("jobId").asText(),
                  each.get("state").asText(),
                  each.get("feed").asText(),
                  each.get("done").asLong(),
                  each.get("numbers").asLong(),
                  each.get("records").asLong(),
                  each.get("deadLetters").asLong(),
                  each.get("requestedBy").asText(),
                  each.get("requestedAt").asText()));
    }
    return 0;
  }

  @Command(
      name = "cancel",
      description = "Cancels what is left of a job; what is published stays.",
      mixinStandardHelpOptions = true)
  int cancel(@Parameters(paramLabel = "JOB") String job) throws IOException, InterruptedException {
    api().post("/jobs/" + ServiceApi.segment(job) + "/cancel", "");
    screen.line("Cancelled. ./pipeline sources jobs %s shows what was done.".formatted(job));
    return 0;
  }
}
