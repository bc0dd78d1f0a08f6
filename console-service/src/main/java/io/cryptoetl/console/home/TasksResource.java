package io.cryptoetl.console.home;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.PathParam;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import org.jboss.logging.Logger;

/** Restarts tasks of Kafka Connect by the REST API of its workers, which knows no orders. */
@Path("/api/tasks")
@Blocking
@ApplicationScoped
public class TasksResource {
  private static final Logger LOG = Logger.getLogger(TasksResource.class);
  private static final Duration AT_MOST = Duration.ofSeconds(10);

  private final Cluster cluster;
  private final Person.Current current;
  private final Optional<String> url;
  private final Optional<String> authorization;
  private final HttpClient http = HttpClient.newBuilder().connectTimeout(AT_MOST).build();

  TasksResource(Cluster cluster, ConsoleConfig config, Person.Current current) {
    this.cluster = cluster;
    this.current = current;
    this.authorization =
        config
            .connectRestUser()
            .filter(user -> !user.isBlank())
            .map(user -> user + ":" + config.connectRestPassword().orElse(""))
            .map(
                both ->
                    "Basic "
                        + Base64.getEncoder()
                            .encodeToString(both.getBytes(StandardCharsets.UTF_8)));
    this.url = config.connectUrl().map(u -> u.strip().replaceAll("/+$", ""));
  }

  /** Restarts a task; only operators may. */
  @POST
  @Path("{task}/restart")
  public Map<String, String> restart(@PathParam("task") String name) throws InterruptedException {
    current.mustBeOperator("restart tasks");
    if (!name.matches(Cluster.TASK) || !cluster.tasks().containsKey(name)) {
      throw new Problem.Refused(404, "no_task", "There is no task '%s'.".formatted(name));
    }
    String base =
        url.filter(u -> !u.isEmpty())
            .orElseThrow(
                () ->
                    new Problem.Refused(
                        409,
                        "no_connect",
                        "CONNECT_URL is not set: the address of a Connect worker's REST API, such as http://connect:8083."));
    int dash = name.lastIndexOf('-');
    String connector = URLEncoder.encode(name.substring(0, dash), StandardCharsets.UTF_8);
    try {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(
                  URI.create(
                      "%s/connectors/%s/tasks/%s/restart"
                          .formatted(
                              base, connector.replace("+", "%20"), name.substring(dash + 1))))
              .timeout(AT_MOST)
              .POST(HttpRequest.BodyPublishers.noBody());
      authorization.ifPresent(value -> request.header("Authorization", value));
      HttpResponse<String> answer =
          http.send(request.build(), HttpResponse.BodyHandlers.ofString());
      if (answer.statusCode() == 401) {
        throw new Problem.Refused(
            502,
            "connect_password",
            "The Connect worker asks for another password: CONNECT_REST_USER and CONNECT_REST_PASSWORD of the console are not its own.");
      }
      if (answer.statusCode() >= 300) {
        throw new Problem.Refused(
            502,
            "connect_refused",
            "The Connect worker answered HTTP %d. Its log tells why."
                .formatted(answer.statusCode()));
      }
    } catch (IOException e) {
      throw new Problem.Refused(
          503, "connect_away", "The Connect worker does not answer. Is it down?");
    }
    LOG.infof("event=task_restarted task=%s by=\"%s\"", name, current.person().name());
    return Map.of("message", name + " is restarted");
  }
}
