package io.cryptoetl.extractor.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.schemas.Topics;
import java.io.ByteArrayOutputStream;
import java.net.http.HttpClient;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import org.apache.avro.message.BinaryMessageEncoder;
import org.apache.avro.specific.SpecificData;
import org.apache.avro.specific.SpecificRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What every source keeps to. A test of a source inherits it and says what it runs against. */
public abstract class SourceContract {
  protected static final HttpClient HTTP = HttpClient.newHttpClient();
  protected final Clock clock = Clock.systemUTC();

  private FakeServer server;
  private Source source;

  /** A server that has something for {@link #range()}. */
  protected abstract FakeServer server();

  /** The source under test, asking the server. */
  protected abstract Source source(EndpointPool<HttpCaller> unused, HttpCaller caller);

  /** Numbers of the first feed that the server has. */
  protected abstract Range range();

  @BeforeEach
  void start() {
    server = server();
    HttpCaller caller =
        new HttpCaller(
            new Endpoint("alpha", server.url()), HTTP, Duration.ofSeconds(5), 1 << 24, clock);
    source = source(pool(caller), caller);
  }

  @AfterEach
  void stop() {
    source.close();
    server.close();
  }

  protected static EndpointPool<HttpCaller> pool(HttpCaller... callers) {
    List<EndpointPool.Member<HttpCaller>> members = new ArrayList<>();
    for (HttpCaller caller : callers) {
      members.add(
          new EndpointPool.Member<>(caller.endpoint().name(), caller, Double.POSITIVE_INFINITY));
    }
    return new EndpointPool<>(
        members, new EndpointPool.Limits(3, 20, Duration.ofMillis(1)), System::nanoTime);
  }

  private Feed feed() {
    return source.feeds().getFirst();
  }

  private List<Item> fetch(boolean lastTry) throws Exception {
    List<Item> items = new ArrayList<>();
    Feed.Effort effort = feed().fetch(range(), lastTry, items::add);
    assertThat(effort.endpoint()).isEqualTo("alpha");
    assertThat(effort.calls()).isPositive();
    return items;
  }

  private TransientException failure() {
    return catchThrowableOfType(TransientException.class, () -> fetch(false));
  }

  @Test
  void shouldNameItsFeedsAfterItself() {
    assertThat(source.name()).matches("[a-z][a-z0-9-]*");
    assertThat(source.feeds())
        .extracting(Feed::name)
        .doesNotHaveDuplicates()
        .allMatch(n -> n.equals(source.name()) || n.startsWith(source.name() + "."));
    assertThat(Topics.all()).contains(source.topic());
  }

  @Test
  void shouldHaveAHead() throws Exception {
    assertThat(feed().head()).isGreaterThanOrEqualTo(range().to());
    assertThat(feed().earliest(feed().head())).isLessThanOrEqualTo(feed().head());
  }

  @Test
  void shouldGiveOneItemForEachNumberInOrder() throws Exception {
    assertThat(fetch(false))
        .extracting(Item::number)
        .isEqualTo(LongStream.rangeClosed(range().from(), range().to()).boxed().toList());
  }

  @Test
  void shouldGiveRecordsForItsTopicWithChecksAndTheEndpointsName() throws Exception {
    List<Item> items = fetch(false);

    assertThat(items).anyMatch(i -> i instanceof Item.Accepted);
    for (Item item : items) {
      if (item instanceof Item.Accepted accepted) {
        assertThat(accepted.topic()).isEqualTo(source.topic());
        assertThat(accepted.value().getSchema()).isEqualTo(source.topic().value());
        assertThat(accepted.key().getSchema()).isEqualTo(source.topic().key());
        assertThat(accepted.checks()).isNotEmpty().isSorted();
        assertThat(accepted.bytes()).isPositive();
        assertThat(accepted.endpoint()).isEqualTo("alpha");
        assertThat(encoded(accepted.value())).doesNotContain(FakeServer.SECRET);
      }
    }
  }

  private static String encoded(SpecificRecord value) throws Exception {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    new BinaryMessageEncoder<SpecificRecord>(SpecificData.get(), value.getSchema())
        .encode(value, out);
    return out.toString(java.nio.charset.StandardCharsets.ISO_8859_1);
  }

  @Test
  void shouldAskAgainLaterWhateverAnOutageLooksLike() {
    List<Runnable> outages =
        List.of(
            () -> server.status = 503,
            () -> server.status = 429,
            () -> {
              server.status = 200;
              server.distortion = text -> "<html>" + server.url() + "</html>";
            },
            () -> server.distortion = text -> "",
            () -> server.distortion = text -> text.substring(0, text.length() / 2));
    for (Runnable outage : outages) {
      outage.run();
      TransientException failure = failure();

      assertThat(failure).isNotNull();
      assertThat(failure.answered()).as("an outage is waited out: " + failure).isFalse();
      assertThat(failure.toString()).doesNotContain(FakeServer.SECRET).doesNotContain("http://");
    }
  }

  @Test
  void shouldGoOnAfterAnOutage() throws Exception {
    server.status = 503;
    assertThat(failure()).isNotNull();
    server.status = 200;

    org.awaitility.Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .ignoreException(TransientException.class)
        .until(() -> fetch(false).size() == range().size());
    assertThat(source.endpoints().getFirst().health()).isEqualTo("healthy");
  }

  @Test
  void shouldWaitAsLongAsTheServerAsks() throws Exception {
    server.headers.put("Retry-After", "1");
    server.status = 429;
    assertThat(failure()).isNotNull();
    int before = server.requests.get();
    server.status = 200;
    long began = System.nanoTime();

    assertThat(fetch(false)).hasSize((int) range().size());
    assertThat(Duration.ofNanos(System.nanoTime() - began)).isGreaterThan(Duration.ofMillis(300));
    assertThat(server.requests.get()).isGreaterThan(before);
  }

  @Test
  void shouldTellHowItsEndpointsDo() {
    assertThat(source.endpoints())
        .singleElement()
        .satisfies(
            e -> {
              assertThat(e.name()).isEqualTo("alpha");
              assertThat(e.concurrency()).isPositive();
            });
  }
}
