package io.cryptoetl.transformer;

import io.cryptoetl.raw.RawCsvRows;
import java.time.Instant;
import java.util.Map;

/** Chunks of files for tests. */
final class Chunks {
  private Chunks() {}

  /** All rows of a file in one chunk, read at second 1 of a day in 2026. */
  static RawCsvRows file(
      String dataset, String file, String head, String rows, Map<String, String> parameters) {
    return chunk(dataset, file, head, head.lines().count() + 1, rows, parameters, 1);
  }

  static RawCsvRows chunk(
      String dataset,
      String file,
      String head,
      long firstLine,
      String rows,
      Map<String, String> parameters,
      long fetchedAtSecond) {
    return RawCsvRows.newBuilder()
        .setDataset(dataset)
        .setFile(file)
        .setFileVersion("v1")
        .setFirstLine(firstLine)
        .setFormat(file.endsWith(".jsonl") ? "jsonl" : "csv")
        .setDelimiter(head.contains("START-OF-FIELDS") ? "|" : ",")
        .setHead(TopologyHarness.bytes(head))
        .setRows(TopologyHarness.bytes(rows))
        .setParameters(parameters)
        .setFetchedAt(Instant.ofEpochSecond(1_780_000_000 + fetchedAtSecond))
        .build();
  }
}
