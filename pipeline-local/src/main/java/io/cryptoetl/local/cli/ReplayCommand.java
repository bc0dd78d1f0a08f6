package io.cryptoetl.local.cli;

import io.cryptoetl.kafka.Replays;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.schemas.Topic;
import io.cryptoetl.schemas.Topics;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Processes raw records again. */
@Command(
    name = "replay",
    description = {
      "Processes raw records again with the code and settings of today, into the same tables, and waits until they are loaded. No source is asked. New records are processed meanwhile.",
      "Ctrl-C ends the waiting; the replay goes on."
    },
    mixinStandardHelpOptions = true)
final class ReplayCommand implements Callable<Integer> {
  private static final long POLL_MS = 500;

  @Option(
      names = "--topic",
      paramLabel = "TOPIC",
      description = "Raw topic; may be given several times (default: all)")
  private List<String> topics = List.of();

  @Option(
      names = "--from",
      paramLabel = "TIME",
      description =
          "Only records that came into Kafka since this date or time, such as 2026-01-31 or 2026-01-31T12:00:00Z (default: all)")
  private String from;

  private final Screen screen = Screen.system();

  @Override
  public Integer call() throws Exception {
    List<Topic> raw = topics();
    Optional<Instant> since = Optional.ofNullable(from).map(ReplayCommand::time);
    try (Replays replays = new Replays(Deployment.current().kafka())) {
      Replays.Started replay = replays.start(raw, since);
      if (replay.offsets() == 0) {
        screen.line("There is nothing to process again.");
        return 0;
      }
      try (ProgressBar progress = screen.bar("Replay", replay.offsets())) {
        long done = 0;
        while (done < replay.offsets()) {
          Thread.sleep(POLL_MS);
          done = replays.done(replay);
          progress.stepTo(done);
        }
        progress.setExtraMessage(" loading");
        replays.awaitLoaded();
      }
      Replays.Letters letters = replays.sweep(replay);
      screen.line(
          "Processed again and loaded: %,d offsets of %s. Dead letters of them: %,d, and %,d are gone."
              .formatted(
                  replay.offsets(),
                  replay.ranges().values().stream()
                      .map(ranges -> ranges.getFirst().raw().topic())
                      .distinct()
                      .collect(Collectors.joining(", ")),
                  letters.kept(),
                  letters.gone()));
      if (letters.kept() > 0) {
        screen.line(
            "  ./pipeline query \"SELECT * FROM audit.dead_letters WHERE stage = 'transform'\"");
      }
      return 0;
    }
  }

  private List<Topic> topics() {
    if (topics.isEmpty()) {
      return List.copyOf(Topics.REPLAYS.keySet());
    }
    return topics.stream()
        .distinct()
        .map(
            name ->
                Topics.REPLAYS.keySet().stream()
                    .filter(t -> t.name().equals(name))
                    .findFirst()
                    .orElseThrow(
                        () ->
                            new MisuseException(
                                "--topic is %s, one of %s is expected"
                                    .formatted(
                                        name,
                                        Topics.REPLAYS.keySet().stream()
                                            .map(Topic::name)
                                            .collect(Collectors.joining(", "))))))
        .toList();
  }

  private static Instant time(String text) {
    try {
      return text.contains("T")
          ? Instant.parse(text)
          : LocalDate.parse(text).atStartOfDay().toInstant(ZoneOffset.UTC);
    } catch (DateTimeException e) {
      throw new MisuseException(
          "--from is %s, a date or time such as 2026-01-31 or 2026-01-31T12:00:00Z is expected"
              .formatted(text));
    }
  }
}
