package io.cryptoetl.transformer.state;

import java.io.ByteArrayOutputStream;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.TreeMap;

/**
 * Closes of the candles of a {@link Buckets bucket}, by the time at which the candles opened, in
 * milliseconds since 1970, as stores have them: one byte for the version of this layout, then of
 * each candle the time in eight bytes, big endian, the length of the price in one, and the price in
 * units of 10^-18, two's complement, big endian.
 */
public final class Closes {
  private static final byte VERSION = 1;
  private static final int SCALE = 18;

  private Closes() {}

  /** As stores have them. */
  public static byte[] toBytes(Map<Long, BigDecimal> closes) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(VERSION);
    closes.forEach(
        (openTime, close) -> {
          byte[] units = close.setScale(SCALE).unscaledValue().toByteArray();
          out.writeBytes(
              ByteBuffer.allocate(Long.BYTES + 1)
                  .putLong(openTime)
                  .put((byte) units.length)
                  .array());
          out.writeBytes(units);
        });
    return out.toByteArray();
  }

  /** Reads what a store has, nothing if it has none: a map of its own, sorted by time. */
  public static Map<Long, BigDecimal> fromBytes(byte[] bytes) {
    Map<Long, BigDecimal> closes = new TreeMap<>();
    if (bytes == null) {
      return closes;
    }
    ByteBuffer in = ByteBuffer.wrap(bytes);
    byte version = in.get();
    if (version != VERSION) {
      throw new IllegalStateException("closes in a layout " + version);
    }
    while (in.hasRemaining()) {
      long openTime = in.getLong();
      byte[] units = new byte[in.get()];
      in.get(units);
      closes.put(openTime, new BigDecimal(new BigInteger(units), SCALE));
    }
    return closes;
  }
}
