package io.cryptoetl.backfill.publishing;

import io.cryptoetl.ops.FileState;
import io.cryptoetl.schemas.KafkaSettings;
import io.cryptoetl.schemas.Topics;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.InterruptException;
import org.jboss.logging.Logger;

/**
 * Which files are known and how far each one is: read from ops.files from its beginning, and
 * followed. Every instance has the same picture, a moment late.
 */
public final class Ledger implements Runnable {
  private static final Logger LOG = Logger.getLogger(Ledger.class);
  private static final TopicPartition FILES = new TopicPartition(Topics.OPS_FILES.name(), 0);
  private static final Duration POLL = Duration.ofMillis(200);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final KafkaSettings kafka;
  private final Map<Id, FileState> states = new LinkedHashMap<>();
  private long position;
  private volatile boolean stopped;

  /** A ledger of a cluster. */
  public Ledger(KafkaSettings kafka) {
    this.kafka = kafka;
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

  /** Waits until everything is read that was written before the call, open transactions too. */
  public void awaitUpToDate(Admin admin, Duration atMost) throws InterruptedException {
    long end;
    try {
      end =
          admin
              .listOffsets(Map.of(FILES, OffsetSpec.latest()))
              .partitionResult(FILES)
              .get()
              .offset();
    } catch (ExecutionException e) {
      throw new KafkaException(
          "topic " + FILES.topic() + " cannot be read; are the topics provisioned?", e.getCause());
    }
    long deadline = System.nanoTime() + atMost.toNanos();
    synchronized (this) {
      while (position < end) {
        long left = (deadline - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          throw new KafkaException(
              "%s is read to offset %d of %d only".formatted(FILES.topic(), position, end));
        }
        wait(left);
      }
    }
  }

  /** Makes {@link #run} return. */
  public void stop() {
    stopped = true;
  }

  @Override
  public void run() {
    while (!stopped) {
      try (Consumer<SpecificRecord, SpecificRecord> reader = kafka.reader()) {
        reader.assign(List.of(FILES));
        // What is known stays known; what came since is read.
        reader.seek(FILES, read());
        while (!stopped) {
          for (ConsumerRecord<SpecificRecord, SpecificRecord> r : reader.poll(POLL)) {
            add(r.value());
          }
          advance(reader.position(FILES));
        }
      } catch (InterruptException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (RuntimeException e) {
        // Whatever it was, the topic holds everything.
        LOG.warnf(e, "event=ledger_reopened reason=\"%s\"", e.getMessage());
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(PAUSE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new KafkaException("interrupted", e);
    }
  }

  private synchronized void advance(long to) {
    position = to;
    notifyAll();
  }

  private synchronized long read() {
    return position;
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
