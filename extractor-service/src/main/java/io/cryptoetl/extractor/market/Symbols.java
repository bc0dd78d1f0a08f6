package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import java.io.IOException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jboss.logging.Logger;

/**
 * Which symbols the venue has and trades, as its exchangeInfo tells. While it does not tell, each
 * is taken for one that it trades.
 */
final class Symbols {
  private static final Logger LOG = Logger.getLogger(Symbols.class);
  private static final String TRADING = "TRADING";
  private static final Duration FRESH = Duration.ofHours(6);
  private static final Duration PAUSE = Duration.ofMinutes(5);

  private final Binance binance;
  private final Clock clock;
  private Map<String, String> statuses = Map.of();
  private Instant nextLook = Instant.EPOCH;

  Symbols(Binance binance, Clock clock) {
    this.binance = binance;
    this.clock = clock;
  }

  /** Whether the venue does not have a symbol at all, as it tells now. */
  synchronized boolean isUnknown(String symbol) throws InterruptedException {
    lookAgain();
    return !unknown(List.of(symbol)).isEmpty();
  }

  /** Whether the venue has a symbol and does not trade it: there will be no newer candle. */
  synchronized boolean isStopped(String symbol) throws InterruptedException {
    if (isToldStopped(symbol)) {
      lookAgain();
    }
    look();
    return isToldStopped(symbol);
  }

  private boolean isToldStopped(String symbol) {
    return !statuses.getOrDefault(symbol, TRADING).equals(TRADING);
  }

  /** Those of these symbols that the venue does not have. */
  synchronized Set<String> unknown(Collection<String> symbols) throws InterruptedException {
    look();
    Set<String> unknown = new TreeSet<>(symbols);
    unknown.removeAll(statuses.keySet());
    return statuses.isEmpty() ? Set.of() : unknown;
  }

  /** Has the next look be now, unless the last one is recent. */
  private void lookAgain() {
    Instant recent = clock.instant().plus(FRESH).minus(PAUSE);
    if (!statuses.isEmpty() && nextLook.isBefore(recent)) {
      nextLook = clock.instant();
    }
  }

  private void look() throws InterruptedException {
    if (clock.instant().isBefore(nextLook)) {
      return;
    }
    try {
      Optional<Map<String, String>> found = read(binance.get("/exchangeInfo", Set.of()).body());
      statuses = found.orElse(statuses);
      nextLook = clock.instant().plus(found.isPresent() ? FRESH : PAUSE);
    } catch (TransientException e) {
      LOG.warnf(
          "venue=%s event=symbols_unknown code=%s reason=\"%s\"",
          binance.market().venue(), e.code(), e.getMessage());
      nextLook = clock.instant().plus(PAUSE);
    }
  }

  private static Optional<Map<String, String>> read(byte[] body) {
    Map<String, String> statuses = new HashMap<>();
    try {
      JsonValue symbols = Json.parse(body).get("symbols");
      if (symbols == null || !symbols.isArray()) {
        return Optional.empty();
      }
      for (JsonValue each : symbols.items()) {
        JsonValue symbol = each.get("symbol");
        JsonValue status = each.get("status");
        if (symbol != null && symbol.isString()) {
          statuses.put(symbol.text(), status == null ? TRADING : status.text());
        }
      }
    } catch (IOException e) {
      LOG.warnf("event=symbols_unknown reason=\"exchangeInfo is not JSON: %s\"", e.getMessage());
      return Optional.empty();
    }
    return Optional.of(statuses);
  }
}
