package io.cryptoetl.loader.avro;

import io.cryptoetl.kafka.WireDecoder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import org.apache.kafka.connect.data.Struct;

/**
 * A record as it came: Avro, not decoded yet. It can be written to a database without becoming an
 * object for each of its fields. Two are equal if they have the same bytes and one codec.
 */
public final class AvroRow {
  private final AvroCodec codec;
  private final byte[] bytes;
  private final int start;

  /**
   * A record.
   *
   * @param start where the record begins, after its frame
   */
  public AvroRow(AvroCodec codec, byte[] bytes, int start) {
    this.codec = codec;
    this.bytes = bytes;
    this.start = start;
  }

  public AvroCodec codec() {
    return codec;
  }

  public int length() {
    return bytes.length - start;
  }

  /** Lets a decoder read the record. */
  public WireDecoder read(WireDecoder decoder) {
    return decoder.of(bytes, start);
  }

  /** Everything that Kafka holds, the frame included. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** The record as Connect has it. */
  public Struct struct() {
    try {
      return (Struct) codec.read(read(new WireDecoder()));
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AvroRow row
        && codec == row.codec
        && Arrays.equals(bytes, start, bytes.length, row.bytes, row.start, row.bytes.length);
  }

  @Override
  public int hashCode() {
    int hash = 1;
    for (int i = start; i < bytes.length; i++) {
      hash = 31 * hash + bytes[i];
    }
    return hash;
  }

  @Override
  public String toString() {
    return length() + " bytes of " + codec.avro().getFullName();
  }
}
