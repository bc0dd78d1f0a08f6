package io.cryptoetl.transformer.normalize;

import io.cryptoetl.schemas.Topics;
import java.util.Arrays;

/** What a row of a file is a part of, among the rows of a block. */
enum FilePart {
  BLOCK(0, Topics.CHAIN_BLOCKS.name()),
  TRANSACTION(1, Topics.CHAIN_TRANSACTIONS.name()),
  /** Not a table: what a receipt adds to the row of its transaction. */
  RECEIPT(2, "receipts"),
  LOG(3, Topics.CHAIN_LOGS.name()),
  TOKEN_TRANSFER(4, Topics.CHAIN_TOKEN_TRANSFERS.name());

  private final byte slot;
  private final String label;

  FilePart(int slot, String label) {
    this.slot = (byte) slot;
    this.label = label;
  }

  /** Its place in the state store. It never changes. */
  byte slot() {
    return slot;
  }

  static FilePart of(String name) {
    return Arrays.stream(values()).filter(p -> p.label.equals(name)).findFirst().orElseThrow();
  }

  static FilePart of(byte slot) {
    return Arrays.stream(values()).filter(p -> p.slot == slot).findFirst().orElseThrow();
  }
}
