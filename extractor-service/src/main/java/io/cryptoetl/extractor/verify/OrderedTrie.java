package io.cryptoetl.extractor.verify;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.tuweni.bytes.Bytes;
import org.apache.tuweni.rlp.RLP;

/**
 * Root of the Merkle Patricia trie over a list, whose keys are the RLP of the positions: what
 * transactionsRoot, receiptsRoot and withdrawalsRoot are (Yellow Paper, appendix D). All values are
 * known beforehand, so the nodes are made once, from the leaves up, and none is stored.
 */
final class OrderedTrie {
  private static final int RADIX = 16;
  private static final int HASH_BYTES = 32;

  private final Keccak keccak;
  private final byte[][] paths;
  private final Bytes[] values;

  private OrderedTrie(List<Bytes> list, Keccak keccak) {
    this.keccak = keccak;
    byte[][] unsorted = new byte[list.size()][];
    for (int i = 0; i < list.size(); i++) {
      unsorted[i] = nibbles(RLP.encodeLong(i).toArrayUnsafe());
    }
    int[] order =
        IntStream.range(0, list.size())
            .boxed()
            .sorted((a, b) -> Arrays.compare(unsorted[a], unsorted[b]))
            .mapToInt(Integer::intValue)
            .toArray();
    paths = Arrays.stream(order).mapToObj(i -> unsorted[i]).toArray(byte[][]::new);
    values = Arrays.stream(order).mapToObj(list::get).toArray(Bytes[]::new);
  }

  /** The root, 32 bytes. */
  static byte[] root(List<Bytes> list, Keccak keccak) {
    if (list.isEmpty()) {
      return keccak.hash(RLP.encodeByteArray(new byte[0]));
    }
    OrderedTrie trie = new OrderedTrie(list, keccak);
    return keccak.hash(trie.node(0, trie.paths.length, 0));
  }

  /** RLP of the node over the entries from {@code first} to {@code end}, which share a prefix. */
  private Bytes node(int first, int end, int depth) {
    byte[] path = paths[first];
    if (end - first == 1) {
      Bytes value = values[first];
      return RLP.encodeList(
          w -> {
            w.writeValue(hexPrefix(path, depth, path.length, true));
            w.writeValue(value);
          });
    }
    // Paths are sorted: what the first and the last share, all share.
    int shared = Arrays.mismatch(path, paths[end - 1]);
    if (shared > depth) {
      Bytes below = reference(branch(first, end, shared));
      return RLP.encodeList(
          w -> {
            w.writeValue(hexPrefix(path, depth, shared, false));
            w.writeRLP(below);
          });
    }
    return branch(first, end, depth);
  }

  /** RLP of a branch; no path ends in it, because no key is a prefix of another one. */
  private Bytes branch(int first, int end, int depth) {
    Bytes[] children = new Bytes[RADIX];
    int from = first;
    while (from < end) {
      int nibble = paths[from][depth];
      int to = from + 1;
      while (to < end && paths[to][depth] == nibble) {
        to++;
      }
      children[nibble] = reference(node(from, to, depth + 1));
      from = to;
    }
    return RLP.encodeList(
        w -> {
          for (Bytes child : children) {
            if (child == null) {
              w.writeValue(Bytes.EMPTY);
            } else {
              w.writeRLP(child);
            }
          }
          w.writeValue(Bytes.EMPTY);
        });
  }

  /** A node within its parent: itself if it is shorter than a hash, else its hash. */
  private Bytes reference(Bytes node) {
    return node.size() < HASH_BYTES ? node : RLP.encodeByteArray(keccak.hash(node));
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
  private static Bytes hexPrefix(byte[] path, int from, int to, boolean leaf) {
    int length = to - from;
    boolean odd = length % 2 == 1;
    byte[] encoded = new byte[length / 2 + 1];
    int flags = (leaf ? 2 : 0) + (odd ? 1 : 0);
    encoded[0] = (byte) (flags << 4 | (odd ? path[from] : 0));
    int next = from + (odd ? 1 : 0);
    for (int i = 1; i < encoded.length; i++, next += 2) {
      encoded[i] = (byte) (path[next] << 4 | path[next + 1]);
    }
    return Bytes.wrap(encoded);
  }
}
