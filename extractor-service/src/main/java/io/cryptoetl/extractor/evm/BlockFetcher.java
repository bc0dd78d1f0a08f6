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
import io.cryptoetl.json.Json;
import io.cryptoetl.json.JsonValue;
import io.cryptoetl.schemas.DeadLetterCode;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
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
import java.util.concurrent.atomic.AtomicLong;
import org.web3j.protocol.core.Request;

/**
 * Fetches some blocks with their receipts, each whole from one endpoint, and verifies them. What an
 * endpoint does not have, has wrong, or fails of is asked of the others. Only two things are
 * answers: a block that proves itself, and a block that is not there or is proven wrong; all else
 * is trouble.
 */
final class BlockFetcher {
  /** Code of an answer that there is no block at a height. */
  private static final String BLOCK_UNAVAILABLE = DeadLetterCode.BLOCK_UNAVAILABLE.code();

  /**
   * What an endpoint may cost for the same block before others are asked, or the range is tried
   * again later: a failure costs more than being asked to slow down.
   */
  private static final int MAX_COST = 30;

  private static final int COST_OF_FAILURE = 10;
  private static final int COST_OF_LIMIT = 5;

  private final EvmSource.Settings settings;
  private final EndpointPool<NodeClient> pool;
  private final Asker asker;
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
    this.asker = new Asker(settings, pool);
    this.verifier = verifier;
    this.clock = clock;
  }

  /** A block that passed every check but the link to its parent. */
  record Verified(
      VerifiedBlock block,
      JsonValue json,
      Optional<JsonValue> receipts,
      String endpoint,
      Instant fetchedAt) {
    byte[] bytes() {
      return together(json, receipts);
    }
  }

  /**
   * What came of a height.
   *
   * @param block empty if no endpoint gave one that proves itself
   * @param refused answers of endpoints that have no block, or a wrong one
   * @param parent hash of the block below, if it was asked for and is known
   * @param trouble why some endpoint did not answer; empty if all did
   */
  record Fetched(
      long number,
      Optional<Verified> block,
      List<Item.Answer> refused,
      Optional<byte[]> parent,
      Optional<TransientException> trouble) {
    /** Whether every endpoint answered, and none has a block. */
    boolean isNowhere() {
      return block.isEmpty()
          && trouble.isEmpty()
          && refused.stream().allMatch(answer -> answer.code().equals(BLOCK_UNAVAILABLE));
    }
  }

  /** A height that is still to be had. */
  private static final class Pending {
    private final long number;
    private final Map<String, Item.Answer> refused = new LinkedHashMap<>();
    private final Map<String, Integer> costs = new HashMap<>();

    /** The last failure of any endpoint. */
    private CallFailedException failure;

    /** Whether some endpoint answered, only not with a block. */
    private boolean answered;

    Pending(long number) {
      this.number = number;
    }

    /** Endpoints that need not be asked again. */
    Set<String> done() {
      Set<String> done = new HashSet<>(refused.keySet());
      costs.forEach(
          (name, cost) -> {
            if (cost >= MAX_COST) {
              done.add(name);
            }
          });
      return done;
    }

    /** Notes a failure: it proves nothing, but others may answer. */
    void failed(String endpoint, CallFailedException failure) {
      this.failure = failure;
      answered |= failure.kind() == Kind.REFUSED;
      if (!failure.code().equals(Asker.NOT_ASKED)) {
        costs.merge(
            endpoint,
            failure.kind() == Kind.LIMITED ? COST_OF_LIMIT : COST_OF_FAILURE,
            Integer::sum);
      }
    }

    /** Notes that an endpoint has no block, or a wrong one. */
    void refused(Item.Answer answer) {
      refused.put(answer.endpoint(), answer);
      answered = true;
    }

    /** What failed before, if anything did, to be told with what failed now. */
    String before() {
      return refused.values().stream()
          .findFirst()
          .map(Item.Answer::reason)
          .or(() -> Optional.ofNullable(failure).map(CallFailedException::getMessage))
          .map(reason -> reason + "; ")
          .orElse("");
    }
  }

  /** Blocks that are asked for together: bounded by bytes as far as the last ones foretell. */
  int batchBlocks() {
    int byCalls = settings.batchCalls() / callsPerBlock();
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
   * @return one for each height, in order
   */
  List<Fetched> fetch(Range range, boolean withParent, Set<String> except, Asker.Progress progress)
      throws InterruptedException {
    Map<Long, Fetched> fetched = new TreeMap<>();
    Map<Long, Pending> pending = new TreeMap<>();
    for (long number = range.from(); number <= range.to(); number++) {
      pending.put(number, new Pending(number));
    }
    boolean first = true;
    while (!pending.isEmpty()) {
      if (!first) {
        progress.retried();
      }
      first = false;
      // Heights that the same endpoints have failed of are asked for together.
      Set<String> done = pending.values().iterator().next().done();
      List<Pending> group = pending.values().stream().filter(p -> p.done().equals(done)).toList();
      done.addAll(except);
      if (done.containsAll(pool.names())) {
        for (Pending height : group) {
          pending.remove(height.number);
          fetched.put(height.number, without(height, except));
        }
        continue;
      }
      long highest = group.getLast().number;
      long below = group.getFirst().number - 1;
      boolean askParent = withParent && below >= 0 && below == range.from() - 1;
      int calls = group.size() * callsPerBlock() + (askParent ? 1 : 0);
      EndpointPool<NodeClient>.Lease lease;
      try {
        lease = pool.lease(calls, highest, done);
      } catch (TransientException e) {
        for (Pending height : group) {
          pending.remove(height.number);
          fetched.put(
              height.number,
              without(
                  height,
                  new TransientException(
                      e.code(), height.before() + e.getMessage(), height.answered)));
        }
        continue;
      }
      Round round = new Round(lease, group, askParent ? below : -1, progress);
      for (Fetched each : round.run()) {
        pending.remove(each.number());
        fetched.put(each.number(), each);
      }
      if (round.failure != null && round.failure.kind() == Kind.OUTAGE) {
        lease.client().doubtChain();
        Thread.sleep(settings.retryDelay());
      }
    }
    return List.copyOf(fetched.values());
  }

  /** A height that no endpoint gave, when all were asked. */
  private Fetched without(Pending height, Set<String> except) {
    Set<String> answered = new HashSet<>(height.refused.keySet());
    answered.addAll(except);
    return without(
        height,
        answered.containsAll(pool.names())
            ? null
            : new TransientException(
                height.failure.code(), height.failure.getMessage(), height.answered));
  }

  private static Fetched without(Pending height, TransientException trouble) {
    return new Fetched(
        height.number,
        Optional.empty(),
        List.copyOf(height.refused.values()),
        Optional.empty(),
        Optional.ofNullable(trouble));
  }

  /** Some heights asked of one endpoint. */
  private final class Round {
    private final EndpointPool<NodeClient>.Lease lease;
    private final NodeClient node;
    private final List<Pending> heights;
    private final long parentOf;
    private final Asker.Progress progress;
    private final Map<Long, Request<?, ?>> blocks = new LinkedHashMap<>();
    private final Map<Long, Request<?, ?>> receipts = new HashMap<>();

    /** The last failure, if there was one: heights that did not come have been told of theirs. */
    private CallFailedException failure;

    Round(
        EndpointPool<NodeClient>.Lease lease,
        List<Pending> heights,
        long parentOf,
        Asker.Progress progress) {
      this.lease = lease;
      this.node = lease.client();
      this.heights = heights;
      this.parentOf = parentOf;
      this.progress = progress;
    }

    /** The heights that came, verified. */
    List<Fetched> run() throws InterruptedException {
      boolean whole =
          settings.receipts() != EvmSource.Receipts.NONE && node.singleReceipts().isEmpty();
      List<Request<?, ?>> calls = new ArrayList<>();
      Request<?, ?> parentCall = parentOf < 0 ? null : NodeClient.block(parentOf, false);
      if (parentCall != null) {
        calls.add(parentCall);
      }
      for (Pending height : heights) {
        Request<?, ?> block = NodeClient.block(height.number, true);
        blocks.put(height.number, block);
        calls.add(block);
        if (whole) {
          receipts.put(height.number, NodeClient.receipts(height.number));
          calls.add(receipts.get(height.number));
        }
      }
      NodeClient.Outcomes outcomes = asker.ask(lease, calls, progress);
      Instant fetchedAt = clock.instant();
      Optional<byte[]> parent =
          parentCall == null
              ? Optional.empty()
              : outcomes.result(parentCall).flatMap(header -> parentHash(node, parentOf, header));
      List<Fetched> fetched = new ArrayList<>();
      long bytes = 0;
      for (Pending height : heights) {
        Optional<JsonValue> json = Optional.empty();
        Optional<JsonValue> receiptsJson = Optional.empty();
        try {
          json = answer(outcomes, blocks.get(height.number));
          requireShape(json.isEmpty() || isBlock(json.get()), "no block");
          if (json.isPresent() && settings.receipts() != EvmSource.Receipts.NONE) {
            receiptsJson = receipts(outcomes, height.number, json.get());
          }
          requireShape(receiptsJson.isEmpty() || receiptsJson.get().isArray(), "no receipts");
          bytes +=
              json.map(JsonValue::size).orElse(0) + receiptsJson.map(JsonValue::size).orElse(0);
          Verified verified = verify(lease.name(), height.number, json, receiptsJson, fetchedAt);
          fetched.add(
              new Fetched(
                  height.number,
                  Optional.of(verified),
                  List.of(),
                  height.number - 1 == parentOf ? parent : Optional.empty(),
                  Optional.empty()));
        } catch (CallFailedException e) {
          failure = e;
          height.failed(lease.name(), e);
        } catch (BadDataException e) {
          String reason = node.redact(e.getMessage());
          pool.refused(lease.name(), e.code(), reason);
          height.refused(
              new Item.Answer(
                  e.code(),
                  reason,
                  lease.name(),
                  json.isPresent() ? together(json.get(), receiptsJson) : new byte[0]));
        }
      }
      if (bytes > 0) {
        blockBytes.set((blockBytes.get() + bytes / heights.size()) / 2 + 1);
      }
      return fetched;
    }

    /** What has neither a hash nor a height is no wrong block: it is no answer at all. */
    private static boolean isBlock(JsonValue json) {
      return json.get("hash") != null || json.get("number") != null;
    }

    private void requireShape(boolean holds, String what) throws CallFailedException {
      if (!holds) {
        throw new CallFailedException(
            Kind.OUTAGE,
            "reply_malformed",
            "endpoint %s answered with what is %s".formatted(node.name(), what));
      }
    }

    /** The result of a call; empty where the endpoint says in one way or another: I have none. */
    private static Optional<JsonValue> answer(NodeClient.Outcomes outcomes, Request<?, ?> call)
        throws CallFailedException {
      CallFailedException failure = outcomes.failure(call);
      if (failure != null && failure.kind() != Kind.NOT_THERE) {
        throw failure;
      }
      return outcomes.result(call);
    }

    /**
     * The receipts of a block: asked for together, or, where an endpoint does not serve that,
     * transaction by transaction; empty if it has none either way.
     */
    private Optional<JsonValue> receipts(NodeClient.Outcomes outcomes, long number, JsonValue block)
        throws CallFailedException, BadDataException, InterruptedException {
      Request<?, ?> whole = receipts.get(number);
      if (whole == null) {
        Optional<JsonValue> single = singleReceipts(number, block, Optional.of(Kind.REFUSED));
        if (single.isPresent()) {
          return single;
        }
        // That it did not serve whole blocks some time ago is no answer for this one.
        Request<?, ?> again = NodeClient.receipts(number);
        return answer(asker.ask(lease.name(), List.of(again), progress), again);
      }
      CallFailedException reason = outcomes.failure(whole);
      if (reason != null && reason.isTrouble()) {
        throw reason;
      }
      if (outcomes.result(whole).isPresent()) {
        return outcomes.result(whole);
      }
      Optional<JsonValue> single =
          singleReceipts(
              number,
              block,
              // It said that it has none for the block, and may not serve those of transactions.
              reason == null ? Optional.of(Kind.REFUSED) : Optional.empty());
      if (single.isPresent() && reason != null && reason.kind() == Kind.REFUSED) {
        node.hasSingleReceipts(reason.getMessage());
      }
      return single;
    }

    /**
     * The receipts of a block, one by one; empty if one is not there.
     *
     * @param asNone a kind of failure that counts as: it has none
     */
    private Optional<JsonValue> singleReceipts(long number, JsonValue block, Optional<Kind> asNone)
        throws CallFailedException, BadDataException, InterruptedException {
      List<Request<?, ?>> calls = new ArrayList<>();
      for (String hash : BlockVerifier.transactionHashes(number, block)) {
        calls.add(NodeClient.receipt(hash));
      }
      List<JsonValue> single = new ArrayList<>();
      // The first tells whether it is worth asking for the others.
      int next = receipts.containsKey(number) ? Math.min(1, calls.size()) : calls.size();
      while (single.size() < calls.size()) {
        List<Request<?, ?>> part = calls.subList(single.size(), next);
        NodeClient.Outcomes some = asker.ask(lease.name(), part, progress);
        for (Request<?, ?> call : part) {
          CallFailedException failure = some.failure(call);
          boolean isNone =
              failure != null && asNone.filter(kind -> kind == failure.kind()).isPresent();
          Optional<JsonValue> receipt = isNone ? Optional.empty() : answer(some, call);
          if (receipt.isEmpty()) {
            return Optional.empty();
          }
          single.add(receipt.get());
        }
        next = calls.size();
      }
      return Optional.of(array(single));
    }
  }

  /** A JSON array of values that are JSON already. */
  private static JsonValue array(List<JsonValue> values) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write('[');
    for (JsonValue value : values) {
      if (out.size() > 1) {
        out.write(',');
      }
      out.writeBytes(value.toBytes());
    }
    out.write(']');
    try {
      return Json.parse(out.toByteArray());
    } catch (IOException e) {
      throw new IllegalStateException("an array of JSON values is none", e);
    }
  }

  private Verified verify(
      String endpoint,
      long number,
      Optional<JsonValue> block,
      Optional<JsonValue> receipts,
      Instant fetchedAt)
      throws BadDataException {
    if (block.isEmpty()) {
      throw new BadDataException(
          BLOCK_UNAVAILABLE,
          "endpoint %s has no block %d; if it exists, ask for it again from an endpoint that has it"
              .formatted(endpoint, number));
    }
    if (receipts.isEmpty() && settings.receipts() == EvmSource.Receipts.REQUIRED) {
      throw new BadDataException(
          DeadLetterCode.RECEIPTS_UNAVAILABLE.code(),
          "endpoint %s has block %d but not its receipts; use an endpoint that serves eth_getBlockReceipts or eth_getTransactionReceipt for it, or set receipts of the source to optional"
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
          DeadLetterCode.BLOCK_MALFORMED.code(),
          "block %d cannot be verified: %s".formatted(number, e.getClass().getSimpleName()));
    }
  }

  /** The hash of the block below a range; none if the endpoint gave nonsense. */
  private Optional<byte[]> parentHash(NodeClient node, long number, JsonValue header) {
    try {
      return Optional.of(verifier.hashOfHeader(number, header));
    } catch (BadDataException e) {
      pool.refused(node.name(), e.code(), node.redact(e.getMessage()));
      return Optional.empty();
    }
  }

  /** The height of a header that proves itself. */
  long heightOf(NodeClient node, JsonValue header) throws CallFailedException {
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
  byte[] hashOf(NodeClient node, long number, JsonValue header) throws CallFailedException {
    try {
      return verifier.hashOfHeader(number, header);
    } catch (BadDataException e) {
      throw new CallFailedException(
          Kind.OUTAGE, e.code(), "endpoint " + node.name() + ": " + node.redact(e.getMessage()));
    }
  }

  /** Block and receipts as one payload: two lines of JSON. */
  private static byte[] together(JsonValue block, Optional<JsonValue> receipts) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(block.toBytes());
    receipts.ifPresent(
        r -> {
          out.write('\n');
          out.writeBytes(r.toBytes());
        });
    return out.toByteArray();
  }
}
