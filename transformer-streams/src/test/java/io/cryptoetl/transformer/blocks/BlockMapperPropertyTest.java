package io.cryptoetl.transformer.blocks;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.chain.Log;
import io.cryptoetl.raw.RawBlock;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

/** Chains leave out fields and write them in ways of their own: no block is lost for one. */
class BlockMapperPropertyTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  /** What no row can be made without. */
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
          "data");

  private static final String ADDRESS = "0x" + "ab".repeat(20);

  private static String word(int n) {
    return "0x%064x".formatted(n);
  }

  private static ObjectNode block() throws Exception {
    return (ObjectNode)
        JSON.readTree(
            """
            {"number":"0x7","hash":"%1$s","parentHash":"%2$s","timestamp":"0x64","miner":"%3$s","gasLimit":"0x1c9c380",
             "gasUsed":"0xa410","baseFeePerGas":"0x7","difficulty":"0x0","totalDifficulty":"0x0","size":"0x220",
             "extraData":"0x","logsBloom":"0x%4$s","mixHash":"%1$s","nonce":"0x0000000000000000","sha3Uncles":"%1$s",
             "stateRoot":"%1$s","transactionsRoot":"%1$s","receiptsRoot":"%1$s","withdrawalsRoot":"%1$s","blobGasUsed":"0x0",
             "excessBlobGas":"0x0","parentBeaconBlockRoot":"%1$s","requestsHash":"%1$s","uncles":[],"withdrawals":[],
             "transactions":[%5$s,%6$s]}
            """
                .formatted(
                    word(7), word(6), ADDRESS, "00".repeat(256), transaction(0), transaction(1)));
  }

  private static String transaction(int index) {
    return """
        {"hash":"%1$s","from":"%2$s","to":"%2$s","type":"0x4","chainId":"0x1","nonce":"0x1","value":"0x5","gas":"0x5208",
         "gasPrice":"0x9","maxFeePerGas":"0x9","maxPriorityFeePerGas":"0x1","maxFeePerBlobGas":"0x1","blobVersionedHashes":["%1$s"],
         "input":"0x","v":"0x1","yParity":"0x1","r":"0x1","s":"0x1","transactionIndex":"0x%3$x",
         "accessList":[{"address":"%2$s","storageKeys":["%1$s"]}],
         "authorizationList":[{"chainId":"0x1","address":"%2$s","nonce":"0x1","yParity":"0x0","r":"0x1","s":"0x2"}]}
        """
        .formatted(word(100 + index), ADDRESS, index);
  }

  private static ArrayNode receipts() throws Exception {
    ArrayNode receipts = JSON.createArrayNode();
    for (int i = 0; i < 2; i++) {
      receipts.add(
          JSON.readTree(
              """
              {"transactionHash":"%1$s","status":"0x1","root":"%1$s","gasUsed":"0x5208","cumulativeGasUsed":"0x5208",
               "effectiveGasPrice":"0x9","blobGasUsed":"0x1","blobGasPrice":"0x1","contractAddress":null,
               "logs":[{"address":"%2$s","topics":["%1$s"],"data":"0x","logIndex":"0x%3$x"}]}
              """
                  .formatted(word(100 + i), ADDRESS, i)));
    }
    return receipts;
  }

  private static BlockRows map(JsonNode block, JsonNode receipts) throws Exception {
    return BlockMapper.map(
        RawBlock.newBuilder()
            .setSource("test")
            .setChainId(1)
            .setNumber(7)
            .setHash(ByteBuffer.wrap(HexFormat.of().parseHex(word(7).substring(2))))
            .setParentHash(ByteBuffer.wrap(new byte[32]))
            .setTimestamp(Instant.ofEpochSecond(100))
            .setBlockJson(bytes(block))
            .setReceiptsJson(bytes(receipts))
            .setEndpoint("node")
            .setFetchedAt(Instant.EPOCH)
            .setChecks(List.of())
            .setUnchecked(List.of())
            .build());
  }

  private static ByteBuffer bytes(JsonNode json) {
    return ByteBuffer.wrap(json.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static void distort(JsonNode node, Random random) {
    if (node instanceof ObjectNode object) {
      List<String> names = new ArrayList<>();
      object.fieldNames().forEachRemaining(names::add);
      for (String name : names) {
        if (!REQUIRED.contains(name)
            && !(name.equals("hash")
                || name.equals("accessList")
                || name.equals("authorizationList"))
            && random.nextInt(4) == 0) {
          distort(object, name, random.nextInt(11));
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
      case 8 -> object.put(name, "0x" + "f".repeat(70));
      case 9 -> object.put(name, 1.5);
      default -> object.set(name, NODES.objectNode());
    }
  }

  @Property
  void shouldLoseNoBlockForAField(@ForAll long seed) throws Exception {
    Random random = new Random(seed);
    ObjectNode block = block();
    ArrayNode receipts = receipts();
    distort(block, random);
    distort(receipts, random);

    BlockRows rows = map(block, receipts);

    assertThat(rows.transactions()).hasSize(2);
    assertThat(rows.logs()).extracting(Log::getLogIndex).containsExactly(0, 1);
    assertThat(rows.accessListEntries()).hasSize(2);
    assertThat(rows.authorizations()).hasSize(2);
    boolean same = block.equals(block()) && receipts.equals(receipts());
    if (same) {
      assertThat(rows.block().getDeviations()).isEmpty();
    }
    assertThat(Economics.of(rows)).isNotNull();
  }

  @Test
  void shouldTellWhatIsMissingAndReadWhatIsWrittenOtherwise() throws Exception {
    ObjectNode block = block();
    block.remove(List.of("gasLimit", "difficulty"));
    ((ObjectNode) block.get("transactions").get(0)).put("type", "0x6a").put("nonce", 17);
    ArrayNode receipts = receipts();
    ((ObjectNode) receipts.get(1).get("logs").get(0)).put("logIndex", "0x0");

    BlockRows rows = map(block, receipts);

    assertThat(rows.block().getGasLimit()).isNull();
    assertThat(rows.block().getDifficulty()).isNull();
    assertThat(rows.transactions().getFirst().getType()).isEqualTo(0x6a);
    assertThat(rows.transactions().getFirst().getNonce()).isEqualTo(17);
    assertThat(rows.logs().getLast().getNodeLogIndex()).isZero();
    assertThat(rows.block().getDeviations())
        .containsExactly("difficulty", "gasLimit", "logs.logIndex", "transactions.nonce");
  }
}
