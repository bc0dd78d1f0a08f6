package io.cryptoetl.console.orders;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.cryptoetl.console.Kafka;
import io.cryptoetl.kafka.Reception;
import io.cryptoetl.kafka.TopicFollower;
import io.cryptoetl.ops.OrderResult;
import io.cryptoetl.ops.SavedQuery;
import io.cryptoetl.ops.SavedQueryKey;
import io.cryptoetl.ops.Status;
import io.cryptoetl.ops.StatusKey;
import io.cryptoetl.schemas.Topics;
import io.quarkus.runtime.ShutdownEvent;
import io.quarkus.runtime.StartupEvent;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.time.Instant;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;
import org.jboss.logging.Logger;

/** What topics tell: how instances do, what they make of orders, and what people keep. */
@ApplicationScoped
public class Followed {
  private static final Logger LOG = Logger.getLogger(Followed.class);
  private static final int MOST_RESULTS = 1000;

  private final Map<String, OrderResult> results =
      new LinkedHashMap<>() {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<String, OrderResult> eldest) {
          return size() > MOST_RESULTS;
        }
      };

  private final Kafka kafka;
  private final ObjectMapper json;
  private final Map<StatusKey, Told> instances = new LinkedHashMap<>();
  private final Map<String, SavedQuery> queries = new LinkedHashMap<>();
  private TopicFollower follower;

  Followed(Kafka kafka, ObjectMapper json) {
    this.kafka = kafka;
    this.json = json;
  }

  /**
   * What an instance told last.
   *
   * @param detail of the status, read; empty if it is no JSON
   */
  public record Told(Status status, JsonNode detail) {
    /** Whether it runs, as far as it told. */
    public boolean isUp(Instant now) {
      return status.getSeenAt().isAfter(now.minus(Reception.SILENT));
    }
  }

  void start(@Observes StartupEvent event) {
    follower =
        new TopicFollower(
            kafka.clients(),
            List.of(Topics.OPS_ORDER_RESULTS, Topics.OPS_STATUS, Topics.OPS_SAVED_QUERIES),
            this::take);
    Thread.ofPlatform().name("followed").daemon().start(follower);
  }

  void stop(@Observes ShutdownEvent event) {
    if (follower != null) {
      follower.stop();
    }
  }

  private synchronized void take(SpecificRecord key, SpecificRecord value) {
    if (value instanceof OrderResult result) {
      results.put(result.getOrderId(), result);
    } else if (key instanceof SavedQueryKey of) {
      if (value == null) {
        queries.remove(of.getQueryId());
      } else {
        queries.put(of.getQueryId(), (SavedQuery) value);
      }
    } else if (key instanceof StatusKey of) {
      if (value == null) {
        instances.remove(of);
      } else {
        Status status = (Status) value;
        instances.put(of, new Told(status, detail(status)));
      }
    }
  }

  /** What came of an order; empty while nobody has answered. */
  synchronized Optional<OrderResult> result(String orderId) {
    return Optional.ofNullable(results.get(orderId));
  }

  private JsonNode detail(Status status) {
    try {
      return json.readTree(status.getDetail());
    } catch (JsonProcessingException e) {
      LOG.debugf("event=status_unread instance=%s", status.getInstance());
      return json.createArrayNode();
    }
  }

  /** Instances of a service that told of themselves, those that run first. */
  public synchronized List<Told> instances(String service) {
    return instances.values().stream()
        .filter(told -> told.status().getService().equals(service))
        .sorted((a, b) -> b.status().getSeenAt().compareTo(a.status().getSeenAt()))
        .toList();
  }

  /** Queries that people keep, by name. */
  public synchronized List<SavedQuery> queries() {
    return queries.values().stream()
        .sorted(Comparator.comparing(SavedQuery::getName, String.CASE_INSENSITIVE_ORDER))
        .toList();
  }
}
