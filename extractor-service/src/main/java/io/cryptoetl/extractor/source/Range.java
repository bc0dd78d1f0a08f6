package io.cryptoetl.extractor.source;

import java.util.ArrayList;
import java.util.List;

/**
 * Heights from {@code from} to {@code to}, both inclusive.
 *
 * @param from first height, not negative
 * @param to last height, not below {@code from}
 */
public record Range(long from, long to) {
  public Range {
    if (from < 0 || to < from) {
      throw new IllegalArgumentException(
          "range " + from + ".." + to + " is not valid: 0 <= from <= to is");
    }
  }

  /** Number of heights. */
  public long size() {
    return to - from + 1;
  }

  /** Cuts the range into ranges of at most {@code size} heights, at most {@code most} of them. */
  public List<Range> cut(long size, long most) {
    List<Range> ranges = new ArrayList<>();
    for (long start = from; start <= to && ranges.size() < most; start += size) {
      ranges.add(new Range(start, Math.min(to, start + size - 1)));
    }
    return ranges;
  }

  @Override
  public String toString() {
    return from + ".." + to;
  }
}
