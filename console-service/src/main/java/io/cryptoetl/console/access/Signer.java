package io.cryptoetl.console.access;

import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Signs short texts (HMAC-SHA-256, RFC 2104), so that whoever brings one back got it from here. */
final class Signer {
  private static final String ALGORITHM = "HmacSHA256";
  private static final int RANDOM_BYTES = 32;
  private static final Base64.Encoder ENCODER = Base64.getUrlEncoder().withoutPadding();

  private final byte[] key;

  Signer(Optional<String> secret) {
    this.key = secret.map(s -> s.getBytes(StandardCharsets.UTF_8)).orElseGet(Signer::randomBytes);
  }

  static String random() {
    return ENCODER.encodeToString(randomBytes()).substring(0, 22);
  }

  private static byte[] randomBytes() {
    byte[] bytes = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(bytes);
    return bytes;
  }

  /**
   * A text with its signature.
   *
   * @param use what the text is for: one signed for another use does not count
   */
  String sign(String use, String text) {
    return text + "." + signature(use, text);
  }

  /** The text that was signed for a use; empty if it was not. */
  Optional<String> read(String use, String signed) {
    int dot = signed.lastIndexOf('.');
    if (dot < 0) {
      return Optional.empty();
    }
    String text = signed.substring(0, dot);
    boolean isRight =
        MessageDigest.isEqual(
            signature(use, text).getBytes(StandardCharsets.UTF_8),
            signed.substring(dot + 1).getBytes(StandardCharsets.UTF_8));
    return isRight ? Optional.of(text) : Optional.empty();
  }

  private String signature(String use, String text) {
    try {
      Mac mac = Mac.getInstance(ALGORITHM);
      mac.init(new SecretKeySpec(key, ALGORITHM));
      return ENCODER.encodeToString(
          mac.doFinal((use + "\n" + text).getBytes(StandardCharsets.UTF_8)));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no " + ALGORITHM, e);
    }
  }
}
