package io.cryptoetl.extractor.verify;

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

  /** Heights that are near each other. */
  private static final long NEAR = 100_000;

  private final Map<Place, Integer> passedInARow = new HashMap<>();

  /**
   * Blocks of a kind near each other.
   *
   * @param part of the chain, {@link #NEAR} heights long
   */
  private record Place(Check check, long kind, long part) {}

  /** A check passed for a block of a kind. */
  synchronized void passed(Check check, long kind, long number) {
    passedInARow.merge(new Place(check, kind, number / NEAR), 1, Integer::sum);
  }

  /** A check failed: whether it has to hold. */
  synchronized boolean mustHold(Check check, long kind, long number) {
    long part = number / NEAR;
    for (long near = part - 1; near <= part + 1; near++) {
      if (passedInARow.getOrDefault(new Place(check, kind, near), 0) >= ENOUGH) {
        return true;
      }
    }
    passedInARow.remove(new Place(check, kind, part));
    return false;
  }
}
