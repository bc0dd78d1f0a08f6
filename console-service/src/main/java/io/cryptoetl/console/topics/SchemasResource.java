package io.cryptoetl.console.topics;

import io.cryptoetl.console.Kafka;
import io.cryptoetl.console.Problem;
import io.cryptoetl.kafka.AvroSerdes;
import io.cryptoetl.kafka.RegistryException;
import io.cryptoetl.kafka.SchemaRegistry;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;

/** Versions of schemas, as the registry has them. */
@Path("/api/schemas")
@Blocking
@ApplicationScoped
public class SchemasResource {
  private final SchemaRegistry registry;

  SchemasResource(Kafka kafka) {
    this.registry = kafka.registry();
  }

  /**
   * A version of a schema.
   *
   * @param part key or value
   * @param id that records name it by
   * @param changes against the version before it: added, removed and changed fields; empty for the
   *     first one
   * @param schema as JSON
   */
  public record Version(String part, int version, int id, List<String> changes, String schema) {}

  /** The versions of a topic's schemas, newest first. */
  @GET
  @Path("{topic}")
  public List<Version> versions(@PathParam("topic") String topic) {
    List<Version> found = new ArrayList<>();
    try {
      for (String part : List.of("value", "key")) {
        String subject = AvroSerdes.subject(topic, part.equals("key"));
        Map<String, String> before = null;
        List<Version> versions = new ArrayList<>();
        for (int number : numbers(subject)) {
          SchemaRegistry.Registered registered = registry.version(subject, number);
          Map<String, String> fields = fields(registered.schema());
          versions.addFirst(
              new Version(
                  part,
                  number,
                  registered.id(),
                  before == null ? List.of() : changes(before, fields),
                  registered.schema().toString()));
          before = fields;
        }
        found.addAll(versions);
      }
    } catch (RegistryException.Away e) {
      throw new Problem.Refused(
          503, "registry_away", "The schema registry does not answer. Look again.");
    } catch (RegistryException e) {
      throw new Problem.Refused(502, "registry_odd", e.getMessage());
    }
    return found;
  }

  private List<Integer> numbers(String subject) {
    try {
      return registry.versions(subject);
    } catch (RegistryException.NotFound e) {
      return List.of();
    }
  }

  /** Types of fields by name; a schema that is no record has none. */
  private static Map<String, String> fields(Schema schema) {
    Map<String, String> fields = new LinkedHashMap<>();
    if (schema.getType() == Schema.Type.RECORD) {
      schema.getFields().forEach(f -> fields.put(f.name(), f.schema().toString()));
    }
    return fields;
  }

  static List<String> changes(Map<String, String> before, Map<String, String> after) {
    List<String> changes = new ArrayList<>();
    after.forEach(
        (name, type) -> {
          if (!before.containsKey(name)) {
            changes.add("added %s: %s".formatted(name, type));
          } else if (!before.get(name).equals(type)) {
            changes.add("changed %s: %s, was %s".formatted(name, type, before.get(name)));
          }
        });
    before.forEach(
        (name, type) -> {
          if (!after.containsKey(name)) {
            changes.add("removed %s: %s".formatted(name, type));
          }
        });
    return changes;
  }
}
