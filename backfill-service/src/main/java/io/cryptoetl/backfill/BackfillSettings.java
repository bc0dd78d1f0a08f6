package io.cryptoetl.backfill;

import io.cryptoetl.backfill.files.S3Access;
import io.cryptoetl.datasets.Layouts;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What the configuration says, checked.
 *
 * @param places where files are, by name
 */
record BackfillSettings(BackfillConfig config, Layouts layouts, Map<String, Place> places) {
  private static final Pattern S3 =
      Pattern.compile("s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?");

  /** Where files are: in a bucket or in a folder. */
  sealed interface Place {
    /** A prefix of a bucket; empty, or with a slash at its end. */
    record Bucket(String name, String prefix) implements Place {}

    /** A folder. */
    record Folder(Path path) implements Place {}
  }

  /** Mistakes in the configuration. */
  static final class InvalidException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    InvalidException(List<String> problems) {
      super("The configuration is not valid:\n  " + String.join("\n  ", problems));
    }
  }

  /**
   * Checks a configuration.
   *
   * @throws InvalidException with all mistakes
   */
  static BackfillSettings from(BackfillConfig config) {
    List<String> problems = new ArrayList<>();
    range(problems, "backfill.workers", config.workers(), 1, 64);
    range(problems, "backfill.tries", config.tries(), 1, 100);
    range(problems, "backfill.expansion", config.expansion(), 10, 1_000_000);
    if (config.every().compareTo(Duration.ofSeconds(1)) < 0) {
      problems.add(
          "backfill.every is %s, a duration of 1s or more is allowed".formatted(config.every()));
    }
    positive(problems, "backfill.retry-delay", config.retryDelay());
    if (config.settle().isNegative()) {
      problems.add(
          "backfill.settle is %s, a duration of 0 or more is allowed, such as 5s"
              .formatted(config.settle()));
    }
    Layouts layouts = Layouts.defaults();
    if (config.datasetsDir().filter(d -> !d.isBlank()).isPresent()) {
      try {
        layouts = Layouts.with(Path.of(config.datasetsDir().get()));
      } catch (IllegalArgumentException e) {
        problems.add("backfill.datasets-dir: " + e.getMessage());
      }
    }
    Map<String, Place> places = new TreeMap<>();
    for (var location : config.locations().entrySet()) {
      String key = "backfill.locations." + location.getKey();
      Optional<String> url = location.getValue().url().filter(u -> !u.isBlank());
      if (url.isPresent()) {
        place(key + ".url", url.get().strip(), problems)
            .ifPresent(place -> places.put(location.getKey(), place));
      }
      s3(key + ".s3.", location.getValue().s3(), problems);
      for (var route : location.getValue().routes().entrySet()) {
        String routeKey = key + ".routes." + route.getKey();
        route(routeKey, route.getValue(), layouts, problems);
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidException(problems);
    }
    return new BackfillSettings(config, layouts, places);
  }

  private static void s3(String key, BackfillConfig.S3Config s3, List<String> problems) {
    s3.endpointUrl()
        .filter(u -> !u.matches("https?://[^@\\s]+"))
        .ifPresent(
            u ->
                problems.add(
                    "%sendpoint-url is %s, allowed is a URL such as https://s3.example.com, without user and password"
                        .formatted(key, u.replaceAll(".*@", "***@"))));
    s3.eventsQueue()
        .filter(q -> !q.strip().matches("https?://[^@/\\s]+/\\S+"))
        .ifPresent(
            q ->
                problems.add(
                    "%sevents-queue is %s, allowed is the URL of a queue, such as https://sqs.eu-central-1.amazonaws.com/123456789012/files"
                        .formatted(key, q.replaceAll(".*@", "***@"))));
    s3.roleArn()
        .filter(a -> !a.matches("arn:[a-z-]+:iam::[0-9]{12}:role/.+"))
        .ifPresent(
            a ->
                problems.add(
                    "%srole-arn is %s, allowed is one such as arn:aws:iam::123456789012:role/reader"
                        .formatted(key, a)));
  }

  /** The queues of the locations, each with the name of a location that reaches it. */
  Map<String, String> queues() {
    Map<String, String> queues = new TreeMap<>();
    for (String location : places.keySet()) {
      config
          .locations()
          .get(location)
          .s3()
          .eventsQueue()
          .ifPresent(queue -> queues.putIfAbsent(queue.strip(), location));
    }
    return queues;
  }

  /** How the bucket of a location is reached. */
  S3Access access(String location) {
    BackfillConfig.S3Config s3 = config.locations().get(location).s3();
    return new S3Access(
        s3.endpointUrl(),
        s3.region(),
        s3.pathStyle(),
        s3.profile(),
        s3.roleArn(),
        s3.requesterPays());
  }

  private static void route(
      String key, BackfillConfig.RouteConfig route, Layouts layouts, List<String> problems) {
    try {
      FileSystems.getDefault().getPathMatcher("glob:" + route.files());
    } catch (PatternSyntaxException e) {
      problems.add(
          "%s.files is '%s', a glob such as binance/** is allowed: %s"
              .formatted(key, route.files(), e.getDescription()));
    }
    route
        .dataset()
        .filter(d -> layouts.named(d).isEmpty())
        .ifPresent(
            d ->
                problems.add(
                    "%s.dataset is '%s', allowed is one of %s".formatted(key, d, layouts.names())));
    for (String field : parameters(route).keySet()) {
      if (!layouts.takes(route.dataset(), field)) {
        problems.add(
            "%s.parameters.%s: there is no such field in %s"
                .formatted(key, field, route.dataset().orElse("any dataset")));
      }
    }
  }

  /** Parameters of a route: in names of environment variables a dot stands for an underscore. */
  static Map<String, String> parameters(BackfillConfig.RouteConfig route) {
    Map<String, String> parameters = new TreeMap<>();
    route.parameters().forEach((k, v) -> parameters.put(k.replace('.', '_').replace('-', '_'), v));
    return parameters;
  }

  private static Optional<Place> place(String key, String url, List<String> problems) {
    if (url.startsWith("s3:")) {
      Matcher matcher = S3.matcher(url);
      if (matcher.matches()) {
        String prefix = matcher.group(2) == null ? "" : matcher.group(2);
        return Optional.of(
            new Place.Bucket(
                matcher.group(1),
                prefix.isEmpty() || prefix.endsWith("/") ? prefix : prefix + "/"));
      }
    } else {
      try {
        Path path = Path.of(url);
        if (path.isAbsolute()) {
          if (Files.isDirectory(path)) {
            return Optional.of(new Place.Folder(path));
          }
          problems.add("%s is '%s', which is no folder that can be read".formatted(key, url));
          return Optional.empty();
        }
      } catch (InvalidPathException e) {
        // It is told below what is allowed.
      }
    }
    problems.add(
        "%s is '%s', allowed: s3://bucket/prefix, or the absolute path of a folder"
            .formatted(key, url));
    return Optional.empty();
  }

  private static void range(List<String> problems, String key, long value, long least, long most) {
    if (value < least || value > most) {
      problems.add("%s is %d, allowed is %d to %d".formatted(key, value, least, most));
    }
  }

  private static void positive(List<String> problems, String key, Duration value) {
    if (value.isZero() || value.isNegative()) {
      problems.add("%s is %s, a duration above 0 is allowed, such as 10s".formatted(key, value));
    }
  }
}
