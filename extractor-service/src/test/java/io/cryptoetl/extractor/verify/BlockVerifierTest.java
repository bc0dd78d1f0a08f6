package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.verify.Corpus.Recorded;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

class BlockVerifierTest {
  private static final List<String> ALL =
      Arrays.stream(Check.values()).map(Check::label).sorted().toList();
  private static final List<String> WITHOUT_RECEIPTS =
      ALL.stream()
          .filter(
              Predicate.not(List.of("logs_bloom", "receipts_of_block", "receipts_root")::contains))
          .toList();

  private static VerifiedBlock verify(long chainId, ChainProfile profile, Recorded recorded)
      throws BadDataException, IOException {
    Optional<JsonValue> receipts = Optional.empty();
    if (recorded.receipts().isPresent()) {
      receipts = Optional.of(Json.parse(recorded.receiptBytes().orElseThrow()));
    }
    return new BlockVerifier(chainId, profile)
        .verify(recorded.number(), Json.parse(recorded.blockBytes()), receipts)
        .linked(recorded.parent());
  }

  @Test
  void shouldProveEveryRecordedMainnetBlock() throws Exception {
    List<String> withoutTransactions = new ArrayList<>();
    int proven = 0;
    for (Recorded recorded : Corpus.blocks("blocks", "receipts", "mainnet-")) {
      try {
        VerifiedBlock verified = verify(1, ChainProfile.ETHEREUM, recorded);
        assertThat(verified.checks())
            .as(recorded.name())
            .isEqualTo(recorded.receipts().isPresent() ? ALL : WITHOUT_RECEIPTS);
        assertThat(verified.unchecked()).isEmpty();
        proven++;
      } catch (BadDataException e) {
        assertThat(e.code())
            .as(recorded + ": " + e.getMessage())
            .isEqualTo("transactions_not_full");
        withoutTransactions.add(recorded.name());
      }
    }
    assertThat(proven).isEqualTo(21);
    assertThat(withoutTransactions)
        .containsExactly("mainnet-2112234-hashes.ethetl", "mainnet-508110-hashes.ethetl");
  }

  @Test
  void shouldProveTheFirstBlocksOfMainnetAndTheirLinks() throws Exception {
    BlockVerifier verifier = new BlockVerifier(1, ChainProfile.ETHEREUM);
    Optional<byte[]> parent = Optional.empty();
    long number = 0;
    try (BufferedReader lines =
        Corpus.lines(Corpus.folder().resolve("blocks/mainnet-era1-0-4095.jsonl.gz"))) {
      String line;
      while ((line = lines.readLine()) != null) {
        JsonValue json = Json.parse(line.getBytes(StandardCharsets.UTF_8));
        parent = Optional.of(verifier.verify(number, json, Optional.empty()).linked(parent).hash());
        number++;
      }
    }
    assertThat(number).isEqualTo(4096);
  }

  @Test
  void shouldProveEveryRecordedPolygonBlock() throws Exception {
    List<Recorded> blocks = Corpus.blocks("polygon", "polygon", "polygon-");

    assertThat(blocks).hasSize(5);
    for (Recorded recorded : blocks) {
      VerifiedBlock verified = verify(137, ChainProfile.POLYGON, recorded);
      assertThat(verified.checks()).as(recorded.name()).isEqualTo(WITHOUT_RECEIPTS);
      assertThat(verified.unchecked()).isEmpty();
    }
  }

  @Test
  void shouldProveBlocksOfATestNetwork() throws Exception {
    for (Recorded recorded :
        Corpus.blocks("other-chains/testnets", "other-chains/testnets", "ropsten-")) {
      assertThat(verify(3, ChainProfile.ofChain(3), recorded).checks())
          .as(recorded.name())
          .contains("header_hash", "transaction_hashes", "transactions_root", "ommers");
    }
  }

  @Test
  void shouldTellWhatCannotBeProvenOfOtherChains() throws Exception {
    for (Recorded recorded : Corpus.blocks("other-chains", "other-chains", "arbitrum-")) {
      for (ChainProfile profile : List.of(ChainProfile.GENERIC_EVM, ChainProfile.ofChain(42161))) {
        assertThat(verify(42161, profile, recorded).unchecked())
            .contains("transaction_hashes", "transactions_root")
            .doesNotContain("header_hash", "receipts_root", "logs_bloom");
      }
      assertThat(ChainProfile.ofChain(42161)).isEqualTo(ChainProfile.ARBITRUM);
    }
    for (Recorded recorded : Corpus.blocks("other-chains", "other-chains", "zora-")) {
      assertThat(verify(7777777, ChainProfile.OP_STACK, recorded).checks())
          .contains("header_hash", "transaction_hashes", "transactions_root");
      com.fasterxml.jackson.databind.node.ObjectNode altered = recorded.block().deepCopy();
      ((com.fasterxml.jackson.databind.node.ObjectNode) altered.get("transactions").get(0))
          .put("value", "0x77");
      assertThat(
              org.assertj.core.api.Assertions.catchThrowableOfType(
                      BadDataException.class,
                      () ->
                          new BlockVerifier(7777777, ChainProfile.OP_STACK)
                              .verify(recorded.number(), json(altered), Optional.empty()))
                  .code())
          .isEqualTo("transaction_hash_mismatch");
    }
    for (Recorded recorded : Corpus.blocks("other-chains", "other-chains", "cronos-6542")) {
      VerifiedBlock verified = verify(25, ChainProfile.GENERIC_EVM, recorded);
      assertThat(verified.unchecked()).contains("header_hash");
      TreeSet<String> all = new TreeSet<>(verified.checks());
      all.addAll(verified.unchecked());
      assertThat(all).containsExactlyElementsOf(ALL);
    }
  }

  @Test
  void shouldHoldAnUnknownChainToWhatHeldBefore() throws Exception {
    BlockVerifier verifier = new BlockVerifier(31337, ChainProfile.GENERIC_EVM);
    Recorded some = null;
    for (Recorded recorded : Corpus.chain(2200)) {
      // With blocks of blobs among them, whose root anvil makes in its own way.
      VerifiedBlock unused =
          verifier.verify(
              recorded.number(),
              json(recorded.block()),
              Optional.of(json(recorded.receipts().orElseThrow())));
      some = recorded.receipts().orElseThrow().size() > 1 ? recorded : some;
    }
    Recorded known = some;
    com.fasterxml.jackson.databind.node.ObjectNode block = known.block().deepCopy();
    block.put("extraData", "0x77");
    JsonNode receipts = known.receipts().orElseThrow().deepCopy();
    ((com.fasterxml.jackson.databind.node.ObjectNode) receipts.get(0))
        .put("cumulativeGasUsed", "0x7777");

    JsonValue whole = json(known.block());
    assertThat(refusal(verifier, known, json(block), json(known.receipts().orElseThrow())))
        .contains("header_hash_mismatch");
    assertThat(refusal(verifier, known, whole, json(receipts))).contains("receipts_root_mismatch");
    assertThat(
            refusal(
                new BlockVerifier(31337, ChainProfile.GENERIC_EVM), known, whole, json(receipts)))
        .as("nothing is known of the chain yet")
        .isEmpty();
    assertThat(
            refusal(
                new BlockVerifier(1, ChainProfile.ETHEREUM, java.util.EnumSet.allOf(Check.class)),
                known,
                whole,
                json(receipts)))
        .as("what may fail may fail")
        .isEmpty();
  }

  private static Optional<String> refusal(
      BlockVerifier verifier, Recorded recorded, JsonValue block, JsonValue receipts) {
    try {
      VerifiedBlock unused = verifier.verify(recorded.number(), block, Optional.of(receipts));
      return Optional.empty();
    } catch (BadDataException e) {
      return Optional.of(e.code());
    }
  }

  private static JsonValue json(JsonNode node) throws IOException {
    return Json.parse(node.toString().getBytes(StandardCharsets.UTF_8));
  }

  @Test
  void shouldProveTheRecordedChainOfThisProject() throws Exception {
    for (Recorded recorded : Corpus.chain(2200)) {
      boolean blobs = false;
      for (JsonNode transaction : recorded.block().get("transactions")) {
        blobs |= transaction.get("type").asText().equals("0x3");
      }
      // anvil hashes and counts blobs with their transactions; consensus has them not (EIP-4844).
      assertThat(verify(31337, ChainProfile.ofChain(31337), recorded).unchecked())
          .as(recorded.name())
          .isEqualTo(blobs ? List.of("derived_fields", "transactions_root") : List.of());
    }
  }

  @Test
  void shouldLeaveOutPolygonsStateSyncTransactionWhereRootsDo() throws Exception {
    // A state-sync transaction as Bor appends it: no signature, its hash follows from the block.
    ObjectMapper json = new ObjectMapper();
    for (Recorded recorded : Corpus.blocks("polygon", "polygon", "polygon-9013760")) {
      var block = (com.fasterxml.jackson.databind.node.ObjectNode) recorded.block();
      String hash = block.get("hash").asText();
      byte[] preimage =
          java.nio.ByteBuffer.allocate(18 + 8 + 32)
              .put("matic-bor-receipt-".getBytes(java.nio.charset.StandardCharsets.US_ASCII))
              .putLong(recorded.number())
              .put(HexFormat.of().parseHex(hash.substring(2)))
              .array();
      var stateSync = json.createObjectNode();
      stateSync.put("hash", "0x" + HexFormat.of().formatHex(new Keccak().hash(preimage)));
      stateSync.put("blockHash", hash).put("blockNumber", block.get("number").asText());
      stateSync.put("from", "0x" + "00".repeat(20)).put("to", "0x" + "00".repeat(20));
      stateSync.put(
          "transactionIndex", "0x" + Integer.toHexString(block.get("transactions").size()));
      stateSync.put("type", "0x0").put("v", "0x0").put("r", "0x0").put("s", "0x0");
      stateSync.put("nonce", "0x0").put("gas", "0x0").put("gasPrice", "0x0").put("value", "0x0");
      stateSync.put("input", "0x");
      ((com.fasterxml.jackson.databind.node.ArrayNode) block.get("transactions")).add(stateSync);

      VerifiedBlock verified = verify(137, ChainProfile.POLYGON, recorded);
      assertThat(verified.checks()).isEqualTo(WITHOUT_RECEIPTS);

      stateSync.put("type", "0x7f");
      assertThat(
              org.assertj.core.api.Assertions.catchThrowableOfType(
                  BadDataException.class, () -> verify(137, ChainProfile.POLYGON, recorded)))
          .as("the root is that of the others: somebody appended it")
          .extracting(BadDataException::code)
          .isEqualTo("transactions_root_mismatch");

      String root = block.get("transactionsRoot").asText();
      withRoot(block, "0x" + "11".repeat(32));
      assertThat(verify(137, ChainProfile.POLYGON, recorded).unchecked())
          .containsExactly("transaction_hashes", "transactions_root");

      // It excuses itself, not the others.
      var first = (com.fasterxml.jackson.databind.node.ObjectNode) block.get("transactions").get(0);
      String value = first.get("value").asText();
      first.put("value", "0x123");
      assertThat(
              org.assertj.core.api.Assertions.catchThrowableOfType(
                  BadDataException.class, () -> verify(137, ChainProfile.POLYGON, recorded)))
          .extracting(BadDataException::code)
          .isEqualTo("transaction_hash_mismatch");
      first.put("value", value);
      withRoot(block, root);

      stateSync.put("type", "0x0").put("hash", "0x" + "11".repeat(32));
      assertThat(
              org.assertj.core.api.Assertions.catchThrowableOfType(
                  BadDataException.class, () -> verify(137, ChainProfile.POLYGON, recorded)))
          .extracting(BadDataException::code)
          .isEqualTo("transaction_hash_mismatch");
    }
  }

  /** Gives a block another transactionsRoot, and the hash that it has then. */
  private static void withRoot(com.fasterxml.jackson.databind.node.ObjectNode block, String root)
      throws Exception {
    block.put("transactionsRoot", root);
    byte[] header =
        Encoding.header(
            Fields.object(
                "block", Json.parse(block.toString().getBytes(StandardCharsets.UTF_8)), "bad"));
    String hash = "0x" + HexFormat.of().formatHex(new Keccak().hash(header));
    block.put("hash", hash);
    block
        .get("transactions")
        .forEach(t -> ((com.fasterxml.jackson.databind.node.ObjectNode) t).put("blockHash", hash));
  }
}
