package io.cryptoetl.loader.connect;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

/**
 * Loads topics into PostgreSQL tables of the same name: {@code chain.blocks} is table {@code
 * blocks} in schema {@code chain}. The record key is the primary key, the value holds the columns,
 * a tombstone deletes.
 */
public final class BulkSinkConnector extends SinkConnector {
  private Map<String, String> settings = Map.of();

  @Override
  public void start(Map<String, String> props) {
    BulkSinkConfig.from(props);
    settings = Map.copyOf(props);
  }

  @Override
  public Class<? extends Task> taskClass() {
    return BulkSinkTask.class;
  }

  @Override
  public List<Map<String, String>> taskConfigs(int maxTasks) {
    List<Map<String, String>> configs = new ArrayList<>();
    for (int i = 0; i < maxTasks; i++) {
      configs.add(settings);
    }
    return configs;
  }

  @Override
  public void stop() {}

  @Override
  public ConfigDef config() {
    return BulkSinkConfig.DEFINITION;
  }

  @Override
  public String version() {
    String version = getClass().getPackage().getImplementationVersion();
    return version == null ? "development" : version;
  }
}
