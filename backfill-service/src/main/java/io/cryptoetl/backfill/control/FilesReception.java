package io.cryptoetl.backfill.control;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.backfill.Backfill;
import io.cryptoetl.backfill.publishing.Requests;
import io.cryptoetl.kafka.ClientSettings;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Reception;
import io.cryptoetl.kafka.RefusedOrderException;
import io.cryptoetl.kafka.TransactionalWorker;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.ops.Order;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Takes people's orders for files, and tells how this instance does. Whichever instance gets an
 * order obeys it: asking twice for a file does no harm.
 */
@ApplicationScoped
class FilesReception implements Reception.Owner {
  /** Listing a large bucket takes its time. */
  private static final Duration MAX_WORK = Duration.ofMinutes(30);

  private final Backfill backfill;
  private final FileOrders orders;
  private final FilesResource files;
  private final ObjectMapper json;
  private final Reception reception;

  FilesReception(Backfill backfill, FilesResource files, ObjectMapper json) {
    this.backfill = backfill;
    this.orders = new FileOrders(backfill);
    this.files = files;
    this.json = json;
    this.reception =
        new Reception(
            new KafkaClients(ClientSettings.fromEnvironment()),
            "backfill",
            backfill.instance(),
            Clock.systemUTC());
  }

  /** After the locations are there. */
  void start(@Observes @Priority(Integer.MAX_VALUE) StartupEvent event) {
    reception.take("backfill-orders", "extract", MAX_WORK, this);
    reception.tell(this::word);
  }

  private Reception.Word word() throws JsonProcessingException {
    return new Reception.Word(backfill.problems(), json.writeValueAsString(files.locations()));
  }

  @Override
  public boolean isReady(Duration atMost) throws InterruptedException {
    return backfill.ledger().awaitRead(atMost);
  }

  @Override
  public boolean owns(Order order) {
    return order.getKind().equals("list") || order.getKind().equals("load");
  }

  @Override
  public Reception.Done obey(Order order, TransactionalWorker.Request request)
      throws InterruptedException {
    String target = order.getTarget();
    if (order.getKind().equals("list")) {
      Backfill.Listing listing = orders.list(target);
      return Reception.Done.of(
          "%s was listed, it has %,d file%s"
              .formatted(target, listing.files(), listing.files() == 1 ? "" : "s"));
    }
    Requests.Asked asked =
        orders.ask(
            target,
            Optional.ofNullable(order.getDataset()),
            parameters(order),
            order.getRequestedBy(),
            order.getAgain() ? Optional.of(order.getOrderId()) : Optional.empty());
    return Reception.Done.request(
        asked
            .known()
            .map(
                known ->
                    known.getState().equals("done")
                        ? target + " was read already; ask for it again to publish it again"
                        : target + " is being read")
            .orElse(target + " is asked for"),
        asked.known().map(FileState::getRequestId).orElse(asked.request().getRequestId()));
  }

  private static Map<String, String> parameters(Order order) {
    Map<String, String> parameters = new HashMap<>();
    for (String parameter : order.getParameters()) {
      int equals = parameter.indexOf('=');
      if (equals < 1) {
        throw new RefusedOrderException(
            400, "parameter '%s' is no name=value, such as chain_id=1".formatted(parameter));
      }
      parameters.put(parameter.substring(0, equals), parameter.substring(equals + 1));
    }
    return parameters;
  }

  void stop(@Observes ShutdownEvent event) throws InterruptedException {
    reception.stop();
  }
}
