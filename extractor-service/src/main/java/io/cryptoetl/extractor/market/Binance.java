package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Set;

/**
 * A REST API of Binance (developers.binance.com, "Market data endpoints"), or of a mirror. Requests
 * have weights; a reply tells in {@code X-MBX-USED-WEIGHT-1M} how much of the minute's allowance is
 * used up.
 */
public final class Binance {
  /** A market of Binance: each is a venue of its own, with instruments and prices of its own. */
  public enum Market {
    /** Spot trading. */
    SPOT("binance", "/api/v3"),
    /** Futures that are margined in US dollar coins. */
    USDM("binance-usdm", "/fapi/v1");

    private final String venue;
    private final String path;

    Market(String venue, String path) {
      this.venue = venue;
      this.path = path;
    }

    /** Name of the venue in rows. */
    String venue() {
      return venue;
    }
  }

  /** Code of the failure that the venue refuses a request: it may be for its symbol. */
  static final String REFUSED = "request_refused";

  /** Code of the failure that a symbol is not known to the venue. */
  static final String UNKNOWN_SYMBOL = "unknown_symbol";

  /** What the API calls an invalid symbol. */
  private static final String INVALID_SYMBOL = "-1121";

  private static final String USED_WEIGHT = "x-mbx-used-weight-1m";
  private static final double SHARE_OF_WEIGHT = 0.9;

  private final Market market;
  private final EndpointPool<HttpCaller> pool;
  private final int weightLimit;
  private final Clock clock;

  /**
   * The API.
   *
   * @param weightLimit what an address may use up in a minute
   */
  Binance(Market market, EndpointPool<HttpCaller> pool, int weightLimit, Clock clock) {
    this.market = market;
    this.pool = pool;
    this.weightLimit = weightLimit;
    this.clock = clock;
  }

  EndpointPool<HttpCaller> pool() {
    return pool;
  }

  /** A reply, and who gave it. */
  record Answer(byte[] body, String endpoint, Instant at) {}

  Market market() {
    return market;
  }

  /**
   * Gets a path from an endpoint that can be asked.
   *
   * @param path below the market's own, with a slash
   */
  Answer get(String path, Set<String> except) throws TransientException, InterruptedException {
    EndpointPool<HttpCaller>.Lease lease = pool.lease(1, -1, except);
    try {
      HttpCaller.Reply reply =
          lease.use(
              http -> {
                HttpCaller.Reply got = http.get(market.path + path);
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
      boolean isRefused = e.kind() == Kind.REFUSED;
      boolean isUnknown = isRefused && e.getMessage().contains(INVALID_SYMBOL);
      throw new TransientException(
          isUnknown ? UNKNOWN_SYMBOL : isRefused ? REFUSED : e.code(),
          e.getMessage(),
          isRefused || e.kind() == Kind.NOT_THERE);
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
    Answer answer = get("/time", Set.of());
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
