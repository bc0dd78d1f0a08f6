package io.cryptoetl.extractor;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Settings of the extractor. docs/configuration.md lists them; a test keeps it in step. */
@ConfigMapping(prefix = "extractor")
public interface ExtractorConfig {
  /** Kafka bootstrap servers, {@code host:port} separated by commas. */
  String kafkaBootstrapServers();

  /** Base URL of the schema registry. */
  String schemaRegistryUrl();

  /**
   * Name of this instance, unique among running instances and the same after a restart: a restarted
   * instance then takes back its transactions at once.
   */
  String instance();

  /** Ranges that one instance works on at the same time, for each source; 1 to 64. */
  @WithDefault("1")
  int workers();

  /** Most JSON-RPC calls in one HTTP request; 2 to 1000. */
  @WithDefault("50")
  int batchCalls();

  /** Reply size that a batch aims at, in bytes; at least 1024. */
  @WithDefault("4194304")
  int batchBytes();

  /** Largest reply that is read, in bytes; at least 1024. */
  @WithDefault("134217728")
  int maxReplyBytes();

  /** Most HTTP requests in flight for one range; 1 to 64. */
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
    /** EIP-155 chain id; every endpoint must report it. */
    long chainId();

    /** {@code finalized}, {@code safe}, or a number of confirmations. */
    @WithDefault("finalized")
    String finality();

    /**
     * Where planning begins when the source has no cursor: a height, {@code head}, or {@code none}
     * for a source that is only read on request.
     */
    @WithDefault("head")
    String start();

    /** How often the planner looks for new blocks. */
    @WithDefault("10s")
    Duration every();

    /** Heights in one range; 1 to 10000. */
    @WithDefault("50")
    int rangeSize();

    /** {@code required}, {@code optional} or {@code none}. */
    @WithDefault("required")
    String receipts();

    /** Endpoints by name, which is all that is ever shown of them. */
    Map<String, EndpointConfig> endpoints();
  }

  /** Settings of an endpoint. */
  interface EndpointConfig {
    /** http or https URL of a JSON-RPC node. It is a secret. Empty: the endpoint is left out. */
    Optional<String> url();
  }
}
