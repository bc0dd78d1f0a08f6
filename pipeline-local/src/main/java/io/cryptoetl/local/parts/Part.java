package io.cryptoetl.local.parts;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * A process of the pipeline.
 *
 * @param name its name in logs and messages
 * @param title what it is, for people
 * @param url where it can be reached; empty if nowhere of interest
 * @param port the port that it listens on, on 127.0.0.1
 * @param prepare what must be done before it can start; done again before each start
 * @param command command line
 * @param environment variables beside those of this process
 * @param ready tells whether it serves; an exception means no
 * @param stopTimeout how long it may take to stop before it is killed
 */
public record Part(
    String name,
    String title,
    String url,
    int port,
    Preparation prepare,
    List<String> command,
    Map<String, String> environment,
    Probe ready,
    Duration stopTimeout) {

  /** Work before a start. */
  @FunctionalInterface
  public interface Preparation {
    /** Does the work. */
    void run() throws IOException, InterruptedException;
  }

  /** A question whether a part serves. */
  @FunctionalInterface
  public interface Probe {
    /** True if it serves. */
    boolean test() throws Exception;
  }
}
