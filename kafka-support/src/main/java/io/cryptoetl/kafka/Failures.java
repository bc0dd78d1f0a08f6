package io.cryptoetl.kafka;

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
    for (int i = 0; cause != null && i < MAX_CAUSES; i++) {
      String advice = advice(cause);
      if (advice != null) {
        return cause.getMessage() + ". " + advice;
      }
      cause = cause.getCause();
    }
    return String.valueOf(failure.getMessage());
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
