package io.cryptoetl.console.query;

import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.UUID;

/** Exports that were asked for and are not fetched yet. A link to one works once, for a minute. */
@ApplicationScoped
public class Exports {
  private static final long NANOS = 60_000_000_000L;
  private static final int MOST = 50;

  private final Map<String, Asked> asked = new LinkedHashMap<>();

  /** An export. */
  record Asked(Person person, SqlText text, String format, long at) {}

  synchronized String ask(Person person, SqlText text, String format) {
    long now = System.nanoTime();
    asked.values().removeIf(a -> now - a.at() > NANOS);
    if (asked.size() >= MOST) {
      throw new Problem.Refused(429, "too_many_exports", "Too many exports wait. Try again soon.");
    }
    String id = UUID.randomUUID().toString();
    asked.put(id, new Asked(person, text, format, now));
    return id;
  }

  synchronized Asked take(Person person, String id) {
    Asked found = asked.get(id);
    if (found == null
        || !found.person().session().equals(person.session())
        || System.nanoTime() - found.at() > NANOS) {
      throw new Problem.Refused(
          410, "export_gone", "This link was used already, or is too old. Export again.");
    }
    asked.remove(id);
    return found;
  }
}
