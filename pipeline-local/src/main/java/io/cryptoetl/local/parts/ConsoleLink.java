package io.cryptoetl.local.parts;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** Links that let somebody into the console once, signed with a secret that the console knows. */
public final class ConsoleLink {
  private static final Duration VALID = Duration.ofMinutes(15);

  private ConsoleLink() {}

  /** The secret of this data folder. */
  public static String secret(Layout layout) throws IOException {
    return Secrets.of(layout, "console-secret");
  }

  /**
   * A link to the console for the user of this program. What follows the {@code #} is never sent in
   * a request's line.
   */
  public static String of(String consoleUrl, String secret, Instant now) {
    Base64.Encoder base64 = Base64.getUrlEncoder().withoutPadding();
    String name =
        base64.encodeToString(System.getProperty("user.name", "").getBytes(StandardCharsets.UTF_8));
    String text = now.plus(VALID).getEpochSecond() + "." + Secrets.random() + "." + name;
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256"));
      byte[] signature = mac.doFinal(("link\n" + text).getBytes(StandardCharsets.UTF_8));
      return "%s/#login=%s.%s".formatted(consoleUrl, text, base64.encodeToString(signature));
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this JVM has no HmacSHA256", e);
    }
  }
}
