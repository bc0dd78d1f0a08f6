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
      Optional<Link> link)
      implements Item {}

  /**
   * Hashes that chain a block to its parent.
   *
   * @param hash 32 bytes
   * @param parentHash 32 bytes
   */
  record Link(byte[] hash, byte[] parentHash) {}

  /** A number at which the source has nothing, and says so. */
  record Absent(long number) implements Item {}

  /**
   * A number that cannot be published: every endpoint's answer goes to the dead letters.
   *
   * @param answers what the endpoints gave, at least one
   */
  record Rejected(long number, List<Answer> answers) implements Item {}

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
