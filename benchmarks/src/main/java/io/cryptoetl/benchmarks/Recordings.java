package io.cryptoetl.benchmarks;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Recorded chains for measurements. */
final class Recordings {
  private Recordings() {}

  /** The recording, made on first use with a real node. */
  static Path get(Path root, Path bench, int blocks, int transactions)
      throws IOException, InterruptedException {
    Path folder = bench.resolve("recording-" + blocks + "x" + transactions);
    if (Files.exists(folder.resolve("recording.json"))) {
      return folder;
    }
    Path make = root.resolve("pipeline-local/recording/make");
    System.err.println(
        "Recording %d blocks of about %d transactions, once; this needs Node.js and npm."
            .formatted(blocks, transactions));
    run(make, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts");
    run(
        make,
        "node",
        "record.mjs",
        "--blocks",
        Integer.toString(blocks),
        "--txs",
        Integer.toString(transactions),
        "--out",
        folder.toString());
    return folder;
  }

  private static void run(Path folder, String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.to(Path.of("/dev/stderr").toFile()))
            .start();
    if (process.waitFor() != 0) {
      throw new IOException(String.join(" ", command) + " failed with code " + process.exitValue());
    }
  }
}
