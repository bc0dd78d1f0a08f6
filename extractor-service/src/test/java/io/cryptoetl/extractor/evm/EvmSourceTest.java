package io.cryptoetl.extractor.evm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.Feed.Effort;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.raw.RawBlock;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class EvmSourceTest {
  private static final Instant NOW = Instant.parse("2026-01-02T03:04:05.678Z");
  private static final HttpClient HTTP = HttpClient.newHttpClient();

  private final FakeNode node = new FakeNode().withEmptyBlocks(0, 120);
  private final FakeNode other = new FakeNode().withEmptyBlocks(0, 120);
  private EvmSource.Receipts receipts = EvmSource.Receipts.REQUIRED;
  private Finality finality = new Finality.Finalized();

  @AfterEach
  void close() {
    node.close();
    other.close();
  }

  private EvmSource source(Map<String, URI> endpoints) {
    Clock clock = Clock.fixed(NOW, ZoneOffset.UTC);
    return EvmSource.over(
        new EvmSource.Settings(
            "ethereum",
            1,
            ChainProfile.GENERIC_EVM,
            java.util.Set.of(),
            1,
            true,
            finality,
            64,
            receipts,
            20,
            1 << 20,
            3,
            Duration.ofMillis(1)),
        endpoints.entrySet().stream()
            .map(
                e ->
                    new EndpointPool.Member<>(
                        e.getKey(),
                        new HttpCaller(
                            new Endpoint(e.getKey(), e.getValue()),
                            HTTP,
                            Duration.ofSeconds(5),
                            1 << 20,
                            clock),
                        Double.POSITIVE_INFINITY))
            .toList(),
        new EndpointPool.Limits(3, 20, Duration.ofMillis(1)),
        clock);
  }

  private EvmSource source() {
    return source(Map.of("alpha", node.url()));
  }

  private static List<Item> fetch(EvmSource source, long from, long to, boolean lastTry)
      throws Exception {
    List<Item> items = new ArrayList<>();
    Effort unused = source.fetch(new Range(from, to), lastTry, items::add);
    return items;
  }

  private static TransientException failure(EvmSource source, long from, long to) {
    return catchThrowableOfType(TransientException.class, () -> fetch(source, from, to, false));
  }

  @Test
  void shouldGiveEveryHeightInOrderWithTheBytesOfTheNode() throws Exception {
    List<Item> items = fetch(source(), 5, 104, false);

    assertThat(items.stream().map(Item::number))
        .isEqualTo(LongStream.rangeClosed(5, 104).boxed().toList());
    RawBlock raw = (RawBlock) ((Item.Accepted) items.getFirst()).value();
    assertThat(StandardCharsets.UTF_8.decode(raw.getBlockJson()).toString())
        .isEqualTo(node.blocks.get(5L));
    assertThat(StandardCharsets.UTF_8.decode(raw.getReceiptsJson()).toString()).isEqualTo("[]");
    assertThat(raw.getEndpoint()).isEqualTo("alpha");
    assertThat(raw.getFetchedAt()).isEqualTo(NOW);
    assertThat(raw.getTimestamp()).isEqualTo(Instant.ofEpochSecond(1005));
    assertThat(raw.getChecks())
        .contains("number", "parent_link", "receipts_of_block", "transactions_of_block");
  }

  @Test
  void shouldFollowTheFinalityRule() throws Exception {
    finality = new Finality.Confirmations(7);

    assertThat(source().head()).isEqualTo(113);
  }

  @Test
  void shouldRefuseANodeOfAnotherChain() {
    node.chainId = 137;

    TransientException failure = failure(source(), 1, 2);

    assertThat(failure.code()).isEqualTo("wrong_chain");
    assertThat(failure).hasMessageContaining("alpha").hasMessageContaining("137");
  }

  @Test
  void shouldAskTheNextEndpointWhenOneFails() throws Exception {
    node.status = 503;
    Map<String, URI> endpoints = new LinkedHashMap<>();
    endpoints.put("alpha", node.url());
    endpoints.put("beta", other.url());

    List<Item> items = fetch(source(endpoints), 1, 3, false);

    assertThat(items)
        .allSatisfy(
            i ->
                assertThat(((RawBlock) ((Item.Accepted) i).value()).getEndpoint())
                    .isEqualTo("beta"));
  }

  @Test
  void shouldNeverShowTheUrlOfAnEndpoint() {
    List<TransientException> failures = new ArrayList<>();
    node.distortion = text -> "<html>" + node.url() + "</html>";
    failures.add(failure(source(), 1, 1));
    node.status = 401;
    failures.add(failure(source(), 1, 1));
    node.status = 200;
    node.distortion =
        text ->
            "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32000,\"message\":\"key "
                + FakeNode.SECRET
                + " is over its limit\"}}";
    failures.add(failure(source(), 1, 1));
    failures.add(
        failure(
            source(Map.of("gone", URI.create("http://127.0.0.1:1/v3/" + FakeNode.SECRET))), 1, 1));

    assertThat(failures)
        .allSatisfy(
            f ->
                assertThat(f.toString())
                    .doesNotContain(FakeNode.SECRET)
                    .doesNotContain("http://")
                    .containsAnyOf("alpha", "gone"));
  }

  @Test
  void shouldNotTakeANullBlockForData() throws Exception {
    node.blocks.remove(3L);

    assertThat(failure(source(), 1, 5).code()).isEqualTo("block_unavailable");
    assertThat(failure(source(), 1, 5).answered()).isTrue();
    assertThat(fetch(source(), 1, 5, true))
        .filteredOn(i -> i instanceof Item.Rejected)
        .singleElement()
        .satisfies(i -> assertThat(i.number()).isEqualTo(3));
  }

  @Test
  void shouldRejectPartsThatDoNotBelongTogether() throws Exception {
    String tx =
        "[{\"hash\":\""
            + FakeNode.transactionHash(0, 1)
            + "\",\"from\":\"0x"
            + "00".repeat(20)
            + "\",\"blockHash\":\"%s\",\"blockNumber\":\"0x%x\"}]";
    String receipt = "[{\"transactionHash\":\"%s\",\"blockHash\":\"%s\"}]";
    node.blocks.put(1L, FakeNode.block(1, tx.formatted(FakeNode.hash(1), 1)));
    node.blocks.put(2L, FakeNode.block(2, tx.formatted(FakeNode.hash(9), 2)));
    node.blocks.put(3L, FakeNode.block(3, tx.formatted(FakeNode.hash(3), 3)));
    node.receipts.put(3L, receipt.formatted(FakeNode.transactionHash(0, 1), FakeNode.hash(9)));
    node.blocks.put(5L, FakeNode.block(5, "[\"0x01\"]"));
    node.blocks.put(6L, FakeNode.block(77, "[]"));
    node.blocks.put(7L, "{\"number\":\"surprise\"}");
    node.blocks.put(8L, "{\"number\":\"0x8\",\"hash\":\"0x12\",\"transactions\":[]}");

    assertThat(fetch(source(), 1, 9, true))
        .extracting(i -> i instanceof Item.Rejected r ? r.answers().getFirst().code() : "accepted")
        .containsExactly(
            "receipts_missing",
            "transaction_of_other_block",
            "receipt_of_other_block",
            "accepted",
            "transactions_not_full",
            "wrong_number",
            "block_malformed",
            "block_malformed",
            "accepted");
  }

  @Test
  void shouldKeepTheBytesOfARejectedBlock() throws Exception {
    node.blocks.put(4L, FakeNode.block(4, "[\"0x01\"]"));

    Item.Rejected rejected = (Item.Rejected) fetch(source(), 4, 4, true).getFirst();

    assertThat(rejected.answers())
        .singleElement()
        .satisfies(
            a ->
                assertThat(new String(a.payload(), StandardCharsets.UTF_8))
                    .isEqualTo(node.blocks.get(4L) + "\n" + node.receipts.get(4L)));
  }

  @Test
  void shouldPublishWithoutReceiptsOnlyWhereTheyAreOptional() throws Exception {
    node.blocks.put(2L, FakeNode.block(2, FakeNode.transactions(2, 1)));
    node.receipts.remove(2L);
    assertThat(failure(source(), 2, 2).code()).isEqualTo("receipts_unavailable");

    receipts = EvmSource.Receipts.OPTIONAL;

    RawBlock raw = (RawBlock) ((Item.Accepted) fetch(source(), 2, 2, false).getFirst()).value();
    assertThat(raw.getReceiptsJson()).isNull();
    assertThat(raw.getChecks()).doesNotContain("receipts_of_block");
  }

  @Test
  void shouldRefuseAReplyThatIsTooLarge() {
    node.distortion = text -> text + " ".repeat(2 << 20);

    assertThat(failure(source(), 1, 1).code()).isIn("reply_too_large", "reply_malformed");
  }

  @Test
  void shouldTryAgainWhenAReplyIsCutOff() throws Exception {
    assertThat(source().head()).isEqualTo(120);
    int before = node.requests.get();
    node.distortion =
        text ->
            text.startsWith("[") && node.requests.get() <= before + 2
                ? text.substring(0, text.length() / 2)
                : text;

    assertThat(fetch(source(), 1, 2, false)).hasSize(2);
  }
}
