package io.cryptoetl.extractor.verify;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Which checks a chain's rules allow, and what becomes of those that fail. */
public enum ChainProfile {
  /** Every check must hold. */
  ETHEREUM(
      EnumSet.noneOf(Check.class),
      false,
      Set.of(1L, 3L, 4L, 5L, 42L, 11_155_111L, 17_000L, 560_048L)),

  /**
   * Polygon PoS. Every check must hold, with one exception: a state-sync transaction is not signed
   * by anybody, and JSON-RPC does not give what it is made of. Before PIP-74 it is outside of the
   * roots, and its hash follows from the block; after it, it is of type 0x7f and within the roots,
   * so that those of its block cannot be recomputed.
   */
  POLYGON(
      EnumSet.of(Check.TRANSACTION_HASHES, Check.TRANSACTIONS_ROOT, Check.RECEIPTS_ROOT),
      true,
      Set.of(137L, 80_001L, 80_002L)),

  /**
   * BNB Smart Chain: headers, transactions and receipts are those of Geth (the seal of Parlia is
   * part of {@code extraData}).
   */
  BSC(EnumSet.of(Check.DERIVED_FIELDS), false, Set.of(56L, 97L)),

  /**
   * Gnosis Chain since its merge; before, headers were sealed by Aura, which nodes write each in
   * its way.
   */
  GNOSIS(EnumSet.of(Check.DERIVED_FIELDS), false, Set.of(100L)),

  /**
   * Chains of the OP stack since Bedrock. Deposits are of type 0x7e; since Isthmus {@code
   * withdrawalsRoot} is that of the storage of a contract, which JSON-RPC does not give.
   */
  OP_STACK(
      EnumSet.of(Check.DERIVED_FIELDS, Check.WITHDRAWALS_ROOT),
      false,
      Set.of(10L, 8_453L, 84_532L, 11_155_420L, 7_777_777L)),

  /**
   * Arbitrum since Nitro. Its own transactions, of types 0x64 to 0x6a, cannot be encoded from what
   * JSON-RPC gives: blocks with such, which are nearly all, leave hashes and root of transactions
   * unchecked.
   */
  ARBITRUM(EnumSet.of(Check.DERIVED_FIELDS), true, Set.of(42_161L, 42_170L, 421_614L)),

  /**
   * Any other EVM chain: its hashing rules are not known, so a hash or root that cannot be
   * reproduced counts as unchecked, unless it could be in blocks of the same kind before: see
   * {@link Ratchet}. What every chain has in common must hold.
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
          Check.WITHDRAWALS_ROOT),
      true,
      Set.of());

  private static final long GNOSIS_CHAIN = 100;
  private static final long GNOSIS_MERGE = 25_349_537;
  private static final long OP_MAINNET = 10;
  private static final long BEDROCK = 105_235_063;
  private static final long ARBITRUM_ONE = 42_161;
  private static final long NITRO = 22_207_817;

  private final Set<Check> mayFail;
  private final boolean unknownTypes;
  private final Set<Long> chains;

  /**
   * A profile.
   *
   * @param unknownTypes whether the chain has transactions that cannot be encoded here
   * @param chains ids of the chains that have it
   */
  ChainProfile(Set<Check> mayFail, boolean unknownTypes, Set<Long> chains) {
    this.mayFail = mayFail;
    this.unknownTypes = unknownTypes;
    this.chains = chains;
  }

  /** Name in the configuration. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** Checks that some chain's rules make impossible. */
  public static Set<Check> optional() {
    return GENERIC_EVM.mayFail;
  }

  /** All names, for messages. */
  public static String labels() {
    return Arrays.stream(values()).map(ChainProfile::label).collect(Collectors.joining(", "));
  }

  /** The profile of a chain whose configuration names none. */
  public static ChainProfile ofChain(long chainId) {
    return Arrays.stream(values())
        .filter(profile -> profile.chains.contains(chainId))
        .findFirst()
        .orElse(GENERIC_EVM);
  }

  /** The profile of a height: chains that changed their rules altogether are any chain before. */
  ChainProfile at(long chainId, long number) {
    boolean isBefore =
        (this == GNOSIS && chainId == GNOSIS_CHAIN && number < GNOSIS_MERGE)
            || (this == OP_STACK && chainId == OP_MAINNET && number < BEDROCK)
            || (this == ARBITRUM && chainId == ARBITRUM_ONE && number < NITRO);
    return isBefore ? GENERIC_EVM : this;
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
    if (this == POLYGON) {
      return stateSync
          && !code.equals(BlockVerifier.TRANSACTION_HASH_MISMATCH)
          && mayFail.contains(check);
    }
    return mayFail.contains(check)
        || (unknownTypes && code.equals(BlockVerifier.TRANSACTION_TYPE_UNKNOWN));
  }
}
