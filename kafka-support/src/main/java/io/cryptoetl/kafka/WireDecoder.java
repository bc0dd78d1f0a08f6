package io.cryptoetl.kafka;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.io.Decoder;
import org.apache.avro.util.Utf8;

/**
 * Reads Avro's binary encoding from an array. Lengths and counts that say more than the array holds
 * are refused before anything is allocated: a broken record cannot take the memory of the process.
 * Can be used for one record after the other, not by several threads.
 */
public final class WireDecoder extends Decoder {
  private static final int MAX_VARINT_SHIFT = 63;

  private byte[] bytes = {};
  private int position;
  private int end;

  /** Begins to read an array at a place. */
  public WireDecoder of(byte[] record, int start) {
    return of(record, start, record.length);
  }

  /** Begins to read a part of an array. */
  WireDecoder of(byte[] record, int start, int behind) {
    bytes = record;
    position = start;
    end = behind;
    return this;
  }

  /** Whether everything is read. */
  public boolean isEnd() {
    return position == end;
  }

  private int remaining() {
    return end - position;
  }

  private byte next() throws EOFException {
    if (position >= end) {
      throw new EOFException("the record ends too early");
    }
    return bytes[position++];
  }

  private int length(String of) throws IOException {
    long length = readLong();
    if (length < 0 || length > remaining()) {
      throw new EOFException(
          "%s of %d bytes, where %d are left".formatted(of, length, remaining()));
    }
    return (int) length;
  }

  /** Forgoes a copy of what is skipped. */
  private void skip(int length) {
    position += length;
  }

  @Override
  public void readNull() {
    // Takes no bytes.
  }

  @Override
  public boolean readBoolean() throws IOException {
    return next() == 1;
  }

  @Override
  public int readInt() throws IOException {
    long value = readLong();
    if (value != (int) value) {
      throw new IOException("an int of value " + value);
    }
    return (int) value;
  }

  @Override
  public long readLong() throws IOException {
    long value = 0;
    for (int shift = 0; shift <= MAX_VARINT_SHIFT; shift += 7) {
      byte b = next();
      value |= (b & 0x7FL) << shift;
      if (b >= 0) {
        return (value >>> 1) ^ -(value & 1);
      }
    }
    throw new IOException("a number of more than ten bytes");
  }

  @Override
  public float readFloat() throws IOException {
    return Float.intBitsToFloat((int) littleEndian(Float.BYTES));
  }

  @Override
  public double readDouble() throws IOException {
    return Double.longBitsToDouble(littleEndian(Double.BYTES));
  }

  private long littleEndian(int count) throws IOException {
    long value = 0;
    for (int i = 0; i < count; i++) {
      value |= (next() & 0xFFL) << (8 * i);
    }
    return value;
  }

  @Override
  public Utf8 readString(Utf8 old) throws IOException {
    int length = length("a string");
    Utf8 text = old == null ? new Utf8() : old;
    text.setByteLength(length);
    System.arraycopy(bytes, position, text.getBytes(), 0, length);
    position += length;
    return text;
  }

  @Override
  public String readString() throws IOException {
    int length = length("a string");
    String text = new String(bytes, position, length, StandardCharsets.UTF_8);
    position += length;
    return text;
  }

  @Override
  public void skipString() throws IOException {
    skip(length("a string"));
  }

  @Override
  public ByteBuffer readBytes(ByteBuffer old) throws IOException {
    int length = length("bytes");
    ByteBuffer value = old == null || old.capacity() < length ? ByteBuffer.allocate(length) : old;
    value.clear();
    value.put(bytes, position, length).flip();
    position += length;
    return value;
  }

  @Override
  public void skipBytes() throws IOException {
    skip(length("bytes"));
  }

  @Override
  public void readFixed(byte[] into, int start, int length) throws IOException {
    require(length);
    System.arraycopy(bytes, position, into, start, length);
    position += length;
  }

  @Override
  public void skipFixed(int length) throws IOException {
    require(length);
    skip(length);
  }

  private void require(int length) throws EOFException {
    if (length > remaining()) {
      throw new EOFException("%d bytes, where %d are left".formatted(length, remaining()));
    }
  }

  @Override
  public int readEnum() throws IOException {
    return readInt();
  }

  @Override
  public long readArrayStart() throws IOException {
    return items();
  }

  /** Count of a block of items; a negative one is followed by the bytes of the block. */
  private long items() throws IOException {
    long count = readLong();
    if (count < 0) {
      length("a block of items");
      count = -count;
    }
    if (count > remaining()) {
      throw new EOFException("%d items, where %d bytes are left".formatted(count, remaining()));
    }
    return count;
  }

  @Override
  public long arrayNext() throws IOException {
    return items();
  }

  @Override
  public long skipArray() throws IOException {
    while (true) {
      long count = readLong();
      if (count >= 0) {
        return count;
      }
      skip(length("a block of items"));
    }
  }

  @Override
  public long readMapStart() throws IOException {
    return items();
  }

  @Override
  public long mapNext() throws IOException {
    return items();
  }

  @Override
  public long skipMap() throws IOException {
    return skipArray();
  }

  @Override
  public int readIndex() throws IOException {
    return readInt();
  }
}
