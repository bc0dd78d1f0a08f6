package io.cryptoetl.extractor.evm;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.BlockVerifier;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.extractor.verify.VerifiedBlock;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.web3j.protocol.core.DefaultBlockParameterName;

/**
 * Blocks of an EVM chain from JSON-RPC nodes, verified. It is its own only feed: numbers are
 * heights.
 */
public final class EvmSource implements Source, Feed {
  private final Settings settings;
  private final EndpointPool<NodeClient> pool;
  private final BlockFetcher fetcher;
  private final ExecutorService fetchers = Executors.newVirtualThreadPerTaskExecutor();

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
   * @param verify whether hashes and roots are recomputed; only measurements turn it off
   * @param reorgWindow published blocks below the head that are compared with the chain at each
   *     tick, if finality is a number of confirmations
   * @param batchBytes reply size that a batch aims at, in bytes
   * @param window most batches that are held for one range
   */
  public record Settings(
      String name,
      long chainId,
      ChainProfile profile,
      boolean verify,
      Finality finality,
      int reorgWindow,
      Receipts receipts,
      int batchBytes,
      int window,
      Duration retryDelay) {}

  /** A source that asks these endpoints. */
  EvmSource(Settings settings, EndpointPool<NodeClient> pool, Clock clock) {
    this.settings = settings;
    this.pool = pool;
    this.fetcher =
        new BlockFetcher(
            settings, pool, new BlockVerifier(settings.chainId(), settings.profile()), clock);
  }

  /** A source over HTTP. */
  public static EvmSource over(
      Settings settings,
      List<EndpointPool.Member<io.cryptoetl.extractor.endpoint.HttpCaller>> endpoints,
      EndpointPool.Limits limits,
      Clock clock) {
    List<EndpointPool.Member<NodeClient>> nodes =
        endpoints.stream()
            .map(
                e ->
                    new EndpointPool.Member<>(
                        e.name(), new NodeClient(e.client()), e.rateCeiling()))
            .toList();
    return new EvmSource(settings, new EndpointPool<>(nodes, limits, System::nanoTime), clock);
  }

  @Override
  public String name() {
    return settings.name();
  }

  @Override
  public List<Feed> feeds() {
    return List.of(this);
  }

  @Override
  public Topic topic() {
    return Topics.RAW_EVM_BLOCKS;
  }

  @Override
  public List<EndpointStatus> endpoints() {
    return pool.status();
  }

  @Override
  public int reorgWindow() {
    return settings.finality() instanceof Finality.Confirmations ? settings.reorgWindow() : 0;
  }

  /** Asks every endpoint that can be asked, so that each is known to lag or not. */
  @Override
  public long head() throws TransientException, InterruptedException {
    long newest = -1;
    String problem = "none can be asked now";
    for (String name : pool.names()) {
      Optional<EndpointPool<NodeClient>.Lease> lease = pool.leaseOf(name, 1);
      if (lease.isEmpty()) {
        continue;
      }
      try {
        long head = lease.get().use(this::head);
        pool.hasHead(name, head);
        newest = Math.max(newest, head);
      } catch (CallFailedException e) {
        problem = e.getMessage();
      }
    }
    if (newest >= 0) {
      return newest;
    }
    // None could be asked at once: wait for the first that can.
    try {
      EndpointPool<NodeClient>.Lease lease = pool.lease(1, -1, Set.of());
      long head = lease.use(this::head);
      pool.hasHead(lease.name(), head);
      return head;
    } catch (CallFailedException e) {
      throw new TransientException(e.code(), e.getMessage());
    } catch (TransientException e) {
      throw new TransientException(e.code(), e.getMessage() + "; last: " + problem);
    }
  }

  private long head(NodeClient node) throws CallFailedException, InterruptedException {
    node.proveChain(settings.name(), settings.chainId());
    return switch (settings.finality()) {
      case Finality.Finalized _ -> newest(node, DefaultBlockParameterName.FINALIZED);
      case Finality.Safe _ -> newest(node, DefaultBlockParameterName.SAFE);
      case Finality.Confirmations c ->
          Math.max(0, newest(node, DefaultBlockParameterName.LATEST) - c.blocks());
    };
  }

  /** The height of a tag, by a header that proves itself: a damaged one would plan what is not. */
  private long newest(NodeClient node, DefaultBlockParameterName tag)
      throws CallFailedException, InterruptedException {
    Optional<byte[]> block = node.call(NodeClient.block(tag));
    if (block.isEmpty()) {
      throw new CallFailedException(
          Kind.REFUSED,
          "no_head",
          "endpoint %s knows no %s block; set finality of the source to a number of confirmations if the chain has none"
              .formatted(node.name(), tag.getValue()));
    }
    return fetcher.heightOf(node, block.get());
  }

  @Override
  public Optional<byte[]> hashAt(long number) throws TransientException, InterruptedException {
    EndpointPool<NodeClient>.Lease lease = pool.lease(1, number, Set.of());
    try {
      return lease.use(
          node -> {
            node.proveChain(settings.name(), settings.chainId());
            Optional<byte[]> header = node.call(NodeClient.block(number, false));
            return header.isEmpty()
                ? Optional.empty()
                : Optional.of(fetcher.hashOf(node, number, header.get()));
          });
    } catch (CallFailedException e) {
      throw new TransientException(e.code(), e.getMessage());
    }
  }

  @Override
  public Effort fetch(Range range, boolean lastTry, Consumer<Item> items)
      throws TransientException, InterruptedException {
    BlockFetcher.Progress progress = new BlockFetcher.Progress();
    Deque<Future<List<BlockFetcher.Fetched>>> inFlight = new ArrayDeque<>();
    Linker linker = new Linker(lastTry, progress);
    long next = range.from();
    try {
      while (next <= range.to() || !inFlight.isEmpty()) {
        while (next <= range.to() && inFlight.size() < settings.window()) {
          Range batch = new Range(next, Math.min(range.to(), next + fetcher.batchBlocks() - 1));
          boolean withParent = next == range.from();
          inFlight.add(
              fetchers.submit(() -> fetcher.fetch(batch, withParent, Set.of(), lastTry, progress)));
          next = batch.to() + 1;
        }
        for (BlockFetcher.Fetched fetched : get(inFlight.remove())) {
          items.accept(linker.item(fetched));
        }
      }
    } finally {
      inFlight.forEach(f -> f.cancel(true));
    }
    return new Effort(progress.endpoints(), progress.calls(), progress.retries());
  }

  @Override
  public void close() {
    fetchers.shutdownNow();
  }

  private static <R> R get(Future<R> future) throws TransientException, InterruptedException {
    try {
      return future.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case TransientException t -> throw t;
        case InterruptedException i -> throw i;
        case RuntimeException r -> throw r;
        default -> throw new IllegalStateException(e.getCause());
      }
    }
  }

  /** Links each block of a range to the one before, in order, and makes its item. */
  private final class Linker {
    private final boolean lastTry;
    private final BlockFetcher.Progress progress;
    private Optional<byte[]> parent = Optional.empty();

    Linker(boolean lastTry, BlockFetcher.Progress progress) {
      this.lastTry = lastTry;
      this.progress = progress;
    }

    Item item(BlockFetcher.Fetched fetched) throws TransientException, InterruptedException {
      if (fetched.parent().isPresent()) {
        parent = fetched.parent();
      }
      List<Item.Answer> answers = new java.util.ArrayList<>();
      BlockFetcher.Fetched current = fetched;
      while (true) {
        if (current.block().isEmpty()) {
          answers.addAll(current.refused());
          return rejected(current.number(), answers);
        }
        BlockFetcher.Verified verified = current.block().get();
        try {
          VerifiedBlock linked = verified.block().linked(parent);
          parent = Optional.of(linked.hash());
          return accepted(verified, linked);
        } catch (BadDataException e) {
          pool.refused(verified.endpoint(), e.code(), e.getMessage());
          answers.add(
              new Item.Answer(e.code(), e.getMessage(), verified.endpoint(), verified.bytes()));
        }
        // Another endpoint may be on the right fork.
        Set<String> asked =
            answers.stream()
                .map(Item.Answer::endpoint)
                .collect(java.util.stream.Collectors.toSet());
        if (asked.containsAll(pool.names())) {
          return rejected(current.number(), answers);
        }
        current =
            fetcher
                .fetch(
                    new Range(current.number(), current.number()), false, asked, lastTry, progress)
                .getFirst();
      }
    }

    private Item rejected(long number, List<Item.Answer> answers) throws TransientException {
      parent = Optional.empty();
      Item.Answer last = answers.getLast();
      if (!lastTry) {
        throw new TransientException(last.code(), last.reason(), true);
      }
      return new Item.Rejected(number, answers);
    }
  }

  private Item accepted(BlockFetcher.Verified verified, VerifiedBlock block) {
    Instant fetchedAt = verified.fetchedAt();
    RawBlock raw =
        RawBlock.newBuilder()
            .setSource(settings.name())
            .setChainId(settings.chainId())
            .setNumber(block.number())
            .setHash(ByteBuffer.wrap(block.hash()))
            .setParentHash(ByteBuffer.wrap(block.parentHash()))
            .setTimestamp(Instant.ofEpochSecond(block.timestampSeconds()))
            .setBlockJson(ByteBuffer.wrap(verified.json()))
            .setReceiptsJson(verified.receipts().map(ByteBuffer::wrap).orElse(null))
            .setEndpoint(verified.endpoint())
            .setFetchedAt(fetchedAt)
            .setChecks(block.checks())
            .setUnchecked(block.unchecked())
            .build();
    long bytes = verified.json().length + verified.receipts().map(r -> (long) r.length).orElse(0L);
    return new Item.Accepted(
        block.number(),
        Topics.RAW_EVM_BLOCKS,
        new BlockKey(settings.chainId(), block.number()),
        raw,
        bytes,
        block.checks(),
        verified.endpoint(),
        Optional.of(new Item.Link(block.hash(), block.parentHash())));
  }
}
