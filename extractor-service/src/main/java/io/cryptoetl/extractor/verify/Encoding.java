package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import java.util.List;
import java.util.Optional;

/**
 * The consensus encodings of headers, transactions, receipts and withdrawals, made from their JSON.
 */
final class Encoding {
  private static final int ADDRESS = 20;
  private static final int HASH = 32;
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
    block.add(fields, "parentHash", HASH);
    block.add(fields, "sha3Uncles", HASH);
    block.add(fields, block.has("miner") ? "miner" : "author", ADDRESS);
    block.add(fields, "stateRoot", HASH);
    block.add(fields, "transactionsRoot", HASH);
    block.add(fields, "receiptsRoot", HASH);
    block.add(fields, "logsBloom", Bloom.BYTES);
    fields.value(block.quantity("difficulty"));
    fields.value(block.quantity("number"));
    fields.value(block.quantity("gasLimit"));
    fields.value(block.quantity("gasUsed"));
    fields.value(block.quantity("timestamp"));
    block.add(fields, "extraData");
    seal(block, fields);
    if (block.has("extDataHash")) {
      // Avalanche's C-Chain (coreth).
      block.add(fields, "extDataHash", HASH);
    }
    if (block.has("baseFeePerGas")) {
      fields.value(block.quantity("baseFeePerGas"));
    }
    if (block.has("extDataHash") && block.has("extDataGasUsed")) {
      fields.value(block.quantity("extDataGasUsed"));
      fields.value(block.quantity("blockGasCost"));
    }
    if (block.has("withdrawalsRoot")) {
      block.add(fields, "withdrawalsRoot", HASH);
    }
    if (block.has("blobGasUsed")) {
      fields.value(block.quantity("blobGasUsed"));
      fields.value(block.quantity("excessBlobGas"));
    }
    if (block.has("parentBeaconBlockRoot")) {
      block.add(fields, "parentBeaconBlockRoot", HASH);
    }
    if (block.has("requestsHash")) {
      block.add(fields, "requestsHash", HASH);
    }
    return fields.toBytes();
  }

  /** What seals a header: proof of work, the merge's values, or the signature of Aura (Gnosis). */
  private static void seal(Fields block, Rlp fields) throws BadDataException {
    if (block.has("step") && block.has("signature") && !block.has("mixHash")) {
      fields.value(block.quantity("step"));
      block.add(fields, "signature");
      return;
    }
    block.add(fields, "mixHash", HASH);
    block.add(fields, "nonce", NONCE);
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
        .value(tx.quantity("value"));
    tx.add(fields, tx.has("input") ? "input" : "data");
    if (type == 0) {
      fields.value(tx.quantity("v"));
    } else {
      accessList(fields, tx);
      if (type == 3) {
        fields.value(tx.quantity("maxFeePerBlobGas"));
        hashes(fields, tx, "blobVersionedHashes");
      } else if (type == 4) {
        authorizations(fields, tx);
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

  private static void accessList(Rlp to, Fields tx) throws BadDataException {
    int entries = to.open();
    for (Fields entry : tx.list("accessList", "access list entry")) {
      int one = to.open();
      entry.add(to, "address", ADDRESS);
      hashes(to, entry, "storageKeys");
      to.close(one);
    }
    to.close(entries);
  }

  private static void hashes(Rlp to, Fields of, String field) throws BadDataException {
    int hashes = to.open();
    for (JsonValue item : of.rawList(field)) {
      of.addItem(to, field, item, HASH);
    }
    to.close(hashes);
  }

  private static void authorizations(Rlp to, Fields tx) throws BadDataException {
    int authorizations = to.open();
    for (Fields a : tx.list("authorizationList", "authorization")) {
      int one = to.open();
      to.value(a.quantity("chainId"));
      a.add(to, "address", ADDRESS)
          .value(a.quantity("nonce"))
          .value(a.quantity(a.has("yParity") ? "yParity" : "v"))
          .value(a.quantity("r"))
          .value(a.quantity("s"))
          .close(one);
    }
    to.close(authorizations);
  }

  /**
   * A receipt as the trie has it. Before Byzantium (EIP-658) it holds a state root, since then the
   * status.
   *
   * @param type of its transaction
   * @param bloom of its logs, as it states it
   * @param withStateRoot whether it is encoded as before Byzantium
   */
  static byte[] receipt(
      Fields receipt, int type, List<Fields> logs, byte[] bloom, boolean withStateRoot)
      throws BadDataException {
    Rlp fields =
        new Rlp(512 + 256 * logs.size())
            .value(withStateRoot ? receipt.data("root", HASH) : receipt.quantity("status"))
            .value(receipt.quantity("cumulativeGasUsed"))
            .value(bloom);
    int all = fields.open();
    for (Fields log : logs) {
      int one = fields.open();
      log.add(fields, "address", ADDRESS);
      hashes(fields, log, "topics");
      log.add(fields, "data").close(one);
    }
    fields.close(all);
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
