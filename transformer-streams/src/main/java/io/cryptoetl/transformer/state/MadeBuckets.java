package io.cryptoetl.transformer.state;

import io.cryptoetl.datasets.Target;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * Where the rows are that a chunk of a file has made.
 *
 * @param fetchedAt when the file was read
 * @param digest of the record of the chunk
 * @param target what the rows have become; any if there are none
 * @param buckets by the partition of their rows' keys
 */
public record MadeBuckets(
    Instant fetchedAt, int digest, Target target, Map<Integer, Set<ByteBuffer>> buckets) {
  private static final byte VERSION = 1;

  /** Below, at or above zero as this chunk was read before, with or after another one. */
  public int compareTo(Instant otherFetchedAt, int otherDigest) {
    int byTime = fetchedAt.compareTo(otherFetchedAt);
    return byTime != 0 ? byTime : Integer.compareUnsigned(digest, otherDigest);
  }

  /** As stores have it. */
  public byte[] toBytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      out.writeByte(VERSION);
      out.writeLong(fetchedAt.toEpochMilli());
      out.writeInt(digest);
      out.writeUTF(target.label());
      out.writeInt(buckets.size());
      for (Map.Entry<Integer, Set<ByteBuffer>> each : buckets.entrySet()) {
        out.writeInt(each.getKey());
        out.writeInt(each.getValue().size());
        for (ByteBuffer bucket : each.getValue()) {
          out.writeShort(bucket.remaining());
          out.write(bucket.array(), bucket.arrayOffset() + bucket.position(), bucket.remaining());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  /** Reads what a store has. */
  public static MadeBuckets fromBytes(byte[] bytes) {
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
      byte version = in.readByte();
      if (version != VERSION) {
        throw new IllegalStateException("what a chunk has made, in a layout " + version);
      }
      Instant fetchedAt = Instant.ofEpochMilli(in.readLong());
      int digest = in.readInt();
      Target target = Target.of(in.readUTF()).orElseThrow();
      Map<Integer, Set<ByteBuffer>> buckets = new TreeMap<>();
      int partitions = in.readInt();
      for (int i = 0; i < partitions; i++) {
        Set<ByteBuffer> ofPartition = new LinkedHashSet<>();
        buckets.put(in.readInt(), ofPartition);
        int count = in.readInt();
        for (int j = 0; j < count; j++) {
          ofPartition.add(ByteBuffer.wrap(in.readNBytes(in.readUnsignedShort())));
        }
      }
      return new MadeBuckets(fetchedAt, digest, target, buckets);
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }
}
