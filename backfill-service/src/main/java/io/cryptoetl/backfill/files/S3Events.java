package io.cryptoetl.backfill.files;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jboss.logging.Logger;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.DeleteMessageBatchRequestEntry;
import software.amazon.awssdk.services.sqs.model.Message;

/**
 * Reads a queue of SQS to which buckets write what is new in them: <a
 * href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html">notifications
 * of S3</a>, alone or through SNS, and <a
 * href="https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventBridge.html">events of
 * EventBridge</a>. A message is deleted when its files are asked for; whatever is lost of the queue
 * the next listing finds.
 */
public final class S3Events implements Runnable {
  private static final Logger LOG = Logger.getLogger(S3Events.class);
  private static final ObjectMapper JSON = new ObjectMapper();

  /** What SQS gives at most at once. */
  private static final int MOST = 10;

  /** As long as a service may take to stop. */
  private static final int WAIT_SECONDS = 5;

  private static final Duration FIRST_PAUSE = Duration.ofSeconds(1);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(1);

  private final SqsClient sqs;
  private final String queue;
  private final Noticed noticed;
  private volatile boolean stopped;
  private volatile Optional<String> problem = Optional.empty();

  /** Takes names of objects that are new, as s3 URLs. */
  @FunctionalInterface
  public interface Noticed {
    /**
     * Asks for them.
     *
     * @throws IOException if a store does not answer: they are given again
     */
    void take(List<String> names) throws IOException, InterruptedException;
  }

  /**
   * Events of a queue.
   *
   * @param queue its URL
   */
  public S3Events(SqsClient sqs, String queue, Noticed noticed) {
    this.sqs = sqs;
    this.queue = queue;
    this.noticed = noticed;
  }

  /** What keeps it from reading the queue, if anything does. */
  public Optional<String> problem() {
    return problem;
  }

  /** Makes {@link #run} return, at the latest when the queue has answered. */
  public void stop() {
    stopped = true;
  }

  @Override
  public void run() {
    Duration pause = FIRST_PAUSE;
    while (!stopped) {
      try {
        problem = read().map(this::told);
        pause = FIRST_PAUSE;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      } catch (IOException | RuntimeException e) {
        if (stopped) {
          return;
        }
        // The queue's, a store's, Kafka's, or any that nobody thought of: messages come again.
        problem = Optional.of(told(e.getMessage()));
        LOG.warnf(
            e instanceof SdkException ? null : e,
            "queue=\"%s\" event=events_not_read reason=\"%s\"",
            queue,
            e.getMessage());
        if (!sleep(pause)) {
          return;
        }
        Duration next = pause.multipliedBy(2);
        pause = next.compareTo(LONGEST_PAUSE) < 0 ? next : LONGEST_PAUSE;
      }
    }
  }

  private static boolean sleep(Duration pause) {
    try {
      Thread.sleep(pause);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private String told(String reason) {
    return "the queue %s: %s".formatted(queue, reason);
  }

  /** Reads some messages; tells why one could not be obeyed, if there was one among others. */
  private Optional<String> read() throws IOException, InterruptedException {
    List<Message> messages =
        sqs.receiveMessage(
                r -> r.queueUrl(queue).maxNumberOfMessages(MOST).waitTimeSeconds(WAIT_SECONDS))
            .messages();
    if (messages.isEmpty()) {
      return Optional.empty();
    }
    List<DeleteMessageBatchRequestEntry> done = new ArrayList<>();
    IOException failure = null;
    for (Message message : messages) {
      try {
        noticed.take(names(message.body()));
        done.add(
            DeleteMessageBatchRequestEntry.builder()
                .id(String.valueOf(done.size()))
                .receiptHandle(message.receiptHandle())
                .build());
      } catch (IOException e) {
        // One object that cannot be looked at holds up no others.
        failure = e;
      }
    }
    if (!done.isEmpty()) {
      sqs.deleteMessageBatch(r -> r.queueUrl(queue).entries(done));
    }
    if (failure != null && done.isEmpty()) {
      throw failure;
    }
    return Optional.ofNullable(failure).map(IOException::getMessage);
  }

  /** The s3 URLs of what a message says to be new; none if it says something else. */
  static List<String> names(String message) {
    List<String> names = new ArrayList<>();
    try {
      JsonNode body = JSON.readTree(message);
      if (body.path("Message").isTextual()) {
        // From SNS, unless it delivers messages raw.
        return names(body.get("Message").textValue());
      }
      for (JsonNode record : body.path("Records")) {
        if (record.path("eventName").asText().startsWith("ObjectCreated")) {
          JsonNode s3 = record.path("s3");
          // Keys are as forms encode them: a space is a plus.
          name(
              s3.path("bucket").path("name").asText(),
              URLDecoder.decode(s3.path("object").path("key").asText(), StandardCharsets.UTF_8),
              names);
        }
      }
      if (body.path("detail-type").asText().equals("Object Created")) {
        JsonNode detail = body.path("detail");
        name(
            detail.path("bucket").path("name").asText(),
            detail.path("object").path("key").asText(),
            names);
      }
      if (names.isEmpty()) {
        LOG.debugf("event=event_passed_over message=\"%s\"", message);
      }
    } catch (JsonProcessingException | IllegalArgumentException e) {
      LOG.warnf("event=event_unreadable reason=\"%s\"", e.getMessage());
    }
    return names;
  }

  private static void name(String bucket, String key, List<String> names) {
    if (!bucket.isEmpty() && !key.isEmpty()) {
      names.add("s3://" + bucket + "/" + key);
    }
  }
}
