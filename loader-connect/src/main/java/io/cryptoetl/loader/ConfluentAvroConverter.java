package io.cryptoetl.loader;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Records in Confluent's wire format (a zero byte, the schema's id in four bytes, Avro) as
 * Connect's records and back. Schemas are read once by their id; then each record is decoded in one
 * pass, without comparing schemas. Fields are those that the writer wrote.
 *
 * <p>Records are written with the latest schema of their subject ({@code TOPIC-key} or {@code
 * TOPIC-value}); nothing is registered.
 *
 * <p>Settings: {@code schema.registry.url}, base URL of an API like Confluent's; {@code
 * basic.auth.user.info}, {@code user:password} if it asks for that; {@code undecoded}, whether
 * records are left as they are for {@link BulkSinkConnector}, which writes them to the database
 * from Avro's bytes. Default false: transforms and other connectors need Connect's records.
 */
public final class ConfluentAvroConverter implements Converter {
  private static final int FRAME = 1 + Integer.BYTES;
  private static final String UNDECODED = "undecoded";

  private final Map<Integer, AvroCodec> byId = new ConcurrentHashMap<>();
  private final Map<String, SchemaRegistry.Registered> bySubject = new ConcurrentHashMap<>();
  private SchemaRegistry registry;
  private String suffix;
  private boolean undecoded;
  private BinaryDecoder decoder;

  @Override
  public ConfigDef config() {
    return new ConfigDef()
        .define(
            "schema.registry.url",
            ConfigDef.Type.STRING,
            ConfigDef.NO_DEFAULT_VALUE,
            new ConfigDef.NonEmptyString(),
            ConfigDef.Importance.HIGH,
            "Base URL of the registry's API, such as http://localhost:8081/apis/ccompat/v7")
        .define(
            "basic.auth.user.info",
            ConfigDef.Type.PASSWORD,
            "",
            ConfigDef.Importance.MEDIUM,
            "user:password")
        .define(
            UNDECODED,
            ConfigDef.Type.BOOLEAN,
            false,
            ConfigDef.Importance.MEDIUM,
            "Leave decoding to BulkSinkConnector, which is faster; no other connector and no transform can read such records");
  }

  @Override
  public void configure(Map<String, ?> configs, boolean isKey) {
    Object url = configs.get("schema.registry.url");
    if (url == null) {
      throw new ConfigException("schema.registry.url is missing");
    }
    Object user = configs.get("basic.auth.user.info");
    registry = new SchemaRegistry(url.toString(), user == null ? "" : user.toString());
    undecoded =
        Boolean.TRUE.equals(
            ConfigDef.parseType(UNDECODED, configs.get(UNDECODED), ConfigDef.Type.BOOLEAN));
    suffix = isKey ? "-key" : "-value";
  }

  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    if (value == null) {
      return SchemaAndValue.NULL;
    }
    if (value.length < FRAME || value[0] != 0) {
      throw new DataException(
          "a record of "
              + topic
              + " is not in Confluent's wire format: it begins with no zero byte");
    }
    int id = ByteBuffer.wrap(value, 1, Integer.BYTES).getInt();
    AvroCodec codec = byId.get(id);
    if (codec == null) {
      codec = new AvroCodec(registry.byId(id));
      byId.put(id, codec);
    }
    if (undecoded && codec.avro().getType() == org.apache.avro.Schema.Type.RECORD) {
      return new SchemaAndValue(codec.schema(), new AvroRow(codec, value, FRAME));
    }
    try {
      decoder = DecoderFactory.get().binaryDecoder(value, FRAME, value.length - FRAME, decoder);
      return new SchemaAndValue(codec.schema(), codec.read(decoder));
    } catch (IOException | RuntimeException e) {
      throw new DataException(
          "a record of " + topic + " with schema id " + id + " cannot be decoded: " + e, e);
    }
  }

  @Override
  public byte[] fromConnectData(String topic, Schema schema, Object value) {
    if (value == null) {
      return null;
    }
    if (!(value instanceof Struct struct)) {
      throw new DataException("a record for " + topic + " is no struct of named fields");
    }
    SchemaRegistry.Registered latest = bySubject.computeIfAbsent(topic + suffix, registry::latest);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(ByteBuffer.allocate(FRAME).put((byte) 0).putInt(latest.id()).array());
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(out, null);
    try {
      AvroCodec.write(encoder, latest.schema(), struct);
      encoder.flush();
    } catch (IOException | RuntimeException e) {
      throw new DataException("a record for " + topic + " does not fit its schema: " + e, e);
    }
    return out.toByteArray();
  }
}
