package io.cryptoetl.local.parts;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;

/** The parts of a pipeline as child processes: started in the order that they need each other. */
public final class LocalStack implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration START_TIMEOUT = Duration.ofMinutes(2);
  private static final Duration REGISTRY_PATIENCE = Duration.ofSeconds(30);
  private static final Duration RETRY = Duration.ofMillis(300);

  private final Layout layout;
  private final Parts parts;
  private final Listener listener;
  private final Map<String, Child> children = new LinkedHashMap<>();
  private boolean closed;

  /** Hears what happens. */
  public interface Listener {
    /** The process of a part was started. */
    default void started(Child child) {}

    /** A part serves. */
    default void ready(Child child, Duration took) {}
  }

  /** No part runs yet. */
  public LocalStack(Layout layout, Parts parts, Listener listener) {
    this.layout = layout;
    this.parts = parts;
    this.listener = listener;
  }

  public Parts parts() {
    return parts;
  }

  /** The child processes, in the order of their start. */
  public synchronized List<Child> children() {
    return List.copyOf(children.values());
  }

  /** The child process of a part. */
  public synchronized Child child(String name) {
    Child child = children.get(name);
    if (child == null) {
      throw new IllegalArgumentException(
          "no part " + name + " runs, there are " + children.keySet());
    }
    return child;
  }

  /**
   * Starts broker, database, registry and Connect worker, creates topics and tables, registers
   * schemas, and starts the connectors; beside them the given parts, each as soon as it can.
   *
   * @param independent parts that need nobody
   * @param services parts that need topics and schemas
   * @param topicSettings what users set of topics
   */
  public void start(List<Part> independent, List<Part> services, TopicSettings topicSettings)
      throws IOException, InterruptedException {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<?>> all = new ArrayList<>();
      Runner run = task -> CompletableFuture.runAsync(() -> unchecked(task), executor);
      for (Part part : independent) {
        all.add(run.start(() -> startPart(part)));
      }
      CompletableFuture<?> database =
          run.start(
              () -> {
                startPart(parts.postgres());
                parts.database().migrate();
                return null;
              });
      CompletableFuture<?> broker = run.start(() -> startPart(parts.broker()));
      CompletableFuture<?> topics =
          broker.thenRunAsync(() -> unchecked(() -> createTopics(topicSettings)), executor);
      CompletableFuture<?> schemas =
          database.thenRunAsync(
              () ->
                  unchecked(
                      () -> {
                        startPart(parts.registry());
                        new Provisioner(topicSettings)
                            .schemas(
                                new SchemaRegistry(
                                    Map.of("url", parts.registryUrl()), REGISTRY_PATIENCE));
                        return null;
                      }),
              executor);
      CompletableFuture<?> provisioned = CompletableFuture.allOf(topics, schemas);
      all.add(
          CompletableFuture.allOf(broker, database)
              .thenRunAsync(() -> unchecked(() -> startPart(parts.connect())), executor)
              .thenCombineAsync(provisioned, (a, b) -> null, executor)
              .thenRunAsync(() -> unchecked(this::createConnectors), executor));
      for (Part part : services) {
        all.add(provisioned.thenRunAsync(() -> unchecked(() -> startPart(part)), executor));
      }
      CompletableFuture<?> first = firstFailureOf(all);
      try {
        first.get();
      } catch (ExecutionException e) {
        executor.shutdownNow();
        throw cause(e.getCause());
      } catch (InterruptedException e) {
        executor.shutdownNow();
        throw e;
      }
    }
  }

  /** Starts one part and waits until it serves. */
  public Child startPart(Part part) throws IOException, InterruptedException {
    Instant began = Instant.now();
    Child child;
    synchronized (this) {
      if (closed) {
        throw new InterruptedException("the stack is being stopped");
      }
      child = Child.start(part, layout.log(part.name()));
      children.put(part.name(), child);
    }
    listener.started(child);
    child.awaitReady(START_TIMEOUT);
    listener.ready(child, Duration.between(began, Instant.now()));
    return child;
  }

  /** Creates the topics of the catalogue, as {@link Provisioner} does. */
  private Void createTopics(TopicSettings topicSettings) throws InterruptedException {
    try (Admin admin = parts.kafka().admin()) {
      new Provisioner(topicSettings).topics(admin);
    }
    return null;
  }

  /** Creates or updates each connector that a file describes. */
  public Void createConnectors() throws IOException, InterruptedException {
    try (Stream<Path> files = Files.list(layout.connectors())) {
      for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
        JsonNode connector = JSON.readTree(file.toFile());
        createConnector(file, connector);
      }
    }
    return null;
  }

  private void createConnector(Path file, JsonNode connector)
      throws IOException, InterruptedException {
    String url = parts.connectUrl() + "/connectors/" + connector.get("name").asText() + "/config";
    String config = connector.get("config").toString();
    Instant until = Instant.now().plus(START_TIMEOUT);
    while (true) {
      HttpResponse<String> response;
      try {
        response = Parts.send("PUT", url, config);
      } catch (java.net.http.HttpTimeoutException e) {
        response = null;
      }
      if (response != null && response.statusCode() / 100 == 2) {
        return;
      }
      // 409: the worker is joining its group. 500: it has not read its own topics yet.
      boolean retriable =
          response == null || response.statusCode() == 409 || response.statusCode() == 500;
      if (!retriable || Instant.now().isAfter(until)) {
        throw new IOException(
            "Kafka Connect refused connector %s: %s"
                .formatted(file.getFileName(), response == null ? "no answer" : response.body()));
      }
      Thread.sleep(RETRY);
    }
  }

  /** Stops all parts, in the reverse order of their start, those that need nobody at once. */
  @Override
  public void close() {
    List<Child> toStop;
    synchronized (this) {
      closed = true;
      toStop = new ArrayList<>(children.values());
    }
    // Producers and consumers first, then what they talk to.
    List<String> servers = List.of("registry", "kafka");
    stop(toStop, name -> !servers.contains(name) && !name.equals("postgres"));
    stop(toStop, servers::contains);
    stop(toStop, "postgres"::equals);
  }

  private static void stop(List<Child> children, Predicate<String> which) {
    List<Thread> stops = new ArrayList<>();
    for (Child child : children) {
      if (which.test(child.part().name())) {
        stops.add(
            Thread.ofVirtual()
                .start(
                    () -> {
                      try {
                        child.stop();
                      } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                      }
                    }));
      }
    }
    for (Thread stop : stops) {
      try {
        stop.join();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @FunctionalInterface
  private interface Runner {
    CompletableFuture<Void> start(Callable<?> task);
  }

  private static void unchecked(Callable<?> task) {
    try {
      task.call();
    } catch (Exception e) {
      throw new CompletionException(e);
    }
  }

  private static CompletableFuture<Void> firstFailureOf(List<CompletableFuture<?>> futures) {
    CompletableFuture<Void> result = new CompletableFuture<>();
    futures.forEach(
        f ->
            f.whenComplete(
                (v, e) -> {
                  if (e != null) {
                    result.completeExceptionally(e);
                  }
                }));
    CompletableFuture.allOf(futures.toArray(CompletableFuture[]::new))
        .whenComplete(
            (v, e) -> {
              if (e == null) {
                result.complete(null);
              }
            });
    return result;
  }

  private static IOException cause(Throwable failure) throws InterruptedException {
    Throwable cause = failure;
    while (cause instanceof CompletionException && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof InterruptedException interrupted) {
      throw interrupted;
    }
    return cause instanceof IOException io ? io : new IOException(cause.getMessage(), cause);
  }
}
