package io.cryptoetl.loader.avro;

import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.BadRecordException;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.RegistryException;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.WireDecoder;
import io.cryptoetl.loader.connect.BulkSinkConnector;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.storage.Converter;

/**
 * Records in Confluent's wire format (a zero byte, the schema's id in four bytes, Avro) as
 * Connect's records and back. Schemas are read once by their id; then each record is decoded in one
 * pass, without comparing schemas. Fields are those that the writer wrote.
 *
 * <p>Records are written with the latest schema of their subject ({@code TOPIC-key} or {@code
 * TOPIC-value}); nothing is registered.
 *
 * <p>Settings: those of {@link SchemaRegistry}, the URL as {@code schema.registry.url}; what is not
 * set is taken from the environment of the worker, as {@link ClientSettings} has it. {@code
 * undecoded}: whether records are left as they are for {@link BulkSinkConnector}, which writes them
 * to the database from Avro's bytes, and keeps those that cannot be read as dead letters. Default
 * false: transforms and other connectors need Connect's records.
 */
public final class ConfluentAvroConverter implements Converter {
  private static final int FRAME = AvroSerdes.FRAME;
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String UNDECODED = "undecoded";

  private final Map<Integer, AvroCodec> byId = new ConcurrentHashMap<>();
  private final Map<String, SchemaRegistry.Registered> bySubject = new ConcurrentHashMap<>();
  private SchemaRegistry registry;
  private boolean isOfKeys;
  private boolean undecoded;
  private final WireDecoder decoder = new WireDecoder();

  @Override
  public ConfigDef config() {
    return new ConfigDef()
        .define(
            "schema.registry.url",
            ConfigDef.Type.STRING,
            "",
            ConfigDef.Importance.HIGH,
            "Base URLs of the registry's API, with commas between them, such as http://localhost:8081; default: SCHEMA_REGISTRY_URL of the worker's environment. Further settings begin so too: schema.registry.ssl.truststore.location")
        .define(
            "basic.auth.user.info",
            ConfigDef.Type.PASSWORD,
            "",
            ConfigDef.Importance.MEDIUM,
            "user:password")
        .define(
            "bearer.auth.token",
            ConfigDef.Type.PASSWORD,
            "",
            ConfigDef.Importance.MEDIUM,
            "Token, instead of user and password")
        .define(
            UNDECODED,
            ConfigDef.Type.BOOLEAN,
            false,
            ConfigDef.Importance.MEDIUM,
            "Leave decoding to BulkSinkConnector, which is faster; no other connector and no transform can read such records");
  }

  @Override
  public void configure(Map<String, ?> configs, boolean isKey) {
    Map<String, Object> settings = new HashMap<>();
    configs.forEach(
        (name, value) -> {
          if (name.startsWith(SchemaRegistry.PREFIX)) {
            settings.put(name.substring(SchemaRegistry.PREFIX.length()), value);
          } else if (name.startsWith("basic.auth.") || name.startsWith("bearer.auth.")) {
            settings.put(name, value);
          }
        });
    Map<String, String> ofWorker = ClientSettings.registryOf(System.getenv());
    Object url = settings.get("url");
    // What opens the registry of the worker's environment is not for another one.
    if (url == null || url.toString().isBlank() || url.equals(ofWorker.get("url"))) {
      Map<String, Object> all = new HashMap<>(ofWorker);
      if (settings.keySet().stream().anyMatch(name -> name.contains(".auth."))) {
        all.keySet().removeIf(name -> name.contains(".auth."));
      }
      settings.keySet().removeIf(name -> settings.get(name).toString().isBlank());
      all.putAll(settings);
      settings.putAll(all);
    }
    try {
      registry = new SchemaRegistry(settings, PATIENCE);
    } catch (IllegalArgumentException e) {
      throw new ConfigException(e.getMessage());
    }
    undecoded =
        Boolean.TRUE.equals(
            ConfigDef.parseType(UNDECODED, configs.get(UNDECODED), ConfigDef.Type.BOOLEAN));
    isOfKeys = isKey;
  }

  @Override
  public SchemaAndValue toConnectData(String topic, byte[] value) {
    if (value == null) {
      return SchemaAndValue.NULL;
    }
    try {
      return read(topic, value);
    } catch (DataException e) {
      if (!undecoded) {
        throw e;
      }
      return new SchemaAndValue(null, new Unreadable(value, e.getMessage()));
    }
  }

  private SchemaAndValue read(String topic, byte[] value) {
    int id;
    try {
      id = AvroSerdes.schemaId(topic, value);
    } catch (BadRecordException e) {
      throw new DataException(e.getMessage(), e);
    }
    AvroCodec codec = codec(topic, id);
    if (undecoded && codec.avro().getType() == org.apache.avro.Schema.Type.RECORD) {
      return new SchemaAndValue(codec.schema(), new AvroRow(codec, value, FRAME));
    }
    try {
      Object read = codec.read(decoder.of(value, FRAME));
      if (!decoder.isEnd()) {
        throw new IOException("bytes behind its end");
      }
      return new SchemaAndValue(codec.schema(), read);
    } catch (IOException | RuntimeException e) {
      throw new DataException(
          "a record of " + topic + " with schema id " + id + " cannot be decoded: " + e, e);
    }
  }

  private AvroCodec codec(String topic, int id) {
    AvroCodec codec = byId.get(id);
    if (codec == null) {
      try {
        codec = new AvroCodec(registry.byId(id));
      } catch (RegistryException.NotFound e) {
        throw new DataException("a record of " + topic + ": " + e.getMessage(), e);
      } catch (RegistryException e) {
        throw new RetriableException(e.getMessage(), e);
      } catch (StackOverflowError e) {
        throw new DataException(
            "a record of %s: schema id %d holds itself, which no table does".formatted(topic, id));
      }
      byId.put(id, codec);
    }
    return codec;
  }

  @Override
  public byte[] fromConnectData(String topic, Schema schema, Object value) {
    if (value == null) {
      return null;
    }
    if (!(value instanceof Struct struct)) {
      throw new DataException("a record for " + topic + " is no struct of named fields");
    }
    SchemaRegistry.Registered latest = latest(AvroSerdes.subject(topic, isOfKeys));
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

  private SchemaRegistry.Registered latest(String subject) {
    try {
      return bySubject.computeIfAbsent(subject, registry::latest);
    } catch (RegistryException e) {
      throw new RetriableException(e.getMessage(), e);
    }
  }
}
