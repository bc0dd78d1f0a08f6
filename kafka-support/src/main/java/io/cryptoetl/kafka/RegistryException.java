package io.cryptoetl.kafka;

import org.apache.kafka.common.KafkaException;

/**
 * The schema registry did not do what was asked. The message says what was asked, what came of it
 * and which setting to look at; it holds no secret.
 */
public class RegistryException extends KafkaException {
  private static final long serialVersionUID = 1L;

  RegistryException(String message) {
    super(message);
  }

  RegistryException(String message, Throwable cause) {
    super(message, cause);
  }

  /** The registry cannot be reached, or is in trouble: the same may work later. */
  public static final class Away extends RegistryException {
    private static final long serialVersionUID = 1L;

    Away(String message, Throwable cause) {
      super(message, cause);
    }
  }

  /** The registry answers, and does not have what was asked for. */
  public static final class NotFound extends RegistryException {
    private static final long serialVersionUID = 1L;

    NotFound(String message) {
      super(message);
    }
  }
}
