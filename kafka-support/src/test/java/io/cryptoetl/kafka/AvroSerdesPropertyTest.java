package io.cryptoetl.kafka;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.chain.Transaction;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.apache.avro.Schema;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificDatumWriter;
import org.apache.avro.specific.SpecificRecord;

/** Records of every schema, written and read, beside Avro's own writer. */
class AvroSerdesPropertyTest {
  private static final int FIRST_ID = 0x01020304;

  private final AvroSerdes serdes = new AvroSerdes(new MemoryRegistry(FIRST_ID));

  @Provide
  Arbitrary<Schema> schemas() {
    return Arbitraries.of(Records.schemas());
  }

  private byte[] written(SpecificRecord record) {
    return serdes.serializer(false).serialize(Records.topicOf(record.getSchema()).name(), record);
  }

  private static byte[] byAvro(SpecificRecord record) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new SpecificDatumWriter<SpecificRecord>(
            record.getSchema(), SpecificData.getForClass(record.getClass()))
        .write(record, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  @Property(tries = 3000)
  void shouldWriteTheBytesThatAvroWritesAndReadThemBack(
      @ForAll("schemas") Schema schema, @ForAll long seed) throws IOException {
    SpecificRecord record = Records.random(schema, new Random(seed));

    byte[] bytes = written(record);

    assertThat(bytes[0]).isZero();
    assertThat(Arrays.copyOfRange(bytes, AvroSerdes.FRAME, bytes.length)).isEqualTo(byAvro(record));
    assertThat(serdes.read("any", bytes)).isEqualTo(record);
  }

  @Property(tries = 1000)
  void shouldWriteTheSameBytesWithoutFrameAndReadThemOutOfOthers(
      @ForAll("schemas") Schema schema, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    SpecificRecord record = Records.random(schema, random);

    byte[] body = AvroSerdes.body(record);

    assertThat(body).isEqualTo(byAvro(record));
    byte[] among = new byte[body.length + 20];
    random.nextBytes(among);
    System.arraycopy(body, 0, among, 7, body.length);
    assertThat(AvroSerdes.fromBody(record.getClass(), among, 7, 7 + body.length)).isEqualTo(record);
    if (body.length > 0) {
      assertThatExceptionOfType(BadRecordException.class)
          .isThrownBy(() -> AvroSerdes.fromBody(record.getClass(), among, 7, 6 + body.length));
    }
  }

  @Property(tries = 3000)
  void shouldReadOrRefuseWhateverIsBroken(@ForAll("schemas") Schema schema, @ForAll long seed) {
    Random random = new Random(seed);
    byte[] bytes = written(Records.random(schema, random));
    int from = AvroSerdes.FRAME;
    for (int i = random.nextInt(1, 4); i > 0; i--) {
      if (random.nextInt(3) == 0) {
        bytes = Arrays.copyOf(bytes, random.nextInt(from, bytes.length + 20));
      } else if (bytes.length > from) {
        bytes[random.nextInt(from, bytes.length)] = (byte) random.nextInt();
      }
    }
    try {
      assertThat(serdes.read("any", bytes)).isNotNull();
    } catch (BadRecordException e) {
      assertThat(e).hasMessageContaining("a record of any");
    }
  }

  @Example
  void shouldNameTheSchemaByItsId() {
    byte[] bytes = written(new BlockKey(1L, 2L));

    assertThat(bytes).startsWith(0, 1, 2, 3, 4);
  }

  @Example
  void shouldRefuseWhatIsNoRecord() {
    byte[] unknown = written(new BlockKey(1L, 2L));
    unknown[1] = 9;

    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> serdes.read("t", new byte[] {1, 2, 3}))
        .withMessageContaining("wire format");
    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> serdes.read("t", unknown))
        .withMessageContaining("is not there");
    assertThat(serdes.read("t", null)).isNull();
  }

  @Example
  void shouldRefuseARecordOfAnUnknownKind() {
    MemoryRegistry registry = new MemoryRegistry(7);
    registry.idOf(
        "s",
        new Schema.Parser()
            .parse("{\"type\":\"record\",\"name\":\"foreign.Thing\",\"fields\":[]}"));

    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> new AvroSerdes(registry).read("t", new byte[] {0, 0, 0, 0, 7}))
        .withMessageContaining("foreign.Thing");
  }

  @Example
  void shouldRefuseANumberThatItsSchemaDoesNotTake() {
    Transaction record = (Transaction) Records.random(Transaction.getClassSchema(), new Random(1));
    record.setValue(BigDecimal.TEN.pow(78));
    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> written(record))
        .withMessageContaining("does not fit its schema");
    record.setValue(new BigDecimal("0.5"));
    assertThatExceptionOfType(BadRecordException.class)
        .isThrownBy(() -> written(record))
        .withMessageContaining("does not fit its schema");
  }

  @Example
  void shouldWriteRecordsOfManyThreads() throws InterruptedException {
    Transaction record = (Transaction) Records.random(Transaction.getClassSchema(), new Random(2));
    byte[] expected = written(record);
    boolean[] wrong = {false};
    Thread[] threads = new Thread[4];
    for (int i = 0; i < threads.length; i++) {
      threads[i] =
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int n = 0; n < 2000; n++) {
                      wrong[0] |= !Arrays.equals(expected, written(record));
                      wrong[0] |= !record.equals(serdes.read("t", expected));
                    }
                  });
    }
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong[0]).isFalse();
  }

  @Example
  void shouldForgetABufferThatGrewLarge() {
    Transaction record = (Transaction) Records.random(Transaction.getClassSchema(), new Random(3));
    record.setInput(ByteBuffer.allocate(5 << 20));
    assertThat(serdes.read("t", written(record))).isEqualTo(record);
    record.setInput(ByteBuffer.allocate(0));
    assertThat(serdes.read("t", written(record))).isEqualTo(record);
  }
}
