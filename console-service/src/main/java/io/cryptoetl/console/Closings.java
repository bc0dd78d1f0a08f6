package io.cryptoetl.console;

import io.vertx.core.http.HttpConnection;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What is to be done when somebody goes away before the end. The handler of a response is the
 * framework's; a connection has one handler for all of its requests.
 */
@ApplicationScoped
public class Closings {
  private final Map<HttpConnection, Map<String, Runnable>> open = new ConcurrentHashMap<>();

  /** Has something done if a connection closes before {@link #remove}. */
  public void add(HttpConnection connection, String key, Runnable task) {
    open.computeIfAbsent(
            connection,
            c -> {
              c.closeHandler(_ -> closed(c));
              return new ConcurrentHashMap<>();
            })
        .put(key, task);
  }

  /** It has come to its end. */
  public void remove(HttpConnection connection, String key) {
    Map<String, Runnable> tasks = open.get(connection);
    if (tasks != null) {
      tasks.remove(key);
    }
  }

  private void closed(HttpConnection connection) {
    Map<String, Runnable> tasks = open.remove(connection);
    if (tasks != null) {
      tasks.values().forEach(task -> Thread.ofVirtual().start(task));
    }
  }
}
