package io.cryptoetl.extractor.verify;

import java.util.List;

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
    List<String> unchecked) {}
