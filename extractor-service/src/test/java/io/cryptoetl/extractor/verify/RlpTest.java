package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.tuweni.bytes.Bytes;
import org.apache.tuweni.rlp.RLP;

class RlpTest {
  @Property(tries = 300)
  void shouldWriteWhatAGeneralEncoderWrites(@ForAll long seed) {
    Random random = new Random(seed);
    List<byte[]> values = new ArrayList<>();
    Rlp inner = new Rlp(random.nextInt(40));
    for (int i = random.nextInt(12); i > 0; i--) {
      byte[] value = new byte[random.nextInt(random.nextInt(5) == 0 ? 70_000 : 60)];
      random.nextBytes(value);
      values.add(value);
      inner.value(value);
      assertThat(Rlp.encoded(value)).isEqualTo(RLP.encodeByteArray(value).toArray());
    }
    Bytes list =
        RLP.encodeList(
            w -> {
              w.writeInt(5);
              w.writeList(v -> values.forEach(v::writeByteArray));
              w.writeRLP(RLP.encodeInt(300));
            });

    Rlp whole = new Rlp(0).value(new byte[] {5}).list(inner).raw(RLP.encodeInt(300).toArray());

    assertThat(whole.toBytes()).isEqualTo(list.toArray());
    assertThat(whole.toBytes(2)).isEqualTo(Bytes.concatenate(Bytes.of(2), list).toArray());
  }
}
