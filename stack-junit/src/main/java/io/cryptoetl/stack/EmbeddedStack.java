package io.cryptoetl.stack;

import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Access;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;

/** The real parts as child processes of the test's JVM, on free ports, with data of their own. */
public final class EmbeddedStack implements Stack {
  private static final String PASSWORD = "test";

  private final Layout layout;
  private final LocalStack stack;

  private EmbeddedStack(Layout layout, LocalStack stack) {
    this.layout = layout;
    this.stack = stack;
  }

  /** Starts broker, database, registry and Connect worker. */
  public static EmbeddedStack start() throws IOException, InterruptedException {
    return start(p -> List.of(), p -> List.of(), TopicSettings.defaults());
  }

  /**
   * Starts them and further parts.
   *
   * @param independent parts that need nobody
   * @param services parts that need topics and schemas
   * @param topics what is set of topics
   */
  public static EmbeddedStack start(
      Function<Parts, List<Part>> independent,
      Function<Parts, List<Part>> services,
      TopicSettings topics)
      throws IOException, InterruptedException {
    EmbeddedStack embedded = prepare(ports -> Access.open());
    Parts parts = embedded.parts();
    try {
      embedded.stack.start(independent.apply(parts), services.apply(parts), topics);
    } catch (IOException | InterruptedException e) {
      embedded.stack.close();
      throw e;
    }
    return embedded;
  }

  /**
   * Parts of which none runs yet, for who starts them one by one.
   *
   * @param access how the broker on these ports lets parts in
   */
  public static EmbeddedStack prepare(Function<Ports, Access> access) throws IOException {
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    Path target = Files.createDirectories(Path.of("target").toAbsolutePath());
    Layout layout = new Layout(root, Files.createTempDirectory(target, "stack"));
    Ports ports = Ports.free();
    Parts parts = new Parts(layout, ports, PASSWORD, access.apply(ports));
    LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {});
    Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
    return new EmbeddedStack(layout, stack);
  }

  /** Creates the connectors, in a worker that runs. */
  public void createConnectors() throws IOException, InterruptedException {
    stack.createConnectors();
  }

  public Parts parts() {
    return stack.parts();
  }

  /** The process of a part. */
  public Child child(String part) {
    return stack.child(part);
  }

  /** Starts a part beside, or again after it was killed. */
  public Child startPart(Part part) throws IOException, InterruptedException {
    return stack.startPart(part);
  }

  /** The log of a part. */
  public Path log(String part) {
    return layout.log(part);
  }

  @Override
  public String bootstrapServers() {
    return parts().bootstrapServers();
  }

  @Override
  public String registryUrl() {
    return parts().registryUrl();
  }

  @Override
  public String connectUrl() {
    return parts().connectUrl();
  }

  @Override
  public String jdbcUrl() {
    return parts().database().jdbcUrl(Database.PIPELINE);
  }

  @Override
  public String databaseUser() {
    return Database.USER;
  }

  @Override
  public String databasePassword() {
    return PASSWORD;
  }

  @Override
  public void close() throws IOException {
    stack.close();
    // Logs stay, for whoever wants to know why a test failed.
    for (String data : List.of("kafka", "postgres", "connect", "transformer", "s3")) {
      Deletion.deleteTree(layout.data().resolve(data));
    }
  }
}
