package io.cryptoetl.console.home;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;
import java.util.List;

/**
 * How the pipeline does, as the pages show it.
 *
 * @param parts what the pipeline is made of, and whether it answers
 * @param feeds what is read, and how far each stage is
 * @param queues records that wait between stages
 * @param problems what keeps it from being complete, the worst first
 * @param tables how much is in the tables
 * @param tasks of Kafka Connect, those that failed first
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
record Snapshot(
    List<Part> parts,
    List<Feed> feeds,
    List<Queue> queues,
    List<Trouble> problems,
    List<TableSize> tables,
    List<Cluster.Task> tasks) {
  /**
   * A part.
   *
   * @param since when it was first seen in this state, UTC
   * @param message why it does not answer; null while it does
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Part(String name, boolean up, Instant since, String message) {}

  /**
   * A feed of a source: a chain, or the candles of one market and interval.
   *
   * @param kind chain or candles
   * @param chainId null if it is no chain, or nothing of it is loaded
   * @param unitSeconds how long one number lasts: the mean block time, or the candle's length; null
   *     if that is not known
   * @param head newest number that may be read
   * @param planned last number that is asked for
   * @param fetched last number below which nothing is missing in the topic
   * @param holes numbers between the first planned one and the last that is not fetched
   * @param normalized last number that was turned into rows, at least
   * @param loaded last number that is in the tables
   * @param blocks blocks or candles in the tables
   * @param newest time of the newest one in the tables, UTC
   * @param plannedAt when the head was last looked for, UTC
   * @param trend blocks or candles in the tables at the last looks, the oldest first
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Feed(
      String name,
      String kind,
      Long chainId,
      Double unitSeconds,
      long first,
      long head,
      long planned,
      long fetched,
      long holes,
      long normalized,
      Long loaded,
      long blocks,
      Instant newest,
      Instant plannedAt,
      boolean paused,
      List<Long> trend) {}

  /**
   * What waits to be read.
   *
   * @param reader transformer or loader
   * @param records how many
   */
  record Queue(String reader, String topic, long records) {}

  /**
   * Something that is not as it should be.
   *
   * @param severity error or warning
   * @param action what helps, in words
   * @param page name of the page on which it is done; null if it is done elsewhere
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  record Trouble(String severity, String title, String detail, String action, String page) {}

  /**
   * A table.
   *
   * @param rows about how many, as PostgreSQL estimates them
   */
  record TableSize(String name, long rows, long bytes) {}
}
