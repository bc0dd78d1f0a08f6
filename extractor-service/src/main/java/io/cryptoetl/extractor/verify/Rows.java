package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.json.JsonValue;
import java.util.List;

/**
 * What rows cannot be made without. Whatever a chain's rules are, a block that lacks it is refused
 * here: what is published can be mapped.
 */
final class Rows {
  private static final int HASH = 32;
  private static final int ADDRESS = 20;
  private static final int MAX_TOPICS = 4;

  /** Last second that rows are made of: 9998-12-31T23:59:59Z, as the transformer has it. */
  private static final long MAX_SECONDS = 253_370_764_799L;

  private Rows() {}

  static void requireBlock(Fields block) throws BadDataException {
    if (block.number("timestamp") > MAX_SECONDS) {
      throw block.malformed(
          "timestamp", block.value("timestamp"), "seconds since 1970, before the year 9999");
    }
    for (Fields withdrawal : block.list("withdrawals", "withdrawal")) {
      withdrawal.requireData("address", ADDRESS);
      withdrawal.number("index");
      withdrawal.number("validatorIndex");
      withdrawal.number("amount");
    }
  }

  static void requireTransaction(Fields transaction) throws BadDataException {
    transaction.requireData("hash", HASH);
    transaction.requireData("from", ADDRESS);
    for (Fields entry : transaction.list("accessList", "access list entry")) {
      entry.requireData("address", ADDRESS);
      int unused = requireHashes(entry, "storageKeys");
    }
    for (Fields authorization : transaction.list("authorizationList", "authorization")) {
      authorization.requireData("address", ADDRESS);
    }
  }

  static void requireLog(Fields log) throws BadDataException {
    log.requireData("address", ADDRESS);
    log.requireDataIfThere("data");
    if (requireHashes(log, "topics") > MAX_TOPICS) {
      throw log.malformed("topics", log.value("topics"), "at most 4 topics");
    }
  }

  /** How many hashes a list has, in which nothing else is. */
  private static int requireHashes(Fields of, String field) throws BadDataException {
    List<JsonValue> hashes = of.rawList(field);
    for (JsonValue hash : hashes) {
      of.requireItem(field, hash, HASH);
    }
    return hashes.size();
  }
}
