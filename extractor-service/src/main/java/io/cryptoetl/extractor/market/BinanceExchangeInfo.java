package io.cryptoetl.extractor.market;

import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.raw.RawInstruments;
import io.cryptoetl.raw.RawInstrumentsKey;
import io.cryptoetl.schemas.DeadLetterCode;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;

/**
 * The instruments of Binance as they are now, once in a period. The number of a snapshot is its
 * period since 1970. The past cannot be asked for: a period that nobody looked at is absent.
 */
public final class BinanceExchangeInfo implements Source {
  private static final List<String> CHECKS = List.of(DeadLetterCode.INSTRUMENTS_SHAPE.code());

  private final Settings settings;
  private final Binance binance;
  private final Clock clock;

  /**
   * Settings of the source.
   *
   * @param period how often a snapshot is taken
   * @param weightLimit weight that an address may use up in a minute
   */
  public record Settings(String name, Binance.Market market, Duration period, int weightLimit) {}

  /** A source that asks these endpoints. */
  public BinanceExchangeInfo(Settings settings, EndpointPool<HttpCaller> pool, Clock clock) {
    this.settings = settings;
    this.binance = new Binance(settings.market(), pool, settings.weightLimit(), clock);
    this.clock = clock;
  }

  @Override
  public String name() {
    return settings.name();
  }

  @Override
  public List<Feed> feeds() {
    return List.of(new Snapshots());
  }

  @Override
  public Topic topic() {
    return Topics.RAW_MARKET_INSTRUMENTS;
  }

  @Override
  public List<EndpointStatus> endpoints() {
    return binance.pool().status();
  }

  /** The snapshots of one period; its length is in the name, because numbers follow from it. */
  private final class Snapshots implements Feed {
    @Override
    public String name() {
      return settings.name() + "." + settings.period();
    }

    @Override
    public long head() {
      return clock.millis() / settings.period().toMillis();
    }

    @Override
    public long earliest(long head) {
      return head;
    }

    @Override
    public Optional<Long> numberAt(Instant time) {
      return Optional.of(Math.floorDiv(time.toEpochMilli(), settings.period().toMillis()));
    }

    @Override
    public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
        throws TransientException, InterruptedException {
      long calls = 0;
      Set<String> asked = new HashSet<>();
      for (long number = range.from(); number <= range.to(); number++) {
        if (number != head()) {
          items.accept(new Item.Absent(number));
          continue;
        }
        Binance.Answer answer = binance.get("/exchangeInfo", Set.of());
        calls++;
        asked.add(answer.endpoint());
        if (!holdsSymbols(answer.body())) {
          String reason =
              "endpoint %s gave exchangeInfo without a list of symbols"
                  .formatted(answer.endpoint());
          binance
              .pool()
              .refused(answer.endpoint(), DeadLetterCode.INSTRUMENTS_SHAPE.code(), reason);
          if (!lastTry) {
            throw new TransientException(DeadLetterCode.INSTRUMENTS_SHAPE.code(), reason, true);
          }
          items.accept(
              new Item.Rejected(
                  number,
                  List.of(
                      new Item.Answer(
                          DeadLetterCode.INSTRUMENTS_SHAPE.code(),
                          reason,
                          answer.endpoint(),
                          answer.body()))));
          continue;
        }
        items.accept(accepted(number, answer));
      }
      return new Effort(String.join(",", asked), calls, 0);
    }
  }

  private static boolean holdsSymbols(byte[] json) throws TransientException {
    try {
      JsonValue symbols = Json.parse(json).get("symbols");
      return symbols != null && symbols.isArray();
    } catch (IOException e) {
      throw new TransientException(
          "reply_malformed", "exchangeInfo is not JSON, or cut off; it is asked for again");
    }
  }

  private Item accepted(long number, Binance.Answer answer) {
    Instant asOf = Instant.ofEpochMilli(number * settings.period().toMillis());
    RawInstruments raw =
        RawInstruments.newBuilder()
            .setSource(settings.name())
            .setVenue(binance.market().venue())
            .setAsOf(asOf)
            .setInstrumentsJson(ByteBuffer.wrap(answer.body()))
            .setEndpoint(answer.endpoint())
            .setFetchedAt(answer.at())
            .setChecks(CHECKS)
            .build();
    return new Item.Accepted(
        number,
        Topics.RAW_MARKET_INSTRUMENTS,
        new RawInstrumentsKey(binance.market().venue(), asOf),
        raw,
        answer.body().length,
        CHECKS,
        answer.endpoint(),
        Optional.empty());
  }

  @Override
  public void close() {
    // Holds nothing but the endpoints, which share the service's HTTP client.
  }
}
