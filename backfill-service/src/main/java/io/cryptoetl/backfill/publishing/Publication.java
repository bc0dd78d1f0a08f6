package io.cryptoetl.backfill.publishing;

import io.cryptoetl.backfill.metrics.Meters;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.kafka.TransactionalWorker;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.ops.FileStateKey;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.raw.RawCsvRowsKey;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Publishes the chunks of a checked file. Each transaction holds some chunks, how far the file is
 * with them, and the offset of the request, which moves on with the last one: a crash repeats what
 * was not committed, and a worker that lost its partition can commit nothing more.
 */
final class Publication implements FileReader.Content {
  /** Bytes of rows in a transaction. */
  private static final int TOGETHER = 4 * 1024 * 1024;

  private final FileRequest request;
  private final Map<String, Check.Part> parts;
  private final Ledger ledger;
  private final TransactionalWorker.Request asked;
  private final String worker;
  private final Instant fetchedAt;
  private final Clock clock;
  private final Meters meters;

  private final List<RawCsvRows> held = new ArrayList<>();
  private long heldBytes;
  private FileState.Builder state;
  private FileFormat format;
  private Detector.Reading reading;
  private boolean archiveBegun;

  Publication(
      FileRequest request,
      Map<String, Check.Part> parts,
      Ledger ledger,
      TransactionalWorker.Request asked,
      String worker,
      Instant fetchedAt,
      Clock clock,
      Meters meters) {
    this.request = request;
    this.parts = parts;
    this.ledger = ledger;
    this.asked = asked;
    this.worker = worker;
    this.fetchedAt = fetchedAt;
    this.clock = clock;
    this.meters = meters;
  }

  private FileState.Builder known(String name) {
    return ledger
        .state(name, request.getFileVersion())
        .filter(s -> s.getRequestId().equals(request.getRequestId()))
        .map(FileState::newBuilder)
        .orElseGet(() -> Requests.state(request).setFile(name));
  }

  @Override
  public boolean begin(Optional<String> member, FileFormat found, byte[] sample) {
    Check.Part part = parts.get(Check.name(request.getFile(), member));
    if (part.refusal().isPresent()) {
      refused(member.orElseThrow(), part.refusal().get());
      return false;
    }
    if (member.isPresent()) {
      beginArchive();
    }
    state = known(part.name());
    if (is(Ledger.Progress.DONE)) {
      return false;
    }
    format = found;
    reading = part.reading().orElseThrow();
    state
        .setState(Ledger.Progress.RUNNING.word())
        .setCode(null)
        .setReason(null)
        .setDataset(reading.dataset())
        .setParameters(Requests.parameters(reading.parameters()))
        .setTotalRows(part.rows())
        .setTotalBytes(part.bytes())
        .setWorker(worker)
        .setFetchedAt(fetchedAt);
    return true;
  }

  @Override
  public Optional<FileReader.Position> from() {
    return state.getChunks() == 0
        ? Optional.empty()
        : Optional.of(new FileReader.Position(state.getBytes(), state.getNextLine()));
  }

  @Override
  public void chunk(Chunk chunk) {
    asked.alive();
    held.add(
        chunk.record(
            state.getDataset(),
            state.getFile(),
            state.getFileVersion(),
            format,
            reading.parameters(),
            fetchedAt));
    heldBytes += chunk.bytes().length;
    state
        .setRows(state.getRows() + chunk.rows())
        .setBytes(state.getBytes() + chunk.bytes().length)
        .setChunks(state.getChunks() + 1)
        .setNextLine(chunk.firstLine() + chunk.lines());
    if (heldBytes >= TOGETHER && chunk.closed()) {
      commit(false);
    }
  }

  /** Writes down that an archive is read, so that nobody takes its first member for all of it. */
  private void beginArchive() {
    state = known(request.getFile());
    if (!archiveBegun && !is(Ledger.Progress.RUNNING)) {
      state
          .setState(Ledger.Progress.RUNNING.word())
          .setCode(null)
          .setReason(null)
          .setWorker(worker)
          .setFetchedAt(fetchedAt);
      commit(false);
    }
    archiveBegun = true;
  }

  @Override
  public void end() throws IOException {
    if (!Long.valueOf(state.getRows()).equals(state.getTotalRows())) {
      throw new IOException(
          "%s gave %,d rows, %,d when it was checked"
              .formatted(state.getFile(), state.getRows(), state.getTotalRows()));
    }
    finish(state);
    // The last transaction of a file that is no archive moves the request's offset, too.
    commit(state.getFile().equals(request.getFile()));
  }

  @Override
  public void refused(String member, RefusedException reason) {
    String name = Check.name(request.getFile(), Optional.of(member));
    state = known(name);
    if (!is(Ledger.Progress.FAILED)) {
      fail(state, reason);
      commit(false);
    }
  }

  /** Writes down that an archive is read, whose members have states of their own. */
  void endArchive() {
    state = known(request.getFile());
    List<Check.Part> refused =
        parts.values().stream().filter(p -> p.refusal().isPresent()).toList();
    state.setMembers(parts.size()).setWorker(worker).setFetchedAt(fetchedAt);
    if (refused.isEmpty()) {
      finish(state);
    } else {
      fail(
          state,
          new RefusedException(
              "members_failed",
              "%d of %d members cannot be read; see their states"
                  .formatted(refused.size(), parts.size())));
    }
    commit(true);
  }

  private boolean is(Ledger.Progress progress) {
    return state.getState().equals(progress.word());
  }

  /**
   * Writes down that the file's store does not answer, and lets go of the request: it comes again
   * when the store does.
   */
  void setAside(String reason) {
    held.clear();
    heldBytes = 0;
    state = known(request.getFile());
    state
        .setState(Ledger.Progress.WAITING.word())
        .setCode("store_unreachable")
        .setReason(reason)
        .setWorker(worker);
    commit(true);
  }

  /** Writes down that the file cannot be read. */
  void fail(RefusedException reason) {
    held.clear();
    heldBytes = 0;
    for (FileState member : ledger.ofRequest(request.getRequestId())) {
      if (Ledger.Progress.of(member) == Ledger.Progress.RUNNING
          && !member.getFile().equals(request.getFile())) {
        state = FileState.newBuilder(member);
        fail(state, reason);
        commit(false);
      }
    }
    state = known(request.getFile());
    state.setWorker(worker);
    fail(state, reason);
    commit(true);
  }

  private void fail(FileState.Builder of, RefusedException reason) {
    of.setState(Ledger.Progress.FAILED.word())
        .setCode(reason.code())
        .setReason(reason.getMessage())
        .setFinishedAt(clock.instant());
    meters.file("failed");
  }

  private void finish(FileState.Builder of) {
    of.setState(Ledger.Progress.DONE.word())
        .setCode(null)
        .setReason(null)
        .setFinishedAt(clock.instant());
    meters.file("done");
  }

  private void commit(boolean last) {
    for (RawCsvRows chunk : held) {
      asked.send(
          Topics.RAW_CSV_ROWS.name(),
          new RawCsvRowsKey(chunk.getFile(), chunk.getFileVersion(), chunk.getFirstLine()),
          chunk);
    }
    asked.send(
        Topics.OPS_FILES.name(),
        new FileStateKey(state.getFile(), state.getFileVersion()),
        state.build());
    if (last) {
      asked.commitSoon();
    } else {
      asked.commitProgress();
    }
    meters.published(held.size(), heldBytes);
    held.clear();
    heldBytes = 0;
  }
}
