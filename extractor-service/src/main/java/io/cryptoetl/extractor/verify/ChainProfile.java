package io.cryptoetl.extractor.verify;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** Which checks a chain's rules allow, and what becomes of those that fail. */
public enum ChainProfile {
  /** Every check must hold. */
  ETHEREUM(EnumSet.noneOf(Check.class)),

  /**
   * Polygon PoS. Every check must hold, with one exception: a state-sync transaction is not signed
   * by anybody, and JSON-RPC does not give what it is made of. Before PIP-74 it is outside of the
   * roots, and its hash follows from the block; after it, it is of type 0x7f and within the roots,
   * so that those of its block cannot be recomputed.
   */
  POLYGON(EnumSet.of(Check.TRANSACTION_HASHES, Check.TRANSACTIONS_ROOT, Check.RECEIPTS_ROOT)),

  /**
   * Any other EVM chain: its hashing rules are not known, so a hash or root that cannot be
   * reproduced counts as unchecked. What every chain has in common must hold.
   */
  GENERIC_EVM(
      EnumSet.of(
          Check.CHAIN_ID,
          Check.DERIVED_FIELDS,
          Check.HEADER_HASH,
          Check.LOGS_BLOOM,
          Check.OMMERS,
          Check.RECEIPTS_ROOT,
          Check.TRANSACTION_HASHES,
          Check.TRANSACTIONS_ROOT,
          Check.WITHDRAWALS_ROOT));

  private static final Set<Long> POLYGON_CHAINS = Set.of(137L, 80_001L, 80_002L);

  /** Mainnet and its test networks, past and present. */
  private static final Set<Long> ETHEREUM_CHAINS =
      Set.of(1L, 3L, 4L, 5L, 42L, 11_155_111L, 17_000L, 560_048L);

  private final Set<Check> mayFail;

  ChainProfile(Set<Check> mayFail) {
    this.mayFail = mayFail;
  }

  /** Name in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** The profile of a chain whose configuration names none. */
  public static ChainProfile ofChain(long chainId) {
    if (POLYGON_CHAINS.contains(chainId)) {
      return POLYGON;
    }
    return ETHEREUM_CHAINS.contains(chainId) ? ETHEREUM : GENERIC_EVM;
  }

  /**
   * Whether a check that fails leaves the block unchecked, not refused.
   *
   * @param code what it failed of
   * @param stateSync whether the block holds a transaction of Polygon's type 0x7f
   */
  boolean mayFail(Check check, String code, boolean stateSync) {
    if (code.equals(BlockVerifier.STATE_ROOTS_MISSING)) {
      return true;
    }
    if (this == POLYGON && (!stateSync || code.equals(BlockVerifier.TRANSACTION_HASH_MISMATCH))) {
      return false;
    }
    return mayFail.contains(check);
  }
}
