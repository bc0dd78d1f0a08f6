package io.cryptoetl.extractor.verify;

import static io.cryptoetl.extractor.verify.BlockVerifier.require;

import io.cryptoetl.extractor.source.BadDataException;
import java.math.BigInteger;
import java.util.List;
import java.util.Optional;
import org.apache.tuweni.bytes.Bytes;

/**
 * Fields that nodes add for their readers. No root covers them, so a damaged one would pass every
 * hash; they follow from fields that roots do cover.
 */
final class DerivedFields {
  private static final String CODE = "derived_field_wrong";
  private static final int ADDRESS = 20;
  private static final int HASH = 32;

  /** EIP-4844. */
  private static final long GAS_PER_BLOB = 131_072;

  private DerivedFields() {}

  /** Those of a block and its transactions. */
  static void check(
      Fields block, List<Fields> transactions, int committed, List<Optional<Bytes>> encoded)
      throws BadDataException {
    for (Object ommer : block.rawList("uncles")) {
      block.item("uncles", ommer, HASH);
    }
    for (int i = 0; i < transactions.size(); i++) {
      Fields transaction = transactions.get(i);
      transaction.data("from", ADDRESS);
      requireNumber(transaction, "transactionIndex", i);
      requireTimestamp(transaction, block);
      if (i < committed && Encoding.type(transaction) >= 1 && Encoding.type(transaction) <= 4) {
        if (transaction.has("v") && transaction.has("yParity")) {
          requireSameIfThere(transaction, "yParity", transaction.quantity("v"));
        }
        if (Encoding.type(transaction) >= 2) {
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
      Fields block, List<Fields> transactions, List<Optional<Bytes>> encoded)
      throws BadDataException {
    long body = 0;
    for (int i = 0; i < encoded.size(); i++) {
      int bytes = encoded.get(i).orElseThrow().size();
      // A typed transaction stands in the list as a byte string.
      body += Encoding.type(transactions.get(i)) == 0 ? bytes : withPrefix(bytes);
    }
    long without = Encoding.header(block).size() + withPrefix(body) + 1;
    if (block.has("withdrawalsRoot") && block.number("size") != withPrefix(without)) {
      long withdrawals = 0;
      for (Fields withdrawal : block.list("withdrawals", "withdrawal")) {
        withdrawals += Encoding.withdrawal(withdrawal).size();
      }
      requireNumber(block, "size", withPrefix(without + withPrefix(withdrawals)));
    } else {
      requireNumber(block, "size", withPrefix(without));
    }
  }

  private static long withPrefix(long payload) {
    long prefix = 1;
    if (payload > 55) {
      prefix += (Long.SIZE - Long.numberOfLeadingZeros(payload) + 7) / 8;
    }
    return prefix + payload;
  }

  /** What a transaction of types 2 to 4 pays for a unit of gas (EIP-1559). */
  private static Bytes gasPrice(Fields block, Fields transaction) throws BadDataException {
    BigInteger most = transaction.integer("maxFeePerGas");
    BigInteger withTip =
        block.integer("baseFeePerGas").add(transaction.integer("maxPriorityFeePerGas"));
    return Bytes.wrap(most.min(withTip).toByteArray()).trimLeadingZeros();
  }

  /** Those of the receipts and their logs. */
  static void checkReceipts(
      Fields block, List<Fields> transactions, int committed, List<Fields> receipts, Keccak keccak)
      throws BadDataException {
    long gas = 0;
    long logIndex = 0;
    Bytes blobGasPrice = null;
    for (int i = 0; i < receipts.size(); i++) {
      Fields receipt = receipts.get(i);
      Fields transaction = transactions.get(i);
      requireNumber(receipt, "transactionIndex", i);
      requireTimestamp(receipt, block);
      // Receipts of old nodes have neither.
      if (receipt.has("from")) {
        requireSame(
            receipt, "from", receipt.data("from", ADDRESS), transaction.data("from", ADDRESS));
      }
      for (Fields log : receipt.list("logs", receipt.place() + ", log")) {
        requireNumber(log, "transactionIndex", i);
        requireNumber(log, "logIndex", logIndex++);
        requireTimestamp(log, block);
        require(
            !Boolean.TRUE.equals(log.values().get("removed")),
            CODE,
            "%s says that it was removed",
            log.place());
      }
      if (receipt.values().containsKey("to")) {
        requireSame(
            receipt,
            "to",
            receipt.dataOrEmpty("to", ADDRESS),
            transaction.dataOrEmpty("to", ADDRESS));
      }
      requireSameIfThere(receipt, "type", Bytes.minimalBytes(Encoding.type(transaction)));
      if (i >= committed) {
        continue;
      }
      gas += receipt.number("gasUsed");
      requireNumber(receipt, "cumulativeGasUsed", gas);
      checkPrice(block, receipt, transaction);
      checkContract(receipt, transaction, keccak);
      long blobGas = GAS_PER_BLOB * transaction.rawList("blobVersionedHashes").size();
      requireSameIfThere(receipt, "blobGasUsed", Bytes.minimalBytes(blobGas));
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
    int type = Encoding.type(transaction);
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
      require(!created, CODE, "%s created a contract and does not say which", receipt.place());
      return;
    }
    Bytes address =
        Bytes.wrap(
                keccak.hash(
                    Encoding.creation(
                        transaction.data("from", ADDRESS), transaction.quantity("nonce"))))
            .slice(HASH - ADDRESS);
    boolean creates = !transaction.has("to");
    require(
        creates,
        CODE,
        "%s has a contractAddress, its transaction creates no contract",
        receipt.place());
    requireSame(receipt, "contractAddress", receipt.data("contractAddress", ADDRESS), address);
  }

  /** The time of the block, which some nodes repeat in hex and anvil's receipts as a number. */
  private static void requireTimestamp(Fields of, Fields block) throws BadDataException {
    if (of.values().get("blockTimestamp") instanceof Number stated) {
      require(
          stated.longValue() == block.number("timestamp"),
          CODE,
          "field blockTimestamp of %s is %s, %d follows from the block",
          of.place(),
          stated,
          block.number("timestamp"));
    } else {
      requireSameIfThere(of, "blockTimestamp", block.quantity("timestamp"));
    }
  }

  private static void requireNumber(Fields of, String field, long expected)
      throws BadDataException {
    long stated = of.number(field);
    require(
        stated == expected,
        CODE,
        "field %s of %s is %d, %d follows from the block",
        field,
        of.place(),
        stated,
        expected);
  }

  private static void requireSameIfThere(Fields of, String field, Bytes expected)
      throws BadDataException {
    if (of.has(field)) {
      requireSame(of, field, of.quantity(field), expected);
    }
  }

  private static void requireSame(Fields of, String field, Bytes stated, Bytes expected)
      throws BadDataException {
    require(
        stated.equals(expected),
        CODE,
        "field %s of %s is %s, %s follows from the block",
        field,
        of.place(),
        stated,
        expected);
  }
}
