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
final class Requests {
  private Requests() {}

  /**
   * Sends a request for each range, within the producer's transaction.
   *
   * @param topic of urgent or of bulk requests
   */
  static void send(
      Producer<SpecificRecord, SpecificRecord> producer,
      Topic topic,
      String jobId,
      String feed,
      List<Range> ranges,
      String requestedBy,
      Instant now) {
    for (Range range : ranges) {
      String id = UUID.randomUUID().toString();
      producer.send(
          new ProducerRecord<>(
              topic.name(),
              new ExtractRequestKey(id),
              new ExtractRequest(id, jobId, feed, range.from(), range.to(), requestedBy, now)));
    }
  }
}
