package io.cryptoetl.transformer.state;

import io.cryptoetl.datasets.Target;
import io.cryptoetl.kafka.BadRecordException;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.EnumMap;
import java.util.Map;

/**
 * The rows that a chunk of a file makes of a {@link Buckets bucket}, as stores and records have
 * them: one byte for the version of this layout, the fingerprint of the rows' schema in eight
 * bytes, then of each row, in the order of the file, its slot and its line, both as the difference
 * to those of the row before it, the length of its body, and its body. Numbers are zigzag varints
 * like Avro's.
 */
public final class ChunkRows {
  private static final byte VERSION = 1;
  private static final int HEAD = 1 + Long.BYTES;
  private static final int MORE = 0x80;

  private static final Map<Target, Long> FINGERPRINTS = new EnumMap<>(Target.class);

  static {
    for (Target target : Target.values()) {
      FINGERPRINTS.put(target, Kept.fingerprint(target.schema()));
    }
  }

  private ChunkRows() {}

  /** Takes rows one by one. */
  public interface Visitor {
    /**
     * A row.
     *
     * @param from where its body begins
     * @param to the first byte behind it
     */
    void row(long slot, long line, int from, int to);
  }

  /** Writes rows. */
  public static final class Builder {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private long slot;
    private long line;

    /** No rows yet. */
    public Builder(Target target) {
      out.write(VERSION);
      out.writeBytes(ByteBuffer.allocate(Long.BYTES).putLong(FINGERPRINTS.get(target)).array());
    }

    /** Adds a row. */
    public void add(long rowSlot, long rowLine, byte[] body) {
      varint(rowSlot - slot);
      varint(rowLine - line);
      varint(body.length);
      out.writeBytes(body);
      slot = rowSlot;
      line = rowLine;
    }

    private void varint(long value) {
      long rest = (value << 1) ^ (value >> 63);
      while ((rest & -MORE) != 0) {
        out.write((int) rest | MORE);
        rest >>>= 7;
      }
      out.write((int) rest);
    }

    /** The rows as they are written. */
    public byte[] toBytes() {
      return out.toByteArray();
    }
  }

  /**
   * Reads rows.
   *
   * @return how many there are
   * @throws BadRecordException if they are of another version of the transformer, or no rows
   */
  public static int forEach(Target target, byte[] rows, Visitor to) {
    ByteBuffer in = ByteBuffer.wrap(rows);
    if (rows.length < HEAD || in.get() != VERSION || in.getLong() != FINGERPRINTS.get(target)) {
      throw Kept.ofOtherVersion("rows of %s that a file made".formatted(target.label()));
    }
    int count = 0;
    long slot = 0;
    long line = 0;
    while (in.hasRemaining()) {
      slot += varint(in);
      line += varint(in);
      int length = Math.toIntExact(varint(in));
      int from = in.position();
      in.position(from + length);
      to.row(slot, line, from, from + length);
      count++;
    }
    return count;
  }

  private static long varint(ByteBuffer in) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte next = in.get();
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return (value >>> 1) ^ -(value & 1);
      }
    }
  }
}
