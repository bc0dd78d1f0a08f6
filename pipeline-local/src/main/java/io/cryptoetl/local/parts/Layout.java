package io.cryptoetl.local.parts;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where things are.
 *
 * @param root the project's root, whose modules are built
 * @param data what belongs to one run of the pipeline: databases, logs, state
 */
public record Layout(Path root, Path data) {
  /** Class path of the broker, the Connect worker and the recorded node. */
  public String libraries() {
    return libraryFolder() + "/*";
  }

  /** Folder of the libraries of the broker, the Connect worker and the recorded node. */
  Path libraryFolder() {
    return root.resolve("pipeline-local/target/dist/lib");
  }

  /** Folder of ahead-of-time caches. */
  Path aot() {
    return root.resolve("pipeline-local/target/aot");
  }

  /** Folder of the schema registry's distribution. */
  public Path registry() {
    return root.resolve("pipeline-local/target/dist/registry");
  }

  /** Class path of the S3 server. */
  public String s3Libraries() {
    return s3LibraryFolder() + "/*";
  }

  Path s3LibraryFolder() {
    return root.resolve("pipeline-local/s3proxy/target/lib");
  }

  /** Folder of Connect plugins. */
  public Path connectPlugins() {
    return root.resolve("loader-connect/target/plugin");
  }

  /** Folder of the plugin that writes Iceberg tables. */
  public Path icebergPlugin() {
    return root.resolve("loader-connect/iceberg/target/plugin");
  }

  /** Folder of connector configurations. */
  public Path connectors() {
    return root.resolve("loader-connect/connectors/postgres-bulk");
  }

  /** Folder of database migrations. */
  public Path migrations() {
    return root.resolve("loader-connect/migrations");
  }

  /** Script of the database's roles. */
  Path roles() {
    return root.resolve("deploy/postgres/roles.sql");
  }

  /** Runnable jar of a Quarkus service. */
  public Path service(String module) {
    return root.resolve(module).resolve("target/quarkus-app/quarkus-run.jar");
  }

  /** The chain that is recorded in the repository. */
  public Path recordedChain() {
    return root.resolve("pipeline-local/recording/anvil");
  }

  /** Made-up candles for that chain, as a file that people could have. */
  public Path recordedCandles() {
    return recordedChain().resolve("candles.csv");
  }

  /** Log of a part. */
  public Path log(String part) {
    return data.resolve("logs").resolve(part + ".log");
  }

  /** A folder for what a part keeps; it is made if it is not there. */
  public Path folder(String name) throws IOException {
    return Files.createDirectories(data.resolve(name));
  }

  /** The java command of the JVM that runs this. */
  public static String java() {
    return Path.of(System.getProperty("java.home"), "bin", "java").toString();
  }
}
