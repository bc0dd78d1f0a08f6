package io.cryptoetl.extractor.source;

import io.cryptoetl.schemas.Topic;
import java.util.List;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;

/** What a feed gives for one number. */
public sealed interface Item {
  /** Number of the item. */
  long number();

  /**
   * What of the feed it is of, where a feed has several things at one number, such as a symbol;
   * empty where it has one.
   */
  String of();

  /**
   * A record to publish.
   *
   * @param topic where it goes
   * @param bytes bytes of the source's own data in it
   * @param checks labels of the checks that it passed, in alphabetical order
   * @param endpoint name of the endpoint that gave it
   * @param link how it is chained to the one before; empty where nothing is
   */
  record Accepted(
      long number,
      Topic topic,
      SpecificRecord key,
      SpecificRecord value,
      long bytes,
      List<String> checks,
      String endpoint,
      Optional<Link> link,
      String of)
      implements Item {
    /** A record of a feed that has one at each number. */
    public Accepted(
        long number,
        Topic topic,
        SpecificRecord key,
        SpecificRecord value,
        long bytes,
        List<String> checks,
        String endpoint,
        Optional<Link> link) {
      this(number, topic, key, value, bytes, checks, endpoint, link, "");
    }
  }

  /**
   * Hashes that chain a block to its parent.
   *
   * @param hash 32 bytes
   * @param parentHash 32 bytes
   */
  record Link(byte[] hash, byte[] parentHash) {}

  /** A number at which the source has nothing, and says so. */
  record Absent(long number, String of) implements Item {
    /** Nothing, of a feed that has one thing at each number. */
    public Absent(long number) {
      this(number, "");
    }
  }

  /**
   * A number at which the source will have something, and holds up others at that number that it
   * has: it is asked for again, as what was given up is.
   *
   * @param reason what was asked for and not there
   */
  record Late(long number, String of, String reason) implements Item {}

  /**
   * A number that cannot be published: every endpoint's answer goes to the dead letters.
   *
   * @param answers what the endpoints gave, at least one
   */
  record Rejected(long number, List<Answer> answers, String of) implements Item {
    /** What was refused, of a feed that has one thing at each number. */
    public Rejected(long number, List<Answer> answers) {
      this(number, answers, "");
    }
  }

  /**
   * An answer that was refused.
   *
   * @param code countable reason, such as {@code receipts_root_mismatch}
   * @param reason what was given, what was expected, what to do next
   * @param endpoint name of the endpoint
   * @param payload the bytes that it gave; empty where there were none
   */
  record Answer(String code, String reason, String endpoint, byte[] payload) {}
}
