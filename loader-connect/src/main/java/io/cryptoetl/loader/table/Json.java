package io.cryptoetl.loader.table;

import java.util.Map;
import org.apache.kafka.connect.json.DecimalFormat;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.json.JsonConverterConfig;

/** Values of Connect as JSON: numbers exactly, bytes in base64, without schemas. */
public final class Json {
  private Json() {}

  public static JsonConverter converter() {
    JsonConverter converter = new JsonConverter();
    converter.configure(
        Map.of(
            JsonConverterConfig.SCHEMAS_ENABLE_CONFIG,
            "false",
            JsonConverterConfig.DECIMAL_FORMAT_CONFIG,
            DecimalFormat.NUMERIC.name()),
        false);
    return converter;
  }
}
