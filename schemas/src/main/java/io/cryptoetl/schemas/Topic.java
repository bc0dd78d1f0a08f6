package io.cryptoetl.schemas;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * A topic as the catalogue declares it. What operators may set otherwise is set by class of topic:
 * docs/cluster.md.
 *
 * @param name name of the topic; for a topic that loads into a table also the name of the table
 * @param kind class of the topic, by which operators set its partitions, retention and size
 * @param partitions number of partitions unless an operator sets another one; 1 where records need
 *     one order, which cannot be set otherwise
 * @param cleanup what happens to old records
 * @param retentionMs how long records are kept, in milliseconds; -1 for ever. Compacted topics keep
 *     tombstones for that long
 * @param maxMessageBytes largest record batch that the topic takes, in bytes
 * @param owner who writes it: the only module that does, or several
 * @param table whether the loader loads it into the table of the same name
 * @param key Avro schema of the key
 * @param value Avro schema of the value
 */
public record Topic(
    String name,
    Kind kind,
    int partitions,
    Cleanup cleanup,
    long retentionMs,
    int maxMessageBytes,
    String owner,
    boolean table,
    Schema key,
    Schema value) {
  private static final long HOUR_MS = 60L * 60 * 1000;

  /** A class of topics. */
  public enum Kind {
    /** What sources gave: everything else is made of it. */
    RAW,
    /** Rows of tables. */
    ROWS,
    /** What the transformer hands to itself, partition by partition beside the raw topics. */
    INTERNAL,
    /** Requests, results, states, dead letters. */
    OPS;

    /** The class as it stands in names of settings. */
    public String label() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** What happens to old records of a topic. */
  public enum Cleanup {
    /** Records are dropped when they are older than the retention. */
    DELETE,
    /** The last record of each key stays for ever. */
    COMPACT
  }

  /** The Kafka topic configuration that this declaration stands for. docs/topics.md says why. */
  public Map<String, String> config() {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("max.message.bytes", Integer.toString(maxMessageBytes));
    // Producers compress; the broker keeps what they chose.
    config.put("compression.type", "producer");
    switch (cleanup) {
      case DELETE -> {
        config.put("cleanup.policy", "delete");
        config.put("retention.ms", Long.toString(retentionMs));
        config.put("retention.bytes", "-1");
      }
      case COMPACT -> {
        config.put("cleanup.policy", "compact");
        config.put("delete.retention.ms", Long.toString(retentionMs));
        // The segment that is written is never compacted: without this, small topics would be
        // a week or a gigabyte behind.
        config.put("segment.ms", Long.toString(6 * HOUR_MS));
        config.put("max.compaction.lag.ms", Long.toString(24 * HOUR_MS));
      }
    }
    // What is made of a raw record has its time, which may be years ago in a replay: it is kept
    // by the time at which it was written.
    config.put(
        "message.timestamp.type",
        kind != Kind.RAW && cleanup == Cleanup.DELETE ? "LogAppendTime" : "CreateTime");
    return config;
  }
}
