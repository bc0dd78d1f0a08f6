package io.cryptoetl.extractor.evm;

import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.source.BadDataException;
import io.cryptoetl.extractor.source.Item;
import io.cryptoetl.extractor.source.Range;
import io.cryptoetl.extractor.source.TransientException;
import io.cryptoetl.extractor.verify.BlockVerifier;
import io.cryptoetl.extractor.verify.VerifiedBlock;
import java.io.ByteArrayOutputStream;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import org.web3j.protocol.core.Request;

/**
 * Fetches some blocks with their receipts, each whole from one endpoint, and verifies them. What an
 * endpoint refuses or has wrong is asked of the others; single calls that fail are repeated without
 * the rest of their batch.
 */
final class BlockFetcher {
  /**
   * What an endpoint may cost for the same block before the range is tried again later: a failure
   * costs more than being asked to slow down.
   */
  private static final int MOST_COST = 30;

  private static final int COST_OF_FAILURE = 10;
  private static final int COST_OF_LIMIT = 5;

  /** Times that single calls of a batch are repeated at the same endpoint. */
  private static final int REPEATS = 2;

  private final EvmSource.Settings settings;
  private final EndpointPool<NodeClient> pool;
  private final BlockVerifier verifier;
  private final Clock clock;
  private final AtomicLong blockBytes = new AtomicLong(64 * 1024);

  BlockFetcher(
      EvmSource.Settings settings,
      EndpointPool<NodeClient> pool,
      BlockVerifier verifier,
      Clock clock) {
    this.settings = settings;
    this.pool = pool;
    this.verifier = verifier;
    this.clock = clock;
  }

  /** What the batches of one range took together. */
  static final class Progress {
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private final Set<String> endpoints = new ConcurrentSkipListSet<>();

    long calls() {
      return calls.get();
    }

    long retries() {
      return retries.get();
    }

    String endpoints() {
      return String.join(",", endpoints);
    }
  }

  /** A block that passed every check but the link to its parent. */
  record Verified(
      VerifiedBlock block,
      byte[] json,
      Optional<byte[]> receipts,
      String endpoint,
      Instant fetchedAt) {
    byte[] bytes() {
      return together(json, receipts);
    }
  }

  /**
   * What came of a height.
   *
   * @param block empty if every endpoint's answer was refused
   * @param refused the answers that were refused
   * @param parent hash of the block below, if it was asked for and is known
   */
  record Fetched(
      long number, Optional<Verified> block, List<Item.Answer> refused, Optional<byte[]> parent) {}

  /** A height that is still to be had. */
  private static final class Pending {
    private final long number;
    private final Map<String, Item.Answer> refused = new LinkedHashMap<>();
    private final Map<String, Integer> costs = new HashMap<>();

    Pending(long number) {
      this.number = number;
    }

    /** Endpoints that need not be asked again. */
    Set<String> done() {
      Set<String> done = new HashSet<>(refused.keySet());
      costs.forEach(
          (name, cost) -> {
            if (cost >= MOST_COST) {
              done.add(name);
            }
          });
      return done;
    }

    /** Notes a failure; an endpoint that keeps refusing has given its answer. */
    void failed(String endpoint, CallFailedException failure) {
      int cost =
          costs.merge(
              endpoint,
              failure.kind() == Kind.LIMITED ? COST_OF_LIMIT : COST_OF_FAILURE,
              Integer::sum);
      if (cost >= MOST_COST
          && (failure.kind() == Kind.REFUSED || failure.kind() == Kind.TOO_LARGE)) {
        refused.put(
            endpoint, new Item.Answer(failure.code(), failure.getMessage(), endpoint, new byte[0]));
      }
    }
  }

  /** Blocks in the next batch: bounded by calls, and by bytes as far as the last ones foretell. */
  int batchBlocks() {
    int byCalls = pool.mostCalls() / callsPerBlock();
    long byBytes = settings.batchBytes() / Math.max(1, blockBytes.get());
    return (int) Math.max(1, Math.min(byCalls, byBytes));
  }

  private int callsPerBlock() {
    return settings.receipts() == EvmSource.Receipts.NONE ? 1 : 2;
  }

  /**
   * Fetches heights.
   *
   * @param withParent whether the hash of the block below the first one is wanted too
   * @param except endpoints that are not asked
   * @param lastTry whether heights that some endpoints refused are given up although others cannot
   *     be asked
   * @return one for each height, in order
   * @throws TransientException if some endpoint that could have them cannot be asked now
   */
  List<Fetched> fetch(
      Range range, boolean withParent, Set<String> except, boolean lastTry, Progress progress)
      throws TransientException, InterruptedException {
    Map<Long, Fetched> fetched = new TreeMap<>();
    Map<Long, Pending> pending = new TreeMap<>();
    for (long number = range.from(); number <= range.to(); number++) {
      pending.put(number, new Pending(number));
    }
    CallFailedException last = null;
    boolean first = true;
    while (!pending.isEmpty()) {
      if (!first) {
        progress.retries.incrementAndGet();
      }
      first = false;
      // Heights that the same endpoints have failed of are asked for together.
      Set<String> done = pending.values().iterator().next().done();
      List<Pending> group = pending.values().stream().filter(p -> p.done().equals(done)).toList();
      done.addAll(except);
      if (done.containsAll(pool.names())) {
        giveUp(
            group,
            last == null
                ? new TransientException("no_endpoint", "no endpoint is left to ask")
                : new TransientException(last.code(), last.getMessage()),
            pending,
            fetched);
        continue;
      }
      long highest = group.getLast().number;
      long below = group.getFirst().number - 1;
      boolean askParent = withParent && below >= 0 && below == range.from() - 1;
      int calls = group.size() * callsPerBlock() + (askParent ? 1 : 0);
      EndpointPool<NodeClient>.Lease lease;
      try {
        lease = lease(calls, highest, done, group, last);
      } catch (TransientException e) {
        if (!lastTry) {
          throw e;
        }
        giveUp(group, e, pending, fetched);
        continue;
      }
      progress.endpoints.add(lease.name());
      int most = Math.max(1, pool.mostCalls(lease.name()) / callsPerBlock());
      List<Pending> part = group.subList(0, Math.min(group.size(), most));
      try {
        for (Fetched each : round(lease, part, askParent ? below : -1, progress)) {
          pending.remove(each.number());
          fetched.put(each.number(), each);
        }
      } catch (CallFailedException e) {
        last = e;
        // Being asked for less at once says nothing, unless it is a single block.
        if (e.kind() != Kind.TOO_LARGE || part.size() == 1) {
          part.forEach(p -> p.failed(lease.name(), e));
        }
        if (e.kind() == Kind.OUTAGE) {
          lease.client().doubtChain();
          Thread.sleep(settings.retryDelay());
        }
      }
    }
    return List.copyOf(fetched.values());
  }

  /** Gives up heights that were refused; if one was not, it has to be tried again later. */
  private static void giveUp(
      List<Pending> group,
      TransientException otherwise,
      Map<Long, Pending> pending,
      Map<Long, Fetched> fetched)
      throws TransientException {
    for (Pending height : group) {
      if (height.refused.isEmpty()) {
        throw otherwise;
      }
      pending.remove(height.number);
      fetched.put(
          height.number,
          new Fetched(
              height.number,
              Optional.empty(),
              List.copyOf(height.refused.values()),
              Optional.empty()));
    }
  }

  private EndpointPool<NodeClient>.Lease lease(
      int calls, long highest, Set<String> done, List<Pending> group, CallFailedException last)
      throws TransientException, InterruptedException {
    try {
      return pool.lease(calls, highest, done);
    } catch (TransientException e) {
      Optional<Item.Answer> refused =
          group.stream().flatMap(p -> p.refused.values().stream()).findFirst();
      if (refused.isPresent()) {
        throw new TransientException(
            refused.get().code(), refused.get().reason() + "; " + e.getMessage(), true);
      }
      throw new TransientException(
          last == null ? e.code() : last.code(),
          last == null ? e.getMessage() : last.getMessage() + "; " + e.getMessage());
    }
  }

  /** One request to one endpoint; the heights that came, verified. The rest has been told why. */
  private List<Fetched> round(
      EndpointPool<NodeClient>.Lease lease, List<Pending> part, long parentOf, Progress progress)
      throws CallFailedException, InterruptedException {
    Map<Long, Request<?, ?>> blocks = new LinkedHashMap<>();
    Map<Long, Request<?, ?>> receipts = new HashMap<>();
    List<Request<?, ?>> calls = new ArrayList<>();
    Request<?, ?> parentCall = parentOf < 0 ? null : NodeClient.block(parentOf, false);
    if (parentCall != null) {
      calls.add(parentCall);
    }
    for (Pending height : part) {
      Request<?, ?> block = NodeClient.block(height.number, true);
      blocks.put(height.number, block);
      calls.add(block);
      if (settings.receipts() != EvmSource.Receipts.NONE) {
        receipts.put(height.number, NodeClient.receipts(height.number));
        calls.add(receipts.get(height.number));
      }
    }
    NodeClient.Outcomes outcomes =
        lease.use(
            node -> {
              node.proveChain(settings.name(), settings.chainId());
              return answered(node, calls, progress);
            });
    Instant fetchedAt = clock.instant();
    Optional<byte[]> parent = Optional.empty();
    if (parentCall != null) {
      Optional<byte[]> header = result(outcomes, parentCall);
      if (header.isPresent()) {
        parent = parentHash(lease.client(), parentOf, header.get());
      }
    }
    List<Fetched> fetched = new ArrayList<>();
    long bytes = 0;
    for (Pending height : part) {
      Request<?, ?> block = blocks.get(height.number);
      Request<?, ?> of = receipts.get(height.number);
      CallFailedException failure = failure(outcomes, block, of);
      if (failure != null && failure.kind() != Kind.NOT_THERE) {
        height.failed(lease.name(), failure);
        continue;
      }
      Optional<byte[]> json = result(outcomes, block);
      Optional<byte[]> receiptsJson = of == null ? Optional.empty() : result(outcomes, of);
      bytes += json.map(j -> j.length).orElse(0) + receiptsJson.map(r -> r.length).orElse(0);
      try {
        Verified verified = verify(lease.name(), height.number, json, receiptsJson, fetchedAt);
        fetched.add(
            new Fetched(
                height.number,
                Optional.of(verified),
                List.of(),
                height.number - 1 == parentOf ? parent : Optional.empty()));
      } catch (BadDataException e) {
        String reason = lease.client().redact(e.getMessage());
        pool.refused(lease.name(), e.code(), reason);
        height.refused.put(
            lease.name(),
            new Item.Answer(
                e.code(),
                reason,
                lease.name(),
                json.isPresent() ? together(json.get(), receiptsJson) : new byte[0]));
      }
    }
    if (bytes > 0) {
      blockBytes.set((blockBytes.get() + bytes / part.size()) / 2 + 1);
    }
    return fetched;
  }

  /** Sends calls; those that fail by themselves are sent again, without the others. */
  private NodeClient.Outcomes answered(
      NodeClient node, List<Request<?, ?>> calls, Progress progress)
      throws CallFailedException, InterruptedException {
    progress.calls.addAndGet(calls.size());
    long began = System.nanoTime();
    NodeClient.Outcomes outcomes = node.batch(calls);
    for (int repeat = 0; repeat < REPEATS; repeat++) {
      List<Request<?, ?>> again =
          calls.stream()
              .filter(c -> outcomes.failures().containsKey(c.getId()))
              .filter(c -> outcomes.failures().get(c.getId()).kind() != Kind.NOT_THERE)
              .toList();
      if (again.isEmpty()) {
        break;
      }
      CallFailedException one = outcomes.failures().get(again.getFirst().getId());
      if (again.size() == calls.size() || one.kind() == Kind.LIMITED) {
        // Not single calls: the endpoint is in trouble, or wants to be asked less.
        if (outcomes.results().isEmpty()) {
          throw one;
        }
        pool.failedInPart(node.name(), one, System.nanoTime() - began);
        break;
      }
      pool.failedInPart(node.name(), one, System.nanoTime() - began);
      progress.retries.incrementAndGet();
      progress.calls.addAndGet(again.size());
      Thread.sleep(settings.retryDelay().multipliedBy(repeat + 1));
      began = System.nanoTime();
      NodeClient.Outcomes second = node.batch(again);
      again.forEach(c -> outcomes.failures().remove(c.getId()));
      outcomes.results().putAll(second.results());
      outcomes.failures().putAll(second.failures());
    }
    return outcomes;
  }

  private static CallFailedException failure(
      NodeClient.Outcomes outcomes, Request<?, ?> block, Request<?, ?> receipts) {
    CallFailedException failure = outcomes.failures().get(block.getId());
    return failure == null && receipts != null
        ? outcomes.failures().get(receipts.getId())
        : failure;
  }

  /** The bytes of a result, or empty where the node says that it has none. */
  private static Optional<byte[]> result(NodeClient.Outcomes outcomes, Request<?, ?> call) {
    return outcomes.results().getOrDefault(call.getId(), Optional.empty());
  }

  private Verified verify(
      String endpoint,
      long number,
      Optional<byte[]> block,
      Optional<byte[]> receipts,
      Instant fetchedAt)
      throws BadDataException {
    if (block.isEmpty()) {
      throw new BadDataException(
          "block_unavailable",
          "endpoint %s has no block %d; if it exists, ask for it again from an endpoint that has it"
              .formatted(endpoint, number));
    }
    if (receipts.isEmpty() && settings.receipts() == EvmSource.Receipts.REQUIRED) {
      throw new BadDataException(
          "receipts_unavailable",
          "endpoint %s has block %d but not its receipts; use an endpoint that serves eth_getBlockReceipts, or set receipts of the source to optional"
              .formatted(endpoint, number));
    }
    try {
      VerifiedBlock verified =
          settings.verify()
              ? verifier.verify(number, block.get(), receipts)
              : BlockVerifier.unverified(number, block.get());
      return new Verified(verified, block.get(), receipts, endpoint, fetchedAt);
    } catch (RuntimeException e) {
      // Nonsense that no check foresaw must not end the worker: it is a wrong answer like others.
      throw new BadDataException(
          "block_malformed",
          "block %d cannot be verified: %s".formatted(number, e.getClass().getSimpleName()));
    }
  }

  /** The hash of the block below a range; none if the endpoint gave nonsense. */
  private Optional<byte[]> parentHash(NodeClient node, long number, byte[] header) {
    try {
      return Optional.of(verifier.hashOfHeader(number, header));
    } catch (BadDataException e) {
      pool.refused(node.name(), e.code(), node.redact(e.getMessage()));
      return Optional.empty();
    }
  }

  /** The height of a header that proves itself. */
  long heightOf(NodeClient node, byte[] header) throws CallFailedException {
    try {
      long height = BlockVerifier.heightOf(header);
      byte[] unused = verifier.hashOfHeader(height, header);
      return height;
    } catch (BadDataException e) {
      throw new CallFailedException(
          Kind.OUTAGE, e.code(), "endpoint " + node.name() + ": " + node.redact(e.getMessage()));
    }
  }

  /** The proven hash of a header. */
  byte[] hashOf(NodeClient node, long number, byte[] header) throws CallFailedException {
    try {
      return verifier.hashOfHeader(number, header);
    } catch (BadDataException e) {
      throw new CallFailedException(
          Kind.OUTAGE, e.code(), "endpoint " + node.name() + ": " + node.redact(e.getMessage()));
    }
  }

  /** Block and receipts as one payload: two lines of JSON. */
  private static byte[] together(byte[] block, Optional<byte[]> receipts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(block);
    receipts.ifPresent(
        r -> {
          out.write('\n');
          out.writeBytes(r);
        });
    return out.toByteArray();
  }
}
