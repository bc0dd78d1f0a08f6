package io.cryptoetl.kafka;

import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.UnsupportedSaslMechanismException;

/** Says of a failure of Kafka what it is and which setting to look at. */
public final class Failures {
  private static final int MAX_CAUSES = 20;

  private Failures() {}

  /** The message of a failure, with advice where a mistake in settings is behind it. */
  public static String explain(Throwable failure) {
    Throwable cause = failure;
    Throwable deepest = failure;
    for (int i = 0; cause != null && i < MAX_CAUSES; i++) {
      String advice = advice(cause);
      if (advice != null) {
        return cause.getMessage() + ". " + advice;
      }
      if (isOfJaas(cause)) {
        // Its message may quote a part of the password.
        return "the login cannot be read. Look at sasl.jaas.config: values in quotes, a semicolon at the end";
      }
      if (cause instanceof KafkaException && cause.getMessage() != null) {
        deepest = cause;
      }
      cause = cause.getCause();
    }
    String message = String.valueOf(deepest.getMessage());
    return message.contains("keystore") || message.contains("key store")
        ? message + ". Look at KAFKA_SSL_KEYSTORE_* and KAFKA_SSL_TRUSTSTORE_*"
        : message;
  }

  /** The message of a failure if it is more than that a client could not be made. */
  static String told(KafkaException failure) {
    String message = String.valueOf(failure.getMessage());
    return message.startsWith("Failed to ") ? explain(failure) : message;
  }

  private static boolean isOfJaas(Throwable failure) {
    for (StackTraceElement frame : failure.getStackTrace()) {
      if (frame.getClassName().endsWith(".JaasConfig")) {
        return true;
      }
    }
    return false;
  }

  private static String advice(Throwable failure) {
    if (failure instanceof SaslAuthenticationException
        || failure instanceof UnsupportedSaslMechanismException) {
      return "Look at KAFKA_SASL_MECHANISM and sasl.jaas.config (KAFKA_SASL_JAAS_CONFIG, or in the file that KAFKA_PROPERTIES_FILE names)";
    }
    if (failure instanceof SslAuthenticationException) {
      return "Look at KAFKA_SSL_TRUSTSTORE_LOCATION, KAFKA_SSL_KEYSTORE_LOCATION and at how long the certificates are valid";
    }
    if (failure instanceof AuthorizationException) {
      return "The user of this service lacks an ACL: see who may do what in docs/cluster.md";
    }
    if (failure instanceof UnknownTopicOrPartitionException) {
      return "Has the provisioner run against this cluster?";
    }
    return null;
  }
}
