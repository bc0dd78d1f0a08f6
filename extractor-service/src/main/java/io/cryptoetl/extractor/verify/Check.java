package io.cryptoetl.extractor.verify;

import java.util.Locale;

/** What can be proven of a block from its JSON alone. The label stands in records and tables. */
public enum Check {
  /** Every transaction that names a chain names this one (EIP-155). */
  CHAIN_ID,

  /**
   * Fields that no root covers, and that follow from others, do follow: positions, sender and
   * receiver of receipts, gas used, effective gas price (EIP-1559), address of a created contract
   * (EIP-161), size of the block.
   */
  DERIVED_FIELDS,

  /** Keccak-256 of the RLP of the header is the block's hash. */
  HEADER_HASH,

  /** The header's bloom is that of the logs in the receipts, as is each receipt's own. */
  LOGS_BLOOM,

  /** The height is the one that was asked for. */
  NUMBER,

  /**
   * The header commits to no ommers exactly if none are listed. The hash over listed ommers cannot
   * be recomputed: the API gives their hashes, not their headers.
   */
  OMMERS,

  /** The parent is the block that the same chain has one height below. */
  PARENT_LINK,

  /** There is a receipt of this block for each transaction, in the same order. */
  RECEIPTS_OF_BLOCK,

  /** The trie over the receipts has the header's receiptsRoot. */
  RECEIPTS_ROOT,

  /** Keccak-256 of each transaction's encoding is its hash. */
  TRANSACTION_HASHES,

  /** Transactions came in full, and each says that it is of this block. */
  TRANSACTIONS_OF_BLOCK,

  /** The trie over the transactions has the header's transactionsRoot. */
  TRANSACTIONS_ROOT,

  /** The trie over the withdrawals has the header's withdrawalsRoot (EIP-4895). */
  WITHDRAWALS_ROOT;

  private final String label = name().toLowerCase(Locale.ROOT);

  /** Name in records, tables and documentation. */
  public String label() {
    return label;
  }
}
