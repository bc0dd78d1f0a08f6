package io.cryptoetl.loader.avro;

/**
 * A record that the converter cannot read. It comes to the sink all the same: a converter that
 * throws would stop the task, and the tables of all other topics with it.
 */
public final class Unreadable {
  private final byte[] bytes;
  private final String reason;

  public Unreadable(byte[] bytes, String reason) {
    this.bytes = bytes;
    this.reason = reason;
  }

  public byte[] bytes() {
    return bytes.clone();
  }

  public int length() {
    return bytes.length;
  }

  public String reason() {
    return reason;
  }
}
