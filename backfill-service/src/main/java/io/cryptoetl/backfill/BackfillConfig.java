package io.cryptoetl.backfill;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/** Configuration of the service; docs/configuration.md describes each key. */
@ConfigMapping(prefix = "backfill")
public interface BackfillConfig {
  /** Name of this instance, unique among running ones and the same after a restart. */
  String instance();

  /** Files that this instance works on at the same time; 1 to 64. */
  @WithDefault("2")
  int workers();

  /** How often locations are listed. */
  @WithDefault("10s")
  Duration every();

  /** A file of a folder is taken when it has not been modified for so long. */
  @WithDefault("5s")
  Duration settle();

  /** First pause after a failure; it doubles with each further one, up to 30 s. */
  @WithDefault("1s")
  Duration retryDelay();

  /** Tries after which a file that cannot be read, while its store can, is given up; 1 to 100. */
  @WithDefault("5")
  int tries();

  /** How many times larger than packed a file may be when it is unpacked; 10 to 1000000. */
  @WithDefault("200")
  int expansion();

  /** Folder of further layouts, the same one as the transformer's. */
  Optional<String> datasetsDir();

  /** Where files are, by name. A location without URL is left out. */
  Map<String, LocationConfig> locations();

  /** A location. */
  interface LocationConfig {
    /** {@code s3://bucket/prefix}, or an absolute path of a folder. */
    Optional<String> url();

    /** How its bucket is reached, if not as those of other locations. */
    S3Config s3();

    /** What files mean whose folders do not tell it, by name; the first that matches counts. */
    Map<String, RouteConfig> routes();
  }

  /** How a bucket is reached. Without a key it is as for other locations. */
  interface S3Config {
    /** Another server that speaks S3. */
    Optional<String> endpointUrl();

    /** Region of the bucket. */
    Optional<String> region();

    /** Whether buckets are no host names. */
    Optional<Boolean> pathStyle();

    /** Profile of the AWS SDK's shared files with the credentials. */
    Optional<String> profile();

    /** ARN of a role to take on. */
    Optional<String> roleArn();

    /** URL of a queue of SQS to which the bucket writes what is new in it. */
    Optional<String> eventsQueue();

    /** Whether whoever reads pays for it. */
    @WithDefault("false")
    boolean requesterPays();
  }

  /** A route. */
  interface RouteConfig {
    /** Glob over paths within the location, such as {@code binance/**}. */
    String files();

    /** Name of the layout; without it the header and the first rows tell. */
    Optional<String> dataset();

    /** What neither rows nor names of files tell, such as chain_id. */
    Map<String, String> parameters();
  }
}
