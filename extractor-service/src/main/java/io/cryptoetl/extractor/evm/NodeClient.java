package io.cryptoetl.extractor.evm;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.endpoint.Refusal;
import io.cryptoetl.json.JsonValue;
import java.io.IOException;
import java.math.BigInteger;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.web3j.protocol.ObjectMapperFactory;
import org.web3j.protocol.core.DefaultBlockParameter;
import org.web3j.protocol.core.JsonRpc2_0Web3j;
import org.web3j.protocol.core.Request;

/**
 * JSON-RPC to one node. web3j writes the requests; the replies are cut by {@link BatchReply},
 * because raw records keep the very bytes.
 */
final class NodeClient {
  private static final ObjectMapper JSON = ObjectMapperFactory.getObjectMapper();

  /** Only makes requests: it has no transport, and none of its threads ever runs. */
  private static final JsonRpc2_0Web3j REQUESTS = new JsonRpc2_0Web3j(null, 0, null);

  /** Time after which the receipts of a whole block are asked for again. */
  private static final long REMEMBERED = TimeUnit.MINUTES.toNanos(30);

  private final HttpCaller http;
  private volatile boolean chainProven;
  private volatile Optional<SingleReceipts> singleReceipts = Optional.empty();

  /** Since when, and why, receipts are asked for transaction by transaction. */
  private record SingleReceipts(long since, String reason) {}

  NodeClient(HttpCaller http) {
    this.http = http;
  }

  String name() {
    return http.endpoint().name();
  }

  String redact(String text) {
    return http.endpoint().redact(text);
  }

  /** A call to be put into a batch. */
  static Request<?, ?> block(long number, boolean full) {
    return REQUESTS.ethGetBlockByNumber(at(number), full);
  }

  static Request<?, ?> block(DefaultBlockParameter tag) {
    return REQUESTS.ethGetBlockByNumber(tag, false);
  }

  static Request<?, ?> receipts(long number) {
    return REQUESTS.ethGetBlockReceipts(at(number));
  }

  private static DefaultBlockParameter at(long number) {
    return DefaultBlockParameter.valueOf(BigInteger.valueOf(number));
  }

  static Request<?, ?> receipt(String transactionHash) {
    return REQUESTS.ethGetTransactionReceipt(transactionHash);
  }

  /**
   * What came of the calls of a request, by their ids: a result, which may be null, or a failure.
   */
  record Outcomes(Map<Long, Optional<JsonValue>> results, Map<Long, CallFailedException> failures) {
    boolean has(Request<?, ?> call) {
      return results.containsKey(call.getId());
    }

    /** The bytes of a result; empty where the node says null, and where there is none. */
    Optional<JsonValue> result(Request<?, ?> call) {
      return results.getOrDefault(call.getId(), Optional.empty());
    }

    /** Why a call failed, or was not made; null if it did not fail. */
    CallFailedException failure(Request<?, ?> call) {
      return failures.get(call.getId());
    }
  }

  /**
   * Sends calls in one request: a single one by itself, more as a batch. Calls that fail by
   * themselves do not fail the others.
   *
   * @throws CallFailedException if the request failed as a whole
   */
  Outcomes send(List<? extends Request<?, ?>> calls)
      throws CallFailedException, InterruptedException {
    BatchReply read;
    try {
      HttpCaller.Reply answer = http.post(json(calls));
      try {
        read = BatchReply.read(answer.body());
      } catch (IOException e) {
        throw http.malformed(answer.body(), e.getMessage());
      }
      if (read.failureOfAll().isPresent()) {
        String what = calls.size() == 1 ? calls.getFirst().getMethod() : "the batch";
        throw failed(what, read.failureOfAll().get());
      }
    } catch (CallFailedException e) {
      throw e.of(calls.size());
    }
    Outcomes reply = new Outcomes(new TreeMap<>(), new TreeMap<>());
    for (Request<?, ?> call : calls) {
      switch (read.answer(call.getId()).orElse(null)) {
        case BatchReply.Answer.Result result ->
            reply.results().put(call.getId(), Optional.of(result.json()));
        case BatchReply.Answer.Missing _ -> reply.results().put(call.getId(), Optional.empty());
        case BatchReply.Answer.Failure failure ->
            reply.failures().put(call.getId(), failed(call.getMethod(), failure));
        case null ->
            reply
                .failures()
                .put(
                    call.getId(),
                    new CallFailedException(
                        Kind.OUTAGE,
                        "reply_incomplete",
                        "endpoint %s left out the answer to %s"
                            .formatted(name(), call.getMethod())));
      }
    }
    return reply;
  }

  /** The bytes of the result of one call; empty where the node says null. */
  Optional<JsonValue> call(Request<?, ?> call) throws CallFailedException, InterruptedException {
    Outcomes outcomes = send(List.of(call));
    if (outcomes.failure(call) != null) {
      throw outcomes.failure(call);
    }
    return outcomes.result(call);
  }

  /** A hex quantity that a call gives. */
  long quantity(Request<?, ?> call) throws CallFailedException, InterruptedException {
    String text = call(call).map(JsonValue::text).orElse("null");
    if (!text.matches("0x[0-9a-fA-F]{1,15}")) {
      throw new CallFailedException(
          Kind.REFUSED,
          "reply_malformed",
          "endpoint %s answered %s with something that is not a hex quantity"
              .formatted(name(), call.getMethod()));
    }
    return Long.parseLong(text, 2, text.length(), 16);
  }

  /** Refuses a node of another chain: its blocks would stand under the wrong chain id. */
  void proveChain(String source, long chainId) throws CallFailedException, InterruptedException {
    if (chainProven) {
      return;
    }
    long stated;
    try {
      stated = quantity(REQUESTS.ethChainId());
    } catch (CallFailedException e) {
      // Whatever it says, it says nothing about what is asked for next.
      throw e.isTrouble() ? e : new CallFailedException(Kind.OUTAGE, e.code(), e.getMessage());
    }
    if (stated != chainId) {
      throw new CallFailedException(
          Kind.OUTAGE,
          "wrong_chain",
          "endpoint %s is a node of chain id %d, source %s is chain id %d; correct the endpoint's URL or the source's chain-id"
              .formatted(name(), stated, source, chainId));
    }
    chainProven = true;
  }

  /** Asks for the chain id again before the next batch: behind an URL the node may change. */
  void doubtChain() {
    chainProven = false;
  }

  /** Why receipts are asked for transaction by transaction here, if they are. */
  Optional<String> singleReceipts() {
    return singleReceipts
        .filter(s -> System.nanoTime() - s.since() < REMEMBERED)
        .map(SingleReceipts::reason);
  }

  /** Receipts came transaction by transaction after those of a whole block did not. */
  void hasSingleReceipts(String reason) {
    singleReceipts = Optional.of(new SingleReceipts(System.nanoTime(), reason));
  }

  private CallFailedException failed(String what, BatchReply.Answer.Failure failure) {
    Refusal.Meaning meaning = Refusal.ofError(failure.code(), failure.message());
    return new CallFailedException(
        meaning.kind(),
        meaning.kind() == Kind.LIMITED ? "rate_limited" : "rpc_" + failure.code(),
        "endpoint %s refused %s with error %d: %s"
            .formatted(name(), what, failure.code(), redact(failure.message())),
        meaning.pause().orElse(null));
  }

  private static byte[] json(List<? extends Request<?, ?>> calls) {
    try {
      // Nodes that take no batches take none of one call either.
      return JSON.writeValueAsBytes(calls.size() == 1 ? calls.getFirst() : calls);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a JSON-RPC request cannot be written", e);
    }
  }
}
