package io.cryptoetl.loader.avro;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ConfluentAvroConverterTest {
  private static final Schema ROW =
      new Schema.Parser()
          .parse(
              """
              {"type":"record","name":"Row","namespace":"test","fields":[
                {"name":"id","type":"long"},
                {"name":"small","type":["null","int"],"default":null},
                {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":78,"scale":0}],"default":null},
                {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":38,"scale":18}},
                {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
                {"name":"hash","type":["bytes","null"]},
                {"name":"name","type":{"type":"string","avro.java.string":"String"}},
                {"name":"yes","type":"boolean"},
                {"name":"ratio","type":"double"},
                {"name":"hashes","type":{"type":"array","items":"bytes"}},
                {"name":"names","type":["null",{"type":"array","items":"string"}],"default":null}]}
              """);

  private final AtomicInteger asked = new AtomicInteger();
  private final AtomicInteger failures = new AtomicInteger();
  private HttpServer registry;
  private ConfluentAvroConverter converter;

  @BeforeEach
  void start() throws IOException {
    registry =
        HttpServer.create(new InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0), 0);
    registry.createContext(
        "/api",
        exchange -> {
          asked.incrementAndGet();
          String path = exchange.getRequestURI().getPath();
          boolean known =
              path.equals("/api/schemas/ids/7")
                  || path.equals("/api/subjects/t-value/versions/latest");
          String body =
              known
                  ? "{\"id\":7,\"schema\":"
                      + new com.fasterxml.jackson.databind.ObjectMapper()
                          .writeValueAsString(ROW.toString())
                      + "}"
                  : "{\"error_code\":40403,\"message\":\"Schema not found\"}";
          byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
          int status = failures.getAndDecrement() > 0 ? 503 : known ? 200 : 404;
          exchange.sendResponseHeaders(status, bytes.length);
          exchange.getResponseBody().write(bytes);
          exchange.close();
        });
    registry.start();
    converter = new ConfluentAvroConverter();
    configure(Map.of());
  }

  private void configure(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(more);
    settings.put(
        "schema.registry.url", "http://127.0.0.1:" + registry.getAddress().getPort() + "/api/");
    converter.configure(settings, false);
  }

  @AfterEach
  void stop() {
    registry.stop(0);
  }

  private static byte[] encoded(GenericRecord row) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0, 0, 0, 0, 7});
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    new GenericDatumWriter<GenericRecord>(ROW).write(row, encoder);
    encoder.flush();
    return out.toByteArray();
  }

  private static GenericRecord row(boolean full) {
    BigInteger uint256 = BigInteger.TWO.pow(256).subtract(BigInteger.ONE);
    return new GenericRecordBuilder(ROW)
        .set("id", Long.MIN_VALUE)
        .set("small", full ? Integer.MAX_VALUE : null)
        .set("amount", full ? ByteBuffer.wrap(uint256.toByteArray()) : null)
        .set("price", ByteBuffer.wrap(BigInteger.valueOf(-1).toByteArray()))
        .set("at", -1L)
        .set("hash", full ? ByteBuffer.wrap(new byte[] {1, -1}) : null)
        .set("name", "é😀")
        .set("yes", true)
        .set("ratio", 0.5)
        .set("hashes", List.of(ByteBuffer.wrap(new byte[0]), ByteBuffer.wrap(new byte[] {5})))
        .set(
            "names",
            full
                ? new GenericData.Array<>(
                    ROW.getField("names").schema().getTypes().get(1), List.of("a", "b"))
                : null)
        .build();
  }

  @Test
  @SuppressWarnings("JavaUtilDate") // What Connect has for its Timestamp type.
  void shouldReadEveryTypeAndWriteTheSameBytes() throws IOException {
    for (boolean full : new boolean[] {true, false}) {
      byte[] bytes = encoded(row(full));
      SchemaAndValue read = converter.toConnectData("t", bytes);
      Struct struct = (Struct) read.value();

      struct.validate();
      assertThat(read.schema()).isEqualTo(struct.schema());
      assertThat(struct.get("id")).isEqualTo(Long.MIN_VALUE);
      assertThat(struct.get("small")).isEqualTo(full ? Integer.MAX_VALUE : null);
      assertThat(struct.get("amount"))
          .isEqualTo(
              full ? new BigDecimal(BigInteger.TWO.pow(256).subtract(BigInteger.ONE)) : null);
      assertThat(struct.get("price")).isEqualTo(new BigDecimal("-0.000000000000000001"));
      assertThat(struct.get("at")).isEqualTo(Date.from(Instant.ofEpochMilli(-1)));
      assertThat(struct.get("hash")).isEqualTo(full ? new byte[] {1, -1} : null);
      assertThat(struct.get("name")).isEqualTo("é😀");
      assertThat(struct.getArray("hashes")).hasSize(2);
      assertThat(struct.get("names")).isEqualTo(full ? List.of("a", "b") : null);
      assertThat(converter.fromConnectData("t", read.schema(), struct)).isEqualTo(bytes);
    }
    assertThat(asked).as("one question for the id, one for the subject").hasValue(2);
  }

  @Test
  void shouldLeaveRecordsAsTheyAreForTheSink() throws IOException {
    Struct decoded = (Struct) converter.toConnectData("t", encoded(row(true))).value();
    configure(Map.of("undecoded", "true"));
    SchemaAndValue read = converter.toConnectData("t", encoded(row(true)));

    assertThat(read.schema()).isEqualTo(decoded.schema());
    assertThat(read.value())
        .isEqualTo(converter.toConnectData("t", encoded(row(true))).value())
        .isNotEqualTo(converter.toConnectData("t", encoded(row(false))).value())
        .isInstanceOfSatisfying(
            AvroRow.class,
            row ->
                assertThat(converter.fromConnectData("t", read.schema(), row.struct()))
                    .isEqualTo(row.bytes()));
  }

  @Test
  void shouldLeaveTombstonesAlone() {
    assertThat(converter.toConnectData("t", null)).isEqualTo(SchemaAndValue.NULL);
    assertThat(converter.fromConnectData("t", null, null)).isNull();
  }

  @Test
  void shouldAskAgainWhenTheRegistryIsAway() throws IOException {
    failures.set(2);

    assertThat(converter.toConnectData("t", encoded(row(true))).value()).isNotNull();
    assertThat(asked).hasValue(3);
  }

  @Test
  void shouldSayWhatCannotBeRead() throws IOException {
    assertThatThrownBy(() -> converter.toConnectData("t", new byte[] {1, 2, 3}))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("wire format");
    assertThatThrownBy(() -> converter.toConnectData("t", new byte[] {0, 0, 0, 0, 9}))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("schema id 9");
    byte[] cut = java.util.Arrays.copyOf(encoded(row(true)), 20);
    assertThatThrownBy(() -> converter.toConnectData("t", cut))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("cannot be decoded");
    byte[] whole = encoded(row(true));
    byte[] longer = java.util.Arrays.copyOf(whole, whole.length + 1);
    assertThatThrownBy(() -> converter.toConnectData("t", longer))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("bytes behind its end");
  }
}
