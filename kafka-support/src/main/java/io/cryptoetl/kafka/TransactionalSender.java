package io.cryptoetl.kafka;

import java.time.Duration;
import java.util.function.Consumer;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;

/**
 * Sends groups of records, each group whole or not at all. Of two senders with one transactional id
 * the one that opened later fences the other. May be used by several threads; they take turns.
 */
public final class TransactionalSender implements AutoCloseable {
  private final KafkaClients kafka;
  private final String transactionalId;
  private final Duration timeout;
  private Producer<SpecificRecord, SpecificRecord> producer;

  /**
   * A sender, which opens when it is first used.
   *
   * @param timeout after which the broker aborts what a sender that is gone left open
   */
  public TransactionalSender(KafkaClients kafka, String transactionalId, Duration timeout) {
    this.kafka = kafka;
    this.transactionalId = transactionalId;
    this.timeout = timeout;
  }

  /**
   * Opens, if it is not open: ends whatever another sender of this id left open.
   *
   * @return whether it was not open
   */
  public synchronized boolean open() {
    if (producer != null) {
      return false;
    }
    Producer<SpecificRecord, SpecificRecord> fresh = kafka.producer(transactionalId, timeout);
    producer = fresh;
    fresh.initTransactions();
    return true;
  }

  /**
   * Sends what {@code sends} sends, in one transaction.
   *
   * @throws RuntimeException whatever went wrong: then nothing is sent, and the next call opens
   *     anew
   */
  public synchronized void send(Consumer<Producer<SpecificRecord, SpecificRecord>> sends) {
    try {
      open();
      producer.beginTransaction();
      sends.accept(producer);
      producer.commitTransaction();
    } catch (RuntimeException e) {
      // Whatever it was, the next one shall not find this transaction open.
      discard();
      throw e;
    }
  }

  /** Lets go of the producer without waiting. */
  public synchronized void discard() {
    close(Duration.ZERO);
  }

  private void close(Duration atMost) {
    if (producer != null) {
      producer.close(atMost);
      producer = null;
    }
  }

  @Override
  public synchronized void close() {
    close(Duration.ofSeconds(5));
  }
}
