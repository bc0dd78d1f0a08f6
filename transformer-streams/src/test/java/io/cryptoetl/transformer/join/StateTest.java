package io.cryptoetl.transformer.join;

import static org.assertj.core.api.Assertions.assertThat;

import io.cryptoetl.business.BlockEconomics;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.stream.Stream;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DatumReader;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.BinaryMessageEncoder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What an older version wrote into the store is read by this one. */
class StateTest {
  static List<Path> versions() throws IOException {
    try (Stream<Path> files = Files.walk(Path.of("../schemas/src/test/resources/frozen"))) {
      List<Path> versions = files.filter(f -> f.endsWith("BlockEconomics.avsc")).sorted().toList();
      assertThat(versions).isNotEmpty();
      return versions;
    }
  }

  @ParameterizedTest
  @MethodSource("versions")
  void shouldReadRowsOfEachPastVersion(Path file) throws IOException {
    Schema past = new Schema.Parser().parse(file.toFile());
    BlockEconomics row = new BlockEconomics();
    row.setHash(ByteBuffer.allocate(32));
    row.setTimestamp(Instant.EPOCH);
    // What is null today was never null then.
    for (Schema.Field field : past.getFields()) {
      if (field.schema().getType() == Schema.Type.INT) {
        row.put(field.name(), 7);
      }
    }
    ByteBuffer now = row.toByteBuffer();
    byte[] body = new byte[now.remaining() - 10];
    now.position(10).get(body);
    DatumReader<GenericRecord> reader =
        new org.apache.avro.generic.GenericDatumReader<>(BlockEconomics.getClassSchema(), past);
    GenericRecord then = reader.read(null, DecoderFactory.get().binaryDecoder(body, null));
    ByteBuffer stored =
        new BinaryMessageEncoder<GenericRecord>(GenericData.get(), past).encode(then);
    byte[] bytes = new byte[stored.remaining()];
    stored.get(bytes);

    assertThat(PriceJoin.decode(bytes)).isEqualTo(row);
  }
}
