package io.cryptoetl.transformer.state;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.values.CandleLength;
import io.cryptoetl.market.Candle;
import io.cryptoetl.market.CandleKey;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;

/**
 * Where rows of files are kept together, so that a chunk of a file touches a store once for many
 * rows. A bucket is the beginning of a key of a store, and no bucket is the beginning of another
 * one; a slot tells rows of a bucket apart.
 *
 * <ul>
 *   <li>Candles: venue, symbol and interval, each with a zero behind it, then the time at which the
 *       bucket begins; it is {@value #CANDLES} candles long. The slot is the open time. Times are
 *       in milliseconds since 1970, in eight bytes, big endian. Rows are kept without the names.
 *   <li>Rows of blocks: chain id, one byte for the part, number of the bucket. Blocks share a
 *       bucket with the {@value #HEIGHTS} heights around them, what they hold has one for each
 *       height. The slot is the height in the bucket and, in the lower four bytes, the position in
 *       the block.
 * </ul>
 */
public final class Buckets {
  private static final int CANDLES = 1024;
  private static final int HEIGHTS = 64;

  /** For markets whose interval cannot be read: they have no rows of files. */
  private static final long UNKNOWN_LENGTH_MS = Duration.ofDays(1).toMillis();

  private Buckets() {}

  /** The bucket of a candle. */
  public static byte[] of(CandleKey key) {
    long lengthMs =
        CandleLength.end(Instant.EPOCH, key.getInterval())
            .map(Instant::toEpochMilli)
            .orElse(UNKNOWN_LENGTH_MS);
    long open = key.getOpenTime().toEpochMilli();
    return withTime(names(key), open - Math.floorMod(open, CANDLES * lengthMs));
  }

  /** The key of a candle in stores that have an entry for each: sorted by time. */
  public static byte[] candleKey(CandleKey key) {
    return withTime(names(key), key.getOpenTime().toEpochMilli());
  }

  /** The key in such stores of what is in a slot of a bucket. */
  public static byte[] candleKey(byte[] bucket, long slot) {
    byte[] key = bucket.clone();
    ByteBuffer.wrap(key).putLong(key.length - Long.BYTES, slot);
    return key;
  }

  /** The slot of a key in such stores. */
  public static long slotOfCandle(byte[] candleKey) {
    return ByteBuffer.wrap(candleKey).getLong(candleKey.length - Long.BYTES);
  }

  private static byte[] names(CandleKey key) {
    return (key.getVenue() + '\0' + key.getSymbol() + '\0' + key.getInterval() + '\0')
        .getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] withTime(byte[] names, long time) {
    return ByteBuffer.allocate(names.length + Long.BYTES).put(names).putLong(time).array();
  }

  /** The slot of a candle. */
  public static long slot(CandleKey key) {
    return key.getOpenTime().toEpochMilli();
  }

  /** The key of a candle. */
  public static CandleKey candle(byte[] bucket, long slot) {
    String[] names =
        new String(bucket, 0, bucket.length - Long.BYTES, StandardCharsets.UTF_8).split("\0", -1);
    return new CandleKey(names[0], names[1], names[2], Instant.ofEpochMilli(slot));
  }

  /** Takes out of a row what its bucket tells. */
  public static void withoutNames(Candle row) {
    row.setVenue("");
    row.setSymbol("");
    row.setInterval("");
  }

  /** Puts into a row what its bucket tells. */
  public static Candle withNames(Candle row, CandleKey key) {
    row.setVenue(key.getVenue());
    row.setSymbol(key.getSymbol());
    row.setInterval(key.getInterval());
    return row;
  }

  /** The bucket of rows of a block. */
  public static byte[] of(Target part, BlockKey block) {
    return ByteBuffer.allocate(2 * Long.BYTES + 1)
        .putLong(block.getChainId())
        .put(number(part))
        .putLong(Math.floorDiv(block.getNumber(), heights(part)))
        .array();
  }

  /** The slot of a row of a block. */
  public static long slot(Target part, BlockKey block, int position) {
    return Math.floorMod(block.getNumber(), (long) heights(part)) << Integer.SIZE | position;
  }

  /** The block that a row is of. */
  public static BlockKey block(Target part, byte[] bucket, long slot) {
    ByteBuffer in = ByteBuffer.wrap(bucket);
    long chainId = in.getLong();
    in.get();
    return new BlockKey(chainId, in.getLong() * heights(part) + (slot >>> Integer.SIZE));
  }

  /** Position of a row in its block. */
  public static int position(long slot) {
    return (int) slot;
  }

  private static int heights(Target part) {
    return part == Target.BLOCKS ? HEIGHTS : 1;
  }

  /** It never changes. */
  private static byte number(Target part) {
    return switch (part) {
      case BLOCKS -> 0;
      case TRANSACTIONS -> 1;
      case RECEIPTS -> 2;
      case LOGS -> 3;
      case TOKEN_TRANSFERS -> 4;
      case CANDLES -> throw new IllegalArgumentException("candles are of no block");
    };
  }
}
