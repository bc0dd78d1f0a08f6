package io.cryptoetl.backfill.publishing;

import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;

/**
 * Which files are known and how far each one is: read from ops.files from its beginning, and
 * followed. Every instance has the same picture, a moment late. There may be millions of files: of
 * those that changed last all is kept, and of older ones that nobody works on what tells them apart
 * and their state.
 */
public final class Ledger implements Runnable {
  /** Files of which all is kept, beside those that are being worked on. */
  static final int MOST_IN_FULL = 20_000;

  private static final int SLACK = 1_000;

  private final TopicFollower follower;
  private final int mostInFull;
  private final Map<Id, FileState> states = new LinkedHashMap<>();
  private final Map<Digest, Brief> briefs = new HashMap<>();

  /** A ledger of a cluster. */
  public Ledger(KafkaClients kafka) {
    this.follower = new TopicFollower(kafka, List.of(Topics.OPS_FILES), (_, value) -> add(value));
    this.mostInFull = MOST_IN_FULL;
  }

  /** A ledger that follows nothing. */
  Ledger(int mostInFull) {
    this.follower = null;
    this.mostInFull = mostInFull;
  }

  private record Id(String file, String version) {}

  /** Half of a SHA-256: no two files in the world have the same. */
  private record Digest(long high, long low) {
    static Digest of(String... parts) {
      ByteBuffer digest = ByteBuffer.wrap(Requests.digest(List.of(parts)));
      return new Digest(digest.getLong(), digest.getLong());
    }
  }

  /**
   * What is kept of a file that nobody works on.
   *
   * @param request digest of the id of its last request
   * @param base digest of what ids of requests for the same have in common
   */
  private record Brief(long request, long base, Progress progress) {
    static Brief of(FileState state) {
      return new Brief(
          digest(state.getRequestId()),
          digest(Requests.base(state.getRequestId())),
          Progress.of(state));
    }

    static long digest(String id) {
      return Digest.of(id).high();
    }
  }

  /** How far a file is. */
  public enum Progress {
    /** It is asked for. */
    SEEN,
    /** It is being published. */
    RUNNING,
    /** Its store does not answer. */
    WAITING,
    DONE,
    FAILED;

    static Progress of(FileState state) {
      return valueOf(state.getState().toUpperCase(Locale.ROOT));
    }

    /** As states have it. */
    String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    boolean isEnd() {
      return this == DONE || this == FAILED;
    }
  }

  /** How far a version of a file, or of a member of an archive, is; empty if nobody has seen it. */
  public synchronized Optional<Progress> progress(String file, String version) {
    return state(file, version)
        .map(Progress::of)
        .or(() -> Optional.ofNullable(briefs.get(Digest.of(file, version))).map(Brief::progress));
  }

  /** How far it is by a certain request; empty if that has come to nothing yet. */
  synchronized Optional<Progress> progress(String file, String version, String request) {
    Optional<FileState> state = state(file, version);
    if (state.isPresent()) {
      return state.filter(s -> s.getRequestId().equals(request)).map(Progress::of);
    }
    return Optional.ofNullable(briefs.get(Digest.of(file, version)))
        .filter(b -> b.request() == Brief.digest(request))
        .map(Brief::progress);
  }

  /** How far an old file is by a request for the same as this one; empty if none was made. */
  synchronized Optional<Progress> progressOfOld(String file, String version, String request) {
    return Optional.ofNullable(briefs.get(Digest.of(file, version)))
        .filter(b -> b.base() == Brief.digest(Requests.base(request)))
        .map(Brief::progress);
  }

  /**
   * What is known of a version of a file, or of a member of an archive; empty also if it changed
   * long ago and nobody works on it.
   */
  public synchronized Optional<FileState> state(String file, String version) {
    return Optional.ofNullable(states.get(new Id(file, version)));
  }

  /**
   * What a request has come to: its file, and the members if that is an archive; empty also if that
   * was long ago.
   */
  public synchronized List<FileState> ofRequest(String request) {
    return states.values().stream().filter(s -> s.getRequestId().equals(request)).toList();
  }

  /** Files by the time of their last change, the latest first; of old ones nothing. */
  public synchronized List<FileState> latest(Optional<String> state, int most) {
    List<FileState> all = new ArrayList<>(states.values());
    return all.reversed().stream()
        .filter(s -> state.isEmpty() || s.getState().equals(state.get()))
        .limit(most)
        .toList();
  }

  /** Files of a location whose store did not answer, and of which all is known. */
  public synchronized List<FileState> waiting(String location) {
    return states.values().stream()
        .filter(s -> Progress.of(s) == Progress.WAITING && s.getLocation().equals(location))
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

  synchronized void add(SpecificRecord value) {
    if (value instanceof FileState state) {
      Id id = new Id(state.getFile(), state.getFileVersion());
      // Behind all others: the order is that of the last changes.
      states.remove(id);
      states.put(id, state);
      briefs.remove(Digest.of(id.file(), id.version()));
      if (states.size() > mostInFull + SLACK) {
        shorten();
      }
    }
  }

  private void shorten() {
    Iterator<Map.Entry<Id, FileState>> eldest = states.entrySet().iterator();
    while (states.size() > mostInFull && eldest.hasNext()) {
      Map.Entry<Id, FileState> entry = eldest.next();
      if (isAtRest(entry.getValue())) {
        Id id = entry.getKey();
        briefs.put(Digest.of(id.file(), id.version()), Brief.of(entry.getValue()));
        eldest.remove();
      }
    }
  }

  /** Whether no work on a file goes on that needs more than how far it is. */
  private boolean isAtRest(FileState state) {
    int member = state.getFile().indexOf("!/");
    if (member >= 0) {
      // What is published of an archive is known by its members.
      return progress(state.getFile().substring(0, member), state.getFileVersion())
          .map(Progress::isEnd)
          .orElse(false);
    }
    // What a listing has found it finds again, with all that its request says.
    return Progress.of(state).isEnd()
        || (state.getRequestedBy().equals(Requests.BY_SCHEDULE)
            && state.getChunks() == 0
            && Progress.of(state) != Progress.RUNNING);
  }
}
