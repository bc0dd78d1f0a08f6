package io.cryptoetl.extractor.source;

import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.schemas.Topic;
import java.util.List;
import java.util.stream.Stream;

/**
 * A provider of data: the port that every source implements. It has endpoints, and one or more
 * feeds that share them.
 */
public interface Source extends AutoCloseable {
  /** Name of the source, as configured: no dots. */
  String name();

  /** What can be read of it; the names are fixed while the service runs. */
  List<? extends Feed> feeds();

  /** The feeds, and those of which they read all together. */
  default Stream<Feed> allFeeds() {
    return feeds().stream().flatMap(f -> Stream.concat(Stream.of(f), f.members().stream()));
  }

  /** Where its records go. */
  Topic topic();

  /** How its endpoints do. */
  List<EndpointStatus> endpoints();

  @Override
  void close();
}
