package io.cryptoetl.console;

import io.smallrye.config.ConfigMapping;
import io.smallrye.config.WithDefault;
import java.time.Duration;
import java.util.List;
import java.util.Optional;

/** Settings of the console. docs/configuration.md lists them; a test keeps it in step. */
@ConfigMapping(prefix = "console")
public interface ConsoleConfig {
  /** Address that the service listens on. Beyond loopback it needs a password. */
  String listensOn();

  /**
   * What login links and sessions are signed with, at least 32 characters. Without it one is made
   * at the start: sessions end with the service, and there are no links.
   */
  Optional<String> secret();

  /** Password of people who may do everything, at least 12 characters. */
  Optional<String> password();

  /** Password of people who may only look, at least 12 characters. */
  Optional<String> viewerPassword();

  /**
   * Names that browsers may know the service by, without ports. Requests for others are refused.
   */
  List<String> hosts();

  /** How long a session lasts. */
  @WithDefault("12h")
  Duration session();

  /** Topic in which Connect's workers tell of their tasks. */
  @WithDefault("connect-status")
  String connectStatusTopic();

  /** Address of a Connect worker's REST API, for restarting tasks. Without it none is restarted. */
  Optional<String> connectUrl();

  /** User of the worker's REST API, if it asks for one. */
  Optional<String> connectRestUser();

  /** Password of that user. */
  Optional<String> connectRestPassword();

  /** Where files that people drop go: the backfill's inbox. Without it none can be dropped. */
  Optional<String> inboxUrl();

  /** Largest file that may be dropped, in bytes. */
  @WithDefault("4294967296")
  long uploadBytes();

  /** Folder of further layouts, the same one as the transformer's. */
  Optional<String> datasetsDir();

  Database database();

  Query query();

  /** The database of the tables. */
  interface Database {
    /** JDBC URL, {@code jdbc:postgresql://host:port/name}. */
    String url();

    /** Role that runs people's queries; it may only read. */
    String readerUser();

    String readerPassword();

    /** Role that runs the queries of the pages; it may only read. */
    String pagesUser();

    String pagesPassword();
  }

  /** Limits of people's queries. */
  interface Query {
    /** Most rows that are shown. */
    @WithDefault("10000")
    int rows();

    /** Most bytes of a result that are shown. */
    @WithDefault("33554432")
    long bytes();

    /** Longest time for a result that is shown. */
    @WithDefault("60s")
    Duration time();

    /** Longest time for an export. */
    @WithDefault("10m")
    Duration exportTime();

    /** Most queries and exports at the same time; one more is refused. */
    @WithDefault("8")
    int running();
  }
}
