package io.cryptoetl.e2e;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static com.microsoft.playwright.assertions.PlaywrightAssertions.setDefaultAssertionTimeout;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.microsoft.playwright.JSHandle;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.assertions.LocatorAssertions;
import com.microsoft.playwright.options.AriaRole;
import com.sun.net.httpserver.HttpServer;
import dev.hardwood.InputFile;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.node.RecordedNode;
import io.cryptoetl.local.node.Recording;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.ConsoleLink;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.ops.DeadLetter;
import io.cryptoetl.ops.DeadLetterKey;
import io.cryptoetl.schemas.Topics;
import io.cryptoetl.stack.EmbeddedStack;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.postgresql.PGConnection;

/** The console beside a pipeline that runs: who gets in, what queries may do, what people see. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class ConsoleIT {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(2);
  private static final String SECRET = "a-secret-of-the-test-with-many-letters";
  private static final String PASSWORD = "a password of the test";

  /** Digits of the largest number that a column of amounts holds. */
  private static final String DIGITS_78 = "9".repeat(78);

  /** Block that a node has not. */
  private static final long MISSING = 100;

  private static HttpServer node;
  private static DamagedNode damaged;
  private static EmbeddedStack stack;
  private static ConsoleClient client;
  private static Browser browser;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    Path root = Path.of(System.getProperty("project.root"));
    node =
        RecordedNode.serve(Recording.read(root.resolve("pipeline-local/recording/anvil")), 31337);
    Map<String, String> source = new TreeMap<>();
    String prefix = "EXTRACTOR_SOURCES_RECORDED_";
    source.put(prefix + "CHAIN_ID", "31337");
    source.put(prefix + "START", "0");
    source.put(prefix + "EVERY", "1s");
    String url = "http://127.0.0.1:" + node.getAddress().getPort();
    source.put(prefix + "ENDPOINTS_NODE_URL", url);
    damaged = new DamagedNode(URI.create(url), MISSING);
    source.put("EXTRACTOR_SOURCES_DAMAGED_CHAIN_ID", "31337");
    source.put("EXTRACTOR_SOURCES_DAMAGED_START", "none");
    source.put("EXTRACTOR_SOURCES_DAMAGED_ENDPOINTS_NODE_URL", damaged.url());
    source.put("EXTRACTOR_TRIES", "2");
    stack = EmbeddedStack.start(ConsoleIT::independent, _ -> List.of(), TopicSettings.defaults());
    shouldTellWhatToDoFirst();
    Parts parts = stack.parts();
    for (Part part :
        List.of(
            parts.extractor("one", source),
            parts.transformer(Map.of()),
            parts.backfill(Map.of()))) {
      stack.startPart(part);
    }
    stack.parts().drop(root.resolve("pipeline-local/recording/anvil/candles.csv"));
    client = ConsoleClient.byLink(link());
    await()
        .atMost(LONG)
        .until(
            () ->
                Tables.number(stack, "SELECT count(price) FROM business.block_economics") == 2200
                    && Tables.number(stack, "SELECT count(*) FROM chain.blocks") == 2200
                    && Tables.number(stack, "SELECT count(*) FROM audit.incomplete_blocks") == 0);
  }

  private static List<Part> independent(Parts parts) {
    try {
      return List.of(
          parts.s3(),
          parts.console(
              Map.of(
                  "CONSOLE_SECRET",
                  SECRET,
                  "CONSOLE_VIEWER_PASSWORD",
                  PASSWORD,
                  "CONSOLE_QUERY_TIME",
                  "6s",
                  "CONSOLE_QUERY_RUNNING",
                  "6",
                  "CONSOLE_UPLOAD_BYTES",
                  "3000000")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @AfterAll
  static void stop() throws IOException {
    if (browser != null) {
      browser.close();
    }
    if (stack != null) {
      stack.close();
    }
    if (damaged != null) {
      damaged.close();
    }
    if (node != null) {
      node.stop(0);
    }
  }

  private static String url() {
    return stack.parts().consoleUrl();
  }

  private static String link() {
    return ConsoleLink.of(url(), SECRET, Instant.now());
  }

  private static long asAdministrator(String sql) throws SQLException {
    try (Connection db = stack.parts().database().administrator(Database.PIPELINE);
        Statement statement = db.createStatement();
        ResultSet row = statement.executeQuery(sql)) {
      row.next();
      return row.getLong(1);
    }
  }

  /** Queries that the database is working on. */
  private static long fetching() throws SQLException {
    return asAdministrator(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'console_reader' AND query LIKE 'FETCH%'");
  }

  private static void awaitNoBackend() {
    await()
        .atMost(Duration.ofSeconds(15))
        .until(
            () ->
                asAdministrator(
                        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'console_reader'")
                    == 0);
  }

  /** Rows of all tables, and what the catalogue has. */
  private static List<String> everything() throws SQLException {
    return Tables.texts(
        stack,
        """
        SELECT 'blocks ' || count(*) || ' ' || md5(string_agg(hash::text, '' ORDER BY chain_id, number)) FROM chain.blocks
        UNION ALL SELECT 'transactions ' || count(*) FROM chain.transactions
        UNION ALL SELECT 'relations ' || count(*) || ' ' || md5(string_agg(relname || relnamespace || coalesce(relacl::text, ''), '' ORDER BY oid)) FROM pg_class WHERE relkind <> 't'
        UNION ALL SELECT 'roles ' || md5(string_agg(rolname || rolsuper || rolcanlogin || coalesce(rolconfig::text, ''), '' ORDER BY rolname)) FROM pg_roles
        UNION ALL SELECT 'functions ' || count(*) || ' ' || md5(string_agg(coalesce(proacl::text, ''), '' ORDER BY oid)) FROM pg_proc
        """);
  }

  /** What an empty pipeline shows. */
  private static void shouldTellWhatToDoFirst() {
    if (Browser.program().isEmpty()) {
      return;
    }
    Page page = opened();
    assertThat(page.locator(".starter")).hasCount(3);
    browser.pictures("empty-home");
    for (String name : List.of("Runs", "Sources", "Files", "Dead letters")) {
      go(page, name);
      assertThat(page.locator(".empty").last()).isVisible();
      assertThat(page.getByText("Asking…")).hasCount(0);
      browser.pictures("empty-" + name.toLowerCase(Locale.ROOT).replace(' ', '-'));
      browser.assertAccessible("empty " + name);
    }
    go(page, "Home");
  }

  // Who gets in.

  @Test
  @Order(1)
  void shouldLetNobodyInWithoutALinkThatIsFresh() throws Exception {
    ConsoleClient stranger = ConsoleClient.stranger(url());
    for (String path : List.of("snapshot", "tables", "exports/x")) {
      assertThat(stranger.get(path).statusCode()).as(path).isEqualTo(401);
    }
    for (String odd :
        List.of(
            "/api;x/snapshot",
            "/api/snapshot;x",
            "/q/%2e%2e/api/snapshot",
            "//api/snapshot",
            "/api/./snapshot")) {
      assertThat(rawStatus("GET " + odd + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"))
          .as(odd)
          .doesNotContain(" 200 ");
    }
    assertThat(rawStatus("GET /q/%2e%2e/api/session HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
        .contains(" 421 ");
    assertThat(stranger.outcome("SELECT 1")).isEqualTo("401");
    assertThat(ConsoleClient.withCookie(url(), "console=1.OPERATOR.x.y").outcome("SELECT 1"))
        .isEqualTo("401");

    String used = link();
    ConsoleClient.byLink(used);
    String token = used.substring(used.indexOf('=') + 1);
    HttpResponse<String> again = stranger.logIn(token);
    assertThat(again.statusCode()).isEqualTo(401);
    assertThat(again.body()).contains("./pipeline console");
    String old = ConsoleLink.of(url(), SECRET, Instant.now().minus(Duration.ofHours(1)));
    assertThat(stranger.logIn(old.substring(old.indexOf('=') + 1)).statusCode()).isEqualTo(401);
    String foreign = ConsoleLink.of(url(), SECRET + "!", Instant.now());
    assertThat(stranger.logIn(foreign.substring(foreign.indexOf('=') + 1)).statusCode())
        .isEqualTo(401);
  }

  @Test
  @Order(2)
  void shouldTakeNothingFromPagesOfOthers() throws Exception {
    String query = ConsoleClient.query("SELECT 1");
    assertThat(
            client
                .send("POST", "queries/a", query, Map.of("Origin", "http://evil.example"))
                .statusCode())
        .isEqualTo(403);
    assertThat(
            client
                .send("POST", "queries/a", query, Map.of("Sec-Fetch-Site", "cross-site"))
                .statusCode())
        .isEqualTo(403);
    assertThat(client.send("POST", "queries/a", query, Map.of("Origin", url())).statusCode())
        .isEqualTo(200);
    assertThat(rawStatus("GET /api/session HTTP/1.1\r\nHost: evil.example\r\n\r\n"))
        .contains(" 421 ");
    assertThat(rawStatus("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n")).contains(" 421 ");

    HttpResponse<String> answer = client.get("session");
    assertThat(answer.headers().firstValue("Content-Security-Policy").orElseThrow())
        .contains("default-src 'none'")
        .doesNotContain("unsafe");
    assertThat(answer.headers().firstValue("Cache-Control")).contains("no-store");
    assertThat(
            ConsoleClient.stranger(url())
                .logIn(link().substring(link().indexOf('=') + 1))
                .headers()
                .firstValue("Set-Cookie")
                .orElseThrow())
        .contains("HttpOnly")
        .containsIgnoringCase("SameSite=Strict");
  }

  private static String rawStatus(String request) throws IOException {
    int port = Integer.parseInt(url().substring(url().lastIndexOf(':') + 1));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.setSoTimeout(10_000);
      socket.getOutputStream().write(request.getBytes(StandardCharsets.UTF_8));
      return new String(socket.getInputStream().readNBytes(64), StandardCharsets.UTF_8);
    }
  }

  // What queries may do.

  @ParameterizedTest
  @Order(3)
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        // More than one statement, and what is none.
        "SELECT 1; SELECT 2 | 400",
        "COMMIT; DELETE FROM chain.blocks | 400",
        "SELECT 1; DROP TABLE chain.blocks; -- | 400",
        "SELECT 1) ; DELETE FROM chain.blocks; SELECT (1 | 42601",
        "SELECT 1 FOR; DELETE FROM chain.blocks | 400",
        "-- nothing | 42601",
        "; | 400",
        "SELECT 1; -- | ok",
        "SELECT 'open | 42601",
        "SELECT 1 /* open | 42601",
        "SELECT $x$ open | 42601",
        "SELECT 1 /* /* */ ; DELETE FROM chain.blocks | 42601",
        // Writes.
        "DELETE FROM chain.blocks | 42601",
        "WITH d AS (DELETE FROM chain.blocks RETURNING 1) SELECT * FROM d | 0A000",
        "SELECT * INTO stolen FROM chain.blocks | 42601",
        "EXPLAIN ANALYZE DELETE FROM chain.blocks | 42601",
        "DO $$ BEGIN END $$ | 42601",
        "CALL anything() | 42601",
        "PREPARE p AS SELECT 1 | 42601",
        "DECLARE c CURSOR FOR SELECT 1 | 42601",
        "LOCK TABLE chain.blocks | 42601",
        "SELECT * FROM chain.blocks FOR UPDATE | 25006",
        "CREATE TEMP TABLE t (a int) | 42601",
        "CREATE EXTENSION dblink | 42601",
        "ALTER ROLE console_reader SUPERUSER | 42601",
        "TRUNCATE chain.blocks | 42601",
        // Settings and sessions.
        "SET default_transaction_read_only = off | 42601",
        "RESET ROLE | 42601",
        "SET search_path = evil | 42601",
        "SELECT set_config('transaction_read_only', 'off', false) | 42501",
        "SELECT set_config('statement_timeout', '0', false) | 42501",
        "SELECT pg_advisory_lock(1) | 42501",
        "SELECT pg_try_advisory_xact_lock(1) | 42501",
        "SELECT pg_terminate_backend(1) | 42501",
        "SELECT pg_cancel_backend(1) | 42501",
        "SELECT pg_reload_conf() | 42501",
        "SELECT pg_notify('a', 'b') | 42501",
        "SELECT pg_export_snapshot() | 42501",
        "SELECT pg_logical_emit_message(true, 'a', 'b') | 42501",
        "SELECT query_to_xml('DELETE FROM chain.blocks', true, true, '') | 42501",
        // Files, programs, large objects.
        "COPY chain.blocks TO PROGRAM 'id' | 42601",
        "SELECT pg_read_file('/etc/passwd') | 42501",
        "SELECT pg_ls_dir('.') | 42501",
        "SELECT pg_stat_file('/etc/passwd') | 42501",
        "SELECT lo_import('/etc/passwd') | 42501",
        "SELECT lo_creat(-1) | 42501",
        "SELECT lo_from_bytea(0, '') | 42501",
        // Secrets of others.
        "SELECT rolpassword FROM pg_authid | 42501",
        "SELECT query FROM pg_stat_activity | 42501",
        "SELECT * FROM pg_stat_get_activity(NULL) | 42501",
        "SELECT * FROM pg_hba_file_rules | 42501",
        "SELECT * FROM pg_largeobject | 42501",
        // Too much.
        "SELECT pg_sleep(1000) | 57014",
        "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r | 57014",
        "SELECT count(*) FROM chain.logs AS a, chain.logs AS b, chain.logs AS c | 57014",
        "SELECT repeat('x', 30000000) | 54000",
        // What is allowed.
        "SELECT 1; | ok",
        "TABLE ops.cursors | ok",
        "VALUES (1), (2) | ok",
        "SELECT ';' AS \";\" -- ; | ok",
      })
  void shouldRefuseAttacks(String sql, String expected) throws Exception {
    List<String> before = everything();

    assertThat(client.outcome(sql)).isEqualTo(expected);

    assertThat(everything()).isEqualTo(before);
    assertThat(client.outcome("SELECT 1")).isEqualTo("ok");
    if (expected.equals("57014")) {
      awaitNoBackend();
    }
  }

  @Test
  @Order(4)
  void shouldKeepEveryDigit() throws Exception {
    assertThat(client.cell("SELECT " + DIGITS_78 + "::numeric(78,0)")).isEqualTo(DIGITS_78);
    assertThat(client.cell("SELECT -0.1::numeric(38,18)")).isEqualTo("-0.100000000000000000");
    assertThat(client.cell("SELECT 9007199254740993")).isEqualTo("9007199254740993");
  }

  @Test
  @Order(5)
  void shouldShowSoManyRowsAndSayThatThereAreMore() throws Exception {
    List<String> lines =
        client.run("SELECT * FROM generate_series(1, 20000)").body().lines().toList();

    assertThat(lines).hasSize(10_002);
    assertThat(JSON.readTree(lines.getLast()).at("/done/more").asBoolean()).isTrue();
  }

  @Test
  @Order(6)
  void shouldTellWhereAStatementIsWrong() throws Exception {
    String sql = "SELECT numbr FROM chain.blocks WHERE number > :from";
    String body =
        JSON.writeValueAsString(Map.of("sql", sql, "parameters", Map.of("from", "o'clock")));
    String answer = client.send("POST", "queries/w", body, Map.of()).body();

    assertThat(JSON.readTree(answer).at("/error/sqlstate").asText()).isEqualTo("42703");
    assertThat(JSON.readTree(answer).at("/error/position").asInt()).isEqualTo(8);
    assertThat(JSON.readTree(answer).at("/error/hint").asText()).contains("number");
  }

  @Test
  @Order(7)
  void shouldExportWhatCopyWrites() throws Exception {
    String sql =
        "SELECT *, E'=1+1\\n\"x\",' AS \"odd, name\" FROM chain.transactions ORDER BY block_number, transaction_index";
    ByteArrayOutputStream copied = new ByteArrayOutputStream();
    try (Connection db = stack.database()) {
      db.createStatement().execute("SET TimeZone = 'UTC'");
      db.unwrap(PGConnection.class)
          .getCopyAPI()
          .copyOut("COPY (" + sql + ") TO STDOUT (FORMAT csv, HEADER)", copied);
    }

    assertThat(client.export(sql + ";")).isEqualTo(copied.toString(StandardCharsets.UTF_8));

    String id =
        JSON.readTree(
                client.send("POST", "exports", ConsoleClient.query("SELECT 1"), Map.of()).body())
            .get("id")
            .asText();
    assertThat(ConsoleClient.byLink(link()).get("exports/" + id).statusCode()).isEqualTo(410);
    assertThat(client.get("exports/" + id).statusCode()).isEqualTo(200);
    assertThat(client.get("exports/" + id).statusCode()).isEqualTo(410);
  }

  @Test
  @Order(7)
  void shouldExportParquetThatOthersRead() throws Exception {
    String sql =
        """
        SELECT 7::int8 AS long, 8::int4 AS int, true AS yes, 1.5::float8 AS double,
          (-12.345)::numeric(20, 3) AS decimal, 99999999999999999999999999999999999999::numeric(38) AS wide,
          %s::numeric(78) AS wei, '2024-02-29 12:00:00.123456+00'::timestamptz AS at,
          '2024-02-29'::date AS day, '\\xdeadbeef'::bytea AS bytes, 'grüße' AS text, ARRAY[1,2] AS many,
          NULL::int8 AS nothing, 1 AS twice, 2 AS twice
        """
            .formatted(DIGITS_78);
    try (ParquetFileReader file =
            ParquetFileReader.open(InputFile.of(ByteBuffer.wrap(client.parquet(sql))));
        RowReader row = file.rowReader()) {
      row.next();
      assertThat(row.getLong("long")).isEqualTo(7);
      assertThat(row.getInt("int")).isEqualTo(8);
      assertThat(row.getBoolean("yes")).isTrue();
      assertThat(row.getDouble("double")).isEqualTo(1.5);
      assertThat(row.getDecimal("decimal")).isEqualByComparingTo("-12.345");
      assertThat(row.getDecimal("wide")).isEqualByComparingTo("9".repeat(38));
      assertThat(row.getString("wei")).isEqualTo(DIGITS_78);
      assertThat(row.getTimestamp("at")).isEqualTo(Instant.parse("2024-02-29T12:00:00.123456Z"));
      assertThat(row.getDate("day")).isEqualTo("2024-02-29");
      assertThat(row.getBinary("bytes")).isEqualTo(new byte[] {-34, -83, -66, -17});
      assertThat(row.getString("text")).isEqualTo("grüße");
      assertThat(row.getString("many")).isEqualTo("{1,2}");
      assertThat(row.isNull("nothing")).isTrue();
      assertThat(row.getInt("twice_2")).isEqualTo(2);
      assertThat(row.hasNext()).isFalse();
    }
    // Several row groups, and every row of a table.
    String all =
        "SELECT hash, value, input, block_number FROM chain.transactions CROSS JOIN generate_series(1, 40)";
    long rows = 0;
    BigDecimal sum = BigDecimal.ZERO;
    try (ParquetFileReader file =
            ParquetFileReader.open(InputFile.of(ByteBuffer.wrap(client.parquet(all))));
        RowReader row = file.rowReader()) {
      assertThat(file.getFileMetaData().rowGroups()).hasSizeGreaterThan(1);
      while (row.hasNext()) {
        row.next();
        rows++;
        sum = sum.add(new BigDecimal(row.getString("value")));
      }
    }
    assertThat(client.cell("SELECT count(*) || ' ' || sum(value) FROM (" + all + ") AS x"))
        .isEqualTo(rows + " " + sum.toPlainString());
    // A file that breaks off is none.
    assertThatThrownBy(
            () ->
                ParquetFileReader.open(
                    InputFile.of(
                        ByteBuffer.wrap(client.parquet("SELECT 'infinity'::timestamptz AS t")))))
        .isInstanceOf(IOException.class);
  }

  @Test
  @Order(8)
  void shouldCancelInTheDatabaseAndWhenTheTabIsClosed() throws Exception {
    String sql = ConsoleClient.query("SELECT pg_sleep(1000)");
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      Future<HttpResponse<String>> running =
          executor.submit(() -> client.send("POST", "queries/long", sql, Map.of()));
      await().atMost(LONG).until(() -> fetching() == 1);
      // Somebody else cannot.
      ConsoleClient.byLink(link()).send("DELETE", "queries/long", "", Map.of());
      client.send("DELETE", "queries/long", "", Map.of());

      assertThat(running.get(5, TimeUnit.SECONDS).body()).contains("It was cancelled.");
    }
    awaitNoBackend();

    // A tab that is closed while nothing has come yet.
    int port = Integer.parseInt(url().substring(url().lastIndexOf(':') + 1));
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      socket.getOutputStream().write(request("queries/closed", sql, port));
      await().atMost(LONG).until(() -> fetching() == 1);
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> fetching() == 0);
  }

  private static byte[] request(String path, String body, int port) {
    return "POST /api/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        .formatted(path, port, client.cookie(), body.length(), body)
        .getBytes(StandardCharsets.UTF_8);
  }

  @Test
  @Order(9)
  void shouldBearManyAtOnceAndSlowReaders() throws Exception {
    int port = Integer.parseInt(url().substring(url().lastIndexOf(':') + 1));
    List<Callable<String>> many = new ArrayList<>();
    for (int i = 0; i < 200; i++) {
      many.add(() -> client.outcome("SELECT pg_sleep(0.5)"));
    }
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<String> outcomes = new ArrayList<>();
      for (Future<String> outcome : executor.invokeAll(many)) {
        outcomes.add(outcome.get());
      }
      assertThat(outcomes).containsOnly("ok", "429").contains("ok", "429");
    }
    List<Socket> slow = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      Socket socket = new Socket();
      socket.setReceiveBufferSize(4096);
      socket.connect(new java.net.InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      String body = ConsoleClient.query("SELECT repeat('x', 10000) FROM generate_series(1, 3000)");
      socket.getOutputStream().write(request("queries/slow" + i, body, port));
      slow.add(socket);
    }
    await().atMost(Duration.ofSeconds(5)).until(() -> client.outcome("SELECT 1").equals("429"));
    awaitNoBackend();
    for (Socket socket : slow) {
      socket.close();
    }
    await().atMost(Duration.ofSeconds(20)).until(() -> client.outcome("SELECT 1").equals("ok"));
  }

  // What people order.

  private static JsonNode order(ConsoleClient who, Map<String, ?> wanted) throws Exception {
    HttpResponse<String> answer =
        who.send("POST", "orders", JSON.writeValueAsString(wanted), Map.of());
    assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
    String id = JSON.readTree(answer.body()).get("id").asText();
    return await()
        .atMost(Duration.ofSeconds(20))
        .until(
            () -> JSON.readTree(who.get("orders/" + id).body()),
            result -> !result.get("outcome").asText().equals("waiting"));
  }

  @Test
  @Order(11)
  void shouldHaveOrdersObeyedAndRefusedInWords() throws Exception {
    JsonNode paused = order(client, Map.of("kind", "pause", "target", "recorded"));
    assertThat(paused.get("outcome").asText()).isEqualTo("accepted");
    await()
        .atMost(LONG)
        .untilAsserted(
            () -> {
              assertThat(Tables.texts(stack, "SELECT state || ' ' || decided_by FROM ops.controls"))
                  .containsExactly("paused " + System.getProperty("user.name"));
              assertThat(client.get("extractors").body()).contains("\"paused\":true");
            });
    assertThat(order(client, Map.of("kind", "plan", "target", "recorded")).get("message").asText())
        .isEqualTo("source recorded is paused; resume it first");
    order(client, Map.of("kind", "resume", "target", "recorded"));

    JsonNode fetch =
        order(client, Map.of("kind", "fetch", "target", "recorded", "from", "10", "to", "119"));
    assertThat(fetch.get("message").asText())
        .isEqualTo("3 ranges of recorded, 10 to 119, are asked for");
    await()
        .atMost(LONG)
        .until(
            () ->
                Tables.number(
                        stack,
                        "SELECT count(*) FROM ops.extract_results WHERE job_id = '%s'"
                            .formatted(fetch.get("jobId").asText()))
                    == 3);
    assertThat(
            order(client, Map.of("kind", "fetch", "target", "recorded", "from", "1", "to", "99999"))
                .get("message")
                .asText())
        .contains("recorded can be read up to 2199 now");
    assertThat(
            order(client, Map.of("kind", "refetch", "target", "recorded")).get("message").asText())
        .isEqualTo("recorded has no gaps");
    await()
        .atMost(LONG)
        .untilAsserted(
            () ->
                assertThat(
                        Tables.texts(
                            stack,
                            "SELECT o.kind || ' ' || r.outcome || ' ' || r.answered_by FROM ops.orders AS o JOIN ops.order_results AS r USING (order_id) ORDER BY o.ordered_at"))
                    .containsExactly(
                        "pause accepted one",
                        "plan refused one",
                        "resume accepted one",
                        "fetch accepted one",
                        "fetch refused one",
                        "refetch accepted one"));
  }

  @Test
  @Order(12)
  void shouldTakeOrdersFromOperatorsAndNotFromPagesOfOthers() throws Exception {
    ConsoleClient viewer = viewer();
    assertThat(viewer.outcome("SELECT 1")).isEqualTo("ok");
    String pause = "{\"kind\":\"pause\",\"target\":\"recorded\"}";
    assertThat(viewer.send("POST", "orders", pause, Map.of()).statusCode()).isEqualTo(403);
    assertThat(
            client
                .send("POST", "orders", pause, Map.of("Origin", "http://evil.example"))
                .statusCode())
        .isEqualTo(403);
    assertThat(client.send("POST", "orders", "{\"kind\":\"drop\"}", Map.of()).statusCode())
        .isEqualTo(400);
    // The services' own endpoints, too.
    for (String service : List.of(stack.parts().extractorUrl(), stack.parts().backfillUrl())) {
      assertThat(
              ConsoleClient.post(
                  service + "/sources/recorded/pause", Map.of("Origin", "http://evil.example")))
          .isEqualTo(403);
    }
  }

  private static ConsoleClient viewer() throws IOException, InterruptedException {
    HttpResponse<String> login =
        ConsoleClient.stranger(url())
            .send("POST", "login", JSON.writeValueAsString(Map.of("password", PASSWORD)), Map.of());
    return ConsoleClient.withCookie(
        url(), login.headers().firstValue("Set-Cookie").orElseThrow().split(";")[0]);
  }

  @Test
  @Order(13)
  void shouldLookAtFilesAndTakeNoOddOnes() throws Exception {
    String file = damaged();
    JsonNode preview = JSON.readTree(drop(client, "POST", "/preview?name=a.csv", file).body());
    assertThat(preview.at("/parts/0/dataset").asText()).isEqualTo("ohlcv");
    assertThat(preview.at("/parts/0/rows").asLong()).isEqualTo(4);
    assertThat(preview.at("/parts/0/dead").asLong()).isEqualTo(2);
    assertThat(preview.at("/parts/0/problems/0/place").asText()).isEqualTo("line 6");
    assertThat(drop(client, "POST", "/preview?name=a.csv", "x,y\n1,2\n").body())
        .contains("dataset_unknown");
    assertThat(drop(client, "POST", "/preview?name=a.csv", "").body()).contains("file_empty");
    for (String odd :
        List.of("../a.csv", ".a.csv", "_a.csv", "a/b.csv", "a%5Cb.csv", "a%0Ab.csv", "%20")) {
      assertThat(drop(client, "PUT", "?name=" + odd, file).statusCode()).as(odd).isEqualTo(400);
    }
    for (String odd : List.of("set=chain_id=../1", "set=x", "set==1", "dataset=../../x")) {
      assertThat(drop(client, "PUT", "?name=a.csv&" + odd, file).statusCode())
          .as(odd)
          .isEqualTo(400);
    }
    assertThat(drop(client, "PUT", "?name=a.csv", "x".repeat(3_000_001)).statusCode())
        .isEqualTo(413);
    assertThat(drop(viewer(), "PUT", "?name=a.csv", file).statusCode()).isEqualTo(403);
    assertThat(drop(viewer(), "POST", "/preview?name=a.csv", file).statusCode()).isEqualTo(403);
    assertThat(drop(ConsoleClient.stranger(url()), "PUT", "?name=a.csv", file).statusCode())
        .isEqualTo(401);
    // What else is sent is small, whoever sends it.
    assertThat(
            ConsoleClient.stranger(url())
                .send("POST", "login", "x".repeat(2_100_000), Map.of())
                .statusCode())
        .isEqualTo(413);
  }

  /** Candles of four hours, then a row of too many cells, and one without a number. */
  private static String damaged() {
    return candles(0) + row(4, "2310") + ",1,2,3\n" + row(5, "n/a?") + "\n";
  }

  private static String candles(int first) {
    return "venue,symbol,interval,time,open,high,low,close,volume\n"
        + IntStream.range(first, first + 4)
            .mapToObj(hour -> row(hour, "2300") + "\n")
            .collect(Collectors.joining());
  }

  private static String row(int hour, String open) {
    return "kraken,ETH/USD,1h,%d,%s,2400,2200,2350,100".formatted(1704067200L + hour * 3600L, open);
  }

  private static HttpResponse<String> drop(
      ConsoleClient who, String method, String path, String file)
      throws IOException, InterruptedException {
    return who.send(
        method, "files" + path, file, Map.of("Content-Type", "application/octet-stream"));
  }

  @Test
  @Order(14)
  void shouldLoadFilesByOrder() throws Exception {
    String stored =
        JSON.readTree(drop(client, "PUT", "?name=o.csv&dataset=ohlcv", candles(100)).body())
            .get("file")
            .asText();
    assertThat(stored).isEqualTo("s3://inbox/ohlcv/o.csv");
    JsonNode loaded = order(client, Map.of("kind", "load", "target", stored, "dataset", "ohlcv"));
    assertThat(loaded.get("outcome").asText()).isEqualTo("accepted");
    String done = "SELECT count(*) FROM ops.files WHERE state = 'done' AND request_id = '%s'";
    await()
        .atMost(LONG)
        .until(() -> Tables.number(stack, done.formatted(loaded.get("requestId").asText())) == 1);
    JsonNode again =
        order(client, Map.of("kind", "load", "target", stored, "dataset", "ohlcv", "again", true));
    assertThat(again.get("requestId").asText()).isNotEqualTo(loaded.get("requestId").asText());
    await()
        .atMost(LONG)
        .until(() -> Tables.number(stack, done.formatted(again.get("requestId").asText())) == 1);
    assertThat(
            order(client, Map.of("kind", "load", "target", "s3://inbox/none.csv"))
                .get("message")
                .asText())
        .contains("there is no file 's3://inbox/none.csv' in a location; these are: [s3://inbox]");
    assertThat(order(client, Map.of("kind", "list", "target", "inbox")).get("message").asText())
        .isEqualTo("inbox was listed, it has 2 files");
    assertThat(order(client, Map.of("kind", "list", "target", "other")).get("message").asText())
        .isEqualTo("there is no location 'other'; there are [inbox]");
  }

  /** The program, for a cluster that the environment names. */
  private static String pipeline(int code, String... words) throws Exception {
    String root = System.getProperty("project.root");
    List<String> command =
        new ArrayList<>(
            List.of(
                System.getProperty("java.home") + "/bin/java",
                "-Dpipeline.root=" + root,
                "-cp",
                root + "/pipeline-local/target/dist/lib/*",
                "io.cryptoetl.local.cli.PipelineCommand"));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder
        .environment()
        .putAll(
            Map.of(
                "KAFKA_BOOTSTRAP_SERVERS", stack.bootstrapServers(),
                "SCHEMA_REGISTRY_URL", stack.registryUrl(),
                "DATABASE_URL", stack.parts().database().jdbcUrl(Database.PIPELINE),
                "CONSOLE_READER_PASSWORD", stack.parts().database().password()));
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isEqualTo(code);
    return text;
  }

  @Test
  @Order(15)
  void shouldOperateAnyClusterByCommands() throws Exception {
    assertThat(pipeline(0, "sources", "pause", "recorded")).contains("recorded is paused");
    await().atMost(LONG).until(() -> pipeline(0, "sources").contains("paused"));
    assertThat(pipeline(2, "sources", "run", "recorded")).contains("resume it first");
    assertThat(pipeline(0, "sources", "resume", "recorded")).contains("recorded is running");
    assertThat(pipeline(0, "sources", "run", "recorded")).contains("recorded was planned");
    assertThat(pipeline(2, "sources", "pause", "other"))
        .contains(
            "no extractor has told of a source or feed 'other'; there are: damaged, recorded");
    assertThat(pipeline(0, "extract", "recorded", "--from", "0", "--to", "99"))
        .contains("Blocks 0 to 99 of recorded: 100 fetched, 100 loaded with all their rows");
    assertThat(pipeline(0, "sources", "jobs")).contains("2 of 2 ranges, records 100");
    assertThat(pipeline(0, "sources", "gaps", "recorded")).contains("No gaps.");
    assertThat(pipeline(0, "sources", "gaps", "recorded", "--fetch")).contains("has no gaps");
    assertThat(pipeline(2, "sources", "cancel", "none")).contains("nobody ordered a job 'none'");
    assertThat(pipeline(0, "backfill", "s3://inbox/ohlcv/o.csv", "--wait"))
        .contains("was read already", "4 rows read as ohlcv");
    assertThat(pipeline(0, "query", "SELECT count(*) FROM chain.blocks")).contains("2200");
    assertThat(pipeline(1, "query", "DELETE FROM chain.blocks")).contains("read-only");
    assertThat(pipeline(0, "replay", "--topic", "raw.csv.rows"))
        .contains("Dead letters of them: 0, and 0 are gone");
  }

  // What people see.

  private static Page opened() {
    assumeThat(Browser.program()).as("there is no Chromium on this machine").isPresent();
    if (browser == null) {
      browser = Browser.open(Browser.program().get());
      setDefaultAssertionTimeout(30_000);
      browser.page().navigate(link());
    }
    return browser.page();
  }

  private static void go(Page page, String name) {
    page.getByRole(AriaRole.LINK, new Page.GetByRoleOptions().setName(name).setExact(true)).click();
  }

  private static Locator button(Page page, String name) {
    return page.getByRole(
        AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
  }

  private static void write(Page page, String sql) {
    page.locator(".cm-content").click();
    page.keyboard().press("Control+A");
    page.keyboard().insertText(sql);
  }

  private static void run(Page page, String sql) {
    write(page, sql);
    page.keyboard().press("Control+Enter");
  }

  private static Locator status(Page page, String text) {
    return page.locator(".result .status .state")
        .filter(new Locator.FilterOptions().setHasText(text));
  }

  @Test
  @Order(20)
  void shouldShowThatEverythingIsThere() {
    Page page = opened();

    assertThat(page.locator("#verdict"))
        .hasText("Complete", new LocatorAssertions.HasTextOptions().setTimeout(60_000));
    assertThat(page.locator("[data-feed=recorded] .flow li").last()).containsText("2,199");
    assertThat(page.locator("[data-feed=recorded] .flow li").last()).containsText("up to date");
    assertThat(page).hasURL(url() + "/#/home");
    page.reload();
    assertThat(page.locator("#verdict")).hasText("Complete");
    browser.assertAccessible("home");
    browser.pictures("home");
    browser.assertAccessible("home, dark");
  }

  @Test
  @Order(21)
  void shouldCompleteRunAndKeepWhatIsWritten() {
    Page page = opened();
    go(page, "Query");
    page.locator(".cm-content").click();
    page.keyboard().type("select number, hash, transaction_count from chain.blo");
    page.locator(".cm-tooltip-autocomplete").getByText("chain.blocks").waitFor();
    // The editor takes no Enter for a choice in the first moment, lest somebody chooses unseen.
    page.waitForTimeout(300);
    page.keyboard().press("Enter");
    assertThat(page.locator(".cm-content")).containsText("from chain.blocks");
    page.keyboard().type(" order by number limit 3");
    page.keyboard().press("Escape");
    page.keyboard().press("Control+Enter");

    assertThat(status(page, "done")).isVisible();
    assertThat(page.locator("#counted")).hasText("3 rows");
    assertThat(page.locator(".grid-row").first()).containsText("0x");
    page.reload();
    assertThat(page.locator(".cm-content"))
        .containsText("from chain.blocks order by number limit 3");
    assertThat(page.locator(".grid-row")).hasCount(0);

    button(page, "New query").click();
    page.keyboard().insertText("SELECT 2 AS other");
    page.getByRole(AriaRole.GROUP, new Page.GetByRoleOptions().setName("Queries"))
        .getByText("chain.blocks")
        .click();
    assertThat(page.locator(".cm-content"))
        .containsText("from chain.blocks order by number limit 3");
    page.getByRole(AriaRole.GROUP, new Page.GetByRoleOptions().setName("Queries"))
        .getByText("SELECT 2 AS other")
        .click();
    assertThat(page.locator(".cm-content")).containsText("SELECT 2 AS other");
    page.getByLabel("Close SELECT 2 AS other").click();
    page.locator(".cm-content").click();
    page.keyboard().press("Control+End");
    page.keyboard().press("Control+Enter");
    page.locator("etl-grid").focus();
    page.keyboard().press("ArrowDown");
    page.keyboard().press("ArrowRight");
    page.keyboard().press("Control+C");
    assertThat((String) page.evaluate("navigator.clipboard.readText()")).matches("0x[0-9a-f]{64}");
    browser.assertAccessible("query");
  }

  @Test
  @Order(22)
  void shouldShowEveryDigit() {
    Page page = opened();
    run(page, "SELECT " + DIGITS_78 + "::numeric(78,0) AS value");

    assertThat(status(page, "done")).isVisible();
    page.locator(".grid-row > .number").click();
    assertThat(page.locator("#cell")).hasText(DIGITS_78);
  }

  @Test
  @Order(23)
  void shouldCancelWithEscape() {
    Page page = opened();
    run(page, "SELECT pg_sleep(1000)");
    page.locator("#cancel").waitFor();
    page.keyboard().press("Escape");

    assertThat(page.locator(".failure")).containsText("It was cancelled.");
    awaitNoBackend();
  }

  @Test
  @Order(24)
  void shouldMarkWhatIsWrong() {
    Page page = opened();
    run(page, "SELECT number FROM chain.blocks WHERE numbr = 1");

    assertThat(page.locator(".failure")).containsText("column \"numbr\" does not exist");
    assertThat(page.locator(".failure")).containsText("42703");
    assertThat(page.locator(".wrong")).hasText("numbr");
  }

  @Test
  @Order(25)
  void shouldFillInParametersAndExport() throws Exception {
    Page page = opened();
    write(page, "SELECT number, hash FROM chain.blocks WHERE number < :below ORDER BY number");
    page.locator("input[name=below]").fill("40");
    page.locator("#run").click();
    assertThat(page.locator("#counted")).hasText("40 rows");

    Path file = page.waitForDownload(() -> button(page, "CSV").click()).path();
    assertThat(Files.readString(file))
        .isEqualTo(
            client.export(
                "SELECT number, hash FROM chain.blocks WHERE number < '40' ORDER BY number"));
  }

  @Test
  @Order(26)
  void shouldDrawAndShareWithoutRunning() {
    Page page = opened();
    run(
        page,
        "SELECT timestamp, price, fees_paid, fees_paid_usd\nFROM business.block_economics\nORDER BY timestamp\nLIMIT 300");
    page.locator(".views").getByText("Line").click();
    page.locator("etl-chart canvas").waitFor();
    browser.pictures("query");
    browser.assertAccessible("chart");
    button(page, "Copy link").click();
    page.getByText("Copied").waitFor();
    String shared = (String) page.evaluate("navigator.clipboard.readText()");

    Page other = browser.tab();
    other.navigate(shared);
    assertThat(other.locator(".cm-content")).containsText("business.block_economics");
    assertThat(other.locator(".result .status")).hasCount(0);
    other.locator("#run").click();
    other.locator("etl-chart canvas").waitFor();
    other.close();

    button(page, "Explain").click();
    assertThat(page.locator(".plan")).containsText("Scan");
  }

  @Test
  @Order(27)
  void shouldFindByKeyboard() {
    Page page = opened();
    page.keyboard().press("Control+k");
    page.keyboard().type("token_tr");
    page.keyboard().press("Enter");
    assertThat(page.locator(".cm-content"))
        .containsText("SELECT * FROM chain.token_transfers LIMIT 100");
    page.keyboard().press("Control+k");
    page.keyboard().type("explore");
    page.keyboard().press("Enter");
    assertThat(page.getByRole(AriaRole.HEADING, new Page.GetByRoleOptions().setName("Explore")))
        .isVisible();
    page.keyboard().press("?");
    assertThat(page.getByRole(AriaRole.DIALOG)).containsText("Cancel the query that runs");
    page.keyboard().press("Escape");
  }

  @Test
  @Order(28)
  void shouldDrawWhatIsInTheTables() {
    Page page = opened();
    go(page, "Explore");

    page.locator("etl-chart canvas").first().waitFor();
    assertThat(page.getByText("Asking…")).hasCount(0);
    assertThat(page.locator("etl-explore .state.bad")).hasCount(0);
    assertThat(page.locator("etl-explore canvas").count()).isGreaterThanOrEqualTo(4);
    browser.pictures("explore");
    browser.assertAccessible("explore");
  }

  @Test
  @Order(28)
  void shouldShowRunsFilesAndDeadLetters() throws Exception {
    Page page = opened();
    go(page, "Runs");
    page.locator(".runs-cell").first().click();
    assertThat(page.locator("[aria-label=Run]")).containsText("44 of 44 worked off");
    assertThat(page.locator("[aria-label=Run] tbody tr")).hasCount(44);
    browser.pictures("runs");
    browser.assertAccessible("runs");
    go(page, "Files");
    Locator candles = file(page, "candles.csv");
    assertThat(candles.locator(".facts")).containsText("505");
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute(
          "INSERT INTO ops.dead_letters (id, stage, code, reason, source, block_number, payload, occurred_at) VALUES ('x', 'extract', 'block_unavailable', '<img src=x onerror=alert(1)>', 'recorded', 7, '<script>alert(1)</script>', now())");
    }
    go(page, "Dead letters");
    page.locator(".letters-head").filter(has("block_unavailable")).click();
    page.locator(".letter summary").click();
    assertThat(page.locator(".letter pre")).hasText("<script>alert(1)</script>");
    button(page, "Ask for block 7 again").click();
    assertThat(page.locator(".letter [role=status]"))
        .containsText("1 range of recorded, 7 to 7, is asked for");
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute("DELETE FROM ops.dead_letters WHERE id = 'x'");
    }
    assertThat(page.locator(".letters-head").filter(has("block_unavailable"))).hasCount(0);
  }

  private static Locator file(Page page, String name) {
    return page.locator(".file").filter(has(name)).first();
  }

  private static Locator.FilterOptions has(String text) {
    return new Locator.FilterOptions().setHasText(text);
  }

  @Test
  @Order(28)
  void shouldDropLookAtAndLoadAFile() throws Exception {
    Page page = opened();
    go(page, "Files");
    JSHandle dropped =
        page.evaluateHandle(
            """
            text => {
              const data = new DataTransfer();
              data.items.add(new File([text], 'damaged.csv'));
              return data;
            }
            """,
            damaged());
    page.dispatchEvent(".drop", "drop", Map.of("dataTransfer", dropped));
    assertThat(page.locator(".dropped article")).containsText("4 rows for market.candles");
    assertThat(page.locator(".dropped article")).containsText("2 would be dead letters");
    assertThat(page.locator(".dropped .problems"))
        .containsText("line 6 the row has 12 cells, 9 are expected (row_ragged)");
    browser.pictures("files");
    browser.assertAccessible("files");
    button(page, "Load 4 rows").click();
    assertThat(page.locator(".told")).containsText("damaged.csv is in the inbox");
    Locator facts = file(page, "damaged.csv").locator(".facts");
    assertThat(facts)
        .containsText(
            Pattern.compile("read\\s*6\\s*loaded\\s*4\\s*unchanged\\s*0\\s*dead letters\\s*2"),
            new LocatorAssertions.ContainsTextOptions().setTimeout(60_000));
  }

  @Test
  @Order(29)
  void shouldAskAgainForABlockThatWasMissing() throws Exception {
    order(
        client,
        Map.of("kind", "fetch", "target", "damaged", "from", "99", "to", Long.toString(MISSING)));
    Page page = opened();
    go(page, "Dead letters");
    Locator letters = page.locator(".letters-head").filter(has("damaged"));
    assertThat(letters).hasCount(1, new LocatorAssertions.HasCountOptions().setTimeout(60_000));
    letters.click();
    assertThat(page.locator(".letter")).containsText("block 100");
    damaged.mend();
    button(page, "Ask for block 100 again").click();
    // What was asked for comes, and withdraws the letter.
    assertThat(letters).hasCount(0, new LocatorAssertions.HasCountOptions().setTimeout(60_000));
    assertThat(
            Tables.number(stack, "SELECT count(*) FROM ops.dead_letters WHERE source = 'damaged'"))
        .isZero();
  }

  @Test
  @Order(29)
  void shouldMapAgainWhatCouldNotBeMapped() throws Exception {
    // A letter of a record that can be mapped: as if the service had been mended since.
    try (Producer<SpecificRecord, SpecificRecord> producer = stack.kafka().producer()) {
      producer.send(
          new ProducerRecord<>(
              Topics.OPS_DEAD_LETTERS.name(),
              new DeadLetterKey("mended"),
              DeadLetter.newBuilder()
                  .setId("mended")
                  .setStage("transform")
                  .setCode("field_odd")
                  .setReason("a test says so")
                  .setTopic("raw.evm.blocks")
                  .setPartition(0)
                  .setOffset(0L)
                  .setOccurredAt(Instant.now())
                  .build()));
    }
    Page page = opened();
    go(page, "Dead letters");
    page.locator(".letters-head").filter(has("row_ragged")).click();
    assertThat(page.locator(".letter")).hasCount(1);
    browser.pictures("letters");
    browser.assertAccessible("letters");
    button(page, "Map them again").click();
    LocatorAssertions.ContainsTextOptions slowly =
        new LocatorAssertions.ContainsTextOptions().setTimeout(60_000);
    assertThat(page.locator(".letters-body [role=status]"))
        .containsText("0 letters withdrawn, 2 still cannot be mapped", slowly);
    page.locator(".letters-head").filter(has("field_odd")).click();
    button(page, "Map them again").click();
    assertThat(page.locator(".letters-head").filter(has("field_odd")))
        .hasCount(0, new LocatorAssertions.HasCountOptions().setTimeout(60_000));
    assertThat(page.locator(".letters-head").filter(has("row_ragged"))).hasCount(1);
  }

  @Test
  @Order(29)
  void shouldKeepQueriesForEverybody() throws Exception {
    Page page = opened();
    go(page, "Query");
    write(page, "SELECT count(*) AS kept FROM chain.blocks WHERE number < :most");
    button(page, "Save").click();
    page.getByLabel("Name of the query").fill("Blocks <b>below</b>");
    button(page, "Keep it").click();
    Locator kept = page.locator(".kept").filter(has("Blocks <b>below</b>"));
    assertThat(kept).hasCount(1);
    ConsoleClient viewer = viewer();
    assertThat(viewer.get("saved").body()).contains("Blocks <b>below</b>", ":most");
    assertThat(viewer.send("DELETE", "saved/x", "", Map.of()).statusCode()).isEqualTo(403);
    await()
        .atMost(LONG)
        .until(
            () ->
                Tables.texts(stack, "SELECT name || ' by ' || saved_by FROM ops.saved_queries")
                    .equals(List.of("Blocks <b>below</b> by " + System.getProperty("user.name"))));
    page.getByLabel("New query").click();
    kept.locator(".column").click();
    assertThat(page.locator(".cm-content")).containsText("AS kept");
    kept.locator(".close").click();
    assertThat(kept).hasCount(0);
    await()
        .atMost(LONG)
        .until(() -> Tables.number(stack, "SELECT count(*) FROM ops.saved_queries") == 0);
  }

  @Test
  @Order(29)
  void shouldKeepEightTabsLive() {
    Page first = opened();
    List<Page> tabs = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      Page tab = browser.tab();
      tab.navigate(url() + "/#/query");
      tabs.add(tab);
    }
    for (int i = 0; i < 8; i++) {
      Page tab = tabs.get(i);
      run(tab, "SELECT 'tab-%d' AS tab, pg_sleep(1)".formatted(i));
    }
    for (int i = 0; i < 8; i++) {
      assertThat(tabs.get(i).locator("etl-grid")).containsText("tab-" + i);
      tabs.get(i).waitForResponse(r -> r.url().endsWith("/api/snapshot"), () -> {});
      assertThat(tabs.get(i).locator("header.top")).containsText("live");
    }
    tabs.forEach(Page::close);
    first.bringToFront();
  }

  @Test
  @Order(28)
  void shouldPauseAndFetch() {
    Page page = opened();
    go(page, "Sources");
    Locator source = page.locator("[data-source=recorded]");
    assertThat(source).containsText("running");
    assertThat(source.locator("tbody tr")).containsText("healthy");
    source.getByText("Pause").click();
    assertThat(source.locator(".said")).containsText("recorded is paused");
    assertThat(source.locator("header .state")).hasText("paused");
    source.getByText("Resume").click();
    assertThat(source.locator("header .state")).hasText("running");

    source.locator("input[name=from]").fill("0");
    source.locator("input[name=to]").fill("499");
    assertThat(source).containsText("10 ranges, about");
    source.getByText("Fetch", new Locator.GetByTextOptions().setExact(true)).click();
    assertThat(source).containsText("10 ranges of recorded, 0 to 499, are asked for");
    assertThat(source)
        .containsText(
            "10 of 10 ranges", new LocatorAssertions.ContainsTextOptions().setTimeout(60_000));
    browser.pictures("sources");
    browser.assertAccessible("sources");
  }

  @Test
  @Order(28)
  void shouldShowTopicsAndFindRecords() throws Exception {
    Page page = opened();
    go(page, "Topics");
    page.getByText("chain.transactions", new Page.GetByTextOptions().setExact(true)).click();
    assertThat(page.locator(".record")).hasCount(20);
    page.locator(".record").first().click();
    assertThat(page.locator(".record pre").first()).containsText("\"chain_id\": \"31337\"");
    String hash =
        Tables.texts(
                stack,
                "SELECT '0x' || encode(hash, 'hex') FROM chain.transactions WHERE block_number = 1000 AND transaction_index = 0")
            .getFirst();
    page.locator("input[name=contains]").fill(hash);
    page.getByText("Look", new Page.GetByTextOptions().setExact(true)).click();
    assertThat(page.locator("[aria-label=Records] [role=status]"))
        .containsText(
            Pattern.compile("1 found in [8-9],\\d+ records, 0 offsets not looked at\\s*$"),
            new LocatorAssertions.ContainsTextOptions().setTimeout(30_000));
    assertThat(page.locator(".record")).hasCount(1);
    assertThat(page.locator("[aria-labelledby=tasks]")).containsText("tables-0");
    assertThat(page.locator("[aria-labelledby=groups]")).containsText("transformer-streams");
    page.locator(".versions > summary").click();
    assertThat(page.locator(".versions .record").first()).containsText("value version 1");
    page.locator(".versions > summary").click();
    button(page, "Restart tables-0").click();
    assertThat(page.locator("[aria-labelledby=tasks]")).containsText("tables-0 is restarted");
    browser.pictures("topics");
    browser.assertAccessible("topics");
  }

  @Test
  @Order(29)
  void shouldShowTenThousandWideRows() {
    Page page = opened();
    go(page, "Query");
    run(
        page,
        "SELECT t.hash, t.block_number, transaction_index, from_address, to_address, t.value, t.gas, t.gas_price, t.nonce, t.input, b.hash AS block_hash, b.timestamp, b.gas_used, b.gas_limit, b.miner, b.parent_hash, b.size, b.difficulty, b.chain_id, n FROM chain.transactions AS t JOIN chain.blocks AS b ON b.chain_id = t.chain_id AND b.number = t.block_number, generate_series(1, 2) AS n");
    assertThat(page.locator("#counted")).hasText("10,000 rows");
    page.evaluate(
        """
        window.longTasks = 0;
        new PerformanceObserver(list => (window.longTasks += list.getEntries().length)).observe({ entryTypes: ['longtask'] });
        """);
    Locator grid = page.locator("etl-grid");
    grid.hover();
    for (int i = 0; i < 150; i++) {
      page.mouse().wheel(0, 2400);
      page.waitForTimeout(20);
    }
    System.out.printf(
        "Tasks of more than 50 ms while 10,000 rows were scrolled: %s%n",
        page.evaluate("window.longTasks"));
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)");
    assertThat(page.locator(".grid-row").last()).containsText("10000");
  }

  @Test
  @Order(30)
  void shouldNotComplain() {
    opened();
    assertThat(browser.complaints().stream().filter(c -> !c.contains("status of 401")).toList())
        .isEmpty();
  }

  @Test
  @Order(31)
  void shouldSayWhatIsDownAndGoOn() throws Exception {
    Page page = opened();
    try (Connection db = stack.database();
        Statement statement = db.createStatement()) {
      statement.execute("DELETE FROM ops.dead_letters");
    }
    awaitComplete(page);
    // The loader by its tasks, the services by their silence.
    Child connect = stopped("connect", "Loader");
    List<Child> services =
        Stream.of("extractor", "transformer", "backfill").map(stack::child).toList();
    for (Child service : services) {
      service.stop();
    }
    for (String name : List.of("Loader", "Extractor", "Transformer", "Backfill")) {
      assertThat(page.locator(".parts"))
          .containsText(
              name + " down since", new LocatorAssertions.ContainsTextOptions().setTimeout(60_000));
    }
    stillQueries(page);
    stack.startPart(connect.part());
    for (Child service : services) {
      stack.startPart(service.part());
    }
    awaitComplete(page);

    Child registry = stopped("registry", "Schema registry");
    stillQueries(page);
    go(page, "Topics");
    page.getByText("chain.transactions", new Page.GetByTextOptions().setExact(true)).click();
    assertThat(page.locator(".record").first()).isVisible();
    stack.startPart(registry.part());
    awaitComplete(page);

    Child kafka = stopped("kafka", "Kafka");
    stillQueries(page);
    go(page, "Sources");
    page.locator("[data-source=recorded]").getByText("Pause").click();
    assertThat(page.locator("[data-source=recorded] .said"))
        .containsText("It could not be written: Kafka does not answer.");
    stack.startPart(kafka.part());
    awaitComplete(page);
    browser.complaints();
  }

  private static Child stopped(String part, String name) throws Exception {
    Page page = opened();
    go(page, "Home");
    Child child = stack.child(part);
    child.stop();
    assertThat(page.locator(".parts"))
        .containsText(
            name + " down since", new LocatorAssertions.ContainsTextOptions().setTimeout(60_000));
    assertThat(page.locator("#verdict")).containsText(name + " is down");
    return child;
  }

  private static void stillQueries(Page page) {
    go(page, "Query");
    run(page, "SELECT count(*) AS n FROM chain.blocks");
    assertThat(page.locator("etl-grid")).containsText("2200");
    go(page, "Home");
  }

  private static void awaitComplete(Page page) {
    go(page, "Home");
    assertThat(page.locator("#verdict"))
        .hasText("Complete", new LocatorAssertions.HasTextOptions().setTimeout(120_000));
  }

  @Test
  @Order(32)
  void shouldSayThatTheDatabaseIsDownAndGoOn() throws Exception {
    Page page = opened();
    Child postgres = stopped("postgres", "PostgreSQL");
    assertThat(page.locator("[data-feed=recorded]")).containsText("2,199");
    browser.pictures("broken");
    go(page, "Query");
    run(page, "SELECT 1");
    assertThat(page.locator(".failure")).containsText("The database does not answer");
    stack.startPart(postgres.part());
    awaitComplete(page);
    browser.complaints();
  }

  @Test
  @Order(99)
  void shouldLimitTriesToLogIn() throws Exception {
    List<Integer> answers = new ArrayList<>();
    for (int i = 0; i < 15; i++) {
      answers.add(
          ConsoleClient.stranger(url())
              .send("POST", "login", "{\"password\":\"guess\"}", Map.of())
              .statusCode());
    }
    assertThat(answers).contains(401).endsWith(429, 429);
  }
}
