package io.cryptoetl.local.cli;

import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;

/** The {@code pipeline} command. Exit codes: 0 done, 1 failed, 2 not used as it must be. */
@Command(
    name = "pipeline",
    description = "On-chain data from nodes to PostgreSQL tables, on this machine.",
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "./pipeline test runs the whole test suite; ./pipeline build builds without running."
    },
    subcommands = {
      UpCommand.class,
      DownCommand.class,
      StatusCommand.class,
      QueryCommand.class,
      ExtractCommand.class,
      ReplayCommand.class,
      BackfillCommand.class,
      LayoutsCommand.class,
      SamplesCommand.class,
      SourcesCommand.class,
      ConsoleCommand.class,
      BenchCommand.class,
      HelpCommand.class
    })
public final class PipelineCommand {
  static final int FAILED = 1;
  static final int MISUSED = 2;

  private PipelineCommand() {}

  /** The command was used in a way that cannot work; the message says what can. */
  static final class MisuseException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MisuseException(String message) {
      super(message);
    }
  }

  public static void main(String[] args) {
    CommandLine line = new CommandLine(new PipelineCommand());
    line.setExecutionExceptionHandler(
        (e, command, parsed) -> {
          Screen.system().error(e.getMessage() == null ? e.toString() : e.getMessage());
          return e instanceof MisuseException ? MISUSED : FAILED;
        });
    if (args.length == 0) {
      line.usage(System.out);
      System.exit(MISUSED);
    }
    System.exit(line.execute(args));
  }

  static Layout layout() {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath().normalize();
    String data = System.getenv().getOrDefault("PIPELINE_DATA", ".pipeline");
    return new Layout(root, root.resolve(data));
  }

  static String databasePassword(Map<String, String> variables) {
    return variables.getOrDefault("DATABASE_PASSWORD", "pipeline");
  }

  /** The pipeline that runs, and how to reach its parts. */
  record Running(RunState state, Parts parts) {}

  /**
   * The pipeline that runs.
   *
   * @throws MisuseException if none does
   */
  static Running running() throws IOException {
    Layout layout = layout();
    Optional<RunState> state =
        RunState.read(layout.data()).filter(s -> s.supervisor().find().isPresent());
    if (state.isEmpty()) {
      throw new MisuseException("The pipeline does not run. Start it with ./pipeline up");
    }
    return new Running(
        state.get(),
        new Parts(
            layout,
            Ports.of(state.get().ports()),
            databasePassword(Environment.read(layout.root().resolve(".env")))));
  }
}
