package io.cryptoetl.console.home;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** What keeps the tables from being complete, each with what helps. */
final class Troubles {
  private static final String ERROR = "error";
  private static final String WARNING = "warning";

  private Troubles() {}

  static List<Snapshot.Trouble> of(
      Tables.Content content,
      List<Snapshot.Feed> feeds,
      Collection<Snapshot.Part> parts,
      Map<String, Cluster.Task> tasks,
      List<String> unprotected,
      String roleProblem) {
    List<Snapshot.Trouble> troubles = new ArrayList<>();
    for (Snapshot.Part part : parts) {
      if (!part.up()) {
        troubles.add(
            new Snapshot.Trouble(
                ERROR,
                part.name() + " is down",
                part.message(),
                "Start it again; everything goes on by itself then, and nothing is lost.",
                null));
      }
    }
    if (!content.slow().isEmpty()) {
      troubles.add(
          new Snapshot.Trouble(
              WARNING,
              "The database answers slowly",
              "What is shown is older: " + String.join(", ", content.slow()),
              "It is asked again by itself.",
              null));
    }
    if (roleProblem != null) {
      troubles.add(
          new Snapshot.Trouble(
              ERROR,
              "Queries are off",
              roleProblem,
              "Run deploy/postgres/roles.sql as a superuser, and set CONSOLE_READER_USER.",
              null));
    }
    for (Cluster.Task task : tasks.values()) {
      if (task.state().equals("FAILED")) {
        troubles.add(
            new Snapshot.Trouble(
                ERROR,
                "Loader %s has failed".formatted(task.name()),
                task.trace().lines().findFirst().orElse(""),
                "Mend what it says, then restart the task; rows wait in their topics.",
                "topics"));
      }
    }
    for (Tables.RunRow run : content.runs()) {
      if (run.outcome().equals("failed") || run.outcome().equals("halted")) {
        troubles.add(
            new Snapshot.Trouble(
                run.outcome().equals("halted") ? ERROR : WARNING,
                "Source %s %s"
                    .formatted(
                        run.source(),
                        run.outcome().equals("halted") ? "is halted" : "could not be planned"),
                run.problem() == null ? "" : run.problem(),
                "It is tried again by itself. Check its endpoints.",
                "sources"));
      }
    }
    for (Snapshot.Feed feed : feeds) {
      if (feed.paused()) {
        troubles.add(
            new Snapshot.Trouble(
                WARNING,
                "Source %s is paused".formatted(feed.name()),
                "Nothing of it is planned or fetched.",
                "Resume it when it shall go on.",
                "sources"));
      }
    }
    for (Tables.LetterRow letter : content.letters()) {
      troubles.add(
          new Snapshot.Trouble(
              WARNING,
              "%,d dead letter%s: %s"
                  .formatted(letter.letters(), letter.letters() == 1 ? "" : "s", letter.code()),
              letter.reason(),
              letter.stage().equals("extract")
                  ? "These numbers of %s are asked for again by themselves; you can do it now."
                      .formatted(letter.of())
                  : letter.stage().equals("transform")
                      ? "Mend what it says, then map these records again."
                      : "Mend the table or its data, then: ./pipeline replay",
              "letters"));
    }
    if (!unprotected.isEmpty()) {
      troubles.add(
          new Snapshot.Trouble(
              WARNING,
              "The database lacks protections for queries",
              "People's queries may use: " + String.join(", ", unprotected),
              "Run deploy/postgres/roles.sql as a superuser, if your database lets you.",
              null));
    }
    troubles.sort(Comparator.comparing(t -> !t.severity().equals(ERROR)));
    return troubles;
  }
}
