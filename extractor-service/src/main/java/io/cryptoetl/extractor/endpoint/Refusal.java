package io.cryptoetl.extractor.endpoint;

import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads what providers say when they refuse. There is no standard: limits come as HTTP 429, as
 * JSON-RPC errors, as plain text with status 200. The words are those of Infura, Alchemy, Tenderly,
 * NodeReal, QuickNode, Chainstack, Erigon, Reth, Geth and nginx.
 */
public final class Refusal {
  private static final Pattern QUOTA =
      Pattern.compile(
          "daily (request|limit|quota)|monthly|maximum api usage|quota (exceeded|reached)|plan('s)? limit");
  private static final Pattern LIMIT =
      Pattern.compile(
          "rate.?limit|request rate|too many requests|compute units|throughput|requests per second"
              + "|capacity|request limit|call limit|slow down|credits");
  private static final Pattern TOO_LARGE =
      Pattern.compile(
          "response (size|is too|too)|too (big|large)|size (is larger|exceed|limit)|batch"
              + "|max limit of|exceeds (the )?(max|limit)|query returned more than");
  private static final Pattern NOT_THERE =
      Pattern.compile(
          "header not found|block not found|unknown block|missing trie node|pruned"
              + "|future block|could not find block");
  private static final Pattern WAIT =
      Pattern.compile(
          "(?:retry after|try again in|backoff_seconds\"?:?|wait)\\s*:?\\s*([0-9]+(?:\\.[0-9]+)?)\\s*(ms|s|m)?");
  private static final Duration QUOTA_PAUSE = Duration.ofMinutes(1);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(10);

  /** JSON-RPC codes that providers use for limits, and Reth's for replies that are too big. */
  private static final long LIMIT_CODE = -32005;

  private static final long TOO_LARGE_CODE = -32008;

  private Refusal() {}

  /** What a refusal means to the caller, and how long the endpoint asks to be left alone. */
  public record Meaning(Kind kind, Optional<Duration> pause) {}

  /**
   * Reads an HTTP answer that is not a success.
   *
   * @param retryAfter value of the header Retry-After, seconds or an HTTP date (RFC 9110)
   * @param text beginning of the body
   */
  public static Meaning ofHttp(int status, Optional<String> retryAfter, String text, Instant now) {
    Optional<Duration> pause = retryAfter.flatMap(value -> pause(value, now));
    Meaning words = ofText(text);
    if ((status == 429 || status == 418) && words.kind() != Kind.TOO_LARGE) {
      return new Meaning(
          Kind.LIMITED, pause.or(words::pause).or(() -> pauseIn(text.toLowerCase(Locale.ROOT))));
    }
    if (status == 413) {
      return new Meaning(Kind.TOO_LARGE, Optional.empty());
    }
    boolean isOfRequest = status == 400;
    return status >= 500 || (words.kind() == Kind.REFUSED && !isOfRequest)
        ? new Meaning(Kind.OUTAGE, pause)
        : words;
  }

  /** Reads a JSON-RPC error. */
  public static Meaning ofError(long code, String message) {
    if (code == TOO_LARGE_CODE) {
      return new Meaning(Kind.TOO_LARGE, Optional.empty());
    }
    Meaning meaning = ofText(message);
    return (code == LIMIT_CODE || code == 429) && meaning.kind() == Kind.REFUSED
        ? new Meaning(Kind.LIMITED, meaning.pause())
        : meaning;
  }

  /** Reads words. */
  public static Meaning ofText(String text) {
    String words = text.toLowerCase(Locale.ROOT);
    if (QUOTA.matcher(words).find()) {
      return new Meaning(Kind.LIMITED, pauseIn(words).or(() -> Optional.of(QUOTA_PAUSE)));
    }
    if (TOO_LARGE.matcher(words).find()) {
      return new Meaning(Kind.TOO_LARGE, Optional.empty());
    }
    if (LIMIT.matcher(words).find()) {
      return new Meaning(Kind.LIMITED, pauseIn(words));
    }
    return new Meaning(
        NOT_THERE.matcher(words).find() ? Kind.NOT_THERE : Kind.REFUSED, Optional.empty());
  }

  private static Optional<Duration> pauseIn(String words) {
    Matcher wait = WAIT.matcher(words);
    if (!wait.find()) {
      return Optional.empty();
    }
    double number = Double.parseDouble(wait.group(1));
    double millis =
        switch (wait.group(2)) {
          case "ms" -> number;
          case "m" -> number * 60_000;
          case null, default -> number * 1_000;
        };
    return bounded(Duration.ofMillis((long) millis));
  }

  private static Optional<Duration> pause(String value, Instant now) {
    String trimmed = value.trim();
    if (trimmed.matches("[0-9]{1,9}")) {
      return bounded(Duration.ofSeconds(Long.parseLong(trimmed)));
    }
    try {
      Instant until =
          ZonedDateTime.parse(trimmed, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      return bounded(Duration.between(now, until));
    } catch (DateTimeException e) {
      // Not a form that RFC 9110 knows: the usual back-off applies.
      return Optional.empty();
    }
  }

  /** Zero and less say nothing; hours would outlast whoever waits. */
  private static Optional<Duration> bounded(Duration pause) {
    if (pause.isZero() || pause.isNegative()) {
      return Optional.empty();
    }
    return Optional.of(pause.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : pause);
  }
}
