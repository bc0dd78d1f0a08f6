package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.security.Security;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.apache.tuweni.bytes.Bytes;
import org.apache.tuweni.rlp.RLP;
import org.apache.tuweni.trie.MerklePatriciaTrie;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

class OrderedTrieTest {
  static {
    Security.addProvider(new BouncyCastleProvider());
  }

  @Property(tries = 300)
  void shouldHaveTheRootOfAGeneralTrie(
      @ForAll @IntRange(min = 0, max = 600) int size, @ForAll long seed) throws Exception {
    Random random = new Random(seed);
    MerklePatriciaTrie<Bytes> general = MerklePatriciaTrie.storingBytes();
    List<byte[]> list = new ArrayList<>();
    for (int i = 0; i < size; i++) {
      byte[] value = new byte[1 + random.nextInt(random.nextBoolean() ? 8 : 200)];
      random.nextBytes(value);
      list.add(value);
      general.putAsync(RLP.encodeLong(i), Bytes.wrap(value)).join();
    }

    assertThat(Bytes.wrap(OrderedTrie.root(list, new Keccak()))).isEqualTo(general.rootHash());
  }
}
