package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.json.JsonValue;
import io.cryptoetl.extractor.source.BadDataException;
import java.util.List;
import java.util.Optional;

/**
 * The consensus encodings of headers, transactions, receipts and withdrawals, made from their JSON.
 */
final class Encoding {
  private static final int ADDRESS = 20;
  private static final int HASH = 32;
  private static final int BLOOM = 256;
  private static final int NONCE = 8;

  /** Deposit transactions of the OP stack. */
  static final int DEPOSIT = 0x7e;

  /** State-sync transactions of Polygon since PIP-74. */
  static final int STATE_SYNC = 0x7f;

  private static final byte[] NOTHING = new byte[0];

  private Encoding() {}

  /**
   * RLP of a header. Fields that later forks appended are written if they are there: London
   * (EIP-1559), Shanghai (EIP-4895), Cancun (EIP-4844, EIP-4788), Prague (EIP-7685). Osaka added
   * none.
   */
  static byte[] header(Fields block) throws BadDataException {
    Rlp fields = new Rlp(1024);
    fields.value(block.data("parentHash", HASH));
    fields.value(block.data("sha3Uncles", HASH));
    fields.value(block.data(block.has("miner") ? "miner" : "author", ADDRESS));
    fields.value(block.data("stateRoot", HASH));
    fields.value(block.data("transactionsRoot", HASH));
    fields.value(block.data("receiptsRoot", HASH));
    fields.value(block.data("logsBloom", BLOOM));
    fields.value(block.quantity("difficulty"));
    fields.value(block.quantity("number"));
    fields.value(block.quantity("gasLimit"));
    fields.value(block.quantity("gasUsed"));
    fields.value(block.quantity("timestamp"));
    fields.value(block.data("extraData"));
    seal(block, fields);
    if (block.has("extDataHash")) {
      // Avalanche's C-Chain (coreth).
      fields.value(block.data("extDataHash", HASH));
    }
    if (block.has("baseFeePerGas")) {
      fields.value(block.quantity("baseFeePerGas"));
    }
    if (block.has("extDataHash") && block.has("extDataGasUsed")) {
      fields.value(block.quantity("extDataGasUsed"));
      fields.value(block.quantity("blockGasCost"));
    }
    if (block.has("withdrawalsRoot")) {
      fields.value(block.data("withdrawalsRoot", HASH));
    }
    if (block.has("blobGasUsed")) {
      fields.value(block.quantity("blobGasUsed"));
      fields.value(block.quantity("excessBlobGas"));
    }
    if (block.has("parentBeaconBlockRoot")) {
      fields.value(block.data("parentBeaconBlockRoot", HASH));
    }
    if (block.has("requestsHash")) {
      fields.value(block.data("requestsHash", HASH));
    }
    return fields.toBytes();
  }

  /** What seals a header: proof of work, the merge's values, or the signature of Aura (Gnosis). */
  private static void seal(Fields block, Rlp fields) throws BadDataException {
    if (block.has("step") && block.has("signature") && !block.has("mixHash")) {
      fields.value(block.quantity("step"));
      fields.value(block.data("signature"));
      return;
    }
    fields.value(block.data("mixHash", HASH));
    fields.value(block.data("nonce", NONCE));
  }

  /** A transaction as its hash and the trie have it; empty for a type that is not known here. */
  static Optional<byte[]> transaction(Fields tx) throws BadDataException {
    int type = tx.type();
    Rlp fields = new Rlp(256);
    switch (type) {
      case 0 -> fields.value(tx.quantity("nonce")).value(tx.quantity("gasPrice"));
      case 1 ->
          fields
              .value(tx.quantity("chainId"))
              .value(tx.quantity("nonce"))
              .value(tx.quantity("gasPrice"));
      case 2, 3, 4 ->
          fields
              .value(tx.quantity("chainId"))
              .value(tx.quantity("nonce"))
              .value(tx.quantity("maxPriorityFeePerGas"))
              .value(tx.quantity("maxFeePerGas"));
      case DEPOSIT -> {
        return Optional.of(deposit(tx));
      }
      default -> {
        return Optional.empty();
      }
    }
    fields
        .value(tx.quantity("gas"))
        .value(tx.dataOrEmpty("to", ADDRESS))
        .value(tx.quantity("value"))
        .value(tx.data(tx.has("input") ? "input" : "data"));
    if (type == 0) {
      fields.value(tx.quantity("v"));
    } else {
      fields.list(accessList(tx));
      if (type == 3) {
        fields.value(tx.quantity("maxFeePerBlobGas")).list(hashes(tx, "blobVersionedHashes"));
      } else if (type == 4) {
        fields.list(authorizations(tx));
      }
      fields.value(tx.quantity(tx.has("yParity") ? "yParity" : "v"));
    }
    fields.value(tx.quantity("r")).value(tx.quantity("s"));
    return Optional.of(type == 0 ? fields.toBytes() : fields.toBytes(type));
  }

  private static byte[] deposit(Fields tx) throws BadDataException {
    return new Rlp(512)
        .value(tx.data("sourceHash", HASH))
        .value(tx.data("from", ADDRESS))
        .value(tx.dataOrEmpty("to", ADDRESS))
        .value(tx.has("mint") ? tx.quantity("mint") : NOTHING)
        .value(tx.quantity("value"))
        .value(tx.quantity("gas"))
        .value(tx.isTrue("isSystemTx") ? new byte[] {1} : NOTHING)
        .value(tx.data("input"))
        .toBytes(DEPOSIT);
  }

  private static Rlp accessList(Fields tx) throws BadDataException {
    Rlp entries = new Rlp(0);
    for (Fields entry : tx.list("accessList", "access list entry")) {
      entries.list(
          new Rlp(128).value(entry.data("address", ADDRESS)).list(hashes(entry, "storageKeys")));
    }
    return entries;
  }

  private static Rlp hashes(Fields of, String field) throws BadDataException {
    List<JsonValue> items = of.rawList(field);
    Rlp hashes = new Rlp((HASH + 1) * items.size());
    for (JsonValue item : items) {
      hashes.value(of.item(field, item, HASH));
    }
    return hashes;
  }

  private static Rlp authorizations(Fields tx) throws BadDataException {
    Rlp authorizations = new Rlp(0);
    for (Fields a : tx.list("authorizationList", "authorization")) {
      authorizations.list(
          new Rlp(128)
              .value(a.quantity("chainId"))
              .value(a.data("address", ADDRESS))
              .value(a.quantity("nonce"))
              .value(a.quantity(a.has("yParity") ? "yParity" : "v"))
              .value(a.quantity("r"))
              .value(a.quantity("s")));
    }
    return authorizations;
  }

  /**
   * A receipt as the trie has it. Before Byzantium (EIP-658) it holds a state root, since then the
   * status.
   *
   * @param type of its transaction
   * @param withStateRoot whether it is encoded as before Byzantium
   */
  static byte[] receipt(Fields receipt, int type, List<Fields> logs, boolean withStateRoot)
      throws BadDataException {
    Rlp encodedLogs = new Rlp(256 * logs.size());
    for (Fields log : logs) {
      encodedLogs.list(
          new Rlp(256)
              .value(log.data("address", ADDRESS))
              .list(hashes(log, "topics"))
              .value(log.data("data")));
    }
    Rlp fields =
        new Rlp(512)
            .value(withStateRoot ? receipt.data("root", HASH) : receipt.quantity("status"))
            .value(receipt.quantity("cumulativeGasUsed"))
            .value(receipt.data("logsBloom", BLOOM))
            .list(encodedLogs);
    if (type == DEPOSIT && receipt.has("depositReceiptVersion")) {
      fields
          .value(receipt.quantity("depositNonce"))
          .value(receipt.quantity("depositReceiptVersion"));
    }
    return type == 0 ? fields.toBytes() : fields.toBytes(type);
  }

  /** A withdrawal as the trie has it (EIP-4895). */
  static byte[] withdrawal(Fields withdrawal) throws BadDataException {
    return new Rlp(64)
        .value(withdrawal.quantity("index"))
        .value(withdrawal.quantity("validatorIndex"))
        .value(withdrawal.data("address", ADDRESS))
        .value(withdrawal.quantity("amount"))
        .toBytes();
  }

  /** RLP of the address that a creation by this sender and nonce gets, before it is hashed. */
  static byte[] creation(byte[] sender, byte[] nonce) {
    return new Rlp(32).value(sender).value(nonce).toBytes();
  }
}
