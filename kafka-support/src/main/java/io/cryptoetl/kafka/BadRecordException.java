package io.cryptoetl.kafka;

import org.apache.kafka.common.errors.SerializationException;

/**
 * The bytes of a record are not what its topic holds: no frame of the wire format, an id of a
 * schema that the registry does not know, a record of an unknown kind or that contradicts itself,
 * or bytes that Avro cannot read. Trying again does not help: the record goes to the dead letters.
 */
public final class BadRecordException extends SerializationException {
  private static final long serialVersionUID = 1L;

  /** A record that cannot be used, and why. */
  public BadRecordException(String message) {
    super(message);
  }

  /** A record that cannot be used, and why. */
  public BadRecordException(String message, Throwable cause) {
    super(message, cause);
  }
}
