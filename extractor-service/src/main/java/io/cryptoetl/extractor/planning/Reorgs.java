package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.ops.Cursor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Compares what was published of a feed with what the chain has now. Blocks of a range are chained
 * to each other, so the hash of its last block stands for all of it: usually one question tells
 * that nothing was replaced.
 */
final class Reorgs {
  /** Times that two neighbours are fetched again because they do not link. */
  private static final int TRIES_PER_LINK = 5;

  private final Feed feed;
  private final Ledger ledger;
  private final Map<Long, Integer> brokenLinks = new HashMap<>();

  Reorgs(Feed feed, Ledger ledger) {
    this.feed = feed;
    this.ledger = ledger;
  }

  /** What a look brought. */
  sealed interface Verdict {
    /**
     * Ranges that have to be fetched again; none if all is well.
     *
     * @param problem what does not get better by fetching again
     */
    record Replaced(List<Range> ranges, Optional<String> problem) implements Verdict {}

    /** The chain was replaced further back than is looked at. */
    record TooDeep(String reason) implements Verdict {}
  }

  Verdict look(Cursor cursor) throws TransientException, InterruptedException {
    List<Ledger.Tip> tips = ledger.tips(feed.name());
    Set<Range> replaced = new LinkedHashSet<>();
    if (feed.reorgWindow() > 0 && !tips.isEmpty()) {
      long lowest = tips.getLast().range().to() - feed.reorgWindow();
      for (Ledger.Tip tip : tips.reversed()) {
        Optional<byte[]> now = feed.hashAt(tip.range().to());
        if (now.isPresent() && Arrays.equals(now.get(), tip.hash())) {
          break;
        }
        if (tip.range().to() <= lowest) {
          return new Verdict.TooDeep(tooDeep(tip, cursor));
        }
        // Without a block there now, the chain is shorter for the moment: it will be looked at
        // again.
        if (now.isPresent()) {
          replaced.add(tip.range());
        }
      }
    }
    Optional<String> problem = addBrokenLinks(tips, replaced);
    replaced.removeAll(ledger.outstanding(feed.name()));
    List<Range> ascending = new ArrayList<>(replaced);
    ascending.sort((a, b) -> Long.compare(a.from(), b.from()));
    return new Verdict.Replaced(ascending, problem);
  }

  private String tooDeep(Ledger.Tip tip, Cursor cursor) {
    long from = cursor == null ? 0 : cursor.getFirstNumber();
    return "the chain has another block at height %d than was published, %d blocks below the newest: deeper than reorg-window allows. Nothing is planned until it fits. See that the endpoints are nodes of the right chain; then fetch again what was replaced, from where you trust it on: ./pipeline extract %s --from N --to %d, with N between %d and %d"
        .formatted(
            tip.range().to(),
            feed.reorgWindow(),
            feed.name(),
            cursor == null ? tip.range().to() : cursor.getNextNumber() - 1,
            from,
            tip.range().to());
  }

  /** Neighbouring ranges that do not link were read from different forks: one of them is wrong. */
  private Optional<String> addBrokenLinks(List<Ledger.Tip> tips, Set<Range> replaced) {
    Optional<String> problem = Optional.empty();
    Set<Long> broken = new LinkedHashSet<>();
    Set<Range> outstanding = new HashSet<>(ledger.outstanding(feed.name()));
    for (int i = 1; i < tips.size(); i++) {
      Ledger.Tip below = tips.get(i - 1);
      Ledger.Tip above = tips.get(i);
      if (above.range().from() != below.range().to() + 1
          || Arrays.equals(above.parentHash(), below.hash())) {
        continue;
      }
      broken.add(above.range().from());
      if (outstanding.contains(below.range()) || outstanding.contains(above.range())) {
        continue;
      }
      if (brokenLinks.getOrDefault(above.range().from(), 0) >= TRIES_PER_LINK) {
        problem =
            Optional.of(
                "block %d does not link to block %d, however often both are fetched; the endpoints may be on different forks"
                    .formatted(above.range().from(), below.range().to()));
        continue;
      }
      brokenLinks.merge(above.range().from(), 1, Integer::sum);
      replaced.add(below.range());
      replaced.add(above.range());
    }
    brokenLinks.keySet().retainAll(broken);
    return problem;
  }
}
