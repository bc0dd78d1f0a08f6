package io.cryptoetl.kafka;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.avro.io.Encoder;
import org.apache.avro.util.Utf8;

/**
 * Writes Avro's binary encoding behind the frame of Confluent's wire format into one array that is
 * used again for each record: a zero byte, the schema's id in four bytes, big endian, then the
 * record. What it writes is what Avro's own {@code BinaryEncoder} writes. Not for several threads.
 */
final class WireEncoder extends Encoder {
  /** Bytes of the frame. */
  static final int FRAME = 1 + Integer.BYTES;

  private static final int START_BYTES = 4096;

  /** An array that grew beyond this is not kept for the next record. */
  private static final int MAX_KEPT_BYTES = 1 << 20;

  private static final int MAX_VARINT_BYTES = 10;

  private byte[] bytes = new byte[START_BYTES];
  private int position;

  /** Begins a record. */
  void begin(int schemaId) {
    if (bytes.length > MAX_KEPT_BYTES) {
      bytes = new byte[START_BYTES];
    }
    bytes[0] = 0;
    bytes[1] = (byte) (schemaId >>> 24);
    bytes[2] = (byte) (schemaId >>> 16);
    bytes[3] = (byte) (schemaId >>> 8);
    bytes[4] = (byte) schemaId;
    position = FRAME;
  }

  /** The record with its frame. */
  byte[] toByteArray() {
    return Arrays.copyOf(bytes, position);
  }

  /** The record alone. */
  byte[] bodyToByteArray() {
    return Arrays.copyOfRange(bytes, FRAME, position);
  }

  private void reserve(int more) {
    // An overflow is negative.
    if (bytes.length - position < more) {
      int needed = Math.addExact(position, more);
      bytes =
          Arrays.copyOf(
              bytes, Math.max(needed, (int) Math.min(Integer.MAX_VALUE - 8L, 2L * bytes.length)));
    }
  }

  @Override
  public void writeNull() {
    // Takes no bytes.
  }

  @Override
  public void writeBoolean(boolean value) {
    reserve(1);
    bytes[position++] = (byte) (value ? 1 : 0);
  }

  @Override
  public void writeInt(int value) {
    writeLong(value);
  }

  @Override
  public void writeLong(long value) {
    reserve(MAX_VARINT_BYTES);
    long rest = (value << 1) ^ (value >> 63);
    while ((rest & ~0x7FL) != 0) {
      bytes[position++] = (byte) (rest | 0x80);
      rest >>>= 7;
    }
    bytes[position++] = (byte) rest;
  }

  @Override
  public void writeFloat(float value) {
    reserve(Float.BYTES);
    littleEndian(Float.floatToRawIntBits(value), Float.BYTES);
  }

  @Override
  public void writeDouble(double value) {
    reserve(Double.BYTES);
    littleEndian(Double.doubleToRawLongBits(value), Double.BYTES);
  }

  private void littleEndian(long bits, int count) {
    long rest = bits;
    for (int i = 0; i < count; i++) {
      bytes[position++] = (byte) rest;
      rest >>>= 8;
    }
  }

  @Override
  public void writeString(Utf8 value) {
    writeBytes(value.getBytes(), 0, value.getByteLength());
  }

  @Override
  public void writeString(String value) {
    int length = value.length();
    int before = position;
    writeLong(length);
    reserve(length);
    for (int i = 0; i < length; i++) {
      char c = value.charAt(i);
      if (c >= 0x80) {
        // Its length in bytes is another one.
        position = before;
        byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
        writeBytes(utf8, 0, utf8.length);
        return;
      }
      bytes[position++] = (byte) c;
    }
  }

  @Override
  public void writeString(CharSequence value) {
    writeString(value.toString());
  }

  @Override
  public void writeBytes(ByteBuffer value) {
    int length = value.remaining();
    writeLong(length);
    reserve(length);
    value.get(value.position(), bytes, position, length);
    position += length;
  }

  @Override
  public void writeBytes(byte[] value, int start, int length) {
    writeLong(length);
    writeFixed(value, start, length);
  }

  @Override
  public void writeFixed(byte[] value, int start, int length) {
    reserve(length);
    System.arraycopy(value, start, bytes, position, length);
    position += length;
  }

  @Override
  public void writeEnum(int value) {
    writeLong(value);
  }

  @Override
  public void writeArrayStart() {
    // The count of items follows.
  }

  @Override
  public void setItemCount(long count) {
    if (count > 0) {
      writeLong(count);
    }
  }

  @Override
  public void startItem() {
    // Items stand one behind the other.
  }

  @Override
  public void writeArrayEnd() {
    writeLong(0);
  }

  @Override
  public void writeMapStart() {
    // The count of entries follows.
  }

  @Override
  public void writeMapEnd() {
    writeLong(0);
  }

  @Override
  public void writeIndex(int index) {
    writeLong(index);
  }

  @Override
  public void flush() {
    // Nothing is held back.
  }
}
