package io.cryptoetl.kafka;

import io.cryptoetl.ops.Order;
import io.cryptoetl.ops.OrderResult;
import io.cryptoetl.ops.OrderResultKey;
import io.cryptoetl.schemas.Topics;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import org.apache.avro.specific.SpecificRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes the orders for what a service owns. What an order makes, its result and its offset are
 * committed in one transaction.
 */
final class OrderTaker implements TransactionalWorker.Task {
  private static final Logger LOG = LoggerFactory.getLogger(OrderTaker.class);

  /** What somebody wanted that long ago is not done any more: they may have done it otherwise. */
  private static final Duration OLD = Duration.ofMinutes(10);

  private final String instance;
  private final Reception.Owner owner;
  private final Clock clock;
  private final Runnable obeyed;

  /**
   * A task.
   *
   * @param obeyed is called after each order
   */
  OrderTaker(String instance, Reception.Owner owner, Clock clock, Runnable obeyed) {
    this.instance = instance;
    this.owner = owner;
    this.clock = clock;
    this.obeyed = obeyed;
  }

  @Override
  public boolean isReady(Duration atMost) throws InterruptedException {
    return owner.isReady(atMost);
  }

  @Override
  public boolean takes(SpecificRecord value) {
    if (!(value instanceof Order order)) {
      throw new BadRecordException("a %s is no order".formatted(value.getSchema().getFullName()));
    }
    return owner.owns(order);
  }

  @Override
  public TransactionalWorker.Attempt work(TransactionalWorker.Request request)
      throws InterruptedException {
    Order order = (Order) request.value();
    OrderResult result;
    try {
      Instant oldest = clock.instant().minus(OLD);
      if (order.getOrderedAt().isBefore(oldest)) {
        throw new RefusedOrderException(
            409,
            "it was ordered at %s, which is too long ago; order it again"
                .formatted(order.getOrderedAt()));
      }
      result = result(order, "accepted", owner.obey(order, request));
    } catch (RefusedOrderException refused) {
      result = result(order, "refused", Reception.Done.of(refused.getMessage()));
    }
    LOG.info(
        "event=order kind={} target=\"{}\" outcome={} by=\"{}\"",
        order.getKind(),
        order.getTarget(),
        result.getOutcome(),
        order.getRequestedBy());
    request.send(Topics.OPS_ORDER_RESULTS.name(), new OrderResultKey(order.getOrderId()), result);
    request.commit();
    obeyed.run();
    return new TransactionalWorker.Attempt.Done();
  }

  private OrderResult result(Order order, String outcome, Reception.Done done) {
    return OrderResult.newBuilder()
        .setOrderId(order.getOrderId())
        .setKind(order.getKind())
        .setTarget(order.getTarget())
        .setOutcome(outcome)
        .setMessage(done.message())
        .setJobId(done.job().map(Reception.Job::id).orElse(null))
        .setRanges(done.job().map(Reception.Job::ranges).orElse(null))
        .setFromNumber(done.job().map(Reception.Job::from).orElse(null))
        .setToNumber(done.job().map(Reception.Job::to).orElse(null))
        .setRequestId(done.request().orElse(null))
        .setAnsweredBy(instance)
        .setAnsweredAt(clock.instant())
        .build();
  }
}
