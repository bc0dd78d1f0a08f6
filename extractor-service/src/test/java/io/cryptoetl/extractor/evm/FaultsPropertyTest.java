package io.cryptoetl.extractor.evm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.Corpus;
import io.cryptoetl.extractor.verify.Corpus.Recorded;
import io.cryptoetl.raw.RawBlock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Whatever goes wrong at the nodes: what is handed over is the chain, or is refused with reasons.
 */
class FaultsPropertyTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int TRIES = 200;
  private static final List<Recorded> CHAIN = Corpus.longestRunWithoutBlobs(Corpus.chain(400));

  private static EvmSource source(FaultyNode... nodes) {
    return FaultyNode.source("recorded", Duration.ofSeconds(1), nodes);
  }

  /** Fetches as a worker does: again until it works, and after some tries with what there is. */
  private static List<Item> fetch(EvmSource source, Range range) throws Exception {
    int vain = 0;
    for (int tried = 0; tried < TRIES; tried++) {
      List<Item> items = new ArrayList<>();
      try {
        source.fetch(range, vain >= 8, items::add);
        return items;
      } catch (TransientException e) {
        vain += e.answered() ? 1 : 0;
        Thread.sleep(3);
      }
    }
    throw new AssertionError("not fetched after " + TRIES + " tries");
  }

  private static JsonNode json(ByteBuffer bytes) throws Exception {
    return JSON.readTree(StandardCharsets.UTF_8.decode(bytes.duplicate()).toString());
  }

  @Property(tries = 40)
  void shouldHandOverTheChain(@ForAll long seed) throws Exception {
    Range range = new Range(CHAIN.getFirst().number(), CHAIN.getLast().number());
    try (FaultyNode first = new FaultyNode(CHAIN, 0.4, seed);
        FaultyNode second = new FaultyNode(CHAIN, 0.15, ~seed);
        EvmSource source = source(first, second)) {
      assertIsTheChain(fetch(source, range));
    }
  }

  @ParameterizedTest
  @EnumSource
  void shouldHandOverTheChainDespite(FaultyNode.Fault fault) throws Exception {
    Range range = new Range(CHAIN.getFirst().number(), CHAIN.getLast().number());
    try (FaultyNode faulty = new FaultyNode(CHAIN, 1, 1, EnumSet.of(fault));
        FaultyNode good = new FaultyNode(CHAIN, 0, 1);
        EvmSource source = source(faulty, good)) {
      List<Item> items = fetch(source, range);

      assertThat(items).allMatch(i -> i instanceof Item.Accepted);
      assertIsTheChain(items);
      assertThat(faulty.done).containsOnlyKeys(fault);
    }
  }

  private static void assertIsTheChain(List<Item> items) throws Exception {
    assertThat(items).hasSize(CHAIN.size());
    for (int i = 0; i < items.size(); i++) {
      if (items.get(i) instanceof Item.Rejected rejected) {
        // Bad luck many times over: it must at least say why.
        assertThat(rejected.answers()).isNotEmpty().allMatch(a -> !a.reason().isBlank());
        continue;
      }
      RawBlock raw = (RawBlock) ((Item.Accepted) items.get(i)).value();
      assertThat(proven(json(raw.getBlockJson()))).isEqualTo(proven(CHAIN.get(i).block()));
      assertThat(json(raw.getReceiptsJson())).isEqualTo(CHAIN.get(i).receipts().orElseThrow());
      assertThat(raw.getChecks()).contains("header_hash", "receipts_root");
    }
  }

  /** A block without what nothing proves, as docs/guarantees.md tells. */
  private static JsonNode proven(JsonNode block) {
    return ((ObjectNode) block.deepCopy()).without(List.of("totalDifficulty", "size"));
  }

  @Test
  void shouldRejectWhatAllHaveWrongWithTheAnswersOfAll() throws Exception {
    long wrong = CHAIN.get(5).number();
    Range range = new Range(CHAIN.getFirst().number(), CHAIN.get(9).number());
    try (FaultyNode first = new FaultyNode(CHAIN, 0, 1);
        FaultyNode second = new FaultyNode(CHAIN, 0, 2);
        EvmSource source = source(first, second)) {
      first.alwaysWrong = wrong;
      List<Item> withOneGood = fetch(source, range);
      assertThat(withOneGood).allMatch(i -> i instanceof Item.Accepted);

      second.alwaysWrong = wrong;
      List<Item> items = fetch(source, range);

      assertThat(items).filteredOn(i -> i instanceof Item.Accepted).hasSize(9);
      Item.Rejected rejected = (Item.Rejected) items.get(5);
      assertThat(rejected.answers())
          .extracting(Item.Answer::endpoint)
          .containsExactlyInAnyOrder("node0", "node1");
      assertThat(rejected.answers())
          .allSatisfy(
              a -> {
                assertThat(a.code()).isEqualTo("header_hash_mismatch");
                assertThat(new String(a.payload(), StandardCharsets.UTF_8)).contains("0x1234567");
              });
    }
  }
}
