package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.verify.Corpus.Recorded;
import io.cryptoetl.json.Json;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** A bit that flips anywhere in a block or its receipts is caught. */
class FlippedBitTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What no hash covers and nothing else tells, unless another receipt says otherwise. */
  private static final Set<String> BELIEVED =
      Set.of("totalDifficulty", "blobGasPrice", /* with or without withdrawals */ "size");

  /** Fields that a node may leave out: with its name damaged, such a field counts as left out. */
  private static final Set<String> MAY_BE_ABSENT =
      Set.of(
          "totalDifficulty",
          "size",
          "uncles",
          "from",
          "withdrawals",
          "chainId",
          "yParity",
          "v",
          "type",
          "gasPrice",
          "effectiveGasPrice",
          "blockTimestamp",
          "blobGasUsed",
          "blobGasPrice",
          "removed",
          "contractAddress",
          "to",
          "accessList",
          "logs",
          "topics",
          "transactions",
          "root",
          "authorizationList",
          "storageKeys",
          "status");

  private final List<Recorded> chain =
      Corpus.chain(120).stream()
          .filter(r -> !r.block().get("transactions").isEmpty())
          .filter(r -> r.block().get("transactions").toString().indexOf("\"type\":\"0x3\"") < 0)
          .toList();

  @Property(tries = 4000)
  void shouldBeCaughtInTheRecordedChain(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    flip(31337, chain.get(random.nextInt(chain.size())), random);
  }

  @Test
  void shouldBeCaughtInRealBlocks() throws Exception {
    List<Recorded> blocks =
        new ArrayList<>(Corpus.blocks("blocks", "receipts", "mainnet-"))
            .stream()
                .filter(r -> r.receipts().isPresent() && !r.block().get("transactions").isEmpty())
                .filter(r -> r.receiptBytes().orElseThrow().length < 2_000_000)
                .toList();
    Random random = new Random(20260101);
    for (int i = 0; i < 1500; i++) {
      flip(1, blocks.get(i % blocks.size()), random);
    }
  }

  private static void flip(long chainId, Recorded recorded, Random random) throws Exception {
    byte[] block = recorded.blockBytes();
    byte[] receipts = recorded.receiptBytes().orElseThrow();
    BlockVerifier verifier = new BlockVerifier(chainId, ChainProfile.ETHEREUM);
    boolean inReceipts = random.nextBoolean();
    byte[] damaged = inReceipts ? receipts : block;
    int position = random.nextInt(damaged.length);
    byte before = damaged[position];
    damaged[position] ^= (byte) (1 << random.nextInt(8));
    try {
      VerifiedBlock unused =
          verifier
              .verify(recorded.number(), Json.parse(block), Optional.of(Json.parse(receipts)))
              .linked(recorded.parent());
    } catch (BadDataException | IOException e) {
      return;
    }
    byte[] whole = damaged.clone();
    whole[position] = before;
    assertThat(harmless(whole, damaged, position))
        .as(
            "%s, %s, byte %d: ...%s...",
            recorded,
            inReceipts ? "receipts" : "block",
            position,
            new String(
                damaged,
                Math.max(0, position - 60),
                Math.min(120, damaged.length - Math.max(0, position - 60)),
                java.nio.charset.StandardCharsets.ISO_8859_1))
        .isTrue();
  }

  /** Whether a damage that passed means the same, or is where nothing can tell. */
  private static boolean harmless(byte[] whole, byte[] damaged, int position) throws Exception {
    if (JSON.readTree(lowerCase(whole)).equals(JSON.readTree(lowerCase(damaged)))) {
      return true;
    }
    try (JsonParser parser = JSON.getFactory().createParser(whole)) {
      JsonToken token;
      while ((token = parser.nextToken()) != null) {
        long start = parser.currentTokenLocation().getByteOffset();
        String text = parser.getText();
        if (!token.isStructStart()
            && !token.isStructEnd()
            && position >= start
            && position <= start + text.length() + 1) {
          return token == JsonToken.FIELD_NAME
              ? MAY_BE_ABSENT.contains(text)
              : BELIEVED.contains(String.valueOf(parser.currentName()));
        }
      }
    }
    return false;
  }

  /** Hex digits mean the same in either case. */
  private static byte[] lowerCase(byte[] json) {
    return new String(json, java.nio.charset.StandardCharsets.ISO_8859_1)
        .toLowerCase(Locale.ROOT)
        .getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
  }
}
