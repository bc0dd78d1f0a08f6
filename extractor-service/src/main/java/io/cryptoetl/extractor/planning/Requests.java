package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.schemas.Topic;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Writes requests: what a worker shall fetch. */
public final class Requests {
  private Requests() {}

  /** Where records go, within a transaction of its own. */
  @FunctionalInterface
  public interface Outlet {
    /** Sends a record. */
    void send(String topic, SpecificRecord key, SpecificRecord value);

    /** Into a producer's transaction. */
    static Outlet of(Producer<SpecificRecord, SpecificRecord> producer) {
      return (topic, key, value) -> producer.send(new ProducerRecord<>(topic, key, value));
    }
  }

  /**
   * Sends a request for each range.
   *
   * @param topic of urgent or of bulk requests
   */
  static void send(
      Outlet outlet,
      Topic topic,
      String jobId,
      String feed,
      List<Range> ranges,
      String requestedBy,
      Instant now) {
    for (Range range : ranges) {
      String id = UUID.randomUUID().toString();
      outlet.send(
          topic.name(),
          new ExtractRequestKey(id),
          new ExtractRequest(id, jobId, feed, range.from(), range.to(), requestedBy, now));
    }
  }
}
