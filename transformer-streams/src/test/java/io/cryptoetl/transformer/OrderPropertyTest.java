package io.cryptoetl.transformer;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.transformer.join.PriceRules;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.Size;

/** Tables are a function of the set of raw records: not of their order, nor of duplicates. */
class OrderPropertyTest {
  /** Blocks of few heights, so that many compete for one. */
  @Provide
  Arbitrary<RawBlock> blocks() {
    return Combinators.combine(
            Arbitraries.longs().between(1, 3),
            Arbitraries.integers().between(0, 3),
            Arbitraries.integers().between(0, 4),
            Arbitraries.integers().between(0, 2),
            Arbitraries.longs().between(1, 4))
        .as(Blocks::block);
  }

  @Property(tries = 60)
  void shouldEndInTheSameTablesWhateverTheOrderAndHoweverOften(
      @ForAll @Size(min = 1, max = 12) List<@net.jqwik.api.From("blocks") RawBlock> set,
      @ForAll Random random)
      throws IOException {
    List<RawBlock> shuffled = new ArrayList<>(set);
    shuffled.addAll(set.subList(0, random.nextInt(set.size() + 1)));
    Collections.shuffle(shuffled, random);

    assertThat(tablesOf(shuffled)).isEqualTo(tablesOf(set));
  }

  private static String tablesOf(List<RawBlock> blocks) throws IOException {
    try (TopologyHarness topology = TopologyHarness.temporary(PriceRules.defaults())) {
      blocks.forEach(topology::pipe);
      return topology.everything();
    }
  }
}
