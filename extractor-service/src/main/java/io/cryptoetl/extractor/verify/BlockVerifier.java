package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Proves a block and its receipts from their JSON: recomputes what the header commits to, and the
 * header's hash itself. Which checks a chain allows is its {@link ChainProfile}.
 *
 * <p>Not provable, and therefore believed: {@code totalDifficulty}, the hashes of listed ommers,
 * {@code blobGasPrice} (it is compared between receipts), the sender of a transaction (it is
 * compared with the receipt's, the signature is not recovered), and fields that are not of
 * Ethereum's execution API.
 */
public final class BlockVerifier {
  static final String TRANSACTION_HASH_MISMATCH = DeadLetterCode.TRANSACTION_HASH_MISMATCH.code();

  /** Receipts of a block before Byzantium came without state roots, which some nodes drop. */
  static final String STATE_ROOTS_MISSING = "state_roots_missing";

  /** Height of the fork on Ethereum's mainnet. */
  private static final long BYZANTIUM = 4_370_000;

  private static final int HASH = 32;
  private static final byte[] EMPTY_LIST = new Rlp(0).toBytes();
  private static final byte[] STATE_SYNC_PREFIX =
      "matic-bor-receipt-".getBytes(StandardCharsets.US_ASCII);
  private static final int FIRST_PROTECTED_V = 35;

  static final String TRANSACTION_TYPE_UNKNOWN = DeadLetterCode.TRANSACTION_TYPE_UNKNOWN.code();

  private final long chainId;
  private final ChainProfile chainProfile;
  private final Set<Check> mayFail;
  private final Ratchet ratchet = new Ratchet();

  /**
   * A verifier of a chain.
   *
   * @param chainId EIP-155 chain id
   * @param mayFail checks that may fail whatever the profile says
   */
  public BlockVerifier(long chainId, ChainProfile profile, Set<Check> mayFail) {
    this.chainId = chainId;
    this.chainProfile = profile;
    this.mayFail = mayFail;
  }

  /** A verifier of a chain whose profile says all. */
  public BlockVerifier(long chainId, ChainProfile profile) {
    this(chainId, profile, Set.of());
  }

  /** A block as it was read, before anything is proven of it but that it is JSON of its shape. */
  private static final class Parts {
    final ChainProfile profile;
    final Keccak keccak = new Keccak();
    final long number;
    final Fields block;

    /** The hash that the block states, as it is written; null if it states none. */
    final JsonValue hash;

    final List<Fields> transactions;

    /** The encodings of the transactions that the trie holds; empty where a type is unknown. */
    final List<Optional<byte[]>> encoded = new ArrayList<>();

    /** Transactions that the header's roots commit to: all, or all but a state-sync one. */
    int committed;

    /** Whether a transaction of Polygon's type 0x7f is among them. */
    boolean stateSync;

    /** Whether its receipts have logs. */
    boolean hasLogs;

    Parts(ChainProfile profile, long number, Fields block, List<Fields> transactions) {
      this.number = number;
      this.profile = profile;
      this.block = block;
      this.hash = block.value("hash");
      this.transactions = transactions;
      this.committed = transactions.size();
    }

    boolean isGeneric() {
      return profile == ChainProfile.GENERIC_EVM;
    }

    /** Types of its transactions, a bit for each; those above 62 share one. */
    long kinds() {
      long kinds = 0;
      for (Fields transaction : transactions) {
        kinds |= 1L << kind(transaction);
      }
      return kinds;
    }

    private static int kind(Fields transaction) {
      try {
        return Math.min(transaction.type(), Long.SIZE - 1);
      } catch (BadDataException e) {
        // No type at all: its own check tells.
        return Long.SIZE - 1;
      }
    }

    static Parts of(ChainProfile profile, long number, JsonValue json) throws BadDataException {
      Fields block = Fields.object("block " + number, json, DeadLetterCode.BLOCK_MALFORMED.code());
      for (JsonValue transaction : block.rawList("transactions")) {
        if (transaction.isString()) {
          throw new BadDataException(
              DeadLetterCode.TRANSACTIONS_NOT_FULL.code(),
              "block %d came with transaction hashes only, full transactions were asked for; use an endpoint that gives them"
                  .formatted(number));
        }
      }
      return new Parts(profile, number, block, block.list("transactions", "transaction"));
    }
  }

  /**
   * Hash of a block that came without its transactions; it is recomputed where the chain's rules
   * allow it.
   *
   * @param header result of eth_getBlockByNumber without full transactions
   * @return 32 bytes
   */
  public byte[] hashOfHeader(long number, JsonValue header) throws BadDataException {
    Fields fields = Fields.object("block " + number, header, DeadLetterCode.BLOCK_MALFORMED.code());
    Parts parts = new Parts(chainProfile.at(chainId, number), number, fields, List.of());
    Outcome outcome = new Outcome(parts, false);
    outcome.passed(Check.NUMBER, () -> checkNumber(parts));
    outcome.passed(Check.HEADER_HASH, () -> checkHeader(parts));
    return fields.data("hash", HASH);
  }

  /**
   * Verifies a block.
   *
   * @param number the height that was asked for
   * @param block result of eth_getBlockByNumber with full transactions
   * @param receipts result of eth_getBlockReceipts; empty if the source is read without
   * @return the block, not linked to its parent yet
   * @throws BadDataException with the code of the first check that failed
   */
  public VerifiedBlock verify(long number, JsonValue block, Optional<JsonValue> receipts)
      throws BadDataException {
    Parts parts = Parts.of(chainProfile.at(chainId, number), number, block);
    Outcome outcome = new Outcome(parts, true);
    outcome.passed(Check.NUMBER, () -> checkNumber(parts));
    outcome.passed(Check.TRANSACTIONS_OF_BLOCK, () -> checkTransactionsOfBlock(parts));
    findStateSync(parts);
    outcome.passed(Check.CHAIN_ID, () -> checkChainId(parts));
    outcome.passed(Check.HEADER_HASH, () -> checkHeader(parts));
    outcome.passed(Check.OMMERS, () -> checkOmmers(parts));
    outcome.passed(Check.TRANSACTION_HASHES, () -> checkTransactionHashes(parts));
    outcome.passed(Check.TRANSACTIONS_ROOT, () -> checkTransactionsRoot(parts));
    outcome.passed(Check.WITHDRAWALS_ROOT, () -> checkWithdrawalsRoot(parts));
    if (receipts.isPresent()) {
      Receipts read = new Receipts(parts, receipts.get());
      outcome.passed(Check.RECEIPTS_OF_BLOCK, read::checkReferences);
      outcome.passed(Check.LOGS_BLOOM, read::checkBlooms);
      outcome.passed(Check.RECEIPTS_ROOT, read::checkRoot);
      outcome.passed(
          Check.DERIVED_FIELDS,
          () -> {
            DerivedFields.check(parts.block, parts.transactions, parts.committed, parts.encoded);
            DerivedFields.checkReceipts(
                parts.block,
                parts.transactions,
                parts.committed,
                read.receipts,
                read.logs,
                parts.keccak);
          });
    } else {
      outcome.passed(
          Check.DERIVED_FIELDS,
          () ->
              DerivedFields.check(parts.block, parts.transactions, parts.committed, parts.encoded));
    }
    return new VerifiedBlock(
        number,
        parts.block.data("hash", HASH),
        parts.block.data("parentHash", HASH),
        parts.block.number("timestamp"),
        labels(outcome.passed),
        labels(outcome.unchecked));
  }

  /** The height that a block states, proven by nothing. */
  public static long heightOf(JsonValue block) throws BadDataException {
    return Fields.object("the block", block, DeadLetterCode.BLOCK_MALFORMED.code())
        .number("number");
  }

  /** The hashes that a block states of its transactions, in order; proven by nothing. */
  public static List<String> transactionHashes(long number, JsonValue block)
      throws BadDataException {
    List<String> hashes = new ArrayList<>();
    for (Fields transaction : Parts.of(ChainProfile.GENERIC_EVM, number, block).transactions) {
      hashes.add(hex(transaction.data("hash", HASH)));
    }
    return hashes;
  }

  /** A block of which only the height is checked. */
  public static VerifiedBlock unverified(long number, JsonValue block) throws BadDataException {
    Parts parts = Parts.of(ChainProfile.GENERIC_EVM, number, block);
    checkNumber(parts);
    return new VerifiedBlock(
        number,
        parts.block.data("hash", HASH),
        parts.block.data("parentHash", HASH),
        parts.block.number("timestamp"),
        List.of(Check.NUMBER.label()),
        List.of());
  }

  private static String hex(byte[] bytes) {
    return "0x" + HexFormat.of().formatHex(bytes);
  }

  private static List<String> labels(Set<Check> checks) {
    return checks.stream().map(Check::label).sorted().toList();
  }

  @FunctionalInterface
  private interface Proof {
    void run() throws BadDataException;
  }

  private final class Outcome {
    private final Set<Check> passed = EnumSet.noneOf(Check.class);
    private final Set<Check> unchecked = EnumSet.noneOf(Check.class);
    private final Parts parts;

    /** Whether it tells what holds on the chain: the same header may be looked at many times. */
    private final boolean learns;

    Outcome(Parts parts, boolean learns) {
      this.parts = parts;
      this.learns = learns;
    }

    void passed(Check check, Proof proof) throws BadDataException {
      try {
        proof.run();
        passed.add(check);
        if (learns && isTelling(check)) {
          ratchet.passed(check, kind(check), parts.number);
        }
      } catch (BadDataException e) {
        failed(check, e);
      } catch (RuntimeException e) {
        // Nonsense that no check foresaw.
        failed(
            check,
            new BadDataException(
                DeadLetterCode.BLOCK_MALFORMED.code(),
                "check %s of a block cannot be made: %s"
                    .formatted(check.label(), e.getClass().getSimpleName())));
      }
    }

    private void failed(Check check, BadDataException e) throws BadDataException {
      if (mayFail.contains(check)) {
        unchecked.add(check);
        return;
      }
      if (!parts.profile.mayFail(check, e.code(), parts.stateSync)) {
        throw e;
      }
      if (isTelling(check)
          && !e.code().equals(TRANSACTION_TYPE_UNKNOWN)
          && ratchet.mustHold(check, kind(check), parts.number)) {
        throw new BadDataException(
            e.code(),
            "%s; check %s held for all blocks of the kind before: the answer is altered, or the chain has new rules (then name the check in may-fail of the source)"
                .formatted(e.getMessage(), check.label()));
      }
      unchecked.add(check);
    }

    /** Whether a check of this block tells something of the chain's rules. */
    private boolean isTelling(Check check) throws BadDataException {
      return switch (check) {
        case HEADER_HASH -> true;
        case TRANSACTION_HASHES, TRANSACTIONS_ROOT, RECEIPTS_ROOT -> parts.committed > 0;
        case LOGS_BLOOM -> parts.hasLogs;
        case WITHDRAWALS_ROOT -> !parts.block.rawList("withdrawals").isEmpty();
        default -> false;
      };
    }

    /** What blocks have in common whose checks hold or fail alike. */
    private long kind(Check check) {
      return check == Check.HEADER_HASH ? 0 : parts.kinds();
    }
  }

  private static void checkNumber(Parts parts) throws BadDataException {
    long stated = parts.block.number("number");
    require(
        stated == parts.number,
        DeadLetterCode.WRONG_NUMBER.code(),
        "asked for block %d, the node answered with block %d",
        parts.number,
        stated);
  }

  private void checkTransactionsOfBlock(Parts parts) throws BadDataException {
    for (Fields transaction : parts.transactions) {
      Rows.requireTransaction(transaction);
      if (!isOfBlock(parts, transaction)) {
        throw new BadDataException(
            DeadLetterCode.TRANSACTION_OF_OTHER_BLOCK.code(),
            "block %d has hash %s, its transaction %s says block %s"
                .formatted(
                    parts.number,
                    parts.block.text("hash").orElse("missing"),
                    transaction.text("hash").orElse("without hash"),
                    transaction.text("blockHash").orElse("missing")));
      }
    }
    Rows.requireBlock(parts.block);
  }

  /** Finds what Polygon's state-sync adds to a block. */
  private void findStateSync(Parts parts) throws BadDataException {
    if (parts.profile != ChainProfile.POLYGON || parts.transactions.isEmpty()) {
      return;
    }
    Fields last = parts.transactions.getLast();
    if (last.type() == Encoding.STATE_SYNC) {
      requireCommitted(parts);
      parts.stateSync = true;
      return;
    }
    byte[] derived =
        parts.keccak.hash(
            ByteBuffer.allocate(STATE_SYNC_PREFIX.length + Long.BYTES + HASH)
                .put(STATE_SYNC_PREFIX)
                .putLong(parts.number)
                .put(parts.block.data("hash", HASH))
                .array());
    if (Arrays.equals(last.data("hash", HASH), derived)) {
      parts.committed--;
    }
  }

  /** Whether an item refers to the block; some chains leave out what follows. */
  private static boolean isOfBlock(Parts parts, Fields item) throws BadDataException {
    return item.isSameText("blockHash", parts.hash, parts.isGeneric())
        && ((parts.isGeneric() && !item.has("blockNumber"))
            || item.number("blockNumber") == parts.number);
  }

  /** A block whose root is that of its other transactions never had this one. */
  private static void requireCommitted(Parts parts) throws BadDataException {
    List<byte[]> others = new ArrayList<>();
    for (Fields transaction : parts.transactions.subList(0, parts.transactions.size() - 1)) {
      Optional<byte[]> encoded = Encoding.transaction(transaction);
      if (encoded.isEmpty()) {
        return;
      }
      others.add(encoded.get());
    }
    require(
        !Arrays.equals(
            parts.block.data("transactionsRoot", HASH), OrderedTrie.root(others, parts.keccak)),
        DeadLetterCode.TRANSACTIONS_ROOT_MISMATCH.code(),
        "block %d has a state-sync transaction that its transactionsRoot does not hold",
        parts.number);
  }

  private void checkChainId(Parts parts) throws BadDataException {
    for (Fields transaction : parts.transactions.subList(0, parts.committed)) {
      if (transaction.has("chainId")) {
        requireChain(transaction, transaction.number("chainId"));
      }
      if (transaction.type() == 0 && transaction.has("v")) {
        BigInteger v = transaction.integer("v");
        if (v.bitLength() < Long.SIZE && v.longValue() >= FIRST_PROTECTED_V) {
          requireChain(transaction, (v.longValue() - FIRST_PROTECTED_V) / 2);
        }
      }
    }
  }

  private void requireChain(Fields transaction, long stated) throws BadDataException {
    if (stated != chainId) {
      throw new BadDataException(
          DeadLetterCode.CHAIN_ID_MISMATCH.code(),
          "%s is for chain id %d, this is chain id %d"
              .formatted(transaction.place(), stated, chainId));
    }
  }

  private static void checkHeader(Parts parts) throws BadDataException {
    byte[] stated = parts.block.data("hash", HASH);
    byte[] computed = parts.keccak.hash(Encoding.header(parts.block));
    if (!Arrays.equals(computed, stated)) {
      throw new BadDataException(
          DeadLetterCode.HEADER_HASH_MISMATCH.code(),
          "block %d says its hash is %s, its header hashes to %s"
              .formatted(parts.number, hex(stated), hex(computed)));
    }
  }

  private static void checkOmmers(Parts parts) throws BadDataException {
    boolean committed =
        !Arrays.equals(parts.block.data("sha3Uncles", HASH), parts.keccak.hash(EMPTY_LIST));
    boolean listed = !parts.block.rawList("uncles").isEmpty();
    require(
        committed == listed,
        DeadLetterCode.OMMERS_MISMATCH.code(),
        "block %d lists %d ommers, its header commits to %s",
        parts.number,
        parts.block.rawList("uncles").size(),
        committed ? "some" : "none");
  }

  private static void checkTransactionHashes(Parts parts) throws BadDataException {
    for (Fields transaction : parts.transactions.subList(0, parts.committed)) {
      Optional<byte[]> encoded = Encoding.transaction(transaction);
      parts.encoded.add(encoded);
      if (encoded.isPresent()) {
        byte[] stated = transaction.data("hash", HASH);
        byte[] computed = parts.keccak.hash(encoded.get());
        if (!Arrays.equals(computed, stated)) {
          throw new BadDataException(
              TRANSACTION_HASH_MISMATCH,
              "%s says its hash is %s, it hashes to %s"
                  .formatted(transaction.place(), hex(stated), hex(computed)));
        }
      }
    }
    requireKnownTypes(parts);
  }

  private static void requireKnownTypes(Parts parts) throws BadDataException {
    for (int i = 0; i < parts.encoded.size(); i++) {
      if (parts.encoded.get(i).isEmpty()) {
        Fields transaction = parts.transactions.get(i);
        throw new BadDataException(
            TRANSACTION_TYPE_UNKNOWN,
            "%s is of type 0x%x, known are 0x0 to 0x4 and 0x7e; use profile generic-evm if the chain has types of its own"
                .formatted(transaction.place(), transaction.type()));
      }
    }
  }

  private static void checkTransactionsRoot(Parts parts) throws BadDataException {
    requireKnownTypes(parts);
    List<byte[]> encoded = parts.encoded.stream().flatMap(Optional::stream).toList();
    requireRoot(parts, "transactions", "transactionsRoot", encoded);
  }

  private static void checkWithdrawalsRoot(Parts parts) throws BadDataException {
    List<Fields> withdrawals = parts.block.list("withdrawals", "withdrawal");
    if (!parts.block.has("withdrawalsRoot")) {
      require(
          withdrawals.isEmpty(),
          DeadLetterCode.WITHDRAWALS_ROOT_MISMATCH.code(),
          "block %d has %d withdrawals and no withdrawalsRoot",
          parts.number,
          withdrawals.size());
      return;
    }
    List<byte[]> encoded = new ArrayList<>(withdrawals.size());
    for (Fields withdrawal : withdrawals) {
      encoded.add(Encoding.withdrawal(withdrawal));
    }
    requireRoot(parts, "withdrawals", "withdrawalsRoot", encoded);
  }

  private static void requireRoot(Parts parts, String what, String field, List<byte[]> encoded)
      throws BadDataException {
    byte[] stated = parts.block.data(field, HASH);
    byte[] computed = OrderedTrie.root(encoded, parts.keccak);
    if (!Arrays.equals(computed, stated)) {
      throw new BadDataException(
          DeadLetterCode.valueOf(what.toUpperCase(Locale.ROOT) + "_ROOT_MISMATCH").code(),
          "block %d has %s %s, its %d %s make %s"
              .formatted(parts.number, field, hex(stated), encoded.size(), what, hex(computed)));
    }
  }

  /** The receipts of a block. */
  private final class Receipts {
    private final Parts parts;
    private final List<Fields> receipts;
    private final List<List<Fields>> logs = new ArrayList<>();

    /** The filters that receipts state, as far as they were asked for. */
    private final List<byte[]> blooms = new ArrayList<>();

    Receipts(Parts parts, JsonValue json) throws BadDataException {
      this.parts = parts;
      receipts =
          Fields.objects(
              "receipts of block " + parts.number,
              "block " + parts.number + ", receipt",
              json,
              DeadLetterCode.RECEIPTS_MALFORMED.code());
      for (Fields receipt : receipts) {
        logs.add(receipt.list("logs", "log"));
        parts.hasLogs |= !logs.getLast().isEmpty();
      }
    }

    private void checkReferences() throws BadDataException {
      require(
          receipts.size() == parts.transactions.size(),
          DeadLetterCode.RECEIPTS_MISSING.code(),
          "block %d has %d transactions, the node gave %d receipts",
          parts.number,
          parts.transactions.size(),
          receipts.size());
      for (int i = 0; i < receipts.size(); i++) {
        Fields receipt = receipts.get(i);
        JsonValue expected = parts.transactions.get(i).value("hash");
        requireOfBlock(receipt, expected);
        for (Fields log : logs.get(i)) {
          if (!parts.isGeneric() || log.has("transactionHash")) {
            requireOfBlock(log, expected);
          }
          Rows.requireLog(log);
        }
      }
    }

    private void requireOfBlock(Fields item, JsonValue transaction) throws BadDataException {
      if (!item.isSameText("transactionHash", transaction, false) || !isOfBlock(parts, item)) {
        throw new BadDataException(
            DeadLetterCode.RECEIPT_OF_OTHER_BLOCK.code(),
            "%s is of transaction %s in block %s, expected transaction %s in block %s"
                .formatted(
                    item.place(),
                    item.text("transactionHash").orElse("missing"),
                    item.text("blockHash").orElse("missing"),
                    transaction == null ? "missing" : transaction.text(),
                    parts.block.text("hash").orElse("missing")));
      }
    }

    private void checkBlooms() throws BadDataException {
      Bloom whole = new Bloom(parts.keccak);
      for (int i = 0; i < Math.min(parts.committed, receipts.size()); i++) {
        Bloom own = whole.part();
        for (Fields log : logs.get(i)) {
          own.add(log);
        }
        requireBloom(receipts.get(i), bloom(i), own);
        whole.add(own);
      }
      requireBloom(parts.block, parts.block.data("logsBloom", Bloom.BYTES), whole);
    }

    private byte[] bloom(int receipt) throws BadDataException {
      while (blooms.size() <= receipt) {
        blooms.add(receipts.get(blooms.size()).data("logsBloom", Bloom.BYTES));
      }
      return blooms.get(receipt);
    }

    private static void requireBloom(Fields of, byte[] stated, Bloom computed)
        throws BadDataException {
      if (!Arrays.equals(stated, computed.bytes())) {
        throw new BadDataException(
            DeadLetterCode.LOGS_BLOOM_MISMATCH.code(),
            "the logsBloom of %s is not that of its logs; logs are missing or wrong"
                .formatted(of.place()));
      }
    }

    /**
     * Nodes write the outcome as a status, a state root, or both, whatever the block's fork has:
     * what makes the header's root is what was there.
     */
    private void checkRoot() throws BadDataException {
      boolean roots = !receipts.isEmpty() && receipts.stream().allMatch(r -> r.has("root"));
      boolean statuses = receipts.stream().allMatch(r -> r.has("status"));
      if (roots && statuses) {
        try {
          requireRoot(parts, "receipts", "receiptsRoot", encoded(false));
        } catch (BadDataException e) {
          requireRoot(parts, "receipts", "receiptsRoot", encoded(true));
        }
        return;
      }
      try {
        requireRoot(parts, "receipts", "receiptsRoot", encoded(roots));
      } catch (BadDataException e) {
        if (chainId == 1 && !roots && parts.number < BYZANTIUM) {
          throw new BadDataException(
              STATE_ROOTS_MISSING,
              "block %d is from before Byzantium, and its receipts have no state roots: %s"
                  .formatted(parts.number, e.getMessage()));
        }
        throw e;
      }
    }

    private List<byte[]> encoded(boolean withStateRoot) throws BadDataException {
      List<byte[]> encoded = new ArrayList<>(parts.committed);
      for (int i = 0; i < Math.min(parts.committed, receipts.size()); i++) {
        encoded.add(
            Encoding.receipt(
                receipts.get(i),
                parts.transactions.get(i).type(),
                logs.get(i),
                bloom(i),
                withStateRoot));
      }
      return encoded;
    }
  }

  static void require(boolean holds, String code, String message, Object... values)
      throws BadDataException {
    if (!holds) {
      throw new BadDataException(code, message.formatted(values));
    }
  }
}
