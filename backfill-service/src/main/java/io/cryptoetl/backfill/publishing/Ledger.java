package io.cryptoetl.backfill.publishing;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;

/**
 * Which files are known and how far each one is: read from ops.files from its beginning, and
 * followed. Every instance has the same picture, a moment late.
 */
public final class Ledger implements Runnable {
  private final TopicFollower follower;
  private final Map<Id, FileState> states = new LinkedHashMap<>();

  /** A ledger of a cluster. */
  public Ledger(KafkaClients kafka) {
    this.follower = new TopicFollower(kafka, List.of(Topics.OPS_FILES), (_, value) -> add(value));
  }

  private record Id(String file, String version) {}

  /** What is known of a version of a file, or of a member of an archive. */
  public synchronized Optional<FileState> state(String file, String version) {
    return Optional.ofNullable(states.get(new Id(file, version)));
  }

  /** What a request has come to: its file, and the members if that is an archive. */
  public synchronized List<FileState> ofRequest(String request) {
    return states.values().stream().filter(s -> s.getRequestId().equals(request)).toList();
  }

  /** Files by the time of their last change, the latest first. */
  public synchronized List<FileState> latest(Optional<String> state, int most) {
    List<FileState> all = new ArrayList<>(states.values());
    return all.reversed().stream()
        .filter(s -> state.isEmpty() || s.getState().equals(state.get()))
        .limit(most)
        .toList();
  }

  /** Waits until it has read what was there when it began; whether it has. */
  public boolean awaitRead(Duration atMost) throws InterruptedException {
    return follower.awaitRead(atMost);
  }

  /** Waits until everything is read that was written before the call, open transactions too. */
  public void awaitUpToDate(Admin admin, Duration atMost) throws InterruptedException {
    follower.awaitUpToDate(admin, atMost);
  }

  /** Makes {@link #run} return. */
  public void stop() {
    follower.stop();
  }

  @Override
  public void run() {
    follower.run();
  }

  /** Records of the topic that could not be read. */
  public long skipped() {
    return follower.skipped();
  }

  private synchronized void add(SpecificRecord value) {
    if (value instanceof FileState state) {
      Id id = new Id(state.getFile(), state.getFileVersion());
      // Behind all others: the order is that of the last changes.
      states.remove(id);
      states.put(id, state);
    }
  }
}
