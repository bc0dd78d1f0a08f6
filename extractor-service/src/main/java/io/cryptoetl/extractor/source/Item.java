package io.cryptoetl.extractor.source;

import org.apache.avro.specific.SpecificRecord;

/** What a source gives for one height. */
public sealed interface Item {
  /** Height of the item. */
  long number();

  /**
   * A record to publish.
   *
   * @param bytes bytes of the source's own data in it
   */
  record Accepted(long number, SpecificRecord key, SpecificRecord value, long bytes)
      implements Item {}

  /**
   * A height that cannot be published; it goes to the dead letters.
   *
   * @param code countable reason, such as {@code block_unavailable}
   * @param reason what was given, what was expected, what to do next
   * @param payload the bytes that the source gave; empty where there were none
   */
  record Rejected(long number, String code, String reason, String endpoint, byte[] payload)
      implements Item {}
}
