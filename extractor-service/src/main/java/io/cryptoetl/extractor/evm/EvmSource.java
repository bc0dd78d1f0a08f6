package io.cryptoetl.extractor.evm;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.raw.RawBlock;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.web3j.protocol.Web3j;
import org.web3j.protocol.core.DefaultBlockParameter;
import org.web3j.protocol.core.DefaultBlockParameterName;
import org.web3j.protocol.core.Request;
import org.web3j.protocol.core.Response;
import org.web3j.protocol.core.methods.response.EthBlock;

/**
 * Blocks of an EVM chain from JSON-RPC nodes. A batch asks for blocks with full transactions and,
 * unless the settings say otherwise, their receipts. When an endpoint fails, the next one is asked.
 */
public final class EvmSource implements Source, AutoCloseable {
  private static final int TRIES_PER_BATCH = 3;

  private final Settings settings;
  private final List<NodeTransport> endpoints;
  private final Clock clock;
  private final ExecutorService fetchers = Executors.newVirtualThreadPerTaskExecutor();
  private final Set<String> provenEndpoints = ConcurrentHashMap.newKeySet();
  private final AtomicInteger preferred = new AtomicInteger();
  private final AtomicLong blockBytes = new AtomicLong(64 * 1024);

  /** Whether receipts are asked for. */
  public enum Receipts {
    /** A block is published only with its receipts. */
    REQUIRED,
    /** A block whose receipts the node does not have is published without. */
    OPTIONAL,
    /** Receipts are not asked for. */
    NONE
  }

  /**
   * Settings of a chain.
   *
   * @param chainId EIP-155 id that every endpoint must report
   * @param batchCalls most calls in one HTTP request, at least 2
   * @param batchBytes reply size that a batch aims at, in bytes
   * @param concurrency most HTTP requests in flight for one range
   */
  public record Settings(
      String name,
      long chainId,
      Finality finality,
      Receipts receipts,
      int batchCalls,
      int batchBytes,
      int concurrency,
      Duration retryDelay) {}

  EvmSource(Settings settings, List<NodeTransport> endpoints, Clock clock) {
    this.settings = settings;
    this.endpoints = List.copyOf(endpoints);
    this.clock = clock;
  }

  /**
   * A source over HTTP.
   *
   * @param urls endpoint URLs by name, in the order of preference
   * @param timeout how long a request may take
   * @param maxReplyBytes largest reply that is read, in bytes
   */
  public static EvmSource over(
      Settings settings,
      java.util.Map<String, java.net.URI> urls,
      java.net.http.HttpClient http,
      Duration timeout,
      int maxReplyBytes,
      Clock clock) {
    return new EvmSource(
        settings,
        urls.entrySet().stream()
            .map(
                e ->
                    new NodeTransport(
                        new Endpoint(e.getKey(), e.getValue()), http, timeout, maxReplyBytes))
            .toList(),
        clock);
  }

  @Override
  public String name() {
    return settings.name();
  }

  @Override
  public long head() throws TransientException, InterruptedException {
    TransientException last = null;
    for (int i = 0; i < endpoints.size(); i++) {
      try {
        return head(preferredEndpoint());
      } catch (TransientException e) {
        last = e;
        preferNext();
      }
    }
    throw last;
  }

  @Override
  public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
      throws TransientException, InterruptedException {
    Progress progress = new Progress();
    Deque<Future<List<Item>>> inFlight = new ArrayDeque<>();
    long next = range.from();
    try {
      while (next <= range.to() || !inFlight.isEmpty()) {
        while (next <= range.to() && inFlight.size() < settings.concurrency()) {
          Range batch = new Range(next, Math.min(range.to(), next + batchBlocks() - 1));
          inFlight.add(fetchers.submit(() -> fetchBatch(batch, lastTry, progress)));
          next = batch.to() + 1;
        }
        for (Item item : get(inFlight.remove())) {
          items.accept(item);
        }
      }
    } finally {
      inFlight.forEach(f -> f.cancel(true));
    }
    return new Effort(progress.endpoint, progress.calls.get(), progress.retries.get());
  }

  @Override
  public void close() {
    fetchers.shutdownNow();
  }

  /** What the batches of one range took together. */
  private static final class Progress {
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private volatile String endpoint = "";
  }

  private static List<Item> get(Future<List<Item>> future)
      throws TransientException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case TransientException t -> throw t;
        case RuntimeException r -> throw r;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Blocks in the next batch: bounded by calls, and by bytes as far as the last ones foretell. */
  private int batchBlocks() {
    int byCalls = settings.batchCalls() / (settings.receipts() == Receipts.NONE ? 1 : 2);
    long byBytes = settings.batchBytes() / Math.max(1, blockBytes.get());
    return (int) Math.max(1, Math.min(byCalls, byBytes));
  }

  private List<Item> fetchBatch(Range range, boolean lastTry, Progress progress)
      throws TransientException, InterruptedException {
    for (int tries = 1; ; tries++) {
      NodeTransport endpoint = preferredEndpoint();
      try {
        List<Item> items = fetchBatch(endpoint, range, lastTry, progress);
        progress.endpoint = endpoint.endpoint().name();
        return items;
      } catch (TransientException e) {
        provenEndpoints.remove(endpoint.endpoint().name());
        preferNext();
        if (tries >= TRIES_PER_BATCH || e.answered()) {
          throw e;
        }
        progress.retries.incrementAndGet();
        Thread.sleep(settings.retryDelay().multipliedBy(tries));
      }
    }
  }

  private List<Item> fetchBatch(
      NodeTransport endpoint, Range range, boolean lastTry, Progress progress)
      throws TransientException, InterruptedException {
    proveChain(endpoint);
    Web3j web3j = endpoint.web3j();
    List<Request<?, ?>> calls = new ArrayList<>();
    for (long number = range.from(); number <= range.to(); number++) {
      DefaultBlockParameter at = DefaultBlockParameter.valueOf(BigInteger.valueOf(number));
      calls.add(web3j.ethGetBlockByNumber(at, true));
      if (settings.receipts() != Receipts.NONE) {
        calls.add(web3j.ethGetBlockReceipts(at));
      }
    }
    progress.calls.addAndGet(calls.size());
    byte[] body = endpoint.batch(calls);
    Instant fetchedAt = clock.instant();
    BatchReply reply = read(endpoint, body);
    List<Item> items = new ArrayList<>();
    int call = 0;
    for (long number = range.from(); number <= range.to(); number++) {
      Optional<byte[]> block = result(endpoint, reply, calls.get(call++));
      Optional<byte[]> receipts =
          settings.receipts() == Receipts.NONE
              ? Optional.empty()
              : result(endpoint, reply, calls.get(call++));
      items.add(item(endpoint, number, block, receipts, lastTry, fetchedAt));
    }
    blockBytes.set((blockBytes.get() + body.length / range.size()) / 2 + 1);
    return items;
  }

  private Item item(
      NodeTransport endpoint,
      long number,
      Optional<byte[]> block,
      Optional<byte[]> receipts,
      boolean lastTry,
      Instant fetchedAt)
      throws TransientException {
    String name = endpoint.endpoint().name();
    byte[] payload = block.orElseGet(() -> new byte[0]);
    String code;
    String reason;
    try {
      if (block.isEmpty()) {
        throw new BadDataException(
            "block_unavailable",
            "endpoint %s has no block %d; if it exists, ask for it again from an endpoint that has it"
                .formatted(name, number));
      }
      if (receipts.isEmpty() && settings.receipts() == Receipts.REQUIRED) {
        throw new BadDataException(
            "receipts_unavailable",
            "endpoint %s has block %d but not its receipts; use an endpoint that serves eth_getBlockReceipts, or set receipts of the source to optional"
                .formatted(name, number));
      }
      BlockHead head = BlockHead.read(number, block.get(), receipts.orElse(null));
      return accepted(name, head, block.get(), receipts, fetchedAt);
    } catch (BadDataException e) {
      code = e.code();
      reason = endpoint.endpoint().redact(e.getMessage());
      if (!lastTry) {
        throw new TransientException(code, reason, true);
      }
    }
    return new Item.Rejected(number, code, reason, name, payload);
  }

  private Item accepted(
      String endpoint, BlockHead head, byte[] block, Optional<byte[]> receipts, Instant fetchedAt) {
    RawBlock raw =
        RawBlock.newBuilder()
            .setSource(settings.name())
            .setChainId(settings.chainId())
            .setNumber(head.number())
            .setHash(ByteBuffer.wrap(head.hash()))
            .setParentHash(ByteBuffer.wrap(head.parentHash()))
            .setTimestamp(Instant.ofEpochSecond(head.timestampSeconds()))
            .setBlockJson(ByteBuffer.wrap(block))
            .setReceiptsJson(receipts.map(ByteBuffer::wrap).orElse(null))
            .setEndpoint(endpoint)
            .setFetchedAt(fetchedAt)
            .setChecks(head.checks())
            .build();
    long bytes = block.length + receipts.map(r -> (long) r.length).orElse(0L);
    return new Item.Accepted(
        head.number(), new BlockKey(settings.chainId(), head.number()), raw, bytes);
  }

  private static BatchReply read(NodeTransport endpoint, byte[] body) throws TransientException {
    BatchReply reply;
    try {
      reply = BatchReply.read(body);
    } catch (IOException e) {
      throw new TransientException(
          "reply_malformed",
          "endpoint %s answered what is not a JSON-RPC reply (%s): %s"
              .formatted(endpoint.endpoint().name(), e.getMessage(), endpoint.snippet(body)));
    }
    if (reply.failureOfAll().isPresent()) {
      throw failed(endpoint, "the batch", reply.failureOfAll().get());
    }
    return reply;
  }

  /** The bytes of a result, or empty where the node says null. */
  private static Optional<byte[]> result(
      NodeTransport endpoint, BatchReply reply, Request<?, ?> call) throws TransientException {
    return switch (reply.answer(call.getId()).orElse(null)) {
      case BatchReply.Answer.Result result -> Optional.of(result.json());
      case BatchReply.Answer.Missing _ -> Optional.empty();
      case BatchReply.Answer.Failure failure -> throw failed(endpoint, call.getMethod(), failure);
      case null ->
          throw new TransientException(
              "reply_incomplete",
              "endpoint %s left out the answer to %s of a batch; lower extractor.batch-calls if it limits batches"
                  .formatted(endpoint.endpoint().name(), call.getMethod()));
    };
  }

  private static TransientException failed(
      NodeTransport endpoint, String what, BatchReply.Answer.Failure failure) {
    return new TransientException(
        "rpc_" + failure.code(),
        "endpoint %s refused %s with error %d: %s"
            .formatted(
                endpoint.endpoint().name(),
                what,
                failure.code(),
                endpoint.endpoint().redact(failure.message())));
  }

  private long head(NodeTransport endpoint) throws TransientException, InterruptedException {
    proveChain(endpoint);
    Web3j web3j = endpoint.web3j();
    return switch (settings.finality()) {
      case Finality.Finalized _ -> tagged(endpoint, web3j, DefaultBlockParameterName.FINALIZED);
      case Finality.Safe _ -> tagged(endpoint, web3j, DefaultBlockParameterName.SAFE);
      case Finality.Confirmations c ->
          call(endpoint, web3j.ethBlockNumber()).getBlockNumber().longValueExact() - c.blocks();
    };
  }

  private static long tagged(NodeTransport endpoint, Web3j web3j, DefaultBlockParameterName tag)
      throws TransientException {
    EthBlock block = call(endpoint, web3j.ethGetBlockByNumber(tag, false));
    if (block.getBlock() == null) {
      throw new TransientException(
          "no_head",
          "endpoint %s knows no %s block; set finality of the source to a number of confirmations if the chain has none"
              .formatted(endpoint.endpoint().name(), tag.getValue()));
    }
    return block.getBlock().getNumber().longValueExact();
  }

  /** Refuses an endpoint of another chain: its blocks would stand under the wrong chain id. */
  private void proveChain(NodeTransport endpoint) throws TransientException {
    String name = endpoint.endpoint().name();
    if (provenEndpoints.contains(name)) {
      return;
    }
    BigInteger stated = call(endpoint, endpoint.web3j().ethChainId()).getChainId();
    if (!stated.equals(BigInteger.valueOf(settings.chainId()))) {
      throw new TransientException(
          "wrong_chain",
          "endpoint %s is a node of chain id %s, source %s is chain id %d; correct the endpoint's URL or the source's chain-id"
              .formatted(name, stated, settings.name(), settings.chainId()));
    }
    provenEndpoints.add(name);
  }

  private static <T extends Response<?>> T call(NodeTransport endpoint, Request<?, T> request)
      throws TransientException {
    String name = endpoint.endpoint().name();
    try {
      T response = request.send();
      if (response == null) {
        throw new TransientException(
            "reply_malformed",
            "endpoint %s answered nothing to %s".formatted(name, request.getMethod()));
      }
      if (response.hasError()) {
        throw failed(
            endpoint,
            request.getMethod(),
            new BatchReply.Answer.Failure(
                response.getError().getCode(), String.valueOf(response.getError().getMessage())));
      }
      return response;
    } catch (NodeTransport.CallFailedException e) {
      throw e.reason();
    } catch (IOException | RuntimeException e) {
      // web3j's messages quote the reply, which may quote the URL.
      throw new TransientException(
          "reply_malformed",
          "endpoint %s answered %s with what is not a JSON-RPC reply; check that its URL is that of a JSON-RPC node"
              .formatted(name, request.getMethod()));
    }
  }

  private NodeTransport preferredEndpoint() {
    return endpoints.get(Math.floorMod(preferred.get(), endpoints.size()));
  }

  private void preferNext() {
    preferred.incrementAndGet();
  }
}
