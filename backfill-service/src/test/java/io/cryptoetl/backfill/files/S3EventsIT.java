package io.cryptoetl.backfill.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.elasticmq.rest.sqs.SQSRestServer;
import org.elasticmq.rest.sqs.SQSRestServerBuilder;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.sqs.SqsClient;
import software.amazon.awssdk.services.sqs.model.QueueAttributeName;

/** Events of a real queue: ElasticMQ speaks the protocol of SQS. */
class S3EventsIT {
  private static final S3Access ACCESS =
      new S3Access(
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          false);

  private final List<String> noticed = new CopyOnWriteArrayList<>();
  private SQSRestServer server;
  private SqsClient sqs;
  private String queue;

  @BeforeEach
  void start() {
    System.setProperty("aws.accessKeyId", "test");
    System.setProperty("aws.secretAccessKey", "test");
    server = SQSRestServerBuilder.withInterface("127.0.0.1").withDynamicPort().start();
    int port = server.waitUntilStarted().localAddress().getPort();
    queue = "http://127.0.0.1:%d/000000000000/files".formatted(port);
    sqs = ACCESS.queues(queue, "test", "us-east-1");
    sqs.createQueue(
        r -> r.queueName("files").attributes(Map.of(QueueAttributeName.VISIBILITY_TIMEOUT, "1")));
  }

  @AfterEach
  void stop() {
    sqs.close();
    server.stopAndWait();
    System.clearProperty("aws.accessKeyId");
    System.clearProperty("aws.secretAccessKey");
  }

  private void send(String message) {
    sqs.sendMessage(r -> r.queueUrl(queue).messageBody(message));
  }

  private String left() {
    Map<QueueAttributeName, String> counts =
        sqs.getQueueAttributes(
                r ->
                    r.queueUrl(queue)
                        .attributeNames(
                            QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES,
                            QueueAttributeName.APPROXIMATE_NUMBER_OF_MESSAGES_NOT_VISIBLE))
            .attributes();
    return String.join(" ", counts.values());
  }

  @Test
  void shouldGiveEachNewObjectAndDeleteItsMessage() throws Exception {
    String created =
        """
        {"Records": [
          {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "in/a+b%2Bc%C3%BC.csv", "size": 1}}},
          {"eventName": "ObjectRemoved:Delete", "s3": {"bucket": {"name": "b"}, "object": {"key": "in/gone.csv"}}}]}
        """;
    send("{\"Service\": \"Amazon S3\", \"Event\": \"s3:TestEvent\", \"Bucket\": \"b\"}");
    send(created);
    send("no JSON");
    send(
        "{\"Type\": \"Notification\", \"Message\": \"%s\"}"
            .formatted(created.replace("a+b", "sns").replace("\n", " ").replace("\"", "\\\"")));
    send(
        "{\"detail-type\": \"Object Created\", \"detail\": {\"bucket\": {\"name\": \"b\"}, \"object\": {\"key\": \"in/event bridge.csv\"}}}");
    AtomicInteger failures = new AtomicInteger(2);
    S3Events events =
        new S3Events(
            sqs,
            queue,
            names -> {
              if (failures.getAndDecrement() > 0) {
                throw new IOException("the store does not answer");
              }
              noticed.addAll(names);
            });
    Thread reader = Thread.ofPlatform().start(events);

    await().atMost(Duration.ofSeconds(5)).until(() -> events.problem().isPresent());
    assertThat(events.problem().orElseThrow()).contains(queue, "the store does not answer");
    await()
        .atMost(Duration.ofSeconds(30))
        .untilAsserted(
            () ->
                assertThat(noticed)
                    .contains("s3://b/in/a b+cü.csv", "s3://b/in/sns+cü.csv")
                    .contains("s3://b/in/event bridge.csv")
                    .allMatch(name -> !name.contains("gone")));
    await().atMost(Duration.ofSeconds(30)).until(() -> left().equals("0 0"));
    await().atMost(Duration.ofSeconds(30)).until(() -> events.problem().isEmpty());

    server.stopAndWait();
    await().atMost(Duration.ofSeconds(60)).until(() -> events.problem().isPresent());
    events.stop();
    reader.interrupt();
    reader.join(Duration.ofSeconds(30));
    assertThat(reader.isAlive()).isFalse();
  }

  @Test
  void shouldReachTheServerAndRegionOfAQueue() {
    try (SqsClient client =
        ACCESS.queues(
            "https://sqs.eu-central-1.amazonaws.com/123456789012/files", "test", "us-east-1")) {
      assertThat(client.serviceClientConfiguration().region().id()).isEqualTo("eu-central-1");
      assertThat(client.serviceClientConfiguration().endpointOverride())
          .map(Object::toString)
          .contains("https://sqs.eu-central-1.amazonaws.com/");
    }
  }
}
