package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.tuweni.bytes.Bytes;
import org.apache.tuweni.rlp.RLP;

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

  private Encoding() {}

  /**
   * RLP of a header. Fields that later forks appended are written if they are there: London
   * (EIP-1559), Shanghai (EIP-4895), Cancun (EIP-4844, EIP-4788), Prague (EIP-7685). Osaka added
   * none.
   */
  static Bytes header(Fields block) throws BadDataException {
    List<Bytes> fields = new ArrayList<>(21);
    fields.add(value(block.data("parentHash", HASH)));
    fields.add(value(block.data("sha3Uncles", HASH)));
    fields.add(value(block.data(block.has("miner") ? "miner" : "author", ADDRESS)));
    fields.add(value(block.data("stateRoot", HASH)));
    fields.add(value(block.data("transactionsRoot", HASH)));
    fields.add(value(block.data("receiptsRoot", HASH)));
    fields.add(value(block.data("logsBloom", BLOOM)));
    fields.add(value(block.quantity("difficulty")));
    fields.add(value(block.quantity("number")));
    fields.add(value(block.quantity("gasLimit")));
    fields.add(value(block.quantity("gasUsed")));
    fields.add(value(block.quantity("timestamp")));
    fields.add(value(block.data("extraData")));
    seal(block, fields);
    if (block.has("extDataHash")) {
      // Avalanche's C-Chain (coreth).
      fields.add(value(block.data("extDataHash", HASH)));
    }
    if (block.has("baseFeePerGas")) {
      fields.add(value(block.quantity("baseFeePerGas")));
    }
    if (block.has("extDataHash") && block.has("extDataGasUsed")) {
      fields.add(value(block.quantity("extDataGasUsed")));
      fields.add(value(block.quantity("blockGasCost")));
    }
    if (block.has("withdrawalsRoot")) {
      fields.add(value(block.data("withdrawalsRoot", HASH)));
    }
    if (block.has("blobGasUsed")) {
      fields.add(value(block.quantity("blobGasUsed")));
      fields.add(value(block.quantity("excessBlobGas")));
    }
    if (block.has("parentBeaconBlockRoot")) {
      fields.add(value(block.data("parentBeaconBlockRoot", HASH)));
    }
    if (block.has("requestsHash")) {
      fields.add(value(block.data("requestsHash", HASH)));
    }
    return list(fields);
  }

  /** What seals a header: proof of work, the merge's values, or the signature of Aura (Gnosis). */
  private static void seal(Fields block, List<Bytes> fields) throws BadDataException {
    if (block.has("step") && block.has("signature") && !block.has("mixHash")) {
      fields.add(value(block.quantity("step")));
      fields.add(value(block.data("signature")));
      return;
    }
    fields.add(value(block.data("mixHash", HASH)));
    fields.add(value(block.data("nonce", NONCE)));
  }

  /**
   * Type of a transaction or a receipt (EIP-2718); those without one are legacy. Some chains have
   * types above 0x7f, which no envelope can hold.
   */
  static int type(Fields item) throws BadDataException {
    return item.has("type") ? (int) Math.min(Integer.MAX_VALUE, item.number("type")) : 0;
  }

  /** A transaction as its hash and the trie have it; empty for a type that is not known here. */
  static Optional<Bytes> transaction(Fields tx) throws BadDataException {
    int type = type(tx);
    List<Bytes> fields = new ArrayList<>(14);
    switch (type) {
      case 0 -> {
        fields.add(value(tx.quantity("nonce")));
        fields.add(value(tx.quantity("gasPrice")));
      }
      case 1 -> {
        fields.add(value(tx.quantity("chainId")));
        fields.add(value(tx.quantity("nonce")));
        fields.add(value(tx.quantity("gasPrice")));
      }
      case 2, 3, 4 -> {
        fields.add(value(tx.quantity("chainId")));
        fields.add(value(tx.quantity("nonce")));
        fields.add(value(tx.quantity("maxPriorityFeePerGas")));
        fields.add(value(tx.quantity("maxFeePerGas")));
      }
      case DEPOSIT -> {
        return Optional.of(typed(type, deposit(tx)));
      }
      default -> {
        return Optional.empty();
      }
    }
    fields.add(value(tx.quantity("gas")));
    fields.add(value(tx.dataOrEmpty("to", ADDRESS)));
    fields.add(value(tx.quantity("value")));
    fields.add(value(tx.data(tx.has("input") ? "input" : "data")));
    if (type == 0) {
      fields.add(value(tx.quantity("v")));
    } else {
      fields.add(accessList(tx));
      if (type == 3) {
        fields.add(value(tx.quantity("maxFeePerBlobGas")));
        fields.add(hashes(tx, "blobVersionedHashes"));
      } else if (type == 4) {
        fields.add(authorizations(tx));
      }
      fields.add(value(tx.quantity(tx.has("yParity") ? "yParity" : "v")));
    }
    fields.add(value(tx.quantity("r")));
    fields.add(value(tx.quantity("s")));
    Bytes rlp = list(fields);
    return Optional.of(type == 0 ? rlp : typed(type, rlp));
  }

  private static Bytes deposit(Fields tx) throws BadDataException {
    return list(
        List.of(
            value(tx.data("sourceHash", HASH)),
            value(tx.data("from", ADDRESS)),
            value(tx.dataOrEmpty("to", ADDRESS)),
            value(tx.has("mint") ? tx.quantity("mint") : Bytes.EMPTY),
            value(tx.quantity("value")),
            value(tx.quantity("gas")),
            value(Boolean.TRUE.equals(tx.values().get("isSystemTx")) ? Bytes.of(1) : Bytes.EMPTY),
            value(tx.data("input"))));
  }

  private static Bytes accessList(Fields tx) throws BadDataException {
    List<Bytes> entries = new ArrayList<>();
    for (Fields entry : tx.list("accessList", "access list entry of " + tx.place())) {
      entries.add(
          list(List.of(value(entry.data("address", ADDRESS)), hashes(entry, "storageKeys"))));
    }
    return list(entries);
  }

  private static Bytes hashes(Fields of, String field) throws BadDataException {
    List<Bytes> hashes = new ArrayList<>();
    for (Object item : of.rawList(field)) {
      hashes.add(value(of.item(field, item, HASH)));
    }
    return list(hashes);
  }

  private static Bytes authorizations(Fields tx) throws BadDataException {
    List<Bytes> authorizations = new ArrayList<>();
    for (Fields a : tx.list("authorizationList", "authorization of " + tx.place())) {
      authorizations.add(
          list(
              List.of(
                  value(a.quantity("chainId")),
                  value(a.data("address", ADDRESS)),
                  value(a.quantity("nonce")),
                  value(a.quantity(a.has("yParity") ? "yParity" : "v")),
                  value(a.quantity("r")),
                  value(a.quantity("s")))));
    }
    return list(authorizations);
  }

  /**
   * A receipt as the trie has it. Before Byzantium (EIP-658) it holds a state root, since then the
   * status.
   *
   * @param type of its transaction
   * @param withStateRoot whether it is encoded as before Byzantium
   */
  static Bytes receipt(Fields receipt, int type, List<Fields> logs, boolean withStateRoot)
      throws BadDataException {
    List<Bytes> encodedLogs = new ArrayList<>(logs.size());
    for (Fields log : logs) {
      encodedLogs.add(
          list(
              List.of(
                  value(log.data("address", ADDRESS)),
                  hashes(log, "topics"),
                  value(log.data("data")))));
    }
    List<Bytes> fields = new ArrayList<>(6);
    fields.add(value(withStateRoot ? receipt.data("root", HASH) : receipt.quantity("status")));
    fields.add(value(receipt.quantity("cumulativeGasUsed")));
    fields.add(value(receipt.data("logsBloom", BLOOM)));
    fields.add(list(encodedLogs));
    if (type == DEPOSIT && receipt.has("depositReceiptVersion")) {
      fields.add(value(receipt.quantity("depositNonce")));
      fields.add(value(receipt.quantity("depositReceiptVersion")));
    }
    Bytes rlp = list(fields);
    return type == 0 ? rlp : typed(type, rlp);
  }

  /** A withdrawal as the trie has it (EIP-4895). */
  static Bytes withdrawal(Fields withdrawal) throws BadDataException {
    return list(
        List.of(
            value(withdrawal.quantity("index")),
            value(withdrawal.quantity("validatorIndex")),
            value(withdrawal.data("address", ADDRESS)),
            value(withdrawal.quantity("amount"))));
  }

  /** RLP of the address that a creation by this sender and nonce gets, before it is hashed. */
  static Bytes creation(Bytes sender, Bytes nonce) {
    return list(List.of(value(sender), value(nonce)));
  }

  /** RLP of a list whose items are RLP already. */
  static Bytes list(List<Bytes> items) {
    return RLP.encodeList(w -> items.forEach(w::writeRLP));
  }

  static Bytes value(Bytes value) {
    return RLP.encodeValue(value);
  }

  private static Bytes typed(int type, Bytes rlp) {
    return Bytes.concatenate(Bytes.of(type), rlp);
  }
}
