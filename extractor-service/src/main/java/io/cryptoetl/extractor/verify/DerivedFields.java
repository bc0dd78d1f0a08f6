package io.cryptoetl.extractor.verify;

import static io.cryptoetl.extractor.verify.BlockVerifier.require;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigInteger;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Fields that nodes add for their readers. No root covers them, so a damaged one would pass every
 * hash; they follow from fields that roots do cover.
 */
final class DerivedFields {
  private static final String CODE = DeadLetterCode.DERIVED_FIELD_WRONG.code();
  private static final int ADDRESS = 20;
  private static final int HASH = 32;

  /** EIP-4844. */
  private static final long GAS_PER_BLOB = 131_072;

  private DerivedFields() {}

  /** Those of a block and its transactions. */
  static void check(
      Fields block, List<Fields> transactions, int committed, List<Optional<byte[]>> encoded)
      throws BadDataException {
    long timestamp = block.number("timestamp");
    for (JsonValue ommer : block.rawList("uncles")) {
      block.requireItem("uncles", ommer, HASH);
    }
    for (int i = 0; i < transactions.size(); i++) {
      Fields transaction = transactions.get(i);
      transaction.requireData("from", ADDRESS);
      requireNumber(transaction, "transactionIndex", i);
      requireSameIfThere(transaction, "blockTimestamp", timestamp);
      if (i < committed && transaction.type() >= 1 && transaction.type() <= 4) {
        if (transaction.has("v") && transaction.has("yParity")) {
          requireSameIfThere(transaction, "yParity", transaction.quantity("v"));
        }
        if (transaction.type() >= 2) {
          requireSameIfThere(transaction, "gasPrice", gasPrice(block, transaction));
        }
      }
    }
    if (block.has("size")
        && block.rawList("uncles").isEmpty()
        && encoded.size() == committed
        && encoded.stream().allMatch(Optional::isPresent)) {
      checkSize(block, transactions, encoded);
    }
  }

  /**
   * The size is that of the RLP of header, transactions, ommers (here none) and withdrawals; some
   * nodes leave the withdrawals out.
   */
  private static void checkSize(
      Fields block, List<Fields> transactions, List<Optional<byte[]>> encoded)
      throws BadDataException {
    long body = 0;
    for (int i = 0; i < encoded.size(); i++) {
      int bytes = encoded.get(i).orElseThrow().length;
      // A typed transaction stands in the list as a byte string.
      body += transactions.get(i).type() == 0 ? bytes : withPrefix(bytes);
    }
    long without = Encoding.header(block).length + withPrefix(body) + 1;
    if (block.has("withdrawalsRoot") && block.number("size") != withPrefix(without)) {
      long withdrawals = 0;
      for (Fields withdrawal : block.list("withdrawals", "withdrawal")) {
        withdrawals += Encoding.withdrawal(withdrawal).length;
      }
      requireNumber(block, "size", withPrefix(without + withPrefix(withdrawals)));
    } else {
      requireNumber(block, "size", withPrefix(without));
    }
  }

  private static long withPrefix(long payload) {
    return Rlp.prefixBytes(payload) + payload;
  }

  /** What a transaction of types 2 to 4 pays for a unit of gas (EIP-1559). */
  private static byte[] gasPrice(Fields block, Fields transaction) throws BadDataException {
    BigInteger most = transaction.integer("maxFeePerGas");
    BigInteger withTip =
        block.integer("baseFeePerGas").add(transaction.integer("maxPriorityFeePerGas"));
    return minimal(most.min(withTip));
  }

  /** Those of the receipts and their logs. */
  static void checkReceipts(
      Fields block,
      List<Fields> transactions,
      int committed,
      List<Fields> receipts,
      List<List<Fields>> logs,
      Keccak keccak)
      throws BadDataException {
    long gas = 0;
    long logIndex = 0;
    byte[] blobGasPrice = null;
    long timestamp = block.number("timestamp");
    for (int i = 0; i < receipts.size(); i++) {
      Fields receipt = receipts.get(i);
      Fields transaction = transactions.get(i);
      requireNumber(receipt, "transactionIndex", i);
      requireSameIfThere(receipt, "blockTimestamp", timestamp);
      // Receipts of old nodes have neither.
      if (receipt.has("from")) {
        requireSame(
            receipt, "from", receipt.data("from", ADDRESS), transaction.data("from", ADDRESS));
      }
      for (Fields log : logs.get(i)) {
        requireNumber(log, "transactionIndex", i);
        requireNumber(log, "logIndex", logIndex++);
        requireSameIfThere(log, "blockTimestamp", timestamp);
        if (log.isTrue("removed")) {
          throw new BadDataException(CODE, log.place() + " says that it was removed");
        }
      }
      if (receipt.names("to")) {
        requireSame(
            receipt,
            "to",
            receipt.dataOrEmpty("to", ADDRESS),
            transaction.dataOrEmpty("to", ADDRESS));
      }
      requireSameIfThere(receipt, "type", transaction.type());
      if (i >= committed) {
        continue;
      }
      gas += receipt.number("gasUsed");
      requireNumber(receipt, "cumulativeGasUsed", gas);
      checkPrice(block, receipt, transaction);
      checkContract(receipt, transaction, keccak);
      long blobGas = GAS_PER_BLOB * transaction.rawList("blobVersionedHashes").size();
      requireSameIfThere(receipt, "blobGasUsed", blobGas);
      if (receipt.has("blobGasPrice")) {
        blobGasPrice = blobGasPrice == null ? receipt.quantity("blobGasPrice") : blobGasPrice;
        requireSameIfThere(receipt, "blobGasPrice", blobGasPrice);
      }
    }
    if (committed > 0) {
      requireNumber(block, "gasUsed", gas);
    }
  }

  private static void checkPrice(Fields block, Fields receipt, Fields transaction)
      throws BadDataException {
    int type = transaction.type();
    if (type <= 4 && (transaction.has("gasPrice") || type >= 2)) {
      requireSameIfThere(
          receipt,
          "effectiveGasPrice",
          type >= 2 ? gasPrice(block, transaction) : transaction.quantity("gasPrice"));
    }
  }

  private static void checkContract(Fields receipt, Fields transaction, Keccak keccak)
      throws BadDataException {
    if (!receipt.has("contractAddress")) {
      boolean created =
          !transaction.has("to") && receipt.has("status") && receipt.number("status") == 1;
      if (created) {
        throw new BadDataException(
            CODE, receipt.place() + " created a contract and does not say which");
      }
      return;
    }
    byte[] hash =
        keccak.hash(
            Encoding.creation(transaction.data("from", ADDRESS), transaction.quantity("nonce")));
    byte[] address = Arrays.copyOfRange(hash, HASH - ADDRESS, HASH);
    boolean creates = !transaction.has("to");
    require(
        creates,
        CODE,
        "%s has a contractAddress, its transaction creates no contract",
        receipt.place());
    requireSame(receipt, "contractAddress", receipt.data("contractAddress", ADDRESS), address);
  }

  private static void requireNumber(Fields of, String field, long expected)
      throws BadDataException {
    requireNumber(of, field, of.value(field), expected);
  }

  private static void requireNumber(Fields of, String field, JsonValue value, long expected)
      throws BadDataException {
    long stated = of.number(field, value);
    if (stated != expected) {
      throw new BadDataException(
          CODE,
          "field %s of %s is %d, %d follows from the block"
              .formatted(field, of.place(), stated, expected));
    }
  }

  private static void requireSameIfThere(Fields of, String field, long expected)
      throws BadDataException {
    JsonValue value = of.value(field);
    if (value != null) {
      requireNumber(of, field, value, expected);
    }
  }

  private static void requireSameIfThere(Fields of, String field, byte[] expected)
      throws BadDataException {
    JsonValue value = of.value(field);
    if (value != null) {
      requireSame(of, field, of.quantity(field, value), expected);
    }
  }

  private static void requireSame(Fields of, String field, byte[] stated, byte[] expected)
      throws BadDataException {
    if (!Arrays.equals(stated, expected)) {
      HexFormat hex = HexFormat.of();
      throw new BadDataException(
          CODE,
          "field %s of %s is 0x%s, 0x%s follows from the block"
              .formatted(field, of.place(), hex.formatHex(stated), hex.formatHex(expected)));
    }
  }

  /** A number that is not negative, without leading zeros. */
  private static byte[] minimal(BigInteger number) {
    byte[] bytes = number.toByteArray();
    return bytes[0] == 0 ? Arrays.copyOfRange(bytes, 1, bytes.length) : bytes;
  }
}
