package io.cryptoetl.transformer.normalize;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.market.CandleKey;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;

/**
 * What a chunk of a file has made.
 *
 * @param fetchedAt when the file was read
 * @param digest of the record of the chunk
 * @param rows in the order of the file
 */
record MadeRows(Instant fetchedAt, int digest, List<Row> rows) {
  private static final Map<Class<?>, BinaryMessageEncoder<SpecificRecord>> ENCODERS =
      new ConcurrentHashMap<>();

  /**
   * A row that was made.
   *
   * @param key by which its copies meet
   * @param position in its block
   * @param line of the file
   * @param digest of the row's bytes and place
   */
  record Row(Target target, SpecificRecord key, int position, long line, int digest) {}

  /** Below, at or above zero as this chunk was read before, with or after another one. */
  int compareTo(Instant otherFetchedAt, int otherDigest) {
    int byTime = fetchedAt.compareTo(otherFetchedAt);
    return byTime != 0 ? byTime : Integer.compareUnsigned(digest, otherDigest);
  }

  /** Rows of a chunk are much alike: packed they take a tenth. */
  byte[] toBytes() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(new DeflaterOutputStream(bytes))) {
      out.writeLong(fetchedAt.toEpochMilli());
      out.writeInt(digest);
      out.writeInt(rows.size());
      for (Row row : rows) {
        out.writeUTF(row.target().label());
        byte[] key = encode(row.key());
        out.writeInt(key.length);
        out.write(key);
        out.writeInt(row.position());
        out.writeLong(row.line());
        out.writeInt(row.digest());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  static MadeRows fromBytes(byte[] bytes) {
    try (DataInputStream in =
        new DataInputStream(new InflaterInputStream(new ByteArrayInputStream(bytes)))) {
      Instant fetchedAt = Instant.ofEpochMilli(in.readLong());
      int digest = in.readInt();
      int count = in.readInt();
      List<Row> rows = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        Target target = Target.of(in.readUTF()).orElseThrow();
        ByteBuffer key = ByteBuffer.wrap(in.readNBytes(in.readInt()));
        rows.add(
            new Row(
                target,
                target == Target.CANDLES
                    ? CandleKey.fromByteBuffer(key)
                    : BlockKey.fromByteBuffer(key),
                in.readInt(),
                in.readLong(),
                in.readInt()));
      }
      return new MadeRows(fetchedAt, digest, rows);
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  /** A record in Avro's single object encoding. */
  static byte[] encode(SpecificRecord row) {
    try {
      ByteBuffer encoded =
          ENCODERS
              .computeIfAbsent(
                  row.getClass(),
                  type ->
                      new BinaryMessageEncoder<>(SpecificData.getForClass(type), row.getSchema()))
              .encode(row);
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      return bytes;
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
  }
}
