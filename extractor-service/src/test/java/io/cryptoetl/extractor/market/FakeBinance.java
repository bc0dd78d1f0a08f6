package io.cryptoetl.extractor.market;

import com.sun.net.httpserver.HttpExchange;
import io.cryptoetl.extractor.source.FakeServer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.stream.Collectors;

/** The market data endpoints of Binance, with candles that follow from their time. */
public final class FakeBinance extends FakeServer {
  private static final Map<String, Long> MILLIS =
      Map.of("1m", 60_000L, "1h", 3_600_000L, "1d", 86_400_000L);

  private static final Set<String> SYMBOLS = Set.of("ETHUSDT", "BTCUSDT", "OLDUSDT");

  /** Open times at which the exchange stood still. */
  final Set<Long> halted = new ConcurrentSkipListSet<>();

  /** Newest open times of symbols that have none until now. */
  final Map<String, Long> until = new ConcurrentHashMap<>();

  /** The symbols that were asked for. */
  final Set<String> asked = new ConcurrentSkipListSet<>();

  volatile long now = 1_700_000_030_000L;

  @Override
  protected String reply(HttpExchange exchange) {
    String path = exchange.getRequestURI().getPath().replace("/v3/" + SECRET, "");
    Map<String, String> query =
        exchange.getRequestURI().getQuery() == null
            ? Map.of()
            : Arrays.stream(exchange.getRequestURI().getQuery().split("&"))
                .map(p -> p.split("="))
                .collect(Collectors.toMap(p -> p[0], p -> p[1]));
    return switch (path.replace("/fapi/v1/", "/api/v3/")) {
      case "/api/v3/time" -> "{\"serverTime\":" + now + "}";
      case "/api/v3/exchangeInfo" ->
          "{\"timezone\":\"UTC\", \"symbols\":[ {\"symbol\":\"ETHUSDT\",\"status\":\"TRADING\"},"
              + " {\"symbol\":\"BTCUSDT\",\"status\":\"TRADING\"},"
              + " {\"symbol\":\"OLDUSDT\",\"status\":\"BREAK\"} ]}";
      case "/api/v3/klines" -> klines(query);
      default -> throw new IllegalArgumentException(path);
    };
  }

  private String klines(Map<String, String> query) {
    asked.add(query.get("symbol"));
    if (!SYMBOLS.contains(query.get("symbol"))) {
      ownStatus.set(400);
      return "{\"code\":-1121,\"msg\":\"Invalid symbol.\"}";
    }
    long length = MILLIS.get(query.get("interval"));
    long from = Long.parseLong(query.get("startTime"));
    long to = Long.parseLong(query.getOrDefault("endTime", Long.toString(now)));
    int limit = Integer.parseInt(query.get("limit"));
    List<String> candles = new ArrayList<>();
    for (long open = Math.ceilDiv(from, length) * length;
        open <= to
            && open <= until.getOrDefault(query.get("symbol"), now)
            && candles.size() < limit;
        open += length) {
      if (!halted.contains(open)) {
        candles.add(candle(open, length));
      }
    }
    return "[" + String.join(",", candles) + "]";
  }

  /** A candle as the API writes it, with white space of its own. */
  static String candle(long open, long length) {
    long price = 1000 + open / length % 100;
    return "[%d,\"%d.50\", \"%d.00\",\"%d.00\",\"%d.75\",\"1.25000000\",%d,\"99.1\",7,\"0.5\",\"1.1\",\"0\"]"
        .formatted(open, price, price + 2, price - 1, price, open + length - 1);
  }

  /** The open times of a range that have a candle. */
  Set<Long> openTimes(long from, long to, long length) {
    Set<Long> times = new TreeSet<>();
    for (long open = from; open <= to; open += length) {
      if (!halted.contains(open)) {
        times.add(open);
      }
    }
    return times;
  }
}
