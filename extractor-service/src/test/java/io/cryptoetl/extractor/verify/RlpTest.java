package io.cryptoetl.extractor.verify;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.apache.tuweni.bytes.Bytes;
import org.apache.tuweni.rlp.RLP;

class RlpTest {
  @Property(tries = 300)
  void shouldWriteWhatAGeneralEncoderWrites(@ForAll long seed) throws IOException {
    Random random = new Random(seed);
    List<byte[]> values = new ArrayList<>();
    Rlp whole = new Rlp(random.nextInt(40)).value(new byte[] {5});
    int list = whole.open();
    for (int i = random.nextInt(12); i > 0; i--) {
      byte[] value = new byte[random.nextInt(random.nextInt(5) == 0 ? 70_000 : 60)];
      random.nextBytes(value);
      values.add(value);
      if (random.nextBoolean()) {
        whole.value(value);
      } else {
        assertThat(whole.data(hex(HexFormat.of().formatHex(value)), value.length)).isTrue();
        assertThat(whole.data(hex("00".repeat(i) + "0g"), i + 1)).isFalse();
      }
      assertThat(Rlp.encoded(value)).isEqualTo(RLP.encodeByteArray(value).toArray());
    }
    whole.close(list).raw(RLP.encodeInt(300).toArray());

    Bytes expected =
        RLP.encodeList(
            w -> {
              w.writeInt(5);
              w.writeList(v -> values.forEach(v::writeByteArray));
              w.writeRLP(RLP.encodeInt(300));
            });
    assertThat(whole.length()).isEqualTo(expected.size());
    assertThat(whole.hash(new Keccak())).isEqualTo(new Keccak().hash(expected.toArray()));
    assertThat(whole.toBytes()).isEqualTo(expected.toArray());
    assertThat(whole.toBytes(2)).isEqualTo(Bytes.concatenate(Bytes.of(2), expected).toArray());
    assertThat(whole.clear().value(new byte[] {5}).toBytes())
        .isEqualTo(RLP.encodeList(w -> w.writeInt(5)).toArray());
  }

  private static JsonValue hex(String digits) throws IOException {
    return Json.parse(("\"0x" + digits + "\"").getBytes(StandardCharsets.US_ASCII));
  }
}
