package io.cryptoetl.local.parts;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.apache.kafka.common.Uuid;

/**
 * How the broker lets parts in, and what each is told to get in.
 *
 * @param broker settings of the broker, above those of a local one
 * @param format options of the command that formats its storage: cluster id, controllers, users
 * @param environment variables of a part, by its name, above those of a local one; {@code admin} is
 *     whoever starts the parts
 */
public record Access(
    Map<String, String> broker,
    List<String> format,
    Function<String, Map<String, String>> environment) {
  /** Options of a broker that is alone: its cluster is its own. */
  public static List<String> standalone() {
    return List.of("--standalone", "-t", Uuid.randomUuid().toString());
  }

  /** Nobody is asked for anything. */
  public static Access open() {
    return new Access(Map.of(), standalone(), part -> Map.of());
  }
}
