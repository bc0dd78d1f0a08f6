package io.cryptoetl.e2e;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.GZIPInputStream;

/** Recorded JSON as the test reads it: blocks by height, receipts by block hash. */
final class Recorded {
  private static final ObjectMapper JSON = new ObjectMapper();

  final Map<Long, JsonNode> blocks = new TreeMap<>();
  final Map<String, Map<Long, JsonNode>> receipts = new HashMap<>();

  static Recorded read(Path... folders) throws IOException {
    Recorded recorded = new Recorded();
    for (Path folder : folders) {
      try (var files = Files.list(folder)) {
        for (Path file :
            files.filter(f -> f.toString().matches(".*\\.jsonl?(\\.gz)?")).sorted().toList()) {
          try (InputStream in = Files.newInputStream(file);
              InputStream plain = file.toString().endsWith(".gz") ? new GZIPInputStream(in) : in;
              JsonParser parser = JSON.createParser(plain)) {
            while (parser.nextToken() != null) {
              recorded.add(JSON.readTree(parser));
            }
          }
        }
      }
    }
    return recorded;
  }

  /** Adds a block, a receipt, a list of receipts, or a reply with one of these. */
  void add(JsonNode value) {
    if (value.has("result")) {
      add(value.get("result"));
    } else if (value.isArray()) {
      value.forEach(this::add);
    } else if (value.has("transactions") && value.has("miner")) {
      blocks.putIfAbsent(Long.decode(value.get("number").asText()), value);
    } else if (value.has("transactionHash")) {
      receipts
          .computeIfAbsent(value.get("blockHash").asText(), h -> new TreeMap<>())
          .put(Long.decode(value.get("transactionIndex").asText()), value);
    }
  }

  /** Receipts of a block if all are there, else null. */
  List<JsonNode> receiptsOf(JsonNode block) {
    List<JsonNode> of =
        new ArrayList<>(receipts.getOrDefault(block.get("hash").asText(), Map.of()).values());
    return of.size() == block.get("transactions").size() ? of : null;
  }

  /** Heights whose transactions are recorded as hashes only. */
  List<Long> hashesOnly() {
    return blocks.entrySet().stream()
        .filter(e -> e.getValue().get("transactions").path(0).isTextual())
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The rows of all blocks that can be loaded. */
  Oracle oracle(long chainId, String source) {
    Oracle oracle = new Oracle(chainId, source);
    blocks.forEach(
        (number, block) -> {
          if (!hashesOnly().contains(number)) {
            oracle.add(block, receiptsOf(block), number == 0 || blocks.containsKey(number - 1));
          }
        });
    return oracle;
  }
}
