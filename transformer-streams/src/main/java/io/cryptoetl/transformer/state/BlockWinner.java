package io.cryptoetl.transformer.state;

import io.cryptoetl.raw.RawBlock;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Comparator;

/**
 * What is remembered of the raw block whose rows stand in the tables: its place in the order of
 * winners, and how many rows it has in each child table.
 *
 * <p>Of several raw blocks of one height the greatest one by (number of checks, time of fetching,
 * hash, digest) wins. Checks that a chain's rules make impossible count like those that passed: all
 * blocks of a source are looked at alike, or a block that replaces another one after a
 * reorganization could lose to it. The order is total and does not depend on arrival, so any order
 * of arrival ends in the same rows.
 *
 * @param checks number of checks passed or impossible
 * @param fetchedAtMs when it was fetched, in milliseconds since 1970
 * @param hash of the block, 32 bytes
 * @param digest of the record: tells apart two different ones with the same hash
 * @param counts rows in each child table, in an order that never changes
 */
public record BlockWinner(int checks, long fetchedAtMs, byte[] hash, int digest, int[] counts) {
  private static final Comparator<BlockWinner> ORDER =
      Comparator.comparingInt(BlockWinner::checks)
          .thenComparingLong(BlockWinner::fetchedAtMs)
          .thenComparing(BlockWinner::hash, Arrays::compareUnsigned)
          .thenComparing(BlockWinner::digest, Integer::compareUnsigned);

  private static final int HASH = 32;

  /** The place of a raw block in the order, with no rows. */
  public static BlockWinner of(RawBlock raw, int digest) {
    byte[] hash = new byte[raw.getHash().remaining()];
    raw.getHash().duplicate().get(hash);
    return new BlockWinner(
        raw.getChecks().size() + raw.getUnchecked().size(),
        raw.getFetchedAt().toEpochMilli(),
        hash,
        digest,
        new int[0]);
  }

  /** The same place, with rows. */
  public BlockWinner withCounts(int[] rows) {
    return new BlockWinner(checks, fetchedAtMs, hash, digest, rows.clone());
  }

  /** Below, at or above zero as its place is below, the same as or above the other one's. */
  public int compareRank(BlockWinner other) {
    return ORDER.compare(this, other);
  }

  /** As stores have it. */
  public byte[] toBytes() {
    ByteBuffer buffer =
        ByteBuffer.allocate(Integer.BYTES * (2 + counts.length) + Long.BYTES + HASH);
    buffer.putInt(checks).putLong(fetchedAtMs).put(hash).putInt(digest);
    for (int count : counts) {
      buffer.putInt(count);
    }
    return buffer.array();
  }

  /** Reads what a store has. */
  public static BlockWinner fromBytes(byte[] bytes) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    int checks = buffer.getInt();
    long fetchedAt = buffer.getLong();
    byte[] hash = new byte[HASH];
    buffer.get(hash);
    int digest = buffer.getInt();
    int[] counts = new int[buffer.remaining() / Integer.BYTES];
    for (int i = 0; i < counts.length; i++) {
      counts[i] = buffer.getInt();
    }
    return new BlockWinner(checks, fetchedAt, hash, digest, counts);
  }
}
