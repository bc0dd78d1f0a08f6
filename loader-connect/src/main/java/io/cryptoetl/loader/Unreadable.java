package io.cryptoetl.loader;

/**
 * A record that the converter cannot read. It comes to the sink all the same: a converter that
 * throws would stop the task, and the tables of all other topics with it.
 */
final class Unreadable {
  private final byte[] bytes;
  private final String reason;

  Unreadable(byte[] bytes, String reason) {
    this.bytes = bytes;
    this.reason = reason;
  }

  byte[] bytes() {
    return bytes.clone();
  }

  int length() {
    return bytes.length;
  }

  String reason() {
    return reason;
  }
}
