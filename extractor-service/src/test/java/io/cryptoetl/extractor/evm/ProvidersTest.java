package io.cryptoetl.extractor.evm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.raw.RawBlock;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What nodes and providers do that no specification tells. */
class ProvidersTest {
  private static final int TRIES = 60;

  private int quorum = 1;
  private final HttpClient http = HttpClient.newHttpClient();
  private final FakeNode node = new FakeNode().withBlocks(1, 60, 2);
  private final FakeNode other = new FakeNode().withBlocks(1, 60, 2);

  @AfterEach
  void close() {
    node.close();
    other.close();
    http.close();
  }

  private EvmSource source(FakeNode... nodes) {
    List<EndpointPool.Member<HttpCaller>> members = new ArrayList<>();
    for (FakeNode each : nodes) {
      String name = "node" + members.size();
      members.add(
          new EndpointPool.Member<>(
              name,
              new HttpCaller(
                  new Endpoint(name, each.url()),
                  http,
                  Duration.ofSeconds(5),
                  1 << 20,
                  Clock.systemUTC()),
              Double.POSITIVE_INFINITY));
    }
    return EvmSource.over(
        new EvmSource.Settings(
            "chain",
            1,
            ChainProfile.GENERIC_EVM,
            java.util.Set.of(),
            quorum,
            true,
            new Finality.Confirmations(0),
            64,
            EvmSource.Receipts.REQUIRED,
            20,
            1 << 20,
            2,
            Duration.ofMillis(1)),
        members,
        new EndpointPool.Limits(2, 20, Duration.ofMillis(1)),
        Clock.systemUTC());
  }

  /** Fetches as a worker does: again while it is told to. */
  private static List<Item> fetch(EvmSource source, long from, long to) throws Exception {
    TransientException last = null;
    for (int i = 0; i < TRIES; i++) {
      List<Item> items = new ArrayList<>();
      try {
        source.fetch(new Range(from, to), i > 5, items::add);
        return items;
      } catch (TransientException e) {
        last = e;
        Thread.sleep(5);
      }
    }
    throw last;
  }

  private static void assertAll(List<Item> items, long from, long to) {
    assertThat(items)
        .allSatisfy(item -> assertThat(item).isInstanceOf(Item.Accepted.class))
        .extracting(Item::number)
        .containsExactlyElementsOf(LongStream.rangeClosed(from, to).boxed().toList());
  }

  private static String errors(JsonNode batch, String error) {
    List<String> errors = new ArrayList<>();
    batch.forEach(call -> errors.add("{\"id\":%s,\"error\":%s}".formatted(call.get("id"), error)));
    return "[" + String.join(",", errors) + "]";
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "500 | each | {\"code\":31,\"message\":\"pay for more than 3\"}",
        "200 | each | {\"code\":-32600,\"message\":\"what is that\"}",
        "200 | all | {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32014,\"message\":\"many calls\"}}",
        "429 | all | {\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32014,\"message\":\"too many RPC calls in batch request\"}}",
        "400 | all | Bad Request",
        "403 | all | <html>forbidden</html>",
        "200 | all | {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\"}",
        "200 | all | []"
      })
  void shouldSendSmallerBatchesWhateverTheRefusalSays(int status, String of, String body)
      throws Exception {
    node.front =
        request ->
            request.size() <= 3 || !request.isArray()
                ? null
                : new FakeNode.Refusal(status, of.equals("each") ? errors(request, body) : body);
    EvmSource source = source(node);

    assertAll(fetch(source, 1, 40), 1, 40);
    node.sizes.clear();
    assertAll(fetch(source, 41, 60), 41, 60);

    assertThat(node.sizes).as("what is learned is remembered").contains(3).allMatch(n -> n <= 3);
    assertThat(source.endpoints().getFirst().batchCalls()).isEqualTo(3);
  }

  @ParameterizedTest
  @ValueSource(ints = {200, 400, 500, 501})
  void shouldSendSingleCallsToANodeThatTakesNoBatches(int status) throws Exception {
    node.front =
        request ->
            request.isArray()
                ? new FakeNode.Refusal(
                    status,
                    "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,\"message\":\"no\"}}")
                : null;
    EvmSource source = source(node);

    assertAll(fetch(source, 1, 30), 1, 30);
    assertThat(source.endpoints().getFirst().batchCalls()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"code\":-32601,\"message\":\"the method eth_getBlockReceipts does not exist\"}",
        "{\"code\":-32000,\"message\":\"not on your plan\"}",
        "null"
      })
  void shouldAskForSingleReceiptsWhereThereAreNoneOfBlocks(String error) throws Exception {
    if (error.equals("null")) {
      node.receipts.clear();
    } else {
      node.error = (method, _) -> method.equals("eth_getBlockReceipts") ? error : null;
    }
    EvmSource source = source(node);

    List<Item> items = fetch(source, 1, 30);

    assertAll(items, 1, 30);
    RawBlock raw = (RawBlock) ((Item.Accepted) items.get(6)).value();
    assertThat(StandardCharsets.UTF_8.decode(raw.getReceiptsJson()).toString())
        .isEqualTo("[" + FakeNode.receipt(7, 0) + "," + FakeNode.receipt(7, 1) + "]");
    node.methods.clear();
    assertAll(fetch(source, 31, 60), 31, 60);
    if (!error.equals("null")) {
      // A null is told of one block only.
      assertThat(node.methods).doesNotContain("eth_getBlockReceipts");
      assertThat(source.endpoints().getFirst().note().orElseThrow())
          .contains("transaction by transaction");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "{\"code\":-32601,\"message\":\"no such method\"}"})
  void shouldAskForReceiptsOfABlockAgainWhereThereAreNoSingleOnes(String single) throws Exception {
    node.error =
        (method, number) -> method.equals("eth_getBlockReceipts") && number < 30 ? "{}" : null;
    EvmSource source = source(node);
    assertAll(fetch(source, 1, 20), 1, 20);
    assertThat(source.endpoints().getFirst().note()).isPresent();

    if (single.equals("null")) {
      node.transactionReceipts.clear();
    } else {
      node.error = (method, _) -> method.equals("eth_getTransactionReceipt") ? single : null;
    }

    assertAll(fetch(source, 31, 60), 31, 60);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"code\":-32603,\"message\":\"internal error\"}",
        "{\"code\":-32099,\"message\":\"upstream\"}",
        "{\"code\":7,\"message\":\"\"}"
      })
  void shouldNeverTakeWordsForAnAnswer(String error) {
    node.error = (_, number) -> number == 7 ? error : null;
    // Nothing links over height 7, so that it is not absent either.
    EvmSource source = source(node);

    for (int i = 0; i < 20; i++) {
      TransientException e =
          catchThrowableOfType(
              TransientException.class, () -> source.fetch(new Range(5, 9), true, _ -> {}));
      assertThat(e.answered()).isFalse();
    }
    node.error = (_, _) -> null;
    assertThat(org.assertj.core.api.Assertions.catchThrowable(() -> fetch(source, 5, 9))).isNull();
  }

  /** Minutes of it are a matter of tries: each of these is what a worker makes as its last one. */
  @Test
  void shouldLoseNothingToNonsense() throws Exception {
    java.util.Random random = new java.util.Random(7);
    List<FakeNode.Refusal> nonsense =
        List.of(
            new FakeNode.Refusal(200, ""),
            new FakeNode.Refusal(200, "null"),
            new FakeNode.Refusal(200, "{}"),
            new FakeNode.Refusal(200, "[{}]"),
            new FakeNode.Refusal(200, "<html>maintenance</html>"),
            new FakeNode.Refusal(200, "[{\"id\":1,\"result\":{\"hash\":"),
            new FakeNode.Refusal(
                200, "{\"id\":null,\"error\":{\"code\":-32603,\"message\":\"oops\"}}"),
            new FakeNode.Refusal(402, "pay"),
            new FakeNode.Refusal(404, "no such app"),
            new FakeNode.Refusal(408, ""),
            new FakeNode.Refusal(429, "slow down"),
            new FakeNode.Refusal(500, "{\"error\":\"oops\"}"),
            new FakeNode.Refusal(503, "<html>"));
    List<String> results = List.of("{}", "[]", "\"0x1\"", "true", "{\"error\":\"timeout\"}");
    java.util.concurrent.atomic.AtomicBoolean over =
        new java.util.concurrent.atomic.AtomicBoolean();
    node.front =
        request -> {
          if (over.get()) {
            return null;
          }
          if (random.nextBoolean()) {
            return nonsense.get(random.nextInt(nonsense.size()));
          }
          List<String> answers = new ArrayList<>();
          for (JsonNode call : request.isArray() ? request : List.of(request)) {
            answers.add(
                "{\"id\":%s,\"result\":%s}"
                    .formatted(call.get("id"), results.get(random.nextInt(results.size()))));
          }
          return new FakeNode.Refusal(
              200, request.isArray() ? "[" + String.join(",", answers) + "]" : answers.getFirst());
        };
    EvmSource source = source(node);
    List<Item> seen = new ArrayList<>();

    for (int i = 0; i < 150; i++) {
      TransientException e =
          catchThrowableOfType(
              TransientException.class, () -> source.fetch(new Range(5, 14), true, seen::add));
      assertThat(e).isNotNull();
    }
    over.set(true);

    assertThat(seen).noneMatch(item -> item instanceof Item.Rejected);
    assertAll(fetch(source, 5, 14), 5, 14);
  }

  @Test
  void shouldWaitForTheArchiveBesideAPrunedNode() throws Exception {
    other.status = 503;
    node.blocks.keySet().removeIf(number -> number < 30);
    EvmSource source = source(node, other);
    for (int i = 0; i < 10; i++) {
      TransientException e =
          catchThrowableOfType(
              TransientException.class, () -> source.fetch(new Range(5, 9), true, _ -> {}));
      assertThat(e.answered()).isFalse();
    }
    other.status = 200;

    assertAll(fetch(source, 5, 9), 5, 9);
  }

  @Test
  void shouldHaltWhereBlocksAreRefusedOneAfterAnother() throws Exception {
    for (long n = 20; n <= 60; n++) {
      node.blocks.put(n, FakeNode.block(n, "[\"" + FakeNode.transactionHash(n, 0) + "\"]"));
    }
    EvmSource source = source(node);
    TransientException e =
        catchThrowableOfType(
            TransientException.class, () -> source.fetch(new Range(15, 40), true, _ -> {}));

    assertThat(e).hasMessageContaining("halted").hasMessageContaining("20");
    assertThat(source.halted()).isPresent();

    node.withBlocks(20, 60, 2);
    assertAll(fetch(source, 15, 40), 15, 40);
    assertThat(source.halted()).isEmpty();
  }

  @Test
  void shouldGiveUpABlockThatIsRefusedBetweenHoles() throws Exception {
    node.blocks.keySet().removeIf(number -> number < 30 && number != 20);
    node.blocks.put(20L, FakeNode.block(20, "[\"" + FakeNode.transactionHash(20, 0) + "\"]"));

    assertThat(fetch(source(node), 20, 20).getFirst()).isInstanceOf(Item.Rejected.class);
  }

  @Test
  void shouldGiveUpABlockThatIsRefusedBetweenOthersThatAreNot() throws Exception {
    node.blocks.put(20L, FakeNode.block(20, "[\"" + FakeNode.transactionHash(20, 0) + "\"]"));
    EvmSource source = source(node);

    List<Item> items = fetch(source, 15, 25);

    assertThat(items)
        .filteredOn(i -> i instanceof Item.Rejected)
        .singleElement()
        .satisfies(i -> assertThat(i.number()).isEqualTo(20));
    assertThat(source.halted()).isEmpty();
  }

  @Test
  void shouldKnowSkippedHeightsWhileAnotherEndpointIsAway() throws Exception {
    node.blocks.remove(8L);
    node.blocks.put(9L, FakeNode.block(9, "[]").replace(FakeNode.hash(8), FakeNode.hash(7)));
    node.receipts.put(9L, "[]");
    other.status = 503;
    EvmSource source = source(node, other);

    List<Item> items = fetch(source, 5, 12);

    assertThat(items.get(3)).isInstanceOf(Item.Absent.class);
    assertThat(items).filteredOn(i -> i instanceof Item.Accepted).hasSize(7);
  }

  @Test
  void shouldAskForWhatComesAfterManyThatAreRefused() throws Exception {
    // 8 to 37 are skipped: more in a row than are asked for one by one.
    for (long n = 8; n <= 37; n++) {
      node.blocks.remove(n);
    }
    node.blocks.put(38L, FakeNode.block(38, "[]").replace(FakeNode.hash(37), FakeNode.hash(7)));
    node.receipts.put(38L, "[]");
    node.error =
        (_, number) ->
            number >= 8 && number <= 37 ? "{\"code\":12,\"message\":\"null round\"}" : null;

    List<Item> items = fetch(source(node), 5, 50);

    assertThat(items).filteredOn(i -> i instanceof Item.Absent).hasSize(30);
    assertThat(items).filteredOn(i -> i instanceof Item.Accepted).hasSize(16);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"null", "{\"code\":12,\"message\":\"requested epoch was a null round (8)\"}"})
  void shouldKnowHeightsThatTheChainSkipped(String answer) throws Exception {
    // 8 and 9 are skipped: 10 is the child of 7.
    node.blocks.remove(8L);
    node.blocks.remove(9L);
    node.blocks.put(10L, FakeNode.block(10, "[]").replace(FakeNode.hash(9), FakeNode.hash(7)));
    node.receipts.put(10L, "[]");
    if (!answer.equals("null")) {
      node.error = (_, number) -> number == 8 || number == 9 ? answer : null;
    }
    EvmSource source = source(node);

    for (Range range : List.of(new Range(5, 12), new Range(8, 9), new Range(9, 12))) {
      List<Item> items = fetch(source, range.from(), range.to());
      assertThat(items).hasSize((int) range.size());
      assertThat(items)
          .allSatisfy(
              item ->
                  assertThat(item)
                      .isInstanceOf(
                          item.number() == 8 || item.number() == 9
                              ? Item.Absent.class
                              : Item.Accepted.class));
    }
  }

  @Test
  void shouldSendUserAndHeadersAndShowNeither() throws Exception {
    java.util.concurrent.atomic.AtomicReference<com.sun.net.httpserver.Headers> seen =
        new java.util.concurrent.atomic.AtomicReference<>();
    com.sun.net.httpserver.HttpServer server =
        com.sun.net.httpserver.HttpServer.create(
            new java.net.InetSocketAddress(java.net.InetAddress.getLoopbackAddress(), 0), 5);
    server.createContext(
        "/",
        exchange -> {
          seen.set(exchange.getRequestHeaders());
          byte[] body =
              ("no " + exchange.getRequestHeaders().getFirst("x-api-key"))
                  .getBytes(StandardCharsets.UTF_8);
          exchange.sendResponseHeaders(403, body.length);
          exchange.getResponseBody().write(body);
          exchange.close();
        });
    server.start();
    try {
      HttpCaller caller =
          new HttpCaller(
              new Endpoint(
                  "node",
                  java.net.URI.create(
                      "http://some%2Fbody:p4ssw0rd!@127.0.0.1:"
                          + server.getAddress().getPort()
                          + "/rpc"),
                  java.util.Map.of("x-api-key", "k3y-of-somebody")),
              http,
              Duration.ofSeconds(5),
              1 << 20,
              Clock.systemUTC());

      Throwable failure =
          org.assertj.core.api.Assertions.catchThrowable(
              () -> caller.post("{}".getBytes(StandardCharsets.UTF_8)));

      assertThat(seen.get().getFirst("x-api-key")).isEqualTo("k3y-of-somebody");
      assertThat(seen.get().getFirst("Authorization"))
          .isEqualTo(
              "Basic "
                  + java.util.Base64.getEncoder()
                      .encodeToString("some/body:p4ssw0rd!".getBytes(StandardCharsets.UTF_8)));
      assertThat(failure).hasMessageContaining("HTTP 403").hasMessageNotContaining("k3y-of");
    } finally {
      server.stop(0);
    }
  }

  @Test
  void shouldPublishNothingThatTooFewEndpointsTell() throws Exception {
    quorum = 2;
    assertAll(fetch(source(node, other), 5, 9), 5, 9);

    other.blocks.put(9L, FakeNode.block(9, "[]").replace(FakeNode.hash(9), FakeNode.hash(77)));
    EvmSource source = source(node, other);
    for (int i = 0; i < 4; i++) {
      TransientException e =
          catchThrowableOfType(
              TransientException.class, () -> source.fetch(new Range(9, 9), false, _ -> {}));
      assertThat(e.code()).isEqualTo("no_quorum");
      assertThat(e.answered()).as("it is waited for").isFalse();
    }
    other.withBlocks(9, 9, 2);
    assertAll(fetch(source, 9, 9), 9, 9);
  }

  @Test
  void shouldWaitForABlockBeyondTheHead() {
    EvmSource source = source(node);

    TransientException e =
        catchThrowableOfType(
            TransientException.class, () -> source.fetch(new Range(58, 63), true, _ -> {}));

    assertThat(e.code()).isEqualTo("not_there_yet");
    assertThat(e.answered()).isFalse();
    assertThat(source.halted()).isEmpty();
  }
}
