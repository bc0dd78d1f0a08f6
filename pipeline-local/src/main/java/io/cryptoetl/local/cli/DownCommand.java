package io.cryptoetl.local.cli;

import io.cryptoetl.local.parts.Layout;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Stops the pipeline. */
@Command(
    name = "down",
    description = "Stops the pipeline; its data stays.",
    mixinStandardHelpOptions = true)
final class DownCommand implements Callable<Integer> {
  private static final Duration STOP_TIMEOUT = Duration.ofSeconds(100);

  @Override
  public Integer call() throws Exception {
    Screen screen = Screen.system();
    Layout layout = PipelineCommand.layout();
    Optional<RunState> state = RunState.read(layout.data());
    if (state.isEmpty()) {
      screen.line("The pipeline does not run.");
      return 0;
    }
    Optional<ProcessHandle> supervisor = state.get().supervisor().find();
    if (supervisor.isPresent()) {
      screen.line("Stopping the pipeline.");
      supervisor.get().destroy();
      Instant until = Instant.now().plus(STOP_TIMEOUT);
      while (supervisor.get().isAlive() && Instant.now().isBefore(until)) {
        Thread.sleep(100);
      }
      if (supervisor.get().isAlive()) {
        supervisor.get().destroyForcibly();
      }
    }
    List<String> ended = state.get().clearOrphans();
    if (!ended.isEmpty()) {
      screen.line("Ended what was left running: " + String.join(", ", ended));
    }
    RunState.delete(layout.data());
    screen.line("Stopped.");
    return 0;
  }
}
