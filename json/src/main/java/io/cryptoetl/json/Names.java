package io.cryptoetl.json;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Names of fields that are looked up again and again: comparing their numbers is enough. */
final class Names {
  private static final String[] NAMES = {
    "accessList",
    "address",
    "amount",
    "author",
    "authorizationList",
    "baseFeePerGas",
    "blobGasPrice",
    "blobGasUsed",
    "blobVersionedHashes",
    "blockGasCost",
    "blockHash",
    "blockNumber",
    "blockTimestamp",
    "chainId",
    "code",
    "contractAddress",
    "cumulativeGasUsed",
    "data",
    "depositNonce",
    "depositReceiptVersion",
    "difficulty",
    "effectiveGasPrice",
    "error",
    "excessBlobGas",
    "extDataGasUsed",
    "extDataHash",
    "extraData",
    "from",
    "gas",
    "gasLimit",
    "gasPrice",
    "gasUsed",
    "hash",
    "id",
    "index",
    "input",
    "isSystemTx",
    "logIndex",
    "logs",
    "logsBloom",
    "maxFeePerBlobGas",
    "maxFeePerGas",
    "maxPriorityFeePerGas",
    "message",
    "miner",
    "mint",
    "mixHash",
    "nonce",
    "number",
    "parentBeaconBlockRoot",
    "parentHash",
    "r",
    "receiptsRoot",
    "removed",
    "requestsHash",
    "result",
    "root",
    "s",
    "sha3Uncles",
    "signature",
    "size",
    "sourceHash",
    "stateRoot",
    "status",
    "step",
    "storageKeys",
    "timestamp",
    "to",
    "topics",
    "transactionHash",
    "transactionIndex",
    "transactions",
    "transactionsRoot",
    "type",
    "uncles",
    "v",
    "validatorIndex",
    "value",
    "withdrawals",
    "withdrawalsRoot",
    "yParity"
  };

  private static final byte[][] WRITTEN = new byte[NAMES.length][];

  /** Numbers of names by length and ends; 0 is none. */
  private static final byte[] BY_ENDS = new byte[1024];

  private static final int MASK = BY_ENDS.length - 1;

  static {
    for (int i = 0; i < NAMES.length; i++) {
      WRITTEN[i] = NAMES[i].getBytes(StandardCharsets.US_ASCII);
      int slot = slot(WRITTEN[i], 0, WRITTEN[i].length);
      while (BY_ENDS[slot] != 0) {
        slot = (slot + 1) & MASK;
      }
      BY_ENDS[slot] = (byte) (i + 1);
    }
  }

  private Names() {}

  private static int slot(byte[] bytes, int from, int to) {
    return slot(to - from, bytes[from], bytes[(from + to) >>> 1], bytes[to - 1]);
  }

  private static int slot(int length, int first, int middle, int last) {
    return (length * 7 + first * 31 + middle * 101 + last * 211) & MASK;
  }

  /** The number of a name, from 1 to 127; 0 if it has none. */
  static int number(String name) {
    int length = name.length();
    if (length == 0) {
      return 0;
    }
    int slot = slot(length, name.charAt(0), name.charAt(length >>> 1), name.charAt(length - 1));
    for (; BY_ENDS[slot] != 0; slot = (slot + 1) & MASK) {
      if (NAMES[BY_ENDS[slot] - 1].equals(name)) {
        return BY_ENDS[slot];
      }
    }
    return 0;
  }

  /** The number of a name that is written without escapes. */
  static int number(byte[] bytes, int from, int to) {
    if (from == to) {
      return 0;
    }
    for (int slot = slot(bytes, from, to); BY_ENDS[slot] != 0; slot = (slot + 1) & MASK) {
      byte[] name = WRITTEN[BY_ENDS[slot] - 1];
      if (name.length == to - from && Arrays.equals(name, 0, name.length, bytes, from, to)) {
        return BY_ENDS[slot];
      }
    }
    return 0;
  }
}
