package io.cryptoetl.transformer.state;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.Cancellable;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * What has changed and goes out within a second, together with all that changes until then. Marks
 * are in a store beside what they mark, so that an instance that takes over sends what the one
 * before it has not. Keys are a letter and the key that is marked.
 */
public final class Marks {
  private static final byte[] NONE = {};
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final ProcessorContext<?, ?> context;
  private final KeyValueStore<byte[], byte[]> store;
  private final byte letter;
  private final Sender sender;
  private Cancellable scheduled;

  /** Sends what is marked. */
  public interface Sender {
    /**
     * Sends.
     *
     * @param now time of the record, in milliseconds since 1970
     */
    void send(byte[] key, long now);
  }

  /**
   * Marks in a store.
   *
   * @param letter with which no other key of the store begins
   */
  public Marks(
      ProcessorContext<?, ?> context,
      KeyValueStore<byte[], byte[]> store,
      char letter,
      Sender sender) {
    this.context = context;
    this.store = store;
    this.letter = (byte) letter;
    this.sender = sender;
    if (!marked().isEmpty()) {
      schedule();
    }
  }

  /** Marks a key. */
  public void mark(byte[] key) {
    store.put(ByteBuffer.allocate(1 + key.length).put(letter).put(key).array(), NONE);
    schedule();
  }

  /** Only if there is something to send: each call makes its task commit, an idle one, too. */
  private void schedule() {
    if (scheduled == null) {
      scheduled = context.schedule(PAUSE, PunctuationType.WALL_CLOCK_TIME, this::send);
    }
  }

  private void send(long now) {
    for (byte[] mark : marked()) {
      byte[] key = new byte[mark.length - 1];
      System.arraycopy(mark, 1, key, 0, key.length);
      // First: what cannot be sent must not hold up the others for ever.
      store.delete(mark);
      sender.send(key, now);
    }
    scheduled.cancel();
    scheduled = null;
  }

  private List<byte[]> marked() {
    List<byte[]> marked = new ArrayList<>();
    byte[] from = {letter};
    byte[] to = {(byte) (letter + 1)};
    try (KeyValueIterator<byte[], byte[]> found = store.range(from, to)) {
      while (found.hasNext()) {
        KeyValue<byte[], byte[]> each = found.next();
        if (each.key[0] == letter) {
          marked.add(each.key);
        }
      }
    }
    return marked;
  }
}
