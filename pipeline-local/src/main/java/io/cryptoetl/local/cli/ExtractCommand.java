package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.cli.PipelineCommand.Running;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Parts;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches a historical range. */
@Command(
    name = "extract",
    description = "Fetches a range of blocks and waits until its rows are loaded.",
    mixinStandardHelpOptions = true)
final class ExtractCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 500;

  @Parameters(
      paramLabel = "SOURCE",
      description = "Name of a source, as ./pipeline status shows it")
  private String source;

  @Option(names = "--from", required = true, paramLabel = "N", description = "First height")
  private long from;

  @Option(names = "--to", required = true, paramLabel = "M", description = "Last height, inclusive")
  private long to;

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
    HttpResponse<String> response;
    try {
      response = Parts.post(parts.extractorUrl() + "/sources/" + source + "/requests", body);
    } catch (IOException e) {
      throw new IOException("The extractor does not answer; see ./pipeline status", e);
    } catch (IllegalArgumentException e) {
      throw new MisuseException("'" + source + "' is not the name of a source");
    }
    JsonNode answer = JSON.readTree(response.body());
    if (response.statusCode() == 404 || response.statusCode() == 400) {
      throw new MisuseException(answer.path("error").asText());
    }
    if (response.statusCode() != 202) {
      throw new IOException("The extractor answered " + response.statusCode());
    }
    return await(parts, answer.get("jobId").asText(), chainId(parts));
  }

  private long chainId(Parts parts) throws IOException, InterruptedException {
    for (JsonNode each : JSON.readTree(Parts.get(parts.extractorUrl() + "/sources").body())) {
      if (each.path("name").asText().equals(source)) {
        return each.path("chainId").asLong();
      }
    }
    throw new IOException("The extractor has no source " + source + " any more");
  }

  private int await(Parts parts, String job, long chainId)
      throws SQLException, InterruptedException {
    long wanted = to - from + 1;
    ProgressBarBuilder bar =
        new ProgressBarBuilder()
            .setTaskName("Blocks")
            .setInitialMax(wanted)
            .setUpdateIntervalMillis(screen.isTerminal() ? 250 : 5000)
            .setStyle(screen.isTerminal() ? ProgressBarStyle.UNICODE_BLOCK : ProgressBarStyle.ASCII)
            .showSpeed();
    State state;
    try (ProgressBar progress = bar.build();
        Connection db = parts.connection(Database.PIPELINE)) {
      while (true) {
        state = State.read(db, job, chainId, from, to);
        progress.stepTo(Math.min(wanted, state.loaded() + state.deadLetters()));
        progress.setExtraMessage(
            " fetched " + state.fetched() + ", dead letters " + state.deadLetters());
        if (state.fetched() + state.deadLetters() >= wanted
            && state.loaded() >= state.fetched()
            && State.isComplete(db, chainId, from, to)) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
    }
    screen.line(
        "Blocks %d to %d of %s: %d fetched, %d loaded with all their rows, %d in the dead letters."
            .formatted(from, to, source, state.fetched(), state.loaded(), state.deadLetters()));
    if (state.deadLetters() > 0) {
      screen.line(
          "  ./pipeline query \"SELECT block_number, code, reason FROM ops.dead_letters WHERE source = '%s' AND block_number BETWEEN %d AND %d\""
              .formatted(source, from, to));
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
   */
  private record State(long fetched, long deadLetters, long loaded) {
    static State read(Connection db, String job, long chainId, long from, long to)
        throws SQLException {
      try (PreparedStatement query =
          db.prepareStatement(
              """
              WITH results AS (
                SELECT coalesce(sum(blocks), 0) AS blocks,
                       coalesce(sum(dead_letters), 0) AS dead_letters,
                       min(started_at) AS began
                FROM ops.extract_results WHERE job_id = ?
              )
              SELECT blocks, dead_letters,
                (SELECT count(*) FROM chain.blocks
                 WHERE chain_id = ? AND number BETWEEN ? AND ? AND fetched_at >= date_trunc('milliseconds', began))
              FROM results
              """)) {
        query.setString(1, job);
        query.setLong(2, chainId);
        query.setLong(3, from);
        query.setLong(4, to);
        try (ResultSet row = query.executeQuery()) {
          row.next();
          return new State(row.getLong(1), row.getLong(2), row.getLong(3));
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
