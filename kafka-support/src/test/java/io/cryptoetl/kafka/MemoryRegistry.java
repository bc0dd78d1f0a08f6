package io.cryptoetl.kafka;

import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;

/** A registry that gives ids from a number on. */
final class MemoryRegistry implements Registry {
  private final Map<Integer, Schema> schemas = new HashMap<>();
  private int next;

  MemoryRegistry(int first) {
    next = first;
  }

  @Override
  public synchronized int idOf(String subject, Schema schema) {
    for (Map.Entry<Integer, Schema> each : schemas.entrySet()) {
      if (each.getValue().toString().equals(schema.toString())) {
        return each.getKey();
      }
    }
    schemas.put(next, schema);
    return next++;
  }

  @Override
  public synchronized Schema byId(int id) {
    Schema schema = schemas.get(id);
    if (schema == null) {
      throw new RegistryException.NotFound("schema id " + id + " is not there");
    }
    return schema;
  }
}
