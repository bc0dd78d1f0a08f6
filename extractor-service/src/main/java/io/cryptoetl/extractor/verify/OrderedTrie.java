package io.cryptoetl.extractor.verify;

import java.util.Arrays;
import java.util.List;

/**
 * Root of the Merkle Patricia trie over a list, whose keys are the RLP of the positions: what
 * transactionsRoot, receiptsRoot and withdrawalsRoot are (Yellow Paper, appendix D). All values are
 * known beforehand, so the nodes are made once, from the leaves up, and none is stored.
 */
final class OrderedTrie {
  private static final int RADIX = 16;
  private static final int HASH_BYTES = 32;

  /** First position whose RLP is longer than a byte. */
  private static final int FIRST_LONG = 128;

  private static final byte[] NOTHING = new byte[0];

  private final Keccak keccak;

  /** The leaf at hand: each is hashed as soon as it is made. */
  private final Rlp leaf = new Rlp(1024);

  private final byte[][] paths;
  private final byte[][] values;

  private OrderedTrie(List<byte[]> list, Keccak keccak) {
    this.keccak = keccak;
    paths = new byte[list.size()][];
    values = new byte[list.size()][];
    // In the order of their RLP: 1 to 127 are written as they are, 0 as 0x80, then those above.
    int first = Math.min(list.size(), FIRST_LONG);
    int next = 0;
    for (int i = 1; i <= list.size(); i++) {
      int position = i < first ? i : i == first ? 0 : i - 1;
      paths[next] = nibbles(Rlp.encoded(minimal(position)));
      values[next++] = list.get(position);
    }
  }

  /** The root, 32 bytes. */
  static byte[] root(List<byte[]> list, Keccak keccak) {
    if (list.isEmpty()) {
      return keccak.hash(Rlp.encoded(NOTHING));
    }
    OrderedTrie trie = new OrderedTrie(list, keccak);
    return trie.node(0, trie.paths.length, 0).hash(keccak);
  }

  /** The node over the entries from {@code first} to {@code end}, which share a prefix. */
  private Rlp node(int first, int end, int depth) {
    byte[] path = paths[first];
    if (end - first == 1) {
      return leaf.clear().value(hexPrefix(path, depth, path.length, true)).value(values[first]);
    }
    // Paths are sorted: what the first and the last share, all share.
    int shared = Arrays.mismatch(path, paths[end - 1]);
    if (shared > depth) {
      Rlp below = branch(first, end, shared);
      Rlp extension = new Rlp(2 * HASH_BYTES).value(hexPrefix(path, depth, shared, false));
      return addReference(extension, below);
    }
    return branch(first, end, depth);
  }

  /** A branch; no path ends in it, because no key is a prefix of another one. */
  private Rlp branch(int first, int end, int depth) {
    Rlp children = new Rlp((RADIX + 1) * (HASH_BYTES + 1));
    int from = first;
    for (int nibble = 0; nibble < RADIX; nibble++) {
      int to = from;
      while (to < end && paths[to][depth] == nibble) {
        to++;
      }
      if (to == from) {
        children.value(NOTHING);
      } else {
        addReference(children, node(from, to, depth + 1));
      }
      from = to;
    }
    return children.value(NOTHING);
  }

  /** Adds a node to its parent: itself if it is shorter than a hash, else its hash. */
  private Rlp addReference(Rlp parent, Rlp node) {
    return node.length() < HASH_BYTES
        ? parent.raw(node.toBytes())
        : parent.value(node.hash(keccak));
  }

  /** A number without leading zeros. */
  private static byte[] minimal(int number) {
    byte[] bytes = new byte[(Integer.SIZE - Integer.numberOfLeadingZeros(number) + 7) / 8];
    for (int i = bytes.length - 1, left = number; i >= 0; i--, left >>>= 8) {
      bytes[i] = (byte) left;
    }
    return bytes;
  }

  private static byte[] nibbles(byte[] bytes) {
    byte[] nibbles = new byte[2 * bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      nibbles[2 * i] = (byte) ((bytes[i] >> 4) & 0xf);
      nibbles[2 * i + 1] = (byte) (bytes[i] & 0xf);
    }
    return nibbles;
  }

  /** Hex-prefix encoding (Yellow Paper, appendix C). */
  private static byte[] hexPrefix(byte[] path, int from, int to, boolean leaf) {
    int length = to - from;
    boolean odd = length % 2 == 1;
    byte[] encoded = new byte[length / 2 + 1];
    int flags = (leaf ? 2 : 0) + (odd ? 1 : 0);
    encoded[0] = (byte) (flags << 4 | (odd ? path[from] : 0));
    int next = from + (odd ? 1 : 0);
    for (int i = 1; i < encoded.length; i++, next += 2) {
      encoded[i] = (byte) (path[next] << 4 | path[next + 1]);
    }
    return encoded;
  }
}
