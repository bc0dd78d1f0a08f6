package io.cryptoetl.backfill.publishing;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.backfill.publishing.Ledger.Progress;
import io.cryptoetl.ops.FileState;
import java.time.Instant;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LedgerTest {
  /** More than what it keeps in full, with the slack that it has. */
  private static final int MANY = 5_000;

  private final Ledger ledger = new Ledger(10);

  private static FileState.Builder file(String name, Progress progress) {
    return FileState.newBuilder()
        .setFile(name)
        .setFileVersion("v")
        .setState(progress.word())
        .setRequestId("request of " + name)
        .setRequestedBy(Requests.BY_SCHEDULE)
        .setLocation("inbox")
        .setSize(1)
        .setModifiedAt(Instant.EPOCH)
        .setSeenAt(Instant.EPOCH);
  }

  private void addMany() {
    for (int i = 0; i < MANY; i++) {
      ledger.add(file("many-" + i, Progress.DONE).build());
    }
  }

  @Test
  void shouldKnowOldFilesByTheirStateAlone() {
    for (Progress progress : new Progress[] {Progress.DONE, Progress.FAILED, Progress.WAITING}) {
      ledger.add(file(progress.word(), progress).build());
    }
    addMany();

    assertThat(ledger.state("done", "v")).isEmpty();
    assertThat(ledger.progress("done", "v")).contains(Progress.DONE);
    assertThat(ledger.progress("failed", "v", "request of failed")).contains(Progress.FAILED);
    assertThat(ledger.progress("failed", "v", "another")).isEmpty();
    assertThat(ledger.progress("waiting", "v")).contains(Progress.WAITING);
    assertThat(ledger.progress("done", "another")).isEmpty();
    assertThat(ledger.latest(Optional.empty(), MANY)).hasSizeLessThan(MANY / 2);

    ledger.add(file("done", Progress.RUNNING).build());
    assertThat(ledger.state("done", "v")).isPresent();
    assertThat(ledger.progress("done", "v")).contains(Progress.RUNNING);
  }

  @Test
  void shouldKnowOldFilesByWhatRequestsForTheSameHaveInCommon() {
    ledger.add(file("again", Progress.DONE).setRequestId("abc-0001").build());
    addMany();

    assertThat(ledger.progressOfOld("again", "v", "abc")).contains(Progress.DONE);
    assertThat(ledger.progressOfOld("again", "v", "abc-0002")).contains(Progress.DONE);
    assertThat(ledger.progressOfOld("again", "v", "def")).isEmpty();
    assertThat(ledger.progress("again", "v", "abc")).isEmpty();
  }

  @Test
  void shouldKeepAllOfWhatWorkGoesOnWith() {
    ledger.add(file("running", Progress.RUNNING).build());
    ledger.add(file("half", Progress.WAITING).setChunks(3).build());
    ledger.add(file("ordered", Progress.WAITING).setRequestedBy("ann").build());
    ledger.add(file("a.zip", Progress.RUNNING).build());
    ledger.add(file("a.zip!/1.csv", Progress.DONE).build());
    ledger.add(file("b.zip!/1.csv", Progress.DONE).build());
    ledger.add(file("b.zip", Progress.DONE).build());
    addMany();
    addMany();

    for (String name : new String[] {"running", "half", "ordered", "a.zip", "a.zip!/1.csv"}) {
      assertThat(ledger.state(name, "v")).as(name).isPresent();
    }
    assertThat(ledger.waiting("inbox")).hasSize(2);
    assertThat(ledger.waiting("other")).isEmpty();
    assertThat(ledger.state("b.zip", "v")).isEmpty();
    assertThat(ledger.progress("b.zip!/1.csv", "v")).contains(Progress.DONE);
  }
}
