package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.publishing.KafkaSettings;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.ops.ExtractRequest;
import io.cryptoetl.ops.ExtractRequestKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.function.Supplier;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;

/**
 * Puts historical ranges that somebody asks for among the requests: all ranges of a job or none.
 */
public final class Jobs implements AutoCloseable {
  private static final Duration TRANSACTION_TIMEOUT = Duration.ofSeconds(60);

  private final KafkaSettings kafka;
  private final String transactionalId;
  private final Clock clock;
  private final Supplier<String> ids;
  private Producer<SpecificRecord, SpecificRecord> producer;

  /**
   * Jobs taken by one instance.
   *
   * @param ids makes unique ids
   */
  public Jobs(KafkaSettings kafka, String instance, Clock clock, Supplier<String> ids) {
    this.kafka = kafka;
    this.transactionalId = "jobs-" + instance;
    this.clock = clock;
    this.ids = ids;
  }

  /**
   * A job that was accepted.
   *
   * @param jobId stands in the requests and their results
   * @param ranges number of requests
   */
  public record Job(String jobId, String source, long from, long to, int ranges) {}

  /** Writes the requests of a job. */
  public synchronized Job submit(String source, Range range, int rangeSize, String requestedBy) {
    List<Range> ranges = range.cut(rangeSize, Long.MAX_VALUE);
    String job = ids.get();
    Instant now = clock.instant();
    try {
      if (producer == null) {
        producer = kafka.producer(transactionalId, TRANSACTION_TIMEOUT);
        producer.initTransactions();
      }
      producer.beginTransaction();
      for (Range part : ranges) {
        String id = ids.get();
        producer.send(
            new ProducerRecord<>(
                Topics.OPS_EXTRACT_REQUESTS.name(),
                new ExtractRequestKey(id),
                new ExtractRequest(id, job, source, part.from(), part.to(), requestedBy, now)));
      }
      producer.commitTransaction();
    } catch (KafkaException e) {
      close();
      throw e;
    }
    return new Job(job, source, range.from(), range.to(), ranges.size());
  }

  @Override
  public synchronized void close() {
    if (producer != null) {
      producer.close(Duration.ofSeconds(1));
      producer = null;
    }
  }
}
