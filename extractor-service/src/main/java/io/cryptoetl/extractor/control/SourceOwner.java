package io.cryptoetl.extractor.control;

import io.cryptoetl.extractor.Extractor;
import io.cryptoetl.extractor.planning.Planner;
import io.cryptoetl.kafka.Reception;
import io.cryptoetl.kafka.RefusedOrderException;
import io.cryptoetl.kafka.TransactionalWorker;
import io.cryptoetl.ops.Order;
import java.time.Duration;

/**
 * Obeys the orders for one source. A group takes the orders of each source, so that an instance
 * that reads other sources does not refuse what it does not know.
 */
final class SourceOwner implements Reception.Owner {
  private final Extractor extractor;
  private final String source;
  private final SourceOrders orders;

  SourceOwner(Extractor extractor, String source) {
    this.extractor = extractor;
    this.source = source;
    this.orders = new SourceOrders(extractor);
  }

  @Override
  public boolean isReady(Duration atMost) throws InterruptedException {
    return extractor.ledger().awaitRead(atMost);
  }

  @Override
  public boolean owns(Order order) {
    String target = order.getTarget();
    return switch (order.getKind()) {
      case "plan", "pause", "resume" -> target.equals(source);
      case "fetch", "refetch", "cancel" -> target.equals(source) || target.startsWith(source + ".");
      default -> false;
    };
  }

  @Override
  public Reception.Done obey(Order order, TransactionalWorker.Request request)
      throws InterruptedException {
    String target = order.getTarget();
    String by = order.getRequestedBy();
    switch (order.getKind()) {
      case "plan" -> {
        Extractor.Running running = orders.plannable(target);
        running.planner().tick(Planner.Trigger.MANUAL);
        return Reception.Done.of(
            running.problems().isEmpty()
                ? "%s was planned".formatted(target)
                : "%s was planned; %s".formatted(target, String.join("; ", running.problems())));
      }
      case "pause", "resume" -> {
        boolean paused = order.getKind().equals("pause");
        orders.source(target);
        extractor.orders().pause(request::send, target, paused, by);
        return Reception.Done.of("%s is %s".formatted(target, paused ? "paused" : "running"));
      }
      case "cancel" -> {
        if (order.getJobId() == null) {
          throw new RefusedOrderException(400, "it does not say which job is to be cancelled");
        }
        extractor.orders().cancel(request::send, order.getJobId(), by);
        return Reception.Done.of("job %s is cancelled".formatted(order.getJobId()));
      }
      case "fetch" -> {
        return submit(
            order, orders.fetch(target, order.getRangeFrom(), order.getRangeTo()), request);
      }
      default -> {
        return submit(order, orders.gaps(target), request);
      }
    }
  }

  private Reception.Done submit(
      Order order, SourceOrders.Wanted wanted, TransactionalWorker.Request request) {
    int ranges = wanted.ranges().size();
    if (ranges == 0) {
      return Reception.Done.of("%s has no gaps".formatted(order.getTarget()));
    }
    extractor
        .orders()
        .requests(
            request::send,
            order.getOrderId(),
            wanted.feed().name(),
            wanted.ranges(),
            order.getRequestedBy());
    long first = wanted.ranges().getFirst().from();
    long last = wanted.ranges().getLast().to();
    return Reception.Done.job(
        "%d range%s of %s, %d to %d, %s asked for"
            .formatted(
                ranges,
                ranges == 1 ? "" : "s",
                wanted.feed().name(),
                first,
                last,
                ranges == 1 ? "is" : "are"),
        new Reception.Job(order.getOrderId(), ranges, first, last));
  }
}
