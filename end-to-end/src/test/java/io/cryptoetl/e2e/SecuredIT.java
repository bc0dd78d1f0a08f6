package io.cryptoetl.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.local.node.RecordedNode;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Access;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A broker with SASL/SCRAM over TLS and an authorizer, a user for each service with the ACLs that
 * docs/cluster.md lists, and a registry with Confluent's paths behind basic auth over TLS.
 */
class SecuredIT {
  private static final long CHAIN = 31337;
  private static final Duration LONG = Duration.ofMinutes(3);
  private static final List<String> SERVICES =
      List.of("provisioner", "extractor", "backfill", "transformer", "connect");
  private static final int CANDLES = 500;
  private static final String URLS = "org.apache.kafka.sasl.oauthbearer.allowed.urls";

  @TempDir static Path folder;

  private static EmbeddedStack stack;
  private static RegistryGate gate;
  private static RegistryGate expiredGate;
  private static HttpServer node;
  private static Path trusted;
  private static Path clientPem;
  private static int mutualPort;
  private static int expiredPort;
  private static int oauthPort;
  private static TokenServer tokens;

  private static String password(String user) {
    return "secret-of-" + user;
  }

  private static String jaas(String user, String password) {
    return "org.apache.kafka.common.security.scram.ScramLoginModule required username=\"%s\" password=\"%s\";"
        .formatted(user, password);
  }

  @BeforeAll
  static void start() throws Exception {
    Certificates certificates = new Certificates(folder);
    Path authority = certificates.selfSigned("authority", "-ext", "bc:c");
    Path server = certificates.signed("server", authority);
    Path expired =
        certificates.signed("expired", authority, "-startdate", "-10d", "-validity", "5");
    Path client = certificates.selfSigned("client");
    clientPem = certificates.pem(client);
    trusted = certificates.trusted(authority);
    try (ServerSocket one = new ServerSocket(0);
        ServerSocket two = new ServerSocket(0);
        ServerSocket three = new ServerSocket(0)) {
      oauthPort = three.getLocalPort();
      mutualPort = one.getLocalPort();
      expiredPort = two.getLocalPort();
    }
    tokens = new TokenServer("oauth-client", password("oauth-client"));
    // Kafka's clients in this JVM ask no other servers for tokens.
    System.setProperty(URLS, tokens.url("/token"));
    stack =
        EmbeddedStack.prepare(
            ports ->
                new Access(
                    broker(ports, server, expired, certificates, client),
                    format(),
                    SecuredIT::environment));
    Parts parts = stack.parts();
    stack.startPart(parts.postgres());
    parts.database().migrate();
    stack.startPart(parts.broker());
    stack.startPart(parts.registry());
    Map<String, String> users =
        SERVICES.stream().collect(Collectors.toMap(user -> user, SecuredIT::password));
    gate = new RegistryGate(server, parts.registryUrl(), users, "provisioner");
    expiredGate = new RegistryGate(expired, parts.registryUrl(), users, "provisioner");
    try (Admin admin =
        Admin.create(
            ClientSettings.from(parts.environmentOf("admin")).of(ClientSettings.Kind.ADMIN))) {
      admin.createAcls(acls()).all().get();
    }
  }

  private static List<String> format() {
    List<String> options = new ArrayList<>(Access.standalone());
    Stream.concat(Stream.of("admin"), SERVICES.stream())
        .forEach(
            user -> {
              options.add("--add-scram");
              options.add("SCRAM-SHA-512=[name=%s,password=%s]".formatted(user, password(user)));
            });
    return options;
  }

  private static Map<String, String> broker(
      Ports ports, Path server, Path expired, Certificates certificates, Path client) {
    String listeners =
        "SASL_SSL://127.0.0.1:%d,CONTROLLER://127.0.0.1:%d,MUTUAL://127.0.0.1:%d,EXPIRED://127.0.0.1:%d,OAUTH://127.0.0.1:%d"
            .formatted(
                ports.get(Ports.Name.KAFKA),
                ports.get(Ports.Name.CONTROLLER),
                mutualPort,
                expiredPort,
                oauthPort);
    Map<String, String> settings = new TreeMap<>();
    settings.put("listeners", listeners);
    settings.put("advertised.listeners", listeners);
    settings.put(
        "listener.security.protocol.map",
        "SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT,MUTUAL:SSL,EXPIRED:SASL_SSL,OAUTH:SASL_SSL");
    settings.put("inter.broker.listener.name", "SASL_SSL");
    settings.put("sasl.enabled.mechanisms", "SCRAM-SHA-512");
    settings.put("sasl.mechanism.inter.broker.protocol", "SCRAM-SHA-512");
    for (String listener : List.of("sasl_ssl", "expired")) {
      settings.put(
          "listener.name." + listener + ".scram-sha-512.sasl.jaas.config",
          jaas("admin", password("admin")));
    }
    settings.put("listener.name.oauth.sasl.enabled.mechanisms", "OAUTHBEARER");
    settings.put(
        "listener.name.oauth.oauthbearer.sasl.jaas.config",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;");
    settings.put(
        "listener.name.oauth.oauthbearer.sasl.server.callback.handler.class",
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler");
    settings.put(
        "listener.name.oauth.oauthbearer.sasl.oauthbearer.jwks.endpoint.url", tokens.url("/jwks"));
    settings.put("listener.name.oauth.oauthbearer.sasl.oauthbearer.expected.audience", "kafka");
    settings.put("ssl.keystore.type", "PKCS12");
    settings.put("ssl.keystore.location", server.toString());
    settings.put("ssl.keystore.password", Certificates.PASSWORD);
    settings.put("ssl.truststore.type", "PEM");
    settings.put("ssl.truststore.location", trusted.toString());
    settings.put("listener.name.expired.ssl.keystore.type", "PKCS12");
    settings.put("listener.name.expired.ssl.keystore.location", expired.toString());
    settings.put("listener.name.expired.ssl.keystore.password", Certificates.PASSWORD);
    settings.put("listener.name.mutual.ssl.client.auth", "required");
    settings.put("listener.name.mutual.ssl.truststore.type", "PEM");
    try {
      settings.put(
          "listener.name.mutual.ssl.truststore.location", certificates.trusted(client).toString());
    } catch (IOException | java.security.GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
    settings.put(
        "authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer");
    // The controller's listener is open to this machine, and to nobody's user.
    settings.put("super.users", "User:admin;User:ANONYMOUS");
    return settings;
  }

  /** Variables of a service: nothing but what docs/cluster.md describes, secrets in a file. */
  private static Map<String, String> environment(String part) {
    if (part.equals("kafka")) {
      return Map.of("JAVA_TOOL_OPTIONS", "-D" + URLS + "=" + tokens.url("/jwks"));
    }
    String user = part.equals("admin") || SERVICES.contains(part) ? part : "nobody";
    Map<String, String> environment = new TreeMap<>();
    environment.put("KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
    environment.put("KAFKA_SASL_MECHANISM", "SCRAM-SHA-512");
    environment.put(
        "KAFKA_PROPERTIES_FILE", secrets(user, jaas(user, password(user)), user).toString());
    if (gate != null) {
      environment.put("SCHEMA_REGISTRY_URL", gate.url());
    }
    return environment;
  }

  private static Path secrets(String name, String jaas, String user) {
    try {
      return Files.writeString(
          folder.resolve(name + ".properties"),
          """
          sasl.jaas.config=%s
          ssl.truststore.type=PEM
          ssl.truststore.location=%s
          schema.registry.basic.auth.user.info=%s:%s
          schema.registry.ssl.truststore.type=PEM
          schema.registry.ssl.truststore.location=%s
          """
              .formatted(jaas, trusted, user, password(user), trusted));
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** The ACLs of the documentation. */
  private static List<AclBinding> acls() throws IOException {
    List<AclBinding> acls = new ArrayList<>();
    Matcher rows =
        Pattern.compile("\\| (\\w+) \\| (topic|group|transactional id) ([^|]+) \\| ([^|]+) \\|")
            .matcher(Files.readString(Path.of("../docs/cluster.md")));
    while (rows.find()) {
      ResourceType type =
          switch (rows.group(2)) {
            case "topic" -> ResourceType.TOPIC;
            case "group" -> ResourceType.GROUP;
            default -> ResourceType.TRANSACTIONAL_ID;
          };
      for (String quoted : rows.group(3).split(", ")) {
        String name = quoted.replace("`", "");
        boolean prefix = name.endsWith("*");
        for (String operation : rows.group(4).split(", ")) {
          acls.add(
              new AclBinding(
                  new ResourcePattern(
                      type,
                      prefix ? name.substring(0, name.length() - 1) : name,
                      prefix ? PatternType.PREFIXED : PatternType.LITERAL),
                  new AccessControlEntry(
                      "User:" + rows.group(1),
                      "*",
                      Stream.of(AclOperation.values())
                          .filter(o -> o.name().replace("_", "").equalsIgnoreCase(operation))
                          .findFirst()
                          .orElseThrow(),
                      AclPermissionType.ALLOW)));
        }
      }
    }
    assertThat(acls.stream().map(a -> a.entry().principal()))
        .containsAll(SERVICES.stream().map(s -> "User:" + s).toList());
    return acls;
  }

  @AfterAll
  static void stop() throws IOException {
    if (stack != null) {
      stack.close();
    }
    for (RegistryGate each : new RegistryGate[] {gate, expiredGate}) {
      if (each != null) {
        each.close();
      }
    }
    if (node != null) {
      node.stop(0);
    }
    if (tokens != null) {
      tokens.close();
    }
    System.clearProperty(URLS);
  }

  /** What a process said, and the code that it ended with. */
  private record Ended(int code, String said) {}

  private static Ended provision(Map<String, String> more) throws Exception {
    Path root = Path.of(System.getProperty("project.root")).toAbsolutePath();
    ProcessBuilder builder =
        new ProcessBuilder(
                Layout.java(),
                "-cp",
                root.resolve("kafka-support/target/lib")
                    + "/*:"
                    + root.resolve("kafka-support/target/classes"),
                "io.cryptoetl.kafka.Provisioner")
            .redirectErrorStream(true);
    builder.environment().putAll(stack.parts().environmentOf("provisioner"));
    builder.environment().putAll(more);
    Process process = builder.start();
    String said = new String(process.getInputStream().readAllBytes());
    return new Ended(process.waitFor(), said);
  }

  @Test
  void shouldLoadAChainAndAFileWithTheAclsOfTheDocs() throws Exception {
    // Mistakes first: each has a message that says where to look, without a secret.
    Ended wrongPassword =
        provision(
            Map.of(
                "KAFKA_PROPERTIES_FILE",
                secrets("wrong", jaas("provisioner", "wrong-secret"), "provisioner").toString()));
    assertThat(wrongPassword.code()).isEqualTo(1);
    assertThat(wrongPassword.said()).contains("sasl.jaas.config").doesNotContain("secret");
    Ended missingAcl =
        provision(
            Map.of(
                "KAFKA_PROPERTIES_FILE",
                secrets("other", jaas("backfill", password("backfill")), "provisioner")
                    .toString()));
    assertThat(missingAcl.code()).isEqualTo(1);
    assertThat(missingAcl.said()).contains("lacks an ACL").doesNotContain("secret");
    Ended expired = provision(Map.of("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:" + expiredPort));
    assertThat(expired.code()).isEqualTo(1);
    assertThat(expired.said())
        .contains("KAFKA_SSL_TRUSTSTORE_LOCATION", "certificates are valid")
        .doesNotContain("secret");
    Ended forbidden =
        provision(
            Map.of("SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO", "extractor:" + password("extractor")));
    assertThat(forbidden.code()).isEqualTo(1);
    assertThat(forbidden.said())
        .contains("HTTP 403", "SCHEMA_REGISTRY_BASIC_AUTH_USER_INFO")
        .doesNotContain("secret");
    Ended fixed = provision(Map.of("KAFKA_ACKS", "1"));
    assertThat(fixed.code()).isEqualTo(2);
    assertThat(fixed.said()).contains("KAFKA_ACKS");

    Ended provisioned = provision(Map.of());
    assertThat(provisioned.code()).as(provisioned.said()).isZero();
    gate.refused().clear();
    Ended moved = provision(Map.of("TOPIC_RAW_PARTITIONS", "7"));
    assertThat(moved.code()).isEqualTo(2);
    assertThat(moved.said()).contains("raw.evm.blocks has 6, not 7", "keys would move");

    Parts parts = stack.parts();
    Path recording = Path.of(System.getProperty("project.root"), "pipeline-local/recording/anvil");
    node = RecordedNode.serve(Recording.read(recording), CHAIN);
    stack.startPart(parts.connect());
    stack.createConnectors();
    stack.startPart(parts.transformer(Map.of()));
    stack.startPart(
        parts.extractor(
            "one",
            Map.of(
                "EXTRACTOR_SOURCES_RECORDED_CHAIN_ID",
                Long.toString(CHAIN),
                "EXTRACTOR_SOURCES_RECORDED_START",
                "0",
                "EXTRACTOR_SOURCES_RECORDED_EVERY",
                "500ms",
                "EXTRACTOR_SOURCES_RECORDED_ENDPOINTS_NODE_URL",
                "http://127.0.0.1:" + node.getAddress().getPort())));
    Path files =
        Files.createDirectories(folder.resolve("files/venue=v/symbol=SECURED/interval=1m"));
    StringBuilder candles = new StringBuilder("time,open,high,low,close,volume\n");
    for (int i = 0; i < CANDLES; i++) {
      candles.append("%d,1,2,1,2,3%n".formatted(1_600_000_020L + 60L * i));
    }
    Files.writeString(
        files.resolve("candles.csv"), candles.toString().replace(System.lineSeparator(), "\n"));
    stack.startPart(
        parts.backfill(
            Map.of(
                "BACKFILL_LOCATIONS_FOLDER_URL", folder.resolve("files").toString(),
                "BACKFILL_INBOX_URL", "",
                "BACKFILL_SETTLE", "1s")));

    Recorded recorded = Recorded.read(recording);
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(Tables.number(stack, "SELECT count(*) FROM chain.blocks"))
                  .isEqualTo(recorded.blocks.size());
              assertThat(Tables.number(stack, "SELECT count(*) FROM audit.incomplete_blocks"))
                  .isZero();
              assertThat(
                      Tables.number(
                          stack, "SELECT count(*) FROM market.candles WHERE symbol = 'SECURED'"))
                  .isEqualTo(CANDLES);
              assertThat(Tables.texts(stack, "SELECT state FROM ops.files"))
                  .containsExactly("done");
            });
    Tables.assertEqual(stack, recorded.oracle(CHAIN, "recorded"), CHAIN);
    assertThat(Tables.number(stack, "SELECT count(*) FROM ops.dead_letters")).isZero();
    assertThat(gate.refused()).as("services read Confluent's paths, and nothing else").isEmpty();

    for (String part : List.of("extractor", "transformer", "backfill", "connect", "kafka")) {
      String log = Files.readString(stack.log(part));
      assertThat(log).as(part).doesNotContain("secret-of-").doesNotContain(Certificates.PASSWORD);
      assertThat(log).as(part).doesNotContain("not authorized").doesNotContain("Not authorized");
    }
  }

  @Test
  void shouldSayThatTheRegistrysCertificateHasExpired() throws Exception {
    Map<String, String> environment = stack.parts().environmentOf("provisioner");
    environment.put("SCHEMA_REGISTRY_URL", expiredGate.url());

    assertThat(
            org.assertj.core.api.Assertions.catchThrowable(
                () ->
                    new io.cryptoetl.kafka.SchemaRegistry(
                            ClientSettings.from(environment).registry(), Duration.ZERO)
                        .byId(1)))
        .hasMessageContaining("TLS failed")
        .hasMessageContaining("SCHEMA_REGISTRY_SSL_TRUSTSTORE_LOCATION");
  }

  @Test
  void shouldTakeClientCertificates() throws Exception {
    Map<String, String> environment =
        Map.of(
            "KAFKA_BOOTSTRAP_SERVERS",
            "127.0.0.1:" + mutualPort,
            "SCHEMA_REGISTRY_URL",
            gate.url(),
            "KAFKA_SECURITY_PROTOCOL",
            "SSL",
            "KAFKA_SSL_KEYSTORE_TYPE",
            "PEM",
            "KAFKA_SSL_KEYSTORE_LOCATION",
            clientPem.toString(),
            "KAFKA_SSL_TRUSTSTORE_TYPE",
            "PEM",
            "KAFKA_SSL_TRUSTSTORE_LOCATION",
            trusted.toString());
    try (Admin admin =
        Admin.create(ClientSettings.from(environment).of(ClientSettings.Kind.ADMIN))) {
      assertThat(admin.describeCluster().clusterId().get()).isNotBlank();
    }
  }

  @Test
  void shouldTakeOauthTokens() throws Exception {
    Map<String, String> environment =
        new TreeMap<>(
            Map.of(
                "KAFKA_BOOTSTRAP_SERVERS",
                "127.0.0.1:" + oauthPort,
                "SCHEMA_REGISTRY_URL",
                gate.url(),
                "KAFKA_SECURITY_PROTOCOL",
                "SASL_SSL",
                "KAFKA_SASL_MECHANISM",
                "OAUTHBEARER",
                "KAFKA_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL",
                tokens.url("/token"),
                "KAFKA_SASL_LOGIN_CALLBACK_HANDLER_CLASS",
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler",
                "KAFKA_SSL_TRUSTSTORE_TYPE",
                "PEM",
                "KAFKA_SSL_TRUSTSTORE_LOCATION",
                trusted.toString()));
    String login =
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required clientId=\"oauth-client\" clientSecret=\"%s\";";
    environment.put("KAFKA_SASL_JAAS_CONFIG", login.formatted(password("oauth-client")));
    try (Admin admin =
        Admin.create(ClientSettings.from(environment).of(ClientSettings.Kind.ADMIN))) {
      assertThat(admin.describeCluster().clusterId().get()).isNotBlank();
    }
  }
}
