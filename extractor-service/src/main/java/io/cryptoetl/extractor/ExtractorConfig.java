package io.cryptoetl.extractor;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Settings of the extractor. docs/configuration.md lists them; a test keeps it in step. */
@ConfigMapping(prefix = "extractor")
public interface ExtractorConfig {
  /**
   * Name of this instance, unique among running instances and the same after a restart: a restarted
   * instance then takes back its transactions at once.
   */
  String instance();

  /** Ranges that one instance works on at the same time, for each source; 1 to 64. */
  @WithDefault("1")
  int workers();

  /**
   * Most JSON-RPC calls in one HTTP request; 1 to 1000. Fewer are made where a node takes fewer.
   */
  @WithDefault("50")
  int batchCalls();

  /** Reply size that a batch aims at, in bytes; at least 1024. */
  @WithDefault("4194304")
  int batchBytes();

  /** Largest reply that is read, in bytes; at least 1024. */
  @WithDefault("134217728")
  int maxReplyBytes();

  /** Most HTTP requests in flight to one endpoint; 1 to 64. Fewer are made where it bears fewer. */
  @WithDefault("4")
  int concurrency();

  /** How long an HTTP request may take. */
  @WithDefault("60s")
  Duration requestTimeout();

  /** Pause before a failed request or range is tried again; it grows with each try. */
  @WithDefault("500ms")
  Duration retryDelay();

  /** Tries after which a height that cannot be had goes to the dead letters; 1 to 100. */
  @WithDefault("5")
  int tries();

  /** Most ranges that one tick plans, for each source; 1 to 10000. */
  @WithDefault("200")
  int rangesPerTick();

  /** Sources by name. A source none of whose endpoints has a URL is left out. */
  Map<String, SourceConfig> sources();

  /** Settings of a source. */
  interface SourceConfig {
    /** {@code evm}, {@code binance-klines} or {@code binance-exchange-info}. */
    @WithDefault("evm")
    String type();

    /** EIP-155 chain id; every endpoint must report it. Needed for evm. */
    Optional<Long> chainId();

    /**
     * {@code ethereum}, {@code polygon}, {@code bsc}, {@code gnosis}, {@code op-stack}, {@code
     * arbitrum} or {@code generic-evm}: which checks must hold. Without it the chain id decides.
     */
    Optional<String> profile();

    /** Checks that may fail on this chain whatever its profile says, such as header_hash. */
    Optional<List<String>> mayFail();

    /** Endpoints that must tell the same hash at the end of a range; at most all. */
    @WithDefault("1")
    int quorum();

    /** {@code finalized}, {@code safe}, or a number of confirmations. */
    @WithDefault("finalized")
    String finality();

    /**
     * Published blocks that are compared with the chain at each tick if finality is a number of
     * confirmations; 1 to 4096.
     */
    @WithDefault("128")
    int reorgWindow();

    /**
     * Where planning begins when the source has no cursor: a number, a date or time in ISO 8601 for
     * market data, {@code head}, or {@code none} for a source that is only read on request.
     */
    @WithDefault("head")
    String start();

    /**
     * How often the planner looks for something new; by default 10s for blocks, 1m for candles, 24h
     * for instruments.
     */
    Optional<Duration> every();

    /** When the planner looks, as a Quartz cron expression; instead of {@link #every}. */
    Optional<String> cron();

    /** Numbers in one range; 1 to 10000. By default 50 for blocks, 1000 for candles. */
    Optional<Integer> rangeSize();

    /** {@code required}, {@code optional} or {@code none}. */
    @WithDefault("required")
    String receipts();

    /**
     * Whether hashes and roots are recomputed; {@code false} is for measurements, and leaves {@code
     * checks} nearly empty.
     */
    @WithDefault("true")
    boolean verify();

    /**
     * {@code spot}, or {@code usdm} for futures margined in US dollar coins, for the types of
     * Binance. Each is a venue of its own.
     */
    @WithDefault("spot")
    String market();

    /** Markets, as the venue names them, for binance-klines. */
    Optional<List<String>> symbols();

    /** Lengths of candles for binance-klines, such as 1m,1h. */
    @WithDefault("1m")
    List<String> intervals();

    /** Request weight that Binance allows an address in a minute; 100 to 1000000. */
    @WithDefault("6000")
    int weightLimit();

    /** Endpoints by name, which is all that is ever shown of them. */
    Map<String, EndpointConfig> endpoints();
  }

  /** Settings of an endpoint. */
  interface EndpointConfig {
    /**
     * http or https URL, with user and password if it wants them. It is a secret. Empty: the
     * endpoint is left out.
     */
    Optional<String> url();

    /** Headers of each request, as {@code Name: value}. They are secrets. */
    Optional<List<String>> headers();

    /**
     * Most calls a second, each call of a JSON-RPC batch counted; more than 0. Without it the rate
     * is free until the endpoint refuses.
     */
    Optional<Double> rate();
  }
}
