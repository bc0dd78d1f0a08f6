package io.cryptoetl.kafka;

import org.apache.avro.Schema;

/** What serializers and deserializers ask a schema registry. */
public interface Registry {
  /**
   * The id that a schema has under a subject.
   *
   * @throws RegistryException.NotFound if it is not registered there
   */
  int idOf(String subject, Schema schema);

  /**
   * The schema of an id.
   *
   * @throws RegistryException.NotFound if the registry does not know it
   */
  Schema byId(int id);
}
