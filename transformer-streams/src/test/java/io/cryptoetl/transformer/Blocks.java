package io.cryptoetl.transformer;

import io.cryptoetl.raw.RawBlock;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Raw blocks for tests: small, and whole in the sense of the API. */
final class Blocks {
  private static final String TRANSFER =
      "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";

  private Blocks() {}

  static String word(long n) {
    return "0x%064x".formatted(n);
  }

  static String address(long n) {
    return "0x%040x".formatted(n);
  }

  /**
   * A block with legacy transactions, each of which emits one ERC-20 transfer.
   *
   * @param fork tells apart blocks of one height
   */
  static RawBlock block(long number, int fork, int transactions, int checks, long fetchedAtMs) {
    String hash = word(number * 1000 + fork);
    String txs =
        IntStream.range(0, transactions)
            .mapToObj(i -> transaction(number, fork, i, hash))
            .collect(Collectors.joining(",", "[", "]"));
    String receipts =
        IntStream.range(0, transactions)
            .mapToObj(i -> receipt(number, fork, i, hash))
            .collect(Collectors.joining(",", "[", "]"));
    return RawBlock.newBuilder()
        .setSource("test")
        .setChainId(1)
        .setNumber(number)
        .setHash(ByteBuffer.wrap(HexFormat.of().parseHex(hash.substring(2))))
        .setParentHash(ByteBuffer.wrap(new byte[32]))
        .setTimestamp(Instant.ofEpochSecond(1000 + number))
        .setBlockJson(TopologyHarness.bytes(header(number, hash, txs)))
        .setReceiptsJson(TopologyHarness.bytes(receipts))
        .setEndpoint("node")
        .setFetchedAt(Instant.ofEpochMilli(fetchedAtMs))
        .setChecks(IntStream.range(0, checks).mapToObj(i -> "check" + i).toList())
        .setUnchecked(List.of())
        .build();
  }

  static String header(long number, String hash, String transactions) {
    return """
        {"number":"0x%x","hash":"%s","parentHash":"%s","timestamp":"0x%x","miner":"%s",
         "gasLimit":"0x1c9c380","gasUsed":"0x5208","difficulty":"0x0","extraData":"0x","logsBloom":"0x%s",
         "sha3Uncles":"%s","stateRoot":"%s","transactionsRoot":"%s","receiptsRoot":"%s",
         "unknownField":{"kept":["in","raw"]},
         "uncles":[],"transactions":%s}"""
        .formatted(
            number,
            hash,
            word(0),
            1000 + number,
            address(7),
            "00".repeat(256),
            word(1),
            word(2),
            word(3),
            word(4),
            transactions);
  }

  private static String transaction(long number, int fork, int i, String hash) {
    return """
        {"hash":"%s","blockHash":"%s","from":"%s","to":"%s","nonce":"0x%x","value":"0xde0b6b3a7640000",
         "input":"0x","gas":"0x5208","gasPrice":"0x3b9aca00","type":"0x0","v":"0x25","r":"0x1","s":"0x2"}"""
        .formatted(txHash(number, fork, i), hash, address(fork), address(i), i);
  }

  private static String receipt(long number, int fork, int i, String hash) {
    return """
        {"transactionHash":"%s","blockHash":"%s","status":"0x1","gasUsed":"0x5208","cumulativeGasUsed":"0x%x",
         "effectiveGasPrice":"0x3b9aca00","contractAddress":null,
         "logs":[{"address":"%s","topics":["%s","%s","%s"],"data":"%s","logIndex":"0x%x"}]}"""
        .formatted(
            txHash(number, fork, i),
            hash,
            21000 * (i + 1),
            address(99),
            TRANSFER,
            word(fork),
            word(i),
            word(1000 + i),
            i);
  }

  private static String txHash(long number, int fork, int i) {
    return word(1_000_000 * number + 1000L * fork + i);
  }
}
