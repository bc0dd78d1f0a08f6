package io.cryptoetl.schemas;

import java.util.Map;

/**
 * Settings that make the Avro serializers and deserializers write and read Confluent's wire format:
 * a zero byte, the schema's id in four bytes, then the Avro binary encoding.
 */
public final class WireFormat {
  private WireFormat() {}

  /**
   * Settings for {@code AvroKafkaSerializer} and {@code AvroKafkaDeserializer}.
   *
   * @param registryUrl base URL of the schema registry, such as {@code http://localhost:8081}
   */
  public static Map<String, Object> settings(String registryUrl) {
    return Map.of(
        "apicurio.registry.url",
        registryUrl.replaceAll("/+$", "") + "/apis/registry/v3",
        "apicurio.registry.use-id",
        "contentId",
        "apicurio.registry.id-handler",
        "io.apicurio.registry.serde.Default4ByteIdHandler",
        "apicurio.registry.headers.enabled",
        "false",
        "apicurio.registry.artifact-resolver-strategy",
        "io.apicurio.registry.serde.strategy.TopicIdStrategy",
        "apicurio.registry.auto-register",
        "true",
        "apicurio.registry.auto-register.if-exists",
        "FIND_OR_CREATE_VERSION",
        "apicurio.registry.avro-datum-provider",
        DatumProvider.class.getName(),
        "apicurio.registry.use-specific-avro-reader",
        "true");
  }
}
