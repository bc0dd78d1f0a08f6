package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.cli.PipelineCommand.Running;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches a historical range. */
@Command(
    name = "extract",
    description =
        "Fetches a range and waits until it is published, and the rows of blocks are loaded.",
    mixinStandardHelpOptions = true)
final class ExtractCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 500;

  @Parameters(
      paramLabel = "SOURCE",
      description = "Name of a source or feed, as ./pipeline sources shows it")
  private String source;

  @Option(
      names = "--from",
      required = true,
      paramLabel = "N",
      description = "First height; for market data also a date or time, such as 2024-01-01")
  private String from;

  @Option(
      names = "--to",
      required = true,
      paramLabel = "M",
      description = "Last height, date or time, inclusive")
  private String to;

  private final Screen screen = Screen.system();

  @Override
  public Integer call() throws Exception {
    Running running = PipelineCommand.running();
    Parts parts = running.parts();
    String body =
        JSON.createObjectNode()
            .put("from", from)
            .put("to", to)
            .put("requestedBy", "pipeline extract")
            .toString();
    ServiceApi api = new ServiceApi("extractor", parts.extractorUrl());
    JsonNode job = api.post("/sources/" + ServiceApi.segment(source) + "/requests", body);
    String id = job.get("jobId").asText();
    long first = job.get("from").asLong();
    long last = job.get("to").asLong();
    return job.path("chainId").isNumber()
        ? awaitLoaded(parts, id, job.get("chainId").asLong(), first, last)
        : awaitPublished(api, id, last - first + 1);
  }

  /** Waits for market data, whose tables are not part of this version: until it is published. */
  private int awaitPublished(ServiceApi api, String job, long wanted)
      throws IOException, InterruptedException {
    JsonNode state;
    try (ProgressBar progress = screen.bar("Numbers", wanted)) {
      while (true) {
        state = api.get("/jobs/" + job);
        progress.stepTo(state.get("done").asLong());
        progress.setExtraMessage(
            " records "
                + state.get("records").asLong()
                + ", dead letters "
                + state.get("deadLetters").asLong());
        if (!state.get("state").asText().equals("running")) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
    }
    screen.line(
        "%s: %s; %d records published, %d numbers without one, %d in the dead letters."
            .formatted(
                source,
                state.get("state").asText(),
                state.get("records").asLong(),
                state.get("absent").asLong(),
                state.get("deadLetters").asLong()));
    return state.get("state").asText().equals("done") && state.get("deadLetters").asLong() == 0
        ? 0
        : PipelineCommand.FAILED;
  }

  private int awaitLoaded(Parts parts, String job, long chainId, long first, long last)
      throws SQLException, InterruptedException {
    long wanted = last - first + 1;
    State state;
    try (ProgressBar progress = screen.bar("Blocks", wanted);
        Connection db = parts.connection(Database.PIPELINE)) {
      while (true) {
        state = State.read(db, job, chainId, first, last);
        progress.stepTo(Math.min(wanted, state.loaded() + state.deadLetters()));
        progress.setExtraMessage(
            " fetched " + state.fetched() + ", dead letters " + state.deadLetters());
        if (state.cancelled()) {
          screen.line("The job was cancelled; what was published stays.");
          return PipelineCommand.FAILED;
        }
        if (state.fetched() + state.deadLetters() >= wanted
            && state.loaded() >= state.fetched()
            && State.isComplete(db, chainId, first, last)) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
    }
    screen.line(
        "Blocks %d to %d of %s: %d fetched, %d loaded with all their rows, %d in the dead letters."
            .formatted(first, last, source, state.fetched(), state.loaded(), state.deadLetters()));
    if (state.deadLetters() > 0) {
      screen.line(
          "  ./pipeline query \"SELECT block_number, code, reason FROM ops.dead_letters WHERE source = '%s' AND block_number BETWEEN %d AND %d\""
              .formatted(source, first, last));
      return PipelineCommand.FAILED;
    }
    return 0;
  }

  /**
   * How far a job is.
   *
   * @param fetched blocks published
   * @param deadLetters heights in the dead letters
   * @param loaded blocks of the range whose row is of this job or newer
   * @param cancelled whether somebody cancelled it
   */
  private record State(long fetched, long deadLetters, long loaded, boolean cancelled) {
    static State read(Connection db, String job, long chainId, long from, long to)
        throws SQLException {
      try (PreparedStatement query =
          db.prepareStatement(
              """
              WITH results AS (
                SELECT coalesce(sum(blocks), 0) AS blocks,
                       coalesce(sum(dead_letters), 0) AS dead_letters,
                       min(started_at) AS began,
                       coalesce(bool_or(outcome = 'cancelled'), false) AS cancelled
                FROM ops.extract_results WHERE job_id = ?
              )
              SELECT blocks, dead_letters,
                (SELECT count(*) FROM chain.blocks
                 WHERE chain_id = ? AND number BETWEEN ? AND ? AND fetched_at >= date_trunc('milliseconds', began)),
                cancelled
              FROM results
              """)) {
        query.setString(1, job);
        query.setLong(2, chainId);
        query.setLong(3, from);
        query.setLong(4, to);
        try (ResultSet row = query.executeQuery()) {
          row.next();
          return new State(row.getLong(1), row.getLong(2), row.getLong(3), row.getBoolean(4));
        }
      }
    }

    static boolean isComplete(Connection db, long chainId, long from, long to) throws SQLException {
      try (PreparedStatement query =
          db.prepareStatement(
              "SELECT NOT EXISTS (SELECT 1 FROM audit.incomplete_blocks WHERE chain_id = ? AND number BETWEEN ? AND ?)")) {
        query.setLong(1, chainId);
        query.setLong(2, from);
        query.setLong(3, to);
        try (ResultSet row = query.executeQuery()) {
          row.next();
          return row.getBoolean(1);
        }
      }
    }
  }
}
