package io.cryptoetl.stack;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;

/**
 * Kafka clients whose user dies at any step: before or after any call of a producer. A producer
 * whose user died is not closed, as after kill -9: its transaction stays open until somebody fences
 * it.
 */
public final class CrashingKafka extends KafkaClients {
  private final Random random;
  private final double share;
  private final List<Producer<SpecificRecord, SpecificRecord>> abandoned =
      new CopyOnWriteArrayList<>();
  private final AtomicInteger crashes = new AtomicInteger();
  private volatile boolean calm;

  /** The death of whoever holds the producer. */
  public static final class Crash extends Error {
    private static final long serialVersionUID = 1L;
  }

  /**
   * Clients of a cluster.
   *
   * @param share of the calls at which their user dies
   */
  public CrashingKafka(String bootstrapServers, String registryUrl, double share, long seed) {
    super(ClientSettings.of(bootstrapServers, registryUrl));
    this.share = share;
    this.random = new Random(seed);
  }

  /** From now on nobody dies. */
  public void calm() {
    calm = true;
  }

  /** Users that died so far. */
  public int crashes() {
    return crashes.get();
  }

  private synchronized boolean now() {
    return !calm && random.nextDouble() < share;
  }

  @Override
  @SuppressWarnings("unchecked")
  public Producer<SpecificRecord, SpecificRecord> producer(
      String transactionalId, Duration timeout) {
    Producer<SpecificRecord, SpecificRecord> real = super.producer(transactionalId, timeout);
    boolean[] dead = {false};
    return (Producer<SpecificRecord, SpecificRecord>)
        Proxy.newProxyInstance(
            Producer.class.getClassLoader(),
            new Class<?>[] {Producer.class},
            (_, method, arguments) -> {
              if (method.getName().equals("close") && dead[0]) {
                return null;
              }
              boolean mayDie = !method.getName().equals("close");
              if (mayDie && now()) {
                die(real, dead);
              }
              Object result;
              try {
                result = method.invoke(real, arguments);
              } catch (InvocationTargetException e) {
                throw e.getCause();
              }
              if (mayDie && now()) {
                die(real, dead);
              }
              return result;
            });
  }

  private void die(Producer<SpecificRecord, SpecificRecord> real, boolean[] dead) {
    dead[0] = true;
    abandoned.add(real);
    crashes.incrementAndGet();
    throw new Crash();
  }

  /** Closes what dead users left open. */
  public void bury() {
    abandoned.forEach(p -> p.close(Duration.ZERO));
  }
}
