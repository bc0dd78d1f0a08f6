package io.cryptoetl.extractor.verify;

import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;

/**
 * What has held on a chain whose rules are not known. A check that held for many blocks of a kind,
 * one after another, has to hold for those near them: a block of which it fails is altered or
 * truncated, or the chain has new rules. Blocks are of a kind if they have the same types of
 * transactions. Nothing is learned of a block that has nothing to check.
 */
final class Ratchet {
  /** Blocks of a kind that must have passed, one after another. */
  private static final int ENOUGH = 64;

  /** Heights around the last that passed. */
  private static final long NEAR = 100_000;

  private final Map<Check, Map<Long, History>> histories = new EnumMap<>(Check.class);

  private static final class History {
    private int passedInARow;
    private long last;
  }

  /** A check passed for a block of a kind. */
  synchronized void passed(Check check, long kind, long number) {
    History history = history(check, kind);
    history.passedInARow++;
    history.last = number;
  }

  /** A check failed: whether it has to hold. */
  synchronized boolean mustHold(Check check, long kind, long number) {
    History history = history(check, kind);
    if (history.passedInARow >= ENOUGH && Math.abs(number - history.last) <= NEAR) {
      return true;
    }
    history.passedInARow = 0;
    return false;
  }

  private History history(Check check, long kind) {
    return histories
        .computeIfAbsent(check, _ -> new HashMap<>())
        .computeIfAbsent(kind, _ -> new History());
  }
}
