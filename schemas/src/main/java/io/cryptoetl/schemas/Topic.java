package io.cryptoetl.schemas;

import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.Schema;

/**
 * A topic as the catalogue declares it.
 *
 * @param name name of the topic; for a topic that loads into a table also the name of the table
 * @param partitions number of partitions; it bounds how many consumers can share the topic
 * @param cleanup what happens to old records
 * @param retentionMs how long records are kept, in milliseconds; -1 for ever. Compacted topics keep
 *     tombstones for that long
 * @param maxMessageBytes largest record batch that the topic takes, in bytes
 * @param owner the only module that writes it
 * @param table whether the loader loads it into the table of the same name
 * @param key Avro schema of the key
 * @param value Avro schema of the value
 */
public record Topic(
    String name,
    int partitions,
    Cleanup cleanup,
    long retentionMs,
    int maxMessageBytes,
    String owner,
    boolean table,
    Schema key,
    Schema value) {

  /** What happens to old records of a topic. */
  public enum Cleanup {
    /** Records are dropped when they are older than the retention. */
    DELETE,
    /** The last record of each key stays for ever. */
    COMPACT
  }

  /** The Kafka topic configuration that this declaration stands for. */
  public Map<String, String> config() {
    Map<String, String> config = new LinkedHashMap<>();
    config.put("max.message.bytes", Integer.toString(maxMessageBytes));
    // Producers compress; the broker keeps what they chose.
    config.put("compression.type", "producer");
    switch (cleanup) {
      case DELETE -> {
        config.put("cleanup.policy", "delete");
        config.put("retention.ms", Long.toString(retentionMs));
      }
      case COMPACT -> {
        config.put("cleanup.policy", "compact");
        config.put("delete.retention.ms", Long.toString(retentionMs));
      }
    }
    return config;
  }
}
