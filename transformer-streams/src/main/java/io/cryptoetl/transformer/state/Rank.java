package io.cryptoetl.transformer.state;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Comparator;

/**
 * Place of a market record among those of the same key. The greatest by (time fetched, number of
 * checks, digest) wins: what a venue said last is right, because venues correct their data. The
 * order is total, so any order of arrival ends in the same rows.
 *
 * <p>A record without value says that the venue took the data back. It counts as fetched when the
 * record was made, and wins over data of the same moment.
 *
 * @param fetchedAtMs when it was fetched, in milliseconds since 1970
 * @param checks number of checks passed; the largest integer for a record without value
 * @param digest of the record
 */
public record Rank(long fetchedAtMs, int checks, int digest) implements Comparable<Rank> {
  /** As stores have it. */
  public static final int BYTES = Long.BYTES + 2 * Integer.BYTES;

  private static final Comparator<Rank> ORDER =
      Comparator.comparingLong(Rank::fetchedAtMs)
          .thenComparingInt(Rank::checks)
          .thenComparing(Rank::digest, Integer::compareUnsigned);

  /** The place of a record. */
  public static Rank of(Instant fetchedAt, int checks, int digest) {
    return new Rank(fetchedAt.toEpochMilli(), checks, digest);
  }

  /** The place of a record without value. */
  public static Rank ofNothing(long recordTimestamp) {
    return new Rank(recordTimestamp, Integer.MAX_VALUE, 0);
  }

  @Override
  public int compareTo(Rank other) {
    return ORDER.compare(this, other);
  }

  /** Writes it for a store. */
  public void writeTo(ByteBuffer buffer) {
    buffer.putLong(fetchedAtMs).putInt(checks).putInt(digest);
  }

  /** Reads what a store has. */
  public static Rank readFrom(ByteBuffer buffer) {
    return new Rank(buffer.getLong(), buffer.getInt(), buffer.getInt());
  }
}
