package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.json.Json;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Blocks of chains whose rules nobody told: any field that rows can be without may be odd. */
class OddChainsPropertyTest {
  private static final List<Corpus.Recorded> CHAIN = Corpus.chain(60);

  /** What rows cannot be without, and what says which block and transaction something is of. */
  private static final Set<String> REQUIRED =
      Set.of(
          "number",
          "hash",
          "parentHash",
          "timestamp",
          "transactions",
          "from",
          "transactionHash",
          "address",
          "topics",
          "storageKeys",
          "withdrawals",
          "logs",
          "accessList",
          "authorizationList",
          "blockHash",
          "blockNumber",
          "data",
          "index",
          "validatorIndex",
          "amount");

  private static void distort(JsonNode node, Random random) {
    if (node instanceof ObjectNode object) {
      List<String> names = new ArrayList<>();
      object.fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        if (!REQUIRED.contains(name) && random.nextInt(6) == 0) {
          distort(object, name, random.nextInt(9));
        } else {
          distort(object.get(name), random);
        }
      }
    } else {
      node.forEach(each -> distort(each, random));
    }
  }

  private static void distort(ObjectNode object, String name, int how) {
    switch (how) {
      case 0 -> object.remove(name);
      case 1 -> object.putNull(name);
      case 2 -> object.put(name, "0x");
      case 3 -> object.put(name, 12);
      case 4 -> object.put(name, "12");
      case 5 -> object.put(name, "lots");
      case 6 -> object.put(name, -1);
      case 7 -> object.put(name, true);
      default -> object.put(name, "0x" + "f".repeat(70));
    }
  }

  @Property(tries = 300)
  void shouldLoseNoBlockForAField(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    Corpus.Recorded recorded = CHAIN.get(random.nextInt(CHAIN.size()));
    JsonNode block = recorded.block().deepCopy();
    JsonNode receipts = recorded.receipts().orElseThrow().deepCopy();
    distort(block, random);
    distort(receipts, random);

    VerifiedBlock verified =
        new BlockVerifier(31337, ChainProfile.GENERIC_EVM)
            .verify(
                recorded.number(),
                Json.parse(block.toString().getBytes(StandardCharsets.UTF_8)),
                Optional.of(Json.parse(receipts.toString().getBytes(StandardCharsets.UTF_8))));

    assertThat(verified.checks()).contains("number", "receipts_of_block", "transactions_of_block");
  }
}
