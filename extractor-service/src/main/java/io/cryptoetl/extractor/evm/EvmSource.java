package io.cryptoetl.extractor.evm;

import io.cryptoetl.chain.BlockKey;
import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.EndpointStatus;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Feed;
import io.cryptoetl.extractor.source.Futures;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.Source;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.BlockVerifier;
import io.cryptoetl.extractor.verify.ChainProfile;
import io.cryptoetl.extractor.verify.Check;
import io.cryptoetl.extractor.verify.VerifiedBlock;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.raw.RawBlock;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.web3j.protocol.core.DefaultBlockParameterName;

/**
 * Blocks of an EVM chain from JSON-RPC nodes, verified. It is its own only feed: numbers are
 * heights.
 */
public final class EvmSource implements Source, Feed {
  /** Heights in a row that are looked at for one that has a block. */
  private static final int MAX_SKIPPED = 100;

  /** Blocks in a row that are refused before it is not the blocks that are at fault. */
  private static final int MAX_REFUSED_IN_A_ROW = 5;

  private final Settings settings;
  private final EndpointPool<NodeClient> pool;
  private final BlockFetcher fetcher;
  private final ExecutorService fetchers = Executors.newVirtualThreadPerTaskExecutor();
  private volatile Optional<Halt> halted = Optional.empty();

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
   * @param mayFail checks that may fail whatever the profile says
   * @param quorum endpoints that must tell the same hash at the end of a range, 1 and more
   * @param verify whether hashes and roots are recomputed; only measurements turn it off
   * @param reorgWindow published blocks below the head that are compared with the chain at each
   *     tick, if finality is a number of confirmations
   * @param batchCalls most calls that are made together
   * @param batchBytes reply size that a batch aims at, in bytes
   * @param window most batches that are held for one range
   */
  public record Settings(
      String name,
      long chainId,
      ChainProfile profile,
      Set<Check> mayFail,
      int quorum,
      boolean verify,
      Finality finality,
      int reorgWindow,
      Receipts receipts,
      int batchCalls,
      int batchBytes,
      int window,
      Duration retryDelay) {}

  /** A source that asks these endpoints. */
  EvmSource(Settings settings, EndpointPool<NodeClient> pool, Clock clock) {
    this.settings = settings;
    this.pool = pool;
    this.fetcher =
        new BlockFetcher(
            settings,
            pool,
            new BlockVerifier(settings.chainId(), settings.profile(), settings.mayFail()),
            clock);
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
    return pool.status(
        node ->
            node.singleReceipts()
                .map(reason -> "receipts are asked for transaction by transaction: " + reason));
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
      Optional<EndpointPool<NodeClient>.Lease> lease = pool.leaseOf(name);
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

  /** The newest height that some endpoint has. */
  private long newest() throws TransientException, InterruptedException {
    EndpointPool<NodeClient>.Lease lease = pool.lease(1, -1, Set.of());
    try {
      return lease.use(node -> newest(node, DefaultBlockParameterName.LATEST));
    } catch (CallFailedException e) {
      throw new TransientException(e.code(), e.getMessage());
    }
  }

  /** The height of a tag, by a header that proves itself: a damaged one would plan what is not. */
  private long newest(NodeClient node, DefaultBlockParameterName tag)
      throws CallFailedException, InterruptedException {
    Optional<JsonValue> block = node.call(NodeClient.block(tag));
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
  public Optional<Halt> halted() {
    return halted;
  }

  @Override
  public Optional<byte[]> hashAt(long number) throws TransientException, InterruptedException {
    return hashAt(pool.lease(1, number, Set.of()), number);
  }

  private Optional<byte[]> hashAt(EndpointPool<NodeClient>.Lease lease, long number)
      throws TransientException, InterruptedException {
    try {
      return lease.use(
          node -> {
            node.proveChain(settings.name(), settings.chainId());
            Optional<JsonValue> header = node.call(NodeClient.block(number, false));
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
    Asker.Progress progress = new Asker.Progress();
    Deque<Future<List<BlockFetcher.Fetched>>> inFlight = new ArrayDeque<>();
    Linker linker = new Linker(lastTry, progress);
    long next = range.from();
    Item.Accepted unvoted = null;
    try {
      while (next <= range.to() || !inFlight.isEmpty()) {
        while (next <= range.to() && inFlight.size() < settings.window()) {
          Range batch = new Range(next, Math.min(range.to(), next + fetcher.batchBlocks() - 1));
          boolean withParent = next == range.from();
          inFlight.add(fetchers.submit(() -> fetcher.fetch(batch, withParent, Set.of(), progress)));
          next = batch.to() + 1;
        }
        for (BlockFetcher.Fetched fetched : Futures.get(inFlight.remove())) {
          Item item = linker.item(fetched);
          if (item instanceof Item.Accepted accepted) {
            unvoted = accepted;
          } else if (item instanceof Item.Rejected && unvoted != null) {
            // What comes after it is not chained to what came before.
            requireQuorum(unvoted);
            unvoted = null;
          }
          items.accept(item);
        }
      }
      if (unvoted != null) {
        requireQuorum(unvoted);
      }
    } finally {
      inFlight.forEach(f -> f.cancel(true));
    }
    return new Effort(progress.endpoints(), progress.calls(), progress.retries());
  }

  /** Blocks are chained to those after them, so that the last hash stands for all of them. */
  private void requireQuorum(Item.Accepted last) throws TransientException, InterruptedException {
    byte[] hash = last.link().orElseThrow().hash();
    int agreed = 1;
    List<String> others = new ArrayList<>();
    for (String name : pool.names()) {
      if (agreed >= settings.quorum()) {
        return;
      }
      if (name.equals(last.endpoint())) {
        continue;
      }
      try {
        Optional<byte[]> told = hashAt(pool.leaseOnly(name, 1), last.number());
        if (told.isPresent() && Arrays.equals(told.get(), hash)) {
          agreed++;
        } else {
          others.add(name + (told.isPresent() ? " has another block" : " has no block"));
        }
      } catch (TransientException e) {
        others.add(e.getMessage());
      }
    }
    if (agreed < settings.quorum()) {
      throw new TransientException(
          "no_quorum",
          "block %d of %s is told alike by %d endpoints, quorum is %d: %s. It is asked for again"
              .formatted(
                  last.number(),
                  settings.name(),
                  agreed,
                  settings.quorum(),
                  String.join("; ", others)));
    }
  }

  @Override
  public void close() {
    fetchers.shutdownNow();
  }

  /** Links each block of a range to the one before, in order, and makes its item. */
  private final class Linker {
    private final boolean lastTry;
    private final Asker.Progress progress;
    private Optional<byte[]> parent = Optional.empty();

    /** Heights below this one, from the last block on, are known to have no block. */
    private long absentBelow;

    Linker(boolean lastTry, Asker.Progress progress) {
      this.lastTry = lastTry;
      this.progress = progress;
    }

    Item item(BlockFetcher.Fetched fetched) throws TransientException, InterruptedException {
      if (fetched.parent().isPresent()) {
        parent = fetched.parent();
      }
      List<Item.Answer> answers = new ArrayList<>();
      BlockFetcher.Fetched current = fetched;
      while (true) {
        answers.addAll(current.refused());
        if (current.block().isEmpty()) {
          return without(current, answers);
        }
        BlockFetcher.Verified verified = current.block().get();
        try {
          VerifiedBlock linked = verified.block().linked(parent);
          parent = Optional.of(linked.hash());
          if (halted.filter(halt -> halt.number() == linked.number()).isPresent()) {
            halted = Optional.empty();
          }
          return accepted(verified, linked);
        } catch (BadDataException e) {
          pool.refused(verified.endpoint(), e.code(), e.getMessage());
          answers.add(
              new Item.Answer(e.code(), e.getMessage(), verified.endpoint(), verified.bytes()));
        }
        // Another endpoint may be on the right fork.
        Set<String> asked = answers.stream().map(Item.Answer::endpoint).collect(Collectors.toSet());
        if (asked.containsAll(pool.names())) {
          return rejected(current.number(), answers);
        }
        current = one(current.number(), asked);
      }
    }

    private BlockFetcher.Fetched one(long number, Set<String> except)
        throws TransientException, InterruptedException {
      return fetcher.fetch(new Range(number, number), false, except, progress).getFirst();
    }

    private Item without(BlockFetcher.Fetched missing, List<Item.Answer> answers)
        throws TransientException, InterruptedException {
      if (isAbsent(missing)) {
        return new Item.Absent(missing.number());
      }
      if (missing.trouble().isPresent()) {
        // Words prove nothing: the height is asked for until it is proven, or proven absent.
        throw new TransientException(
            missing.trouble().get().code(), missing.trouble().get().getMessage());
      }
      return rejected(missing.number(), answers);
    }

    /**
     * Whether the chain has no block at a height: the next one that it has is the child of the last
     * one before. Some chains skip slots or rounds, and say so in words of their own; the link
     * proves it whatever they say.
     */
    private boolean isAbsent(BlockFetcher.Fetched missing)
        throws TransientException, InterruptedException {
      long number = missing.number();
      if (number < absentBelow) {
        return true;
      }
      boolean isAnswered = missing.trouble().map(TransientException::answered).orElse(true);
      if (number == 0 || !isAnswered || !(missing.isNowhere() || missing.trouble().isPresent())) {
        return false;
      }
      Optional<byte[]> last = parent;
      for (long below = number - 1;
          last.isEmpty() && below >= 0 && below >= number - MAX_SKIPPED;
          below--) {
        last = one(below, Set.of()).block().map(b -> b.block().hash());
      }
      if (last.isEmpty()) {
        return false;
      }
      for (long above = number + 1; above <= number + MAX_SKIPPED; above++) {
        Optional<BlockFetcher.Verified> next = one(above, Set.of()).block();
        if (next.isPresent()) {
          if (!Arrays.equals(next.get().block().parentHash(), last.get())) {
            return false;
          }
          parent = last;
          absentBelow = above;
          return true;
        }
      }
      return false;
    }

    private Item rejected(long number, List<Item.Answer> answers)
        throws TransientException, InterruptedException {
      parent = Optional.empty();
      Item.Answer last = answers.getLast();
      if (!lastTry) {
        throw new TransientException(last.code(), last.reason(), true);
      }
      requireBelowHead(number);
      requireOthers(number, last);
      return new Item.Rejected(number, answers);
    }

    /** What the chain does not have yet is waited for. */
    private void requireBelowHead(long number) throws TransientException, InterruptedException {
      long newest = newest();
      if (number > newest) {
        throw new TransientException(
            "not_there_yet",
            "block %d of %s is not there yet, the newest is %d; it is waited for"
                .formatted(number, settings.name(), newest));
      }
    }

    /**
     * A block that is refused between others that are not goes to the dead letters. Where all
     * around it are refused for the same, it is not the blocks: the rules of the chain have
     * changed, its profile is wrong, or no endpoint has that part of it.
     */
    private void requireOthers(long number, Item.Answer last)
        throws TransientException, InterruptedException {
      int refused = 1;
      for (int step : new int[] {1, -1}) {
        for (long at = number + step; refused < MAX_REFUSED_IN_A_ROW && at >= 0; at += step) {
          BlockFetcher.Fetched neighbour = one(at, Set.of());
          if (neighbour.block().isPresent()) {
            break;
          }
          if (neighbour.trouble().isPresent()) {
            throw neighbour.trouble().get();
          }
          boolean alike =
              neighbour.refused().stream().anyMatch(answer -> answer.code().equals(last.code()));
          if (!alike || (step > 0 && neighbour.isNowhere() && at > newest())) {
            break;
          }
          refused++;
        }
      }
      if (refused >= MAX_REFUSED_IN_A_ROW) {
        String reason =
            "%d and more blocks of %s in a row are refused, from %d on: %s. The source is halted until they are not, and nothing is given up; see that profile, receipts and endpoints of the source fit the chain"
                .formatted(MAX_REFUSED_IN_A_ROW, settings.name(), number, last.reason());
        halted = Optional.of(new Halt(number, reason));
        throw new TransientException(last.code(), reason);
      }
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
            .setBlockJson(verified.json().buffer())
            .setReceiptsJson(verified.receipts().map(JsonValue::buffer).orElse(null))
            .setEndpoint(verified.endpoint())
            .setFetchedAt(fetchedAt)
            .setChecks(block.checks())
            .setUnchecked(block.unchecked())
            .build();
    long bytes = (long) verified.json().size() + verified.receipts().map(JsonValue::size).orElse(0);
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
