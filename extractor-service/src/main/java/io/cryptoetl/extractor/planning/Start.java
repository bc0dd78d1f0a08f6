package io.cryptoetl.extractor.planning;

import io.cryptoetl.extractor.source.Feed;
import java.time.Instant;

/** Where planning begins when there is no cursor. */
public sealed interface Start {
  /** The first number of a feed to be planned. */
  long first(Feed feed, long head);

  /** At a height, or another number. */
  record Height(long number) implements Start {
    @Override
    public long first(Feed feed, long head) {
      return number;
    }
  }

  /** At a time, for feeds whose numbers are on the time axis. */
  record Time(Instant time) implements Start {
    @Override
    public long first(Feed feed, long head) {
      return feed.numberAt(time).orElse(head);
    }
  }

  /** At the head that the first tick finds. */
  record Head() implements Start {
    @Override
    public long first(Feed feed, long head) {
      return head;
    }
  }

  /** Nowhere: the source is read on request only. */
  record OnRequest() implements Start {
    @Override
    public long first(Feed feed, long head) {
      return head;
    }
  }
}
