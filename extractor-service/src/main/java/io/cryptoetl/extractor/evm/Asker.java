package io.cryptoetl.extractor.evm;

import io.cryptoetl.extractor.endpoint.CallFailedException;
import io.cryptoetl.extractor.endpoint.CallFailedException.Kind;
import io.cryptoetl.extractor.endpoint.EndpointPool;
import io.cryptoetl.extractor.endpoint.HttpCaller;
import io.cryptoetl.extractor.source.TransientException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentSkipListSet;
import java.util.concurrent.atomic.AtomicLong;
import org.web3j.protocol.core.Request;

/**
 * Makes many calls to one endpoint, in requests as large as it takes. A batch only saves requests:
 * whatever its failure says, its calls are made again in smaller ones, and nothing is concluded
 * before a call has failed by itself. What a batch that failed in part did answer is kept.
 */
final class Asker {
  /** Single calls that are refused one after another before no more are made for now. */
  private static final int MAX_REFUSED_IN_A_ROW = 20;

  /** Code of calls that were not made, because those before them were refused. */
  static final String NOT_ASKED = "not_asked";

  private final EvmSource.Settings settings;
  private final EndpointPool<NodeClient> pool;

  Asker(EvmSource.Settings settings, EndpointPool<NodeClient> pool) {
    this.settings = settings;
    this.pool = pool;
  }

  /** What the requests of one range took together. */
  static final class Progress {
    private final AtomicLong calls = new AtomicLong();
    private final AtomicLong retries = new AtomicLong();
    private final Set<String> endpoints = new ConcurrentSkipListSet<>();

    void retried() {
      retries.incrementAndGet();
    }

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

  /**
   * Makes calls. Failures are those of calls that failed by themselves, and of those that were not
   * made any more because the endpoint is in trouble.
   *
   * @param first a lease of the endpoint, which is used for the first of them
   */
  NodeClient.Outcomes ask(
      EndpointPool<NodeClient>.Lease first, List<Request<?, ?>> calls, Progress progress)
      throws InterruptedException {
    progress.endpoints.add(first.name());
    return ask(first.name(), first, calls, progress);
  }

  /** Makes further calls to an endpoint. */
  NodeClient.Outcomes ask(String endpoint, List<Request<?, ?>> calls, Progress progress)
      throws InterruptedException {
    return ask(endpoint, null, calls, progress);
  }

  private NodeClient.Outcomes ask(
      String endpoint,
      EndpointPool<NodeClient>.Lease first,
      List<Request<?, ?>> calls,
      Progress progress)
      throws InterruptedException {
    NodeClient.Outcomes outcomes = new NodeClient.Outcomes(new HashMap<>(), new HashMap<>());
    EndpointPool<NodeClient>.Lease lease = first;
    List<Request<?, ?>> left = new ArrayList<>(calls);
    int atOnce = Integer.MAX_VALUE;
    int inARow = 0;
    while (!left.isEmpty()) {
      CallFailedException trouble = null;
      try {
        if (lease == null) {
          lease = pool.leaseOnly(endpoint, Math.min(left.size(), atOnce));
        }
        List<Request<?, ?>> part =
            List.copyOf(left.subList(0, Math.min(left.size(), Math.min(lease.calls(), atOnce))));
        NodeClient.Outcomes reply = send(lease, part, progress);
        outcomes.results().putAll(reply.results());
        left.removeIf(outcomes::has);
        inARow = 0;
        atOnce = Integer.MAX_VALUE;
        if (!reply.failures().isEmpty()) {
          progress.retried();
          atOnce = Math.max(1, reply.failures().size() / 2);
        }
      } catch (CallFailedException e) {
        if (e.calls() > 1 && !e.code().equals(HttpCaller.UNREACHABLE)) {
          progress.retried();
          atOnce = e.calls() / 2;
        } else {
          Request<?, ?> call = left.removeFirst();
          outcomes.failures().put(call.getId(), e);
          // What is not there is an answer, and tells nothing of what comes after it.
          inARow = e.kind() == Kind.NOT_THERE ? 0 : inARow + 1;
          if (e.isTrouble()) {
            trouble = e;
          } else if (inARow >= MAX_REFUSED_IN_A_ROW) {
            trouble =
                new CallFailedException(
                    Kind.OUTAGE,
                    NOT_ASKED,
                    "%d calls in a row were refused, the last: %s"
                        .formatted(inARow, e.getMessage()));
          }
        }
      } catch (TransientException e) {
        trouble = new CallFailedException(Kind.OUTAGE, e.code(), e.getMessage());
      }
      lease = null;
      if (trouble != null) {
        for (Request<?, ?> call : left) {
          outcomes.failures().put(call.getId(), trouble);
        }
        break;
      }
    }
    return outcomes;
  }

  private NodeClient.Outcomes send(
      EndpointPool<NodeClient>.Lease lease, List<Request<?, ?>> part, Progress progress)
      throws CallFailedException, InterruptedException {
    return lease.use(
        node -> {
          node.proveChain(settings.name(), settings.chainId());
          progress.calls.addAndGet(part.size());
          long began = System.nanoTime();
          NodeClient.Outcomes reply = node.send(part);
          if (reply.results().isEmpty()) {
            // Nothing was answered: that is a failure of the request.
            throw reply.failures().values().iterator().next().of(part.size());
          }
          reply
              .failures()
              .values()
              .forEach(f -> pool.failedInPart(node.name(), f, System.nanoTime() - began));
          return reply;
        });
  }
}
