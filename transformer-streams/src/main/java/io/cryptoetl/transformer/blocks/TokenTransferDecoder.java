package io.cryptoetl.transformer.blocks;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * Reads token transfers from logs of the standard forms only:
 *
 * <ul>
 *   <li>ERC-20: {@code Transfer(address indexed, address indexed, uint256)}
 *   <li>ERC-721: {@code Transfer(address indexed, address indexed, uint256 indexed)}
 *   <li>ERC-1155: {@code TransferSingle} and {@code TransferBatch}
 * </ul>
 *
 * <p>A log of another form, such as one whose addresses are not indexed or not addresses, gives no
 * transfer; it stays in the logs.
 */
final class TokenTransferDecoder {
  /** Keccak-256 of {@code Transfer(address,address,uint256)}. */
  private static final ByteBuffer TRANSFER =
      hash("ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef");

  /** Keccak-256 of {@code TransferSingle(address,address,address,uint256,uint256)}. */
  private static final ByteBuffer TRANSFER_SINGLE =
      hash("c3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62");

  /** Keccak-256 of {@code TransferBatch(address,address,address,uint256[],uint256[])}. */
  private static final ByteBuffer TRANSFER_BATCH =
      hash("4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb");

  private static final int WORD = 32;
  private static final int ADDRESS = 20;

  private TokenTransferDecoder() {}

  /**
   * A transfer.
   *
   * @param standard erc20, erc721 or erc1155
   * @param operator who made it; null but for ERC-1155
   * @param tokenId null for ERC-20
   */
  record Transfer(
      String standard,
      int batchIndex,
      ByteBuffer operator,
      ByteBuffer from,
      ByteBuffer to,
      BigInteger tokenId,
      BigInteger amount) {}

  static List<Transfer> decode(List<ByteBuffer> topics, ByteBuffer data) {
    if (topics.size() < 3) {
      return List.of();
    }
    ByteBuffer event = topics.getFirst();
    if (event.equals(TRANSFER)) {
      return transfer(topics, data);
    }
    if (topics.size() != 4
        || !topics.subList(1, 4).stream().allMatch(TokenTransferDecoder::isAddress)) {
      return List.of();
    }
    if (event.equals(TRANSFER_SINGLE) && data.remaining() == 2 * WORD) {
      return List.of(multi(topics, 0, word(data, 0), word(data, 1)));
    }
    return event.equals(TRANSFER_BATCH) ? batch(topics, data) : List.of();
  }

  private static List<Transfer> transfer(List<ByteBuffer> topics, ByteBuffer data) {
    if (!isAddress(topics.get(1)) || !isAddress(topics.get(2))) {
      return List.of();
    }
    ByteBuffer from = address(topics.get(1));
    ByteBuffer to = address(topics.get(2));
    if (topics.size() == 3 && data.remaining() == WORD) {
      return List.of(new Transfer("erc20", 0, null, from, to, null, word(data, 0)));
    }
    if (topics.size() == 4 && data.remaining() == 0) {
      return List.of(
          new Transfer("erc721", 0, null, from, to, word(topics.get(3), 0), BigInteger.ONE));
    }
    return List.of();
  }

  /** Two ABI-encoded arrays of the same length: ids and amounts. */
  private static List<Transfer> batch(List<ByteBuffer> topics, ByteBuffer data) {
    List<BigInteger> ids = array(data, 0);
    List<BigInteger> amounts = array(data, 1);
    if (ids == null || amounts == null || ids.size() != amounts.size()) {
      return List.of();
    }
    List<Transfer> transfers = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) {
      transfers.add(multi(topics, i, ids.get(i), amounts.get(i)));
    }
    return transfers;
  }

  private static Transfer multi(
      List<ByteBuffer> topics, int batchIndex, BigInteger id, BigInteger amount) {
    return new Transfer(
        "erc1155",
        batchIndex,
        address(topics.get(1)),
        address(topics.get(2)),
        address(topics.get(3)),
        id,
        amount);
  }

  /** The array whose offset stands in the head's word {@code index}, or null if it does not fit. */
  private static List<BigInteger> array(ByteBuffer data, int index) {
    int words = data.remaining() / WORD;
    if (words < 2) {
      return null;
    }
    BigInteger offset = word(data, index);
    if (offset.bitLength() > Integer.SIZE - 1 || offset.intValue() % WORD != 0) {
      return null;
    }
    int start = offset.intValue() / WORD;
    if (start >= words) {
      return null;
    }
    BigInteger length = word(data, start);
    if (length.compareTo(BigInteger.valueOf(words - start - 1L)) > 0) {
      return null;
    }
    List<BigInteger> values = new ArrayList<>();
    for (int i = 1; i <= length.intValue(); i++) {
      values.add(word(data, start + i));
    }
    return values;
  }

  private static BigInteger word(ByteBuffer data, int index) {
    byte[] word = new byte[WORD];
    data.get(data.position() + index * WORD, word);
    return new BigInteger(1, word);
  }

  private static boolean isAddress(ByteBuffer topic) {
    for (int i = 0; i < WORD - ADDRESS; i++) {
      if (topic.get(topic.position() + i) != 0) {
        return false;
      }
    }
    return true;
  }

  private static ByteBuffer address(ByteBuffer topic) {
    return topic.slice(topic.position() + WORD - ADDRESS, ADDRESS);
  }

  private static ByteBuffer hash(String hex) {
    return ByteBuffer.wrap(HexFormat.of().parseHex(hex)).asReadOnlyBuffer();
  }
}
