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
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Fetches a historical range. */
@Command(
    name = "extract",
    description =
        "Fetches a range and waits until it is published, and the rows of blocks are loaded. Ends with 1 if something went to the dead letters or does not move.",
    mixinStandardHelpOptions = true)
final class ExtractCommand implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final long POLL_MS = 500;

  /** Time without a move after which what is still missing does not come. */
  private static final Duration SETTLED = Duration.ofSeconds(45);

  /** Time without a move after which a job that is not worked off is left to itself. */
  private static final Duration MAX_STILL = Duration.ofMinutes(10);

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
    Wait wait = new Wait(api, id, last - first + 1);
    return job.path("chainId").isNumber()
        ? awaitLoaded(parts, wait, job.get("chainId").asLong(), first, last)
        : awaitPublished(wait);
  }

  /** Asks the extractor how far a job is, and notices when nothing moves any more. */
  private final class Wait {
    private final ServiceApi api;
    private final String job;
    private final long wanted;
    private JsonNode state;
    private String problem = "";
    private boolean halted;
    private List<Long> before = List.of();
    private long movedAt = System.nanoTime();

    Wait(ServiceApi api, String job, long wanted) {
      this.api = api;
      this.job = job;
      this.wanted = wanted;
    }

    long value(String field) {
      return state.get(field).asLong();
    }

    boolean isCancelled() {
      return state.get("state").asText().equals("cancelled");
    }

    boolean isRunning() {
      return state.get("state").asText().equals("running");
    }

    /** Looks again; whether it is worth to go on waiting. */
    boolean goesOn(long loaded) throws IOException, InterruptedException {
      state = api.get("/jobs/" + job);
      List<Long> now = List.of(value("done"), value("records"), value("retries"), loaded);
      if (!now.equals(before)) {
        before = now;
        movedAt = System.nanoTime();
      }
      JsonNode own = source();
      problem = own.path("problems").path(0).asText("");
      halted = false;
      own.path("feeds").forEach(feed -> halted |= isOwn(feed) && feed.path("halted").asBoolean());
      Duration still = Duration.ofNanos(System.nanoTime() - movedAt);
      return still.compareTo(!isRunning() || halted ? SETTLED : MAX_STILL) < 0;
    }

    private JsonNode source() throws IOException, InterruptedException {
      for (JsonNode each : api.get("/sources")) {
        for (JsonNode feed : each.path("feeds")) {
          if (isOwn(feed)) {
            return each;
          }
        }
      }
      return JSON.createObjectNode();
    }

    private boolean isOwn(JsonNode feed) {
      return feed.path("name").asText().equals(source);
    }

    void show(ProgressBar progress, long done, long lost) {
      progress.stepTo(Math.min(wanted, done));
      progress.setExtraMessage(
          " fetched %d, dead letters %d%s"
              .formatted(
                  value("records"),
                  value("deadLetters") + lost,
                  problem.isEmpty() ? "" : "; " + problem));
      progress.refresh();
    }

    /** What to do about a job that does not move. */
    int stuck() {
      screen.line(
          "%s: %d of %d numbers are worked off, and nothing has moved for a while%s"
              .formatted(source, value("done"), wanted, problem.isEmpty() ? "." : ": " + problem));
      screen.line(
          "  The job goes on by itself. ./pipeline sources jobs %s shows it, ./pipeline sources cancel %s ends it."
              .formatted(job, job));
      return PipelineCommand.FAILED;
    }
  }

  /** Waits for market data until it is published. */
  private int awaitPublished(Wait wait) throws IOException, InterruptedException {
    try (ProgressBar progress = screen.bar("Numbers", wait.wanted)) {
      while (wait.goesOn(0) && wait.isRunning()) {
        wait.show(progress, wait.value("done"), 0);
        Thread.sleep(POLL_MS);
      }
      wait.show(progress, wait.value("done"), 0);
    }
    if (wait.isRunning()) {
      return wait.stuck();
    }
    screen.line(
        "%s: %s; %d records published, %d numbers without one, %d in the dead letters."
            .formatted(
                source,
                wait.state.get("state").asText(),
                wait.value("records"),
                wait.value("absent"),
                wait.value("deadLetters")));
    return wait.state.get("state").asText().equals("done") && wait.value("deadLetters") == 0
        ? 0
        : PipelineCommand.FAILED;
  }

  private int awaitLoaded(Parts parts, Wait wait, long chainId, long first, long last)
      throws SQLException, IOException, InterruptedException {
    Loaded loaded = Loaded.NOTHING;
    boolean complete = false;
    try (ProgressBar progress = screen.bar("Blocks", wait.wanted);
        Connection db = parts.connection(Database.PIPELINE)) {
      while (wait.goesOn(loaded.blocks() + loaded.lost())) {
        loaded = Loaded.read(db, wait.job, chainId, first, last);
        wait.show(
            progress,
            loaded.blocks() + loaded.lost() + wait.value("deadLetters") + wait.value("absent"),
            loaded.lost());
        complete =
            !wait.isRunning()
                && loaded.blocks() + loaded.lost() >= wait.value("records")
                && Loaded.isComplete(db, chainId, first, last);
        if (complete || wait.isCancelled()) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
    }
    if (wait.isCancelled()) {
      screen.line("The job was cancelled; what was published stays.");
      return PipelineCommand.FAILED;
    }
    if (wait.isRunning()) {
      return wait.stuck();
    }
    long dead = wait.value("deadLetters") + loaded.lost();
    String absent =
        wait.value("absent") == 0
            ? ""
            : ", at %d heights the chain has none".formatted(wait.value("absent"));
    screen.line(
        "Blocks %d to %d of %s: %d fetched%s, %d loaded%s, %d in the dead letters."
            .formatted(
                first,
                last,
                source,
                wait.value("records"),
                absent,
                loaded.blocks(),
                complete && dead == 0 ? " with all their rows" : "",
                dead));
    if (dead > 0) {
      screen.line(
          "  ./pipeline query \"SELECT block_number, stage, code, reason FROM ops.dead_letters WHERE (source = '%s' OR chain_id = %d) AND block_number BETWEEN %d AND %d\""
              .formatted(source, chainId, first, last));
    } else if (!complete) {
      screen.line(
          "  Nothing was loaded for a while: ./pipeline status tells how the loader does, SELECT * FROM audit.dead_letters what it could not load.");
    }
    return complete && dead == 0 ? 0 : PipelineCommand.FAILED;
  }

  /**
   * What of a job is in the tables.
   *
   * @param blocks of the range whose row is of this job or newer
   * @param lost blocks that were published and are in the dead letters of what came after
   */
  private record Loaded(long blocks, long lost) {
    private static final Loaded NOTHING = new Loaded(0, 0);

    static Loaded read(Connection db, String job, long chainId, long from, long to)
        throws SQLException {
      try (PreparedStatement query =
          db.prepareStatement(
              """
              WITH results AS (
                SELECT date_trunc('milliseconds', min(started_at)) AS began
                FROM ops.extract_results WHERE job_id = ?
              )
              SELECT
                (SELECT count(*) FROM chain.blocks
                 WHERE chain_id = ? AND number BETWEEN ? AND ? AND fetched_at >= began),
                (SELECT count(DISTINCT block_number) FROM ops.dead_letters
                 WHERE stage <> 'extract' AND chain_id = ? AND block_number BETWEEN ? AND ?
                   AND occurred_at >= began)
              FROM results
              """)) {
        query.setString(1, job);
        query.setLong(2, chainId);
        query.setLong(3, from);
        query.setLong(4, to);
        query.setLong(5, chainId);
        query.setLong(6, from);
        query.setLong(7, to);
        try (ResultSet row = query.executeQuery()) {
          row.next();
          return new Loaded(row.getLong(1), row.getLong(2));
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
