package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.ops.OrderResult;
import java.io.IOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
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

  /** As often as extractors tell of themselves. */
  private static final Duration ASK_EVERY = Duration.ofSeconds(5);

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
    Deployment deployment = Deployment.current().knowing(source);
    OrderResult ordered =
        deployment.give(
            Deployment.order("fetch", source).setRangeFrom(from).setRangeTo(to).build());
    screen.line(ordered.getMessage());
    long first = ordered.getFromNumber();
    long last = ordered.getToNumber();
    try (Connection db = deployment.database().connect()) {
      Wait wait =
          new Wait(deployment, db, ordered.getJobId(), ordered.getRanges(), last - first + 1);
      Optional<Long> chain =
          deployment
              .sourceOf(source)
              .map(s -> s.path("chainId"))
              .filter(JsonNode::isNumber)
              .map(JsonNode::asLong);
      return chain.isPresent()
          ? awaitLoaded(db, wait, chain.get(), first, last)
          : awaitPublished(wait);
    }
  }

  /** Asks how far a job is, and notices when nothing moves any more. */
  private final class Wait {
    private final Deployment deployment;
    private final Connection db;
    private final String job;
    private final int ranges;
    private final long wanted;
    private Job state;
    private String problem = "";
    private boolean halted;
    private long askedAt = System.nanoTime() - ASK_EVERY.toNanos();
    private List<Long> before = List.of();
    private long movedAt = System.nanoTime();

    Wait(Deployment deployment, Connection db, String job, int ranges, long wanted) {
      this.deployment = deployment;
      this.db = db;
      this.job = job;
      this.ranges = ranges;
      this.wanted = wanted;
    }

    /** Looks again; whether it is worth to go on waiting. */
    boolean goesOn(long loaded) throws IOException, SQLException, InterruptedException {
      state = Job.of(db, job, ranges);
      List<Long> now = List.of(state.numbers(), state.records(), state.retries(), loaded);
      if (!now.equals(before)) {
        before = now;
        movedAt = System.nanoTime();
      }
      if (System.nanoTime() - askedAt > ASK_EVERY.toNanos()) {
        ask();
      }
      Duration still = Duration.ofNanos(System.nanoTime() - movedAt);
      return still.compareTo(!state.isRunning() || halted ? SETTLED : MAX_STILL) < 0;
    }

    /** Looks what the extractor tells of the source. */
    private void ask() throws IOException, InterruptedException {
      Optional<JsonNode> own = deployment.sourceOf(source);
      problem = own.map(s -> s.path("problems").path(0).asText("")).orElse("");
      halted = false;
      for (JsonNode feed : own.map(s -> s.path("feeds")).orElseGet(JSON::createArrayNode)) {
        halted |= feed.path("name").asText().equals(source) && feed.path("halted").asBoolean();
      }
      askedAt = System.nanoTime();
    }

    void show(ProgressBar progress, long done, long lost) {
      progress.stepTo(Math.min(wanted, done));
      progress.setExtraMessage(
          " fetched %d, dead letters %d%s"
              .formatted(
                  state.records(),
                  state.deadLetters() + lost,
                  problem.isEmpty() ? "" : "; " + problem));
      progress.refresh();
    }

    /** What to do about a job that does not move. */
    int stuck() {
      screen.line(
          "%s: %d of %d numbers are worked off, and nothing has moved for a while%s"
              .formatted(
                  source, state.numbers(), wanted, problem.isEmpty() ? "." : ": " + problem));
      screen.line(
          "  The job goes on by itself. ./pipeline sources jobs %s shows it, ./pipeline sources cancel %s ends it."
              .formatted(job, job));
      return PipelineCommand.FAILED;
    }
  }

  /** Waits for market data until it is published. */
  private int awaitPublished(Wait wait) throws IOException, SQLException, InterruptedException {
    try (ProgressBar progress = screen.bar("Numbers", wait.wanted)) {
      while (wait.goesOn(0) && wait.state.isRunning()) {
        wait.show(progress, wait.state.numbers(), 0);
        Thread.sleep(POLL_MS);
      }
      wait.show(progress, wait.state.numbers(), 0);
    }
    if (wait.state.isRunning()) {
      return wait.stuck();
    }
    screen.line(
        "%s: %s; %d records published, %d numbers without one, %d in the dead letters."
            .formatted(
                source,
                wait.state.state(),
                wait.state.records(),
                wait.state.absent(),
                wait.state.deadLetters()));
    return wait.state.state().equals("done") && wait.state.deadLetters() == 0
        ? 0
        : PipelineCommand.FAILED;
  }

  private int awaitLoaded(Connection db, Wait wait, long chainId, long first, long last)
      throws SQLException, IOException, InterruptedException {
    Loaded loaded = Loaded.NOTHING;
    boolean complete = false;
    try (ProgressBar progress = screen.bar("Blocks", wait.wanted)) {
      while (wait.goesOn(loaded.blocks() + loaded.lost())) {
        loaded = Loaded.read(db, wait.job, chainId, first, last);
        wait.show(
            progress,
            loaded.blocks() + loaded.lost() + wait.state.deadLetters() + wait.state.absent(),
            loaded.lost());
        complete =
            !wait.state.isRunning()
                && loaded.blocks() + loaded.lost() >= wait.state.records()
                && Loaded.isComplete(db, chainId, first, last);
        if (complete || wait.state.isCancelled()) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
    }
    if (wait.state.isCancelled()) {
      screen.line("The job was cancelled; what was published stays.");
      return PipelineCommand.FAILED;
    }
    if (wait.state.isRunning()) {
      return wait.stuck();
    }
    long dead = wait.state.deadLetters() + loaded.lost();
    String absent =
        wait.state.absent() == 0
            ? ""
            : ", at %d heights the chain has none".formatted(wait.state.absent());
    screen.line(
        "Blocks %d to %d of %s: %d fetched%s, %d loaded%s, %d in the dead letters."
            .formatted(
                first,
                last,
                source,
                wait.state.records(),
                absent,
                loaded.blocks(),
                complete && dead == 0 ? " with all their rows" : "",
                dead));
    if (dead > 0) {
      screen.line(
          "  "
              + Deployment.shown(
                  "SELECT block_number, stage, code, reason FROM ops.dead_letters WHERE (source = '%s' OR chain_id = %d) AND block_number BETWEEN %d AND %d"
                      .formatted(source, chainId, first, last)));
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
