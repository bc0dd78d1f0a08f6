package io.cryptoetl.local.cli;

import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.parts.Layout;
import java.io.File;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Runs a measurement. */
@Command(
    name = "bench",
    description =
        "Runs a measurement: backfill, bundles, codec, end-to-end, extract, files, indexes, large-file, ledger, load, transform, verify.",
    mixinStandardHelpOptions = true)
final class BenchCommand implements Callable<Integer> {
  private static final Map<String, String> MEASUREMENTS =
      new TreeMap<>(
          Map.ofEntries(
              Map.entry("backfill", "io.cryptoetl.benchmarks.Backfill"),
              Map.entry("bundles", "io.cryptoetl.benchmarks.Bundles"),
              Map.entry("codec", "io.cryptoetl.benchmarks.Codec"),
              Map.entry("end-to-end", "io.cryptoetl.benchmarks.EndToEnd"),
              Map.entry("extract", "io.cryptoetl.benchmarks.Extract"),
              Map.entry("files", "io.cryptoetl.benchmarks.ManyFiles"),
              Map.entry("indexes", "io.cryptoetl.benchmarks.Indexes"),
              Map.entry("large-file", "io.cryptoetl.benchmarks.LargeFile"),
              Map.entry("ledger", "io.cryptoetl.benchmarks.LedgerStart"),
              Map.entry("load", "io.cryptoetl.benchmarks.Load"),
              Map.entry("transform", "io.cryptoetl.benchmarks.Transform"),
              Map.entry("verify", "io.cryptoetl.benchmarks.Verify")));

  @Parameters(
      paramLabel = "NAME",
      description =
          "backfill, bundles, codec, end-to-end, extract, files, indexes, large-file, ledger, load, transform, verify")
  private String name;

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Parameters(
      index = "1..*",
      paramLabel = "OPTION",
      description = "Further options of the measurement, after --")
  private List<String> options = List.of();

  @Override
  public Integer call() throws Exception {
    String main = MEASUREMENTS.get(name);
    if (main == null) {
      throw new MisuseException(
          "There is no measurement '%s', there are: %s".formatted(name, MEASUREMENTS.keySet()));
    }
    Layout layout = PipelineCommand.layout();
    Path classes = layout.root().resolve("benchmarks/target/classes");
    List<String> command = new ArrayList<>();
    command.addAll(
        List.of(
            Layout.java(),
            "--enable-native-access=ALL-UNNAMED",
            "-Dpipeline.root=" + layout.root(),
            "-cp",
            String.join(
                File.pathSeparator,
                classes.toString(),
                layout.libraries(),
                layout.root().resolve("benchmarks/target/lib").toString() + "/*"),
            main));
    if (json) {
      command.add("--json");
    }
    command.addAll(options);
    return new ProcessBuilder(command).inheritIO().start().waitFor();
  }
}
