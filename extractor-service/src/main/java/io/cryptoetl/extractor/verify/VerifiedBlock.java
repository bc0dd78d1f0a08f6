package io.cryptoetl.extractor.verify;

import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.schemas.DeadLetterCode;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is known of a block once it is verified.
 *
 * @param hash 32 bytes
 * @param parentHash 32 bytes
 * @param timestampSeconds since 1970
 * @param checks labels of the checks that it passed, in alphabetical order
 * @param unchecked labels of the checks that its chain's rules make impossible, in alphabetical
 *     order
 */
public record VerifiedBlock(
    long number,
    byte[] hash,
    byte[] parentHash,
    long timestampSeconds,
    List<String> checks,
    List<String> unchecked) {
  private static final byte[] NO_PARENT = new byte[32];

  /**
   * The block with its link to the parent checked as well.
   *
   * @param parent hash of the block one height below; empty if nobody has that block, which leaves
   *     the link unchecked
   * @throws BadDataException with code {@code parent_link_broken} if it is another one
   */
  public VerifiedBlock linked(Optional<byte[]> parent) throws BadDataException {
    Optional<byte[]> expected = number == 0 ? Optional.of(NO_PARENT) : parent;
    if (expected.isPresent() && !Arrays.equals(expected.get(), parentHash)) {
      HexFormat hex = HexFormat.of();
      throw new BadDataException(
          DeadLetterCode.PARENT_LINK_BROKEN.code(),
          "block %d has parent 0x%s, the block below it is 0x%s"
              .formatted(number, hex.formatHex(parentHash), hex.formatHex(expected.get())));
    }
    boolean linked = expected.isPresent();
    return new VerifiedBlock(
        number,
        hash,
        parentHash,
        timestampSeconds,
        linked ? withLink(checks) : checks,
        linked ? unchecked : withLink(unchecked));
  }

  private static List<String> withLink(List<String> labels) {
    return Stream.concat(labels.stream(), Stream.of(Check.PARENT_LINK.label())).sorted().toList();
  }
}
