package io.cryptoetl.kafka;

import io.cryptoetl.schemas.Topic;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What operators set of topics: {@code TOPIC_} and a setting for all topics, or {@code TOPIC_}, a
 * class and a setting for those of a class, which comes first. {@code TOPIC_RAW_RETENTION=365d}
 * keeps raw records for a year.
 */
public final class TopicSettings {
  private static final String TOPIC = "TOPIC_";
  private static final int MAX_PARTITIONS = 10_000;

  /** A setting of topics. */
  private enum Setting {
    /** -1 is the broker's default. */
    REPLICATION_FACTOR("-1 (the broker's default), or 1 to 100"),
    MIN_INSYNC_REPLICAS("1 to 100"),
    PARTITIONS("1 to " + MAX_PARTITIONS),
    RETENTION("a number with h or d, such as 90d, or forever"),
    TOMBSTONE_RETENTION("a number with h or d, such as 60d"),
    MAX_MESSAGE_BYTES("1024 to 1073741824");

    private final String allowed;

    Setting(String allowed) {
      this.allowed = allowed;
    }
  }

  private final Map<String, String> values;

  private TopicSettings(Map<String, String> values) {
    this.values = values;
  }

  /** What is set where nothing is set. */
  public static TopicSettings defaults() {
    return new TopicSettings(Map.of());
  }

  /**
   * Settings of an environment.
   *
   * @throws IllegalArgumentException if a name or a value is not known; the message says what is
   *     allowed
   */
  public static TopicSettings from(Map<String, String> environment) {
    Map<String, String> values = new LinkedHashMap<>();
    Set<String> names = names();
    environment.forEach(
        (name, value) -> {
          if (name.startsWith(TOPIC) && !value.isBlank()) {
            if (!names.contains(name)) {
              throw new IllegalArgumentException(
                  "%s is no setting of topics; there are %s".formatted(name, names));
            }
            values.put(name, value.strip());
          }
        });
    TopicSettings settings = new TopicSettings(values);
    // Every value is read once, so that a mistake is told before anything is done.
    values.forEach((name, value) -> settings.check(name));
    return settings;
  }

  /** All names of settings. */
  static Set<String> names() {
    return Stream.of(Setting.values())
        .flatMap(
            setting ->
                Stream.concat(
                    Stream.of(TOPIC + setting),
                    Stream.of(Topic.Kind.values()).map(kind -> TOPIC + kind + "_" + setting)))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  private void check(String name) {
    // Of two that fit the longer one: RETENTION ends TOMBSTONE_RETENTION, too.
    Setting setting =
        Stream.of(Setting.values())
            .filter(s -> name.endsWith("_" + s))
            .max(Comparator.comparingInt(s -> s.name().length()))
            .orElseThrow();
    switch (setting) {
      case REPLICATION_FACTOR -> number(name, setting, -1, 100);
      case MIN_INSYNC_REPLICAS -> number(name, setting, 1, 100);
      case PARTITIONS -> number(name, setting, 1, MAX_PARTITIONS);
      case MAX_MESSAGE_BYTES -> number(name, setting, 1024, 1 << 30);
      case RETENTION -> milliseconds(name, setting, true);
      case TOMBSTONE_RETENTION -> milliseconds(name, setting, false);
    }
  }

  private Optional<String> nameOf(Topic topic, Setting setting) {
    return Stream.of(TOPIC + topic.kind() + "_" + setting, TOPIC + setting)
        .filter(values::containsKey)
        .findFirst();
  }

  private int number(String name, Setting setting, int least, int most) {
    String value = values.get(name);
    if (value.matches("-?[0-9]{1,10}")) {
      long number = Long.parseLong(value);
      if (number >= least && number <= most && number != 0) {
        return (int) number;
      }
    }
    throw refused(name, value, setting);
  }

  private long milliseconds(String name, Setting setting, boolean orForever) {
    String value = values.get(name).toLowerCase(Locale.ROOT);
    if (orForever && value.equals("forever")) {
      return -1;
    }
    if (!value.matches("[0-9]{1,6}[hd]")) {
      throw refused(name, values.get(name), setting);
    }
    long number = Long.parseLong(value.substring(0, value.length() - 1));
    return (value.endsWith("d") ? Duration.ofDays(number) : Duration.ofHours(number)).toMillis();
  }

  private static IllegalArgumentException refused(String name, String value, Setting setting) {
    return new IllegalArgumentException(
        "%s is '%s', allowed is %s".formatted(name, value, setting.allowed));
  }

  /** Copies of each partition; -1 for the broker's default. */
  public short replicationFactor(Topic topic) {
    return (short)
        nameOf(topic, Setting.REPLICATION_FACTOR)
            .map(name -> number(name, Setting.REPLICATION_FACTOR, -1, 100))
            .orElse(-1)
            .intValue();
  }

  /**
   * The partitions that an operator asked for; nothing if none did, or where records need one
   * order. Internal topics stand beside the raw ones and have as many.
   */
  public OptionalInt partitions(Topic topic) {
    if (topic.partitions() == 1) {
      return OptionalInt.empty();
    }
    Optional<String> name =
        topic.kind() == Topic.Kind.INTERNAL
            ? Stream.of(
                    TOPIC + Topic.Kind.RAW + "_" + Setting.PARTITIONS, TOPIC + Setting.PARTITIONS)
                .filter(values::containsKey)
                .findFirst()
            : nameOf(topic, Setting.PARTITIONS);
    return name.map(n -> OptionalInt.of(number(n, Setting.PARTITIONS, 1, MAX_PARTITIONS)))
        .orElse(OptionalInt.empty());
  }

  /** The largest record batch that a topic takes, in bytes. */
  public int maxMessageBytes(Topic topic) {
    String ofKind = TOPIC + topic.kind() + "_" + Setting.MAX_MESSAGE_BYTES;
    if (values.containsKey(ofKind)) {
      return number(ofKind, Setting.MAX_MESSAGE_BYTES, 1024, 1 << 30);
    }
    String ofAll = TOPIC + Setting.MAX_MESSAGE_BYTES;
    return values.containsKey(ofAll)
        ? Math.min(topic.maxMessageBytes(), number(ofAll, Setting.MAX_MESSAGE_BYTES, 1024, 1 << 30))
        : topic.maxMessageBytes();
  }

  /** The configuration of a topic. */
  public Map<String, String> config(Topic topic) {
    Map<String, String> config = topic.config();
    config.put("max.message.bytes", Integer.toString(maxMessageBytes(topic)));
    nameOf(topic, Setting.MIN_INSYNC_REPLICAS)
        .ifPresent(name -> config.put("min.insync.replicas", values.get(name)));
    switch (topic.cleanup()) {
      case DELETE ->
          nameOf(topic, Setting.RETENTION)
              // Requests and results tell together what was ever asked for and what came of it.
              .filter(name -> topic.kind() != Topic.Kind.OPS || topic.retentionMs() > 0)
              .ifPresent(
                  name ->
                      config.put(
                          "retention.ms",
                          Long.toString(milliseconds(name, Setting.RETENTION, true))));
      case COMPACT ->
          nameOf(topic, Setting.TOMBSTONE_RETENTION)
              .ifPresent(
                  name ->
                      config.put(
                          "delete.retention.ms",
                          Long.toString(milliseconds(name, Setting.TOMBSTONE_RETENTION, false))));
    }
    return config;
  }
}
