package io.cryptoetl.extractor.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Assumptions;

/** Recorded blocks: those of this project, and real ones where they are at hand. */
public final class Corpus {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Path ROOT =
      Path.of(System.getProperty("project.root", "..")).toAbsolutePath().normalize();

  private Corpus() {}

  /** A block with its receipts as the node gave them. */
  public record Recorded(String name, JsonNode block, Optional<JsonNode> receipts) {
    public long number() {
      return Long.decode(block.get("number").asText());
    }

    public byte[] blockBytes() {
      return bytes(block);
    }

    public Optional<byte[]> receiptBytes() {
      return receipts.map(Corpus::bytes);
    }

    /** The parent's hash as the block states it; empty for block 0. */
    public Optional<byte[]> parent() {
      return number() == 0
          ? Optional.empty()
          : Optional.of(
              java.util.HexFormat.of().parseHex(block.get("parentHash").asText().substring(2)));
    }

    @Override
    public String toString() {
      return name;
    }
  }

  public static byte[] bytes(JsonNode node) {
    try {
      return JSON.writeValueAsBytes(node);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the real blocks are; the test is skipped if they are not. */
  public static Path folder() {
    Path folder = ROOT.resolve("../shared/corpus").normalize();
    Assumptions.assumeTrue(
        Files.isDirectory(folder), "skipped: there are no recorded mainnet blocks in " + folder);
    return folder;
  }

  /** Blocks of a folder whose file name begins like this, with the receipts that belong to them. */
  public static List<Recorded> blocks(String of, String receiptsOf, String prefix) {
    Path blocks = folder().resolve(of);
    Path receipts = folder().resolve(receiptsOf);
    try (Stream<Path> files = Files.list(blocks)) {
      List<Recorded> found = new ArrayList<>();
      for (Path file :
          files
              .filter(f -> f.getFileName().toString().startsWith(prefix))
              .filter(f -> f.toString().endsWith(".json"))
              .filter(f -> !f.toString().contains("receipt"))
              .sorted()
              .toList()) {
        String name = file.getFileName().toString().replaceAll("\\.json$", "");
        Path with = receipts.resolve(name + ".receipts.json");
        found.add(
            new Recorded(
                name,
                result(JSON.readTree(file.toFile())),
                Files.exists(with)
                    ? Optional.of(result(JSON.readTree(with.toFile())))
                    : Optional.empty()));
      }
      return found;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static JsonNode result(JsonNode reply) {
    return reply.has("result") ? reply.get("result") : reply;
  }

  /** The project's own recorded chain: the first blocks of it. */
  public static List<Recorded> chain(int most) {
    Path folder = ROOT.resolve("pipeline-local/recording/anvil");
    try (BufferedReader blocks = lines(folder.resolve("blocks.jsonl.gz"));
        BufferedReader receipts = lines(folder.resolve("receipts.jsonl.gz"))) {
      List<Recorded> chain = new ArrayList<>();
      String line;
      while (chain.size() < most && (line = blocks.readLine()) != null) {
        JsonNode block = result(JSON.readTree(line));
        JsonNode of = JSON.readTree(receipts.readLine());
        of = result(of);
        chain.add(
            new Recorded(
                "anvil " + block.get("number").asText(),
                block,
                Optional.of(of.isArray() ? of : ((ArrayNode) JSON.createArrayNode()).add(of))));
      }
      return chain;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The longest run of blocks without blobs: anvil's roots of blocks with blobs are its own, and
   * would be refused.
   */
  public static List<Recorded> longestRunWithoutBlobs(List<Recorded> chain) {
    List<Recorded> longest = List.of();
    List<Recorded> run = new ArrayList<>();
    for (Recorded each : chain) {
      if (each.block().get("transactions").toString().contains("\"type\":\"0x3\"")) {
        run = new ArrayList<>();
      } else {
        run.add(each);
        longest = run.size() > longest.size() ? List.copyOf(run) : longest;
      }
    }
    return longest;
  }

  /** Lines of a gzipped file. */
  public static BufferedReader lines(Path file) throws IOException {
    InputStream in = new GZIPInputStream(Files.newInputStream(file));
    return new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
  }
}
