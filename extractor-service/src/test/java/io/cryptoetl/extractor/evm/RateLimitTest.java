package io.cryptoetl.extractor.evm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.extractor.endpoint.Endpoint;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.verify.ChainProfile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two nodes with 50 ms latency that take 50 calls in any second, and no more. */
@Timeout(90)
class RateLimitTest {
  private static final int LIMIT = 50;
  private static final ObjectMapper JSON = new ObjectMapper();

  /** A node that counts calls over the last second and refuses what is too much. */
  private static final class LimitedNode implements AutoCloseable {
    private final HttpServer server;
    private final FakeNode answers = new FakeNode().withEmptyBlocks(0, 5000);
    private final Deque<Long> lastSecond = new ArrayDeque<>();
    private volatile boolean dead;
    private final List<Long> servedAt = new ArrayList<>();
    private int served;
    private int refused;

    LimitedNode() throws IOException {
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 50);
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.createContext("/", this::handle);
      server.start();
    }

    private void handle(HttpExchange exchange) throws IOException {
      try (exchange) {
        JsonNode request = JSON.readTree(exchange.getRequestBody());
        if (dead) {
          return;
        }
        Thread.sleep(50);
        boolean taken = take(request.isArray() ? request.size() : 1);
        byte[] reply =
            (taken ? answers.reply(request) : "{\"error\":\"too many requests\"}")
                .getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(taken ? 200 : 429, reply.length);
        exchange.getResponseBody().write(reply);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }

    private synchronized boolean take(int calls) {
      long now = System.nanoTime();
      while (!lastSecond.isEmpty() && now - lastSecond.peekFirst() > 1_000_000_000L) {
        lastSecond.removeFirst();
      }
      if (lastSecond.size() + calls > LIMIT) {
        refused++;
        return false;
      }
      for (int i = 0; i < calls; i++) {
        lastSecond.addLast(now);
      }
      for (int i = 0; i < calls; i++) {
        servedAt.add(now);
      }
      served += calls;
      return true;
    }

    @Override
    public void close() {
      server.stop(0);
      answers.close();
    }
  }

  private static EvmSource source(double ceiling, LimitedNode... nodes) {
    List<EndpointPool.Member<HttpCaller>> members = new ArrayList<>();
    HttpClient http = HttpClient.newHttpClient();
    for (int i = 0; i < nodes.length; i++) {
      Endpoint endpoint =
          new Endpoint(
              "node" + i,
              java.net.URI.create(
                  "http://127.0.0.1:" + nodes[i].server.getAddress().getPort() + "/"));
      members.add(
          new EndpointPool.Member<>(
              endpoint.name(),
              new HttpCaller(endpoint, http, Duration.ofSeconds(5), 1 << 24, Clock.systemUTC()),
              ceiling));
    }
    return EvmSource.over(
        new EvmSource.Settings(
            "limited",
            1,
            ChainProfile.GENERIC_EVM,
            java.util.Set.of(),
            1,
            true,
            new Finality.Finalized(),
            64,
            EvmSource.Receipts.REQUIRED,
            50,
            1 << 20,
            16,
            Duration.ofMillis(100)),
        members,
        new EndpointPool.Limits(8, 50, Duration.ofMillis(100)),
        Clock.systemUTC());
  }

  @Test
  void shouldStayJustBelowTheLimitAndLeaveNoGapWhenANodeDiesAndReturns() throws Exception {
    try (LimitedNode first = new LimitedNode();
        LimitedNode second = new LimitedNode();
        EvmSource source = source(LIMIT, first, second)) {
      Thread life =
          Thread.ofVirtual()
              .start(
                  () -> {
                    try {
                      Thread.sleep(3_000);
                      second.dead = true;
                      Thread.sleep(3_000);
                      second.dead = false;
                    } catch (InterruptedException e) {
                      Thread.currentThread().interrupt();
                    }
                  });
      long began = System.nanoTime();
      List<Item> items = new ArrayList<>();
      source.fetch(new Range(1, 400), false, items::add);
      double seconds = (System.nanoTime() - began) / 1e9;
      life.join();

      assertThat(items)
          .extracting(Item::number)
          .isEqualTo(LongStream.rangeClosed(1, 400).boxed().toList());
      // From the third second on, when all is under way, for six seconds. How near to the limit
      // it gets depends on the machine; benchmarks/README.md tells what was measured.
      double used =
          first.servedAt.stream()
                  .filter(at -> at - began > 2_000_000_000L && at - began <= 8_000_000_000L)
                  .count()
              / 6.0
              / LIMIT;
      System.out.printf(
          "served %d and %d calls in %.1f s, refused %d and %d; the first at %.3f of its limit%n",
          first.served, second.served, seconds, first.refused, second.refused, used);
      assertThat(used).as("share of the limit that was used").isBetween(0.3, 1.001);
      assertThat(first.refused + second.refused).as("refused requests").isLessThanOrEqualTo(20);
    }
  }

  @Test
  void shouldFindTheLimitThatNobodyToldIt() throws Exception {
    try (LimitedNode node = new LimitedNode();
        EvmSource source = source(Double.POSITIVE_INFINITY, node)) {
      List<Item> items = new ArrayList<>();
      long began = System.nanoTime();
      while (items.size() < 300) {
        int before = items.size();
        try {
          source.fetch(new Range(before + 1, before + 50), false, items::add);
        } catch (io.cryptoetl.extractor.source.TransientException e) {
          items.subList(before, items.size()).clear();
        }
      }
      double seconds = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          "served %d calls in %.1f s, refused %d%n", node.served, seconds, node.refused);
      assertThat(node.served / seconds).isGreaterThan(0.1 * LIMIT);
      assertThat(node.refused).isLessThan(100);
    }
  }
}
