package io.cryptoetl.kafka;

import java.util.Map;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.utils.Utils;

/**
 * Places a record by what its key says, not by the id that a registry gave the key's schema:
 * murmur2 over the bytes of the key behind the frame of the wire format, made positive, modulo the
 * number of partitions. A rebuilt registry gives other ids; copies of one block must meet all the
 * same.
 */
public final class KeyPartitioner implements Partitioner {
  @Override
  public int partition(
      String topic, Object key, byte[] keyBytes, Object value, byte[] valueBytes, Cluster cluster) {
    return partition(topic, keyBytes, cluster.partitionCountForTopic(topic));
  }

  /**
   * The partition of a key.
   *
   * @param key in the wire format
   * @throws IllegalArgumentException if there is no key in the wire format
   */
  public static int partition(String topic, byte[] key, int partitions) {
    if (key == null || key.length < AvroSerdes.FRAME || key[0] != 0) {
      throw new IllegalArgumentException(
          "a record for %s has no key in Confluent's wire format, by which it is placed"
              .formatted(topic));
    }
    byte[] content = new byte[key.length - AvroSerdes.FRAME];
    System.arraycopy(key, AvroSerdes.FRAME, content, 0, content.length);
    return partition(content, partitions);
  }

  /**
   * The partition of a key.
   *
   * @param content of the key, without frame
   */
  public static int partition(byte[] content, int partitions) {
    return Utils.toPositive(Utils.murmur2(content)) % partitions;
  }

  @Override
  public void configure(Map<String, ?> configs) {
    // Nothing to set.
  }

  @Override
  public void close() {
    // Nothing is held.
  }
}
