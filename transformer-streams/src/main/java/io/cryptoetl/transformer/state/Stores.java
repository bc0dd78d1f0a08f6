package io.cryptoetl.transformer.state;

import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.Set;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.state.StoreBuilder;

/** State stores: all keep bytes on disk, with a changelog. */
public final class Stores {
  private Stores() {}

  /** A store whose entries change often: a cache writes each once a commit. */
  public static StoreBuilder<?> cached(String name) {
    return bytes(name).withCachingEnabled();
  }

  /** Stores of some names. */
  public static Set<StoreBuilder<?>> of(String... names) {
    Set<StoreBuilder<?>> stores = new LinkedHashSet<>();
    for (String name : names) {
      stores.add(store(name));
    }
    return Collections.unmodifiableSet(stores);
  }

  /** Stores together. */
  public static Set<StoreBuilder<?>> with(Set<StoreBuilder<?>> some, StoreBuilder<?>... others) {
    Set<StoreBuilder<?>> all = new LinkedHashSet<>(some);
    Collections.addAll(all, others);
    return Collections.unmodifiableSet(all);
  }

  private static StoreBuilder<?> store(String name) {
    return bytes(name).withCachingDisabled();
  }

  private static StoreBuilder<?> bytes(String name) {
    return org.apache.kafka.streams.state.Stores.keyValueStoreBuilder(
        org.apache.kafka.streams.state.Stores.persistentKeyValueStore(name),
        Serdes.ByteArray(),
        Serdes.ByteArray());
  }
}
