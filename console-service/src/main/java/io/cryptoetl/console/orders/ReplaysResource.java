package io.cryptoetl.console.orders;

import io.cryptoetl.console.Database;
import io.cryptoetl.console.Kafka;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.cryptoetl.kafka.Replays;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import io.quarkus.runtime.ShutdownEvent;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.core.MediaType;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jboss.logging.Logger;

/**
 * Has records whose mapping failed processed again, with the code and settings that the
 * transformers have now. What can be mapped then loses its dead letter.
 */
@Path("/api/replays")
@Blocking
@ApplicationScoped
public class ReplaysResource {
  private static final Logger LOG = Logger.getLogger(ReplaysResource.class);

  /** Letters that one replay takes. */
  private static final int MAX_LETTERS = 10_000;

  private static final Duration POLL = Duration.ofMillis(500);

  /** So long without a record that is processed, and nobody waits any more. */
  private static final Duration PATIENCE = Duration.ofMinutes(10);

  private static final String LETTERS =
      """
      SELECT partition, "offset" FROM ops.dead_letters
      WHERE stage = 'transform' AND code = ? AND coalesce(source, '') = ? AND topic = ?
        AND partition IS NOT NULL AND "offset" IS NOT NULL
      ORDER BY occurred_at DESC LIMIT ?
      """;

  private final Kafka kafka;
  private final Database database;
  private final Person.Current current;
  private Progress progress = Progress.NONE;
  private Thread thread;

  ReplaysResource(Kafka kafka, Database database, Person.Current current) {
    this.kafka = kafka;
    this.database = database;
    this.current = current;
  }

  /** Letters whose records shall be processed again: a group of audit.dead_letters. */
  public record Wanted(String code, String source, String topic) {}

  /**
   * How far the last replay is.
   *
   * @param state none since the console started, running, done or failed
   * @param message what came of it
   * @param records that are processed again
   * @param done of them
   * @param of the letters whose records they are; null if there are none
   */
  public record Progress(String state, String message, long records, long done, Wanted of) {
    static final Progress NONE = new Progress("none", "", 0, 0, null);
  }

  /** How far the last replay is. */
  @GET
  public synchronized Progress progress() {
    return progress;
  }

  /** Begins a replay; only operators may, and one at a time. */
  @POST
  @Consumes(MediaType.APPLICATION_JSON)
  public synchronized Progress start(Wanted wanted) throws SQLException {
    current.mustBeOperator("replay");
    Topic raw =
        Topics.REPLAYS.keySet().stream()
            .filter(t -> t.name().equals(wanted.topic()))
            .findFirst()
            .orElseThrow(
                () ->
                    new Problem.Refused(
                        400,
                        "no_raw_topic",
                        "'%s' is no raw topic: only raw records are processed again."
                            .formatted(wanted.topic())));
    if (thread != null && thread.isAlive()) {
      throw new Problem.Refused(
          409, "replay_runs", "A replay is running. Wait until it is done, then try again.");
    }
    Map<Integer, Set<Long>> records = records(wanted);
    if (records.isEmpty()) {
      throw new Problem.Refused(
          404, "no_letters", "There are no such dead letters any more, or none with a record.");
    }
    long count = records.values().stream().mapToLong(Set::size).sum();
    progress = new Progress("running", "", count, 0, wanted);
    LOG.infof(
        "event=replay topic=%s code=%s records=%d by=\"%s\"",
        raw.name(), wanted.code(), count, current.person().name());
    thread =
        Thread.ofPlatform().daemon().name("replay").start(() -> run(raw, records, count, wanted));
    return progress;
  }

  private Map<Integer, Set<Long>> records(Wanted wanted) throws SQLException {
    Map<Integer, Set<Long>> records = new TreeMap<>();
    try (Connection connection = database.pages();
        PreparedStatement query = connection.prepareStatement(LETTERS)) {
      query.setString(1, wanted.code());
      query.setString(2, wanted.source());
      query.setString(3, wanted.topic());
      query.setInt(4, MAX_LETTERS);
      try (ResultSet rows = query.executeQuery()) {
        while (rows.next()) {
          records.computeIfAbsent(rows.getInt(1), _ -> new TreeSet<>()).add(rows.getLong(2));
        }
      }
    }
    return records;
  }

  private void run(Topic raw, Map<Integer, Set<Long>> records, long count, Wanted of) {
    try (Replays replays = new Replays(kafka.clients())) {
      Replays.Started started = replays.start(raw, records);
      long kept = started.offsets();
      String lost =
          kept == count
              ? ""
              : "; %,d records are not kept in the topic any more, and keep their letters"
                  .formatted(count - kept);
      long done = 0;
      long moved = System.nanoTime();
      while (done < started.offsets()) {
        Thread.sleep(POLL);
        long now = replays.done(started);
        if (now > done) {
          moved = System.nanoTime();
        } else if (System.nanoTime() - moved > PATIENCE.toNanos()) {
          set(
              new Progress(
                  "failed",
                  "No transformer has processed a record for %d minutes. The replay stays asked for; when one runs, begin another to withdraw the letters."
                      .formatted(PATIENCE.toMinutes()),
                  count,
                  now,
                  of));
          return;
        }
        done = now;
        set(new Progress("running", "", count, done, of));
      }
      Replays.Letters letters = replays.sweep(started);
      set(
          new Progress(
              "done",
              "%,d letter%s withdrawn, %,d still cannot be mapped%s"
                  .formatted(letters.gone(), letters.gone() == 1 ? "" : "s", letters.kept(), lost),
              count,
              done,
              of));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      // Kafka's, or any that nobody thought of: it is told, and does not seem to run for ever.
      LOG.warnf(e, "event=replay_failed reason=\"%s\"", e.getMessage());
      set(
          new Progress(
              "failed",
              "Kafka did not do what was asked. Try again: nothing is lost.",
              count,
              0,
              of));
    }
  }

  private synchronized void set(Progress now) {
    progress = now;
  }

  void stop(@Observes ShutdownEvent event) {
    Thread running = thread;
    if (running != null) {
      running.interrupt();
    }
  }
}
