package io.cryptoetl.extractor.planning;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.extractor.source.Range;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class IntervalsTest {
  @Property
  void shouldHoldWhatASetOfNumbersHolds(@ForAll long seed) {
    Random random = new Random(seed);
    Intervals intervals = new Intervals();
    BitSet set = new BitSet();
    for (int i = 0; i < 30; i++) {
      int from = random.nextInt(100);
      int to = from + random.nextInt(15);
      intervals.add(new Range(from, to));
      set.set(from, to + 1);
      int low = random.nextInt(60);
      int high = low + random.nextInt(60);
      List<Range> missing = intervals.missingIn(new Range(low, high));

      BitSet found = new BitSet();
      missing.forEach(r -> found.set((int) r.from(), (int) r.to() + 1));
      BitSet expected = new BitSet();
      expected.set(low, high + 1);
      expected.andNot(set);
      assertThat(found).isEqualTo(expected);
      BitSet held = new BitSet();
      intervals.ranges().forEach(r -> held.set((int) r.from(), (int) r.to() + 1));
      assertThat(held).isEqualTo(set);
    }
  }
}
