package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Range;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** A set of numbers, kept as ranges that neither overlap nor touch. */
final class Intervals {
  private final TreeMap<Long, Long> ranges = new TreeMap<>();

  void add(Range range) {
    long from = range.from();
    long to = range.to();
    Map.Entry<Long, Long> before = ranges.floorEntry(from);
    if (before != null && before.getValue() >= from - 1) {
      from = before.getKey();
      to = Math.max(to, before.getValue());
    }
    Map.Entry<Long, Long> next = ranges.ceilingEntry(from);
    while (next != null && next.getKey() <= to + 1) {
      to = Math.max(to, next.getValue());
      ranges.remove(next.getKey());
      next = ranges.ceilingEntry(from);
    }
    ranges.put(from, to);
  }

  /** The ranges, ascending. */
  List<Range> ranges() {
    return ranges.entrySet().stream().map(e -> new Range(e.getKey(), e.getValue())).toList();
  }

  /** What of a range is not in the set. */
  List<Range> missingIn(Range range) {
    List<Range> missing = new ArrayList<>();
    long next = range.from();
    Map.Entry<Long, Long> before = ranges.floorEntry(next);
    if (before != null && before.getValue() >= next) {
      next = before.getValue() + 1;
    }
    for (Map.Entry<Long, Long> each : ranges.tailMap(range.from(), false).entrySet()) {
      if (next > range.to() || each.getKey() > range.to()) {
        break;
      }
      if (each.getKey() > next) {
        missing.add(new Range(next, each.getKey() - 1));
      }
      next = Math.max(next, each.getValue() + 1);
    }
    if (next <= range.to()) {
      missing.add(new Range(next, range.to()));
    }
    return missing;
  }
}
