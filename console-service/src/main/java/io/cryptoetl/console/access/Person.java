package io.cryptoetl.console.access;

import io.cryptoetl.console.Problem;
import jakarta.enterprise.context.RequestScoped;
import java.time.Instant;

/**
 * Somebody who is logged in.
 *
 * @param session tells this login from others
 * @param name as whoever made the link, or they themselves, gave it; for the record
 * @param role what they may do
 * @param until when the session ends, UTC
 */
public record Person(String session, String name, Role role, Instant until) {
  /** What somebody may do. */
  public enum Role {
    /** Look and query. */
    VIEWER,
    /** Give orders as well. */
    OPERATOR
  }

  /** Who makes the request at hand. */
  @RequestScoped
  public static class Current {
    private Person person;

    void set(Person given) {
      person = given;
    }

    /** The person. */
    public Person person() {
      return person;
    }

    /**
     * Refuses viewers.
     *
     * @param what they want to do, such as "give orders"
     */
    public void mustBeOperator(String what) {
      if (person.role() != Role.OPERATOR) {
        throw new Problem.Refused(
            403,
            "viewers_look",
            "You may look and query. Log in as an operator to %s.".formatted(what));
      }
    }
  }
}
