package io.cryptoetl.backfill.publishing;

import static io.cryptoetl.backfill.publishing.Ledger.Progress.WAITING;

import io.cryptoetl.backfill.files.Location;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.datasets.files.FileNames;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.TransactionalSender;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileRequestKey;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.ops.FileStateKey;
import io.cryptoetl.schemas.Topics;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.jboss.logging.Logger;

/**
 * Asks for files: what listings find that nobody has seen, and what people ask for. Whoever lists
 * twice does no harm: workers drop a request that was worked off.
 */
public final class Requests implements AutoCloseable {
  /** Who asks for what a listing finds. */
  public static final String BY_SCHEDULE = "schedule";

  private static final Logger LOG = Logger.getLogger(Requests.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(60);

  /** Files that are asked for in one transaction. */
  private static final int TOGETHER = 500;

  private final KafkaClients kafka;
  private final TransactionalSender sender;
  private final Ledger ledger;
  private final Duration settle;
  private final Clock clock;

  /**
   * Requests of an instance.
   *
   * @param settle how long a file of a folder must not have been modified
   */
  public Requests(
      KafkaClients kafka, Ledger ledger, String instance, Duration settle, Clock clock) {
    this.kafka = kafka;
    this.sender = new TransactionalSender(kafka, "backfill-requests/" + instance, TIMEOUT);
    this.ledger = ledger;
    this.settle = settle;
    this.clock = clock;
  }

  /**
   * What a listing has come to.
   *
   * @param files that the location has
   * @param took how long its store took
   */
  public record Listed(long files, Duration took) {}

  /**
   * A file that was asked for.
   *
   * @param known its state if there is nothing to do, because that is done or being done
   */
  public record Asked(FileRequest request, Optional<FileState> known) {}

  /**
   * Asks for all files of a location that nobody has seen in their version, and again for those
   * that waited for it.
   *
   * @return how many files the location has, and how long its store took to say so
   */
  public Listed list(Location location) throws java.io.IOException, InterruptedException {
    awaitLedger();
    List<FileRequest> found = new ArrayList<>();
    long[] files = {0};
    long[] sending = {0};
    long began = System.nanoTime();
    Instant settled = clock.instant().minus(settle);
    boolean folder = !location.url().startsWith("s3://");
    location
        .store()
        .list(
            file -> {
              if (!FileNames.isData(file.path())) {
                return;
              }
              files[0]++;
              if ((folder && file.modified().isAfter(settled)) || !isWanted(file)) {
                return;
              }
              found.add(
                  request(location, file, location.meaning(file), BY_SCHEDULE, Optional.empty()));
              if (found.size() == TOGETHER) {
                long from = System.nanoTime();
                send(found, true);
                sending[0] += System.nanoTime() - from;
              }
            });
    Duration took = Duration.ofNanos(System.nanoTime() - began - sending[0]);
    if (!found.isEmpty()) {
      send(found, true);
    }
    askForWaiting(location);
    return new Listed(files[0], took);
  }

  /** Asks again for the files of a location that wait for it, which answers now. */
  public void askForWaiting(Location location) {
    List<FileRequest> found = new ArrayList<>();
    for (FileState waiting : ledger.waiting(location.name())) {
      found.add(request(waiting));
      if (found.size() == TOGETHER) {
        send(found, true);
      }
    }
    if (!found.isEmpty()) {
      send(found, true);
    }
  }

  /** Asks for a file that somebody says to be new, unless it was seen in its version. */
  public void notice(Location location, StoredFile file) throws InterruptedException {
    awaitLedger();
    if (FileNames.isData(file.path()) && isWanted(file)) {
      send(
          new ArrayList<>(
              List.of(
                  request(location, file, location.meaning(file), BY_SCHEDULE, Optional.empty()))),
          true);
    }
  }

  /** Whether a file is to be asked for that a listing has found. */
  private boolean isWanted(StoredFile file) {
    Optional<Ledger.Progress> progress = ledger.progress(file.name(), file.version());
    return progress.isEmpty()
        || (progress.get() == Ledger.Progress.WAITING
            && ledger.state(file.name(), file.version()).isEmpty());
  }

  /** The request of a file that waits. */
  private FileRequest request(FileState waiting) {
    return FileRequest.newBuilder()
        .setRequestId(waiting.getRequestId())
        .setFile(waiting.getFile())
        .setFileVersion(waiting.getFileVersion())
        .setLocation(waiting.getLocation())
        .setDataset(waiting.getDataset())
        .setParameters(parameters(waiting.getParameters()))
        .setSize(waiting.getSize())
        .setModifiedAt(waiting.getModifiedAt())
        .setRequestedBy(waiting.getRequestedBy())
        .setRequestedAt(clock.instant())
        .build();
  }

  /**
   * Asks for one file.
   *
   * @param again if it shall be published although that was done before: tells this time from
   *     others, so that who asks twice for the same time gets it once
   */
  public Asked ask(
      Location location,
      StoredFile file,
      Location.Meaning meaning,
      String by,
      Optional<String> again)
      throws InterruptedException {
    awaitLedger();
    FileRequest request = request(location, file, meaning, by, again);
    // The same was asked for before, perhaps again and again: ids differ in what is behind the
    // dash.
    Optional<FileState> before =
        ledger
            .state(file.name(), file.version())
            .filter(s -> base(s.getRequestId()).equals(base(request.getRequestId())));
    Optional<Ledger.Progress> progress =
        before
            .map(Ledger.Progress::of)
            .or(() -> ledger.progressOfOld(file.name(), file.version(), request.getRequestId()));
    if (again.isEmpty()
        && progress.isPresent()
        && progress.get() != Ledger.Progress.FAILED
        && progress.get() != Ledger.Progress.WAITING) {
      return new Asked(request, before.or(() -> Optional.of(state(request, progress.get()))));
    }
    if (again.isEmpty() && before.map(Ledger.Progress::of).orElse(null) == WAITING) {
      // It goes on where it was.
      FileRequest same = request(before.get());
      send(new ArrayList<>(List.of(same)), false);
      return new Asked(same, Optional.empty());
    }
    FileRequest fresh =
        progress.isPresent() && again.isEmpty()
            ? request(location, file, meaning, by, Optional.of(clock.instant().toString()))
            : request;
    // Not yet seen by a worker: a state that is written now could hide what one has just done.
    send(new ArrayList<>(List.of(fresh)), false);
    return new Asked(fresh, Optional.empty());
  }

  /** What the ids of requests for the same have in common. */
  static String base(String id) {
    return id.split("-", 2)[0];
  }

  private void awaitLedger() throws InterruptedException {
    try (Admin admin = kafka.admin()) {
      ledger.awaitUpToDate(admin, TIMEOUT);
    }
  }

  private FileRequest request(
      Location location,
      StoredFile file,
      Location.Meaning meaning,
      String by,
      Optional<String> again) {
    String id = id(file, meaning);
    return FileRequest.newBuilder()
        .setRequestId(again.map(a -> id + "-" + digest(List.of(a), 4)).orElse(id))
        .setFile(file.name())
        .setFileVersion(file.version())
        .setLocation(location.name())
        .setDataset(meaning.dataset().orElse(null))
        .setParameters(meaning.parameters())
        .setSize(file.size())
        .setModifiedAt(file.modified())
        .setAlone(file.alone())
        .setRequestedBy(by)
        .setRequestedAt(clock.instant())
        .build();
  }

  /** The same for the same version, dataset and parameters. */
  private static String id(StoredFile file, Location.Meaning meaning) {
    return digest(
        List.of(
            file.name(),
            file.version(),
            meaning.dataset().orElse(""),
            new TreeMap<>(meaning.parameters()).toString()),
        12);
  }

  private static String digest(List<String> parts, int bytes) {
    return HexFormat.of().formatHex(digest(parts), 0, bytes);
  }

  /** SHA-256 of some texts. */
  static byte[] digest(List<String> parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (String part : parts) {
        digest.update(part.getBytes(StandardCharsets.UTF_8));
        digest.update((byte) 0);
      }
      return digest.digest();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private synchronized void send(List<FileRequest> requests, boolean asSeen) {
    sender.send(
        producer -> {
          for (FileRequest request : requests) {
            producer.send(
                new ProducerRecord<>(
                    Topics.OPS_FILE_REQUESTS.name(),
                    new FileRequestKey(request.getFile()),
                    request));
            // A state that is there may be of a worker who counts on it; one that waits is not.
            Optional<FileState> before = ledger.state(request.getFile(), request.getFileVersion());
            if (asSeen
                && ledger.progress(request.getFile(), request.getFileVersion()).orElse(WAITING)
                    == WAITING) {
              producer.send(
                  new ProducerRecord<>(
                      Topics.OPS_FILES.name(),
                      new FileStateKey(request.getFile(), request.getFileVersion()),
                      before
                          .map(FileState::newBuilder)
                          .orElseGet(() -> state(request))
                          .setState(Ledger.Progress.SEEN.word())
                          .setCode(null)
                          .setReason(null)
                          .build()));
            }
          }
        });
    LOG.infof(
        "event=files_requested count=%d first=\"%s\"",
        requests.size(), requests.getFirst().getFile());
    requests.clear();
  }

  /** The state of a file that was asked for. */
  static FileState.Builder state(FileRequest request) {
    return FileState.newBuilder()
        .setFile(request.getFile())
        .setFileVersion(request.getFileVersion())
        .setState(Ledger.Progress.SEEN.word())
        .setRequestId(request.getRequestId())
        .setRequestedBy(request.getRequestedBy())
        .setLocation(request.getLocation())
        .setDataset(request.getDataset())
        .setParameters(parameters(request.getParameters()))
        .setSize(request.getSize())
        .setModifiedAt(request.getModifiedAt())
        .setSeenAt(request.getRequestedAt());
  }

  private static FileState state(FileRequest request, Ledger.Progress progress) {
    return state(request).setState(progress.word()).build();
  }

  /** Parameters as states have them. */
  static List<String> parameters(Map<String, String> parameters) {
    return new TreeMap<>(parameters)
        .entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList();
  }

  /** The same, as requests have them. */
  static Map<String, String> parameters(List<String> parameters) {
    return parameters.stream()
        .collect(
            Collectors.toMap(
                p -> p.substring(0, p.indexOf('=')), p -> p.substring(p.indexOf('=') + 1)));
  }

  @Override
  public void close() {
    sender.close();
  }
}
