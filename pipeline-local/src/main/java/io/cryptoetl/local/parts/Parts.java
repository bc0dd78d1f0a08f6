package io.cryptoetl.local.parts;

import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.WorkerProperties;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;

/** How each part is started and asked whether it serves. */
public final class Parts {
  private static final HttpClient HTTP =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(Duration.ofSeconds(1))
          .build();
  private static final String HOST = "127.0.0.1";

  /** The bucket to drop files into. */
  public static final String INBOX = "inbox";

  private static final Duration QUICK = Duration.ofSeconds(10);

  /** A program that makes a cache needs time for it when it ends. */
  private static final Duration TRAINED = Duration.ofMinutes(2);

  private static final Duration SLOW = Duration.ofSeconds(30);

  private final AotCaches caches;
  private final Access access;
  private final Layout layout;
  private final Ports ports;
  private final Database database;

  /** Parts on these ports, with their data in the layout's data folder. */
  public Parts(Layout layout, Ports ports, String databasePassword) {
    this(layout, ports, databasePassword, Access.open());
  }

  /** Parts whose broker and registry are not open to everybody. */
  public Parts(Layout layout, Ports ports, String databasePassword, Access access) {
    this(layout, ports, databasePassword, access, new AotCaches(layout.aot(), false));
  }

  Parts(Layout layout, Ports ports, String databasePassword, Access access, AotCaches caches) {
    this.caches = caches;
    this.access = access;
    this.layout = layout;
    this.ports = ports;
    this.database = new Database(layout, ports.get(Ports.Name.POSTGRES), databasePassword);
  }

  /** The PostgreSQL server. */
  public Database database() {
    return database;
  }

  public String bootstrapServers() {
    return HOST + ":" + ports.get(Ports.Name.KAFKA);
  }

  /** Base URL of Confluent's API of the schema registry. */
  public String registryUrl() {
    return http(Ports.Name.REGISTRY) + "/apis/ccompat/v7";
  }

  /** Clients of the broker and the schema registry. */
  public KafkaClients kafka() {
    return new KafkaClients(ClientSettings.from(environmentOf("admin")));
  }

  public String connectUrl() {
    return http(Ports.Name.CONNECT);
  }

  public String nodeUrl() {
    return http(Ports.Name.NODE);
  }

  public String extractorUrl() {
    return http(Ports.Name.EXTRACTOR);
  }

  public String backfillUrl() {
    return http(Ports.Name.BACKFILL);
  }

  public String consoleUrl() {
    return http(Ports.Name.CONSOLE);
  }

  public String s3Url() {
    return http(Ports.Name.S3);
  }

  private String http(Ports.Name name) {
    return "http://" + HOST + ":" + ports.get(name);
  }

  /** A Kafka broker that is its own controller. */
  public Part broker() throws IOException {
    Path config = layout.folder("kafka").resolve("server.properties");
    Path logs = layout.data().resolve("kafka/data");
    Map<String, String> settings = new TreeMap<>();
    settings.put("process.roles", "broker,controller");
    settings.put("node.id", "1");
    settings.put("listeners", listeners());
    settings.put("advertised.listeners", listeners());
    settings.put("controller.listener.names", "CONTROLLER");
    settings.put("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT");
    settings.put(
        "controller.quorum.bootstrap.servers", HOST + ":" + ports.get(Ports.Name.CONTROLLER));
    settings.put("log.dirs", logs.toString());
    settings.put("auto.create.topics.enable", "false");
    settings.put("offsets.topic.replication.factor", "1");
    settings.put("offsets.topic.num.partitions", "10");
    settings.put("transaction.state.log.replication.factor", "1");
    settings.put("transaction.state.log.min.isr", "1");
    settings.put("transaction.state.log.num.partitions", "10");
    settings.put("share.coordinator.state.topic.replication.factor", "1");
    settings.put("share.coordinator.state.topic.min.isr", "1");
    settings.put("group.initial.rebalance.delay.ms", "0");
    // A crashed worker's ranges go to another one after this.
    settings.put("group.min.session.timeout.ms", "6000");
    // No topic takes more than its own limit; the broker stands back.
    settings.put("message.max.bytes", Integer.toString(160 * 1024 * 1024));
    settings.put("socket.request.max.bytes", Integer.toString(200 * 1024 * 1024));
    settings.put("log.cleaner.dedupe.buffer.size", Integer.toString(32 * 1024 * 1024));
    settings.putAll(access.broker());
    String classPath = layout.libraries();
    return new Part(
        "kafka",
        "Kafka broker",
        bootstrapServers(),
        ports.get(Ports.Name.KAFKA),
        () -> {
          StringBuilder text = new StringBuilder();
          settings.forEach((k, v) -> text.append(k).append('=').append(v).append('\n'));
          Files.writeString(config, text);
          if (!Files.exists(logs.resolve("meta.properties"))) {
            format(classPath, config);
          }
        },
        java(
            with("kafka", "-Xmx512m", "-Dlog.level=INFO"),
            classPath,
            "kafka.Kafka",
            config.toString()),
        access.environment().apply("kafka"),
        () -> {
          if (Ports.isFree(ports.get(Ports.Name.KAFKA))) {
            return false;
          }
          Map<String, Object> client =
              ClientSettings.from(environmentOf("admin")).of(ClientSettings.Kind.ADMIN);
          client.put("default.api.timeout.ms", 2000);
          client.put("request.timeout.ms", 1500);
          try (Admin admin = Admin.create(client)) {
            return !admin.describeCluster().nodes().get(2, TimeUnit.SECONDS).isEmpty();
          }
        },
        within(SLOW));
  }

  private String listeners() {
    return "PLAINTEXT://%s:%d,CONTROLLER://%s:%d"
        .formatted(HOST, ports.get(Ports.Name.KAFKA), HOST, ports.get(Ports.Name.CONTROLLER));
  }

  private void format(String classPath, Path config) throws IOException, InterruptedException {
    Files.createDirectories(layout.log("kafka").getParent());
    Process process =
        new ProcessBuilder(
                java(
                    List.of("-XX:TieredStopAtLevel=1"),
                    classPath,
                    "kafka.tools.StorageTool",
                    Stream.concat(
                            Stream.of("format", "-c", config.toString()), access.format().stream())
                        .toArray(String[]::new)))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(layout.log("kafka").toFile()))
            .start();
    if (process.waitFor() != 0) {
      throw new Child.FailedException(
          "the broker's storage could not be formatted\n" + Child.tail(layout.log("kafka")));
    }
  }

  /** The PostgreSQL server as a process. */
  public Part postgres() throws IOException {
    return database.part();
  }

  /** The Apicurio registry, which speaks Confluent's API too; it keeps its data in PostgreSQL. */
  public Part registry() {
    Map<String, String> env = new TreeMap<>();
    env.put("APICURIO_STORAGE_KIND", "sql");
    env.put("APICURIO_STORAGE_SQL_KIND", "postgresql");
    env.put("APICURIO_DATASOURCE_URL", database.jdbcUrl(Database.REGISTRY));
    env.put("APICURIO_DATASOURCE_USERNAME", Database.USER);
    env.put("APICURIO_DATASOURCE_PASSWORD", database.password());
    env.put("APICURIO_DATASOURCE_JDBC_INITIAL_SIZE", "2");
    env.put("APICURIO_DATASOURCE_JDBC_MIN_SIZE", "2");
    env.put("APICURIO_DATASOURCE_JDBC_MAX_SIZE", "10");
    env.put("QUARKUS_HTTP_HOST", HOST);
    env.put("QUARKUS_HTTP_PORT", Integer.toString(ports.get(Ports.Name.REGISTRY)));
    env.put("QUARKUS_MANAGEMENT_HOST", HOST);
    env.put("QUARKUS_MANAGEMENT_PORT", Integer.toString(ports.get(Ports.Name.REGISTRY_MANAGEMENT)));
    return new Part(
        "registry",
        "Schema registry",
        registryUrl(),
        ports.get(Ports.Name.REGISTRY),
        () -> {},
        jar(
            with("registry", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
            layout.registry().resolve("quarkus-run.jar")),
        env,
        () -> answers(registryUrl() + "/subjects"),
        within(QUICK));
  }

  /** A Kafka Connect worker with the loader. */
  public Part connect() throws IOException {
    Path config = layout.folder("connect").resolve("connect-distributed.properties");
    Map<String, String> env = new TreeMap<>(environmentOf("connect"));
    env.putIfAbsent("CONNECT_HOST", HOST);
    env.put("CONNECT_PORT", Integer.toString(ports.get(Ports.Name.CONNECT)));
    env.put("DATABASE_URL", database.jdbcUrl(Database.PIPELINE));
    env.put("DATABASE_USER", Database.USER);
    env.put("DATABASE_PASSWORD", database.password());
    env.putIfAbsent("ICEBERG_WAREHOUSE", layout.folder("iceberg").toUri().toString());
    List<String> options =
        new ArrayList<>(
            with(
                "connect",
                "-Xmx512m",
                "-Xmn320m",
                "-XX:SurvivorRatio=3",
                "-XX:+UseSerialGC",
                "-Dlog.level=INFO"));
    boolean asksForPassword = WorkerProperties.asksForPassword(env);
    if (asksForPassword) {
      options.add("-Djava.security.auth.login.config=" + WorkerProperties.loginConfig(config));
    }
    return new Part(
        "connect",
        "Kafka Connect",
        connectUrl(),
        ports.get(Ports.Name.CONNECT),
        () ->
            WorkerProperties.write(
                layout.root().resolve("loader-connect/connect-distributed.properties"),
                config,
                env,
                Map.of("plugin.path", layout.connectPlugins() + "," + layout.icebergPlugin())),
        java(
            options,
            layout.libraries(),
            "org.apache.kafka.connect.cli.ConnectDistributed",
            config.toString()),
        env,
        () -> get(connectUrl() + "/connectors").statusCode() == (asksForPassword ? 401 : 200),
        within(QUICK));
  }

  /**
   * A node that serves a recording.
   *
   * @param options further options of the node
   */
  public Part node(Path recording, List<String> options) {
    List<String> args = new ArrayList<>(List.of("--recording", recording.toString()));
    args.addAll(List.of("--port", Integer.toString(ports.get(Ports.Name.NODE))));
    args.addAll(options);
    return new Part(
        "node",
        "Recorded node",
        nodeUrl(),
        ports.get(Ports.Name.NODE),
        () -> {},
        java(
            with("node", "-Xmx1g", "-XX:+UseSerialGC"),
            layout.libraries(),
            "io.cryptoetl.local.node.RecordedNode",
            args.toArray(String[]::new)),
        Map.of(),
        () ->
            post(nodeUrl(), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\"}")
                    .statusCode()
                == 200,
        within(QUICK));
  }

  /**
   * The extractor.
   *
   * @param instance name of the instance
   * @param sources settings of its sources, as environment variables
   */
  public Part extractor(String instance, Map<String, String> sources) {
    return extractor("extractor", instance, ports.get(Ports.Name.EXTRACTOR), sources);
  }

  /** One more extractor, whose part has the name of its instance. */
  public Part extractor(String instance, int port, Map<String, String> sources) {
    return extractor(instance, instance, port, sources);
  }

  private Part extractor(String name, String instance, int port, Map<String, String> sources) {
    Map<String, String> env = new TreeMap<>(sources);
    env.put("EXTRACTOR_INSTANCE", instance);
    // The largest block that a topic takes is there five times on its way: 40 MiB each.
    return service(name, "Extractor", "extractor-service", port, "-Xmx1g", env);
  }

  /**
   * The Kafka Streams application.
   *
   * @param settings of it, as environment variables
   */
  public Part transformer(Map<String, String> settings) throws IOException {
    return transformer("transformer", "transformer-1", ports.get(Ports.Name.TRANSFORMER), settings);
  }

  /**
   * One more transformer.
   *
   * @param name of the part
   * @param instance name of the instance
   */
  public Part transformer(String name, String instance, int port, Map<String, String> settings)
      throws IOException {
    Map<String, String> env = new TreeMap<>(settings);
    env.put("TRANSFORMER_INSTANCE", instance);
    env.put("TRANSFORMER_STATE_DIR", layout.folder(name).toString());
    return service(name, "Transformer", "transformer-streams", port, "-Xmx768m", env);
  }

  /**
   * An S3 server that keeps its buckets in a folder, with a bucket to drop files into. Whoever may
   * use this machine may use it, as all other parts.
   */
  public Part s3() throws IOException {
    Path buckets = layout.data().resolve("s3/buckets");
    Path config = layout.folder("s3").resolve("s3proxy.properties");
    return new Part(
        "s3",
        "S3 server",
        s3Url(),
        ports.get(Ports.Name.S3),
        () -> {
          Files.createDirectories(buckets.resolve(INBOX));
          Files.writeString(
              config,
              """
              s3proxy.endpoint=%s
              s3proxy.authorization=none
              jclouds.provider=filesystem-nio2
              jclouds.filesystem.basedir=%s
              """
                  .formatted(s3Url(), buckets));
        },
        java(
            with(
                "s3",
                "-Xmx192m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dlogback.configurationFile="
                    + layout.root().resolve("pipeline-local/s3proxy/logback.xml")),
            layout.s3Libraries(),
            "org.gaul.s3proxy.Main",
            "--properties",
            config.toString()),
        Map.of(),
        () -> answers(s3Url() + "/"),
        within(QUICK));
  }

  /**
   * The backfill service, with the bucket of the S3 server as its inbox.
   *
   * @param settings of it, as environment variables
   */
  public Part backfill(Map<String, String> settings) {
    return backfill("backfill", "backfill-1", ports.get(Ports.Name.BACKFILL), settings);
  }

  /**
   * One more backfill service.
   *
   * @param name of the part
   * @param instance name of the instance
   */
  public Part backfill(String name, String instance, int port, Map<String, String> settings) {
    Map<String, String> env = new TreeMap<>();
    env.put("BACKFILL_EVERY", "2s");
    env.putAll(inbox(settings));
    env.put("BACKFILL_INSTANCE", instance);
    env.putAll(settings);
    return service(name, "Backfill", "backfill-service", port, "-Xmx384m", env);
  }

  /** The inbox that files are dropped into: the S3 server's, unless another one is set. */
  private Map<String, String> inbox(Map<String, String> settings) {
    Map<String, String> env = new TreeMap<>();
    env.put("BACKFILL_INBOX_URL", "s3://" + INBOX);
    if (Stream.of("S3_ENDPOINT_URL", "BACKFILL_INBOX_URL")
        .noneMatch(key -> settings.containsKey(key) || System.getenv(key) != null)) {
      env.put("S3_ENDPOINT_URL", s3Url());
      env.put("S3_PATH_STYLE", "true");
      env.put("AWS_ACCESS_KEY_ID", "local");
      env.put("AWS_SECRET_ACCESS_KEY", "local");
    }
    return env;
  }

  /**
   * The console.
   *
   * @param settings of it, as environment variables
   */
  public Part console(Map<String, String> settings) {
    Map<String, String> env = inbox(settings);
    env.putAll(settings);
    env.put("DATABASE_URL", database.jdbcUrl(Database.PIPELINE));
    env.put("CONSOLE_DATABASE_PASSWORD", database.password());
    env.putIfAbsent("CONNECT_URL", connectUrl());
    return service(
        "console", "Console", "console-service", ports.get(Ports.Name.CONSOLE), "-Xmx384m", env);
  }

  private Part service(
      String name,
      String title,
      String module,
      int port,
      String heap,
      Map<String, String> environment) {
    Map<String, String> env = new TreeMap<>(environmentOf(name));
    env.putAll(environment);
    env.put("HTTP_HOST", HOST);
    env.put("HTTP_PORT", Integer.toString(port));
    String url = "http://" + HOST + ":" + port;
    return new Part(
        name,
        title,
        url,
        port,
        () -> {},
        jar(
            with(
                module,
                heap,
                "-XX:+UseSerialGC",
                // Failures without stack cannot be told apart.
                "-XX:-OmitStackTraceInFastThrow",
                "--enable-native-access=ALL-UNNAMED",
                // A service without memory does harm as long as it lives; it is started again.
                "-XX:+ExitOnOutOfMemoryError"),
            layout.service(module)),
        env,
        () -> answers(url + "/q/health/ready"),
        within(SLOW));
  }

  /** What a part is told of the broker and the registry. */
  public Map<String, String> environmentOf(String part) {
    Map<String, String> environment = new TreeMap<>();
    environment.put("KAFKA_BOOTSTRAP_SERVERS", bootstrapServers());
    environment.put("SCHEMA_REGISTRY_URL", registryUrl());
    environment.putAll(access.environment().apply(part));
    return environment;
  }

  /** Options of a program's JVM, those for its ahead-of-time cache among them. */
  private List<String> with(String program, String... options) {
    return Stream.concat(Stream.of(options), caches.options(program).stream()).toList();
  }

  private Duration within(Duration stopTimeout) {
    return caches.training() ? TRAINED : stopTimeout;
  }

  private static List<String> jar(List<String> options, Path jar) {
    List<String> command = new ArrayList<>();
    command.add(Layout.java());
    command.addAll(options);
    command.addAll(List.of("-jar", jar.toString()));
    return command;
  }

  private static List<String> java(
      List<String> options, String classPath, String main, String... args) {
    List<String> command = new ArrayList<>();
    command.add(Layout.java());
    command.addAll(options);
    command.addAll(List.of("-cp", classPath, main));
    command.addAll(List.of(args));
    return command;
  }

  /** Whether a GET is answered with success. */
  static boolean answers(String url) throws IOException, InterruptedException {
    return get(url).statusCode() == 200;
  }

  /** The answer to a GET. */
  public static HttpResponse<String> get(String url) throws IOException, InterruptedException {
    return HTTP.send(
        HttpRequest.newBuilder(URI.create(url)).timeout(QUICK).build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** The answer to a POST of JSON. */
  public static HttpResponse<String> post(String url, String json)
      throws IOException, InterruptedException {
    return send("POST", url, json);
  }

  /** The answer to a request with JSON. */
  public static HttpResponse<String> send(String method, String url, String json)
      throws IOException, InterruptedException {
    return HTTP.send(
        HttpRequest.newBuilder(URI.create(url))
            .timeout(SLOW)
            .header("Content-Type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(json))
            .build(),
        HttpResponse.BodyHandlers.ofString());
  }

  /** Puts a file into the bucket that the backfill reads; the same one again changes nothing. */
  public void drop(Path file) throws IOException, InterruptedException {
    HttpResponse<String> answer =
        HTTP.send(
            HttpRequest.newBuilder(URI.create(s3Url() + "/" + INBOX + "/" + file.getFileName()))
                .timeout(SLOW)
                .PUT(HttpRequest.BodyPublishers.ofFile(file))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (answer.statusCode() != 200) {
      throw new IOException("the S3 server refused %s: %s".formatted(file, answer.body()));
    }
  }

  /** A connection to a database of the server. */
  public Connection connection(String name) throws java.sql.SQLException {
    return DriverManager.getConnection(database.jdbcUrl(name), Database.USER, database.password());
  }

  /** A connection that can only read the tables. */
  public Connection reader() throws java.sql.SQLException {
    return DriverManager.getConnection(
        database.jdbcUrl(Database.PIPELINE), Database.READER, database.password());
  }
}
