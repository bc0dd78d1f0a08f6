package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.json.Json;
import io.cryptoetl.extractor.json.JsonValue;
import io.cryptoetl.extractor.source.TransientException;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;

/**
 * The spot REST API of Binance (developers.binance.com, "Market data endpoints"), or of a mirror.
 * Requests have weights; a reply tells in {@code X-MBX-USED-WEIGHT-1M} how much of the minute's
 * allowance is used up.
 */
final class Binance {
  static final String VENUE = "binance";

  private static final String USED_WEIGHT = "x-mbx-used-weight-1m";
  private static final double SHARE_OF_WEIGHT = 0.9;

  private final EndpointPool<HttpCaller> pool;
  private final int weightLimit;
  private final Clock clock;

  /**
   * The API.
   *
   * @param weightLimit what an address may use up in a minute
   */
  Binance(EndpointPool<HttpCaller> pool, int weightLimit, Clock clock) {
    this.pool = pool;
    this.weightLimit = weightLimit;
    this.clock = clock;
  }

  EndpointPool<HttpCaller> pool() {
    return pool;
  }

  /** A reply, and who gave it. */
  record Answer(byte[] body, String endpoint, Instant at) {}

  /** Gets a path from an endpoint that can be asked. */
  Answer get(String path, Set<String> except) throws TransientException, InterruptedException {
    EndpointPool<HttpCaller>.Lease lease = pool.lease(1, -1, except);
    try {
      HttpCaller.Reply reply =
          lease.use(
              http -> {
                HttpCaller.Reply got = http.get(path);
                // What is not JSON is no answer: the endpoint shall be left alone for a while.
                int first = firstByte(got.body());
                if (first != '[' && first != '{') {
                  throw http.malformed(got.body(), "neither an object nor an array");
                }
                return got;
              });
      reply
          .headers()
          .firstValue(USED_WEIGHT)
          .filter(w -> w.matches("[0-9]{1,9}"))
          .filter(w -> Integer.parseInt(w) >= weightLimit * SHARE_OF_WEIGHT)
          .ifPresent(_ -> pool.pause(lease.name(), untilNextMinute()));
      return new Answer(reply.body(), lease.name(), clock.instant());
    } catch (CallFailedException e) {
      throw new TransientException(e.code(), e.getMessage(), e.kind() == Kind.NOT_THERE);
    }
  }

  private static int firstByte(byte[] body) {
    for (byte b : body) {
      if (!Character.isWhitespace(b)) {
        return b;
      }
    }
    return -1;
  }

  private Duration untilNextMinute() {
    Instant now = clock.instant();
    return Duration.between(now, now.truncatedTo(ChronoUnit.MINUTES).plusSeconds(61));
  }

  /** The venue's clock, which decides which candles are closed. */
  Instant time() throws TransientException, InterruptedException {
    Answer answer = get("/api/v3/time", Set.of());
    try {
      JsonValue time = Json.parse(answer.body()).get("serverTime");
      if (time != null && time.isInteger()) {
        return Instant.ofEpochMilli(Long.parseLong(time.text()));
      }
    } catch (IOException | NumberFormatException e) {
      throw new TransientException(
          "reply_malformed", "endpoint " + answer.endpoint() + " gave a time that is not JSON");
    }
    throw new TransientException(
        "reply_malformed", "endpoint " + answer.endpoint() + " gave a time without serverTime");
  }
}
