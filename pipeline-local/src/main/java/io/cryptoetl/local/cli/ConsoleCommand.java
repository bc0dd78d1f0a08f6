package io.cryptoetl.local.cli;

import io.cryptoetl.local.cli.PipelineCommand.Running;
import io.cryptoetl.local.parts.ConsoleLink;
import java.time.Instant;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

/** Makes a link to the console. */
@Command(
    name = "console",
    description = "Prints a link to the console, which works once, within 15 minutes.",
    mixinStandardHelpOptions = true)
final class ConsoleCommand implements Callable<Integer> {
  @Override
  public Integer call() throws Exception {
    Running running = PipelineCommand.running();
    System.out.println(
        ConsoleLink.of(
            running.parts().consoleUrl(),
            ConsoleLink.secret(PipelineCommand.layout()),
            Instant.now()));
    return 0;
  }
}
