package io.cryptoetl.local.node;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;

/**
 * Recorded replies of a node: blocks by height and receipts by block. Heights may have holes.
 *
 * <p>A folder is read like this: of its files {@code *.json}, {@code *.jsonl} and their {@code .gz}
 * forms, each JSON value is a block, a receipt, a list of receipts, or a JSON-RPC response around
 * one of these. If the folder has folders named {@code blocks} and {@code receipts}, these two are
 * read instead. A file {@code recording.json} may give {@code chain_id}.
 */
public final class Recording {
  /** Strings may be as long as a reply: Jackson's own limit of 20 MB is below that. */
  static final ObjectMapper JSON =
      new ObjectMapper(
          JsonFactory.builder()
              .streamReadConstraints(
                  StreamReadConstraints.builder().maxStringLength(Integer.MAX_VALUE).build())
              .build());

  private final NavigableMap<Long, StoredBlock> blocks;
  private final Map<String, Long> numberByHash = new HashMap<>();
  private final Map<String, byte[]> receipts;
  private final OptionalLong chainId;

  /** A block's own JSON, and what is needed to answer for it. */
  private record StoredBlock(String hash, int transactionCount, byte[] json) {}

  /** A receipt's own JSON, and its position in the block. */
  private record StoredReceipt(long index, byte[] json) {}

  private Recording(
      NavigableMap<Long, StoredBlock> blocks, Map<String, byte[]> receipts, OptionalLong chainId) {
    this.blocks = blocks;
    this.receipts = receipts;
    this.chainId = chainId;
    blocks.forEach((number, block) -> numberByHash.put(block.hash(), number));
  }

  /**
   * Reads a folder.
   *
   * @throws IOException if a file cannot be read, or the folder holds no block; the message says
   *     which
   */
  public static Recording read(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new IOException(folder + " is not a folder; give one with recorded blocks");
    }
    NavigableMap<Long, StoredBlock> blocks = new TreeMap<>();
    Map<String, List<StoredReceipt>> receiptsOfBlock = new HashMap<>();
    for (Path file : files(folder)) {
      try (InputStream in = open(file);
          JsonParser parser = JSON.createParser(in)) {
        while (parser.nextToken() != null) {
          add((JsonNode) JSON.readTree(parser), blocks, receiptsOfBlock);
        }
      } catch (JsonProcessingException e) {
        throw new IOException(file + " is not JSON: " + e.getOriginalMessage(), e);
      }
    }
    if (blocks.isEmpty()) {
      throw new IOException(
          "there is no block in " + folder + "; it needs *.json or *.jsonl files, also gzipped");
    }
    Map<String, byte[]> receipts = new HashMap<>();
    for (StoredBlock block : blocks.values()) {
      List<StoredReceipt> of = receiptsOfBlock.getOrDefault(block.hash(), List.of());
      // A part of a block's receipts is no answer to eth_getBlockReceipts.
      if (of.size() == block.transactionCount()) {
        receipts.put(block.hash(), reply(of));
      }
    }
    return new Recording(blocks, receipts, chainId(folder));
  }

  /** The receipts of a block in their order, as a JSON array. */
  private static byte[] reply(List<StoredReceipt> receipts) {
    ByteArrayOutputStream reply = new ByteArrayOutputStream();
    reply.write('[');
    receipts.stream()
        .sorted(Comparator.comparingLong(StoredReceipt::index))
        .forEach(
            receipt -> {
              if (reply.size() > 1) {
                reply.write(',');
              }
              reply.writeBytes(receipt.json());
            });
    reply.write(']');
    return reply.toByteArray();
  }

  /** The heights that are recorded, ascending. */
  public Collection<Long> numbers() {
    return blocks.keySet();
  }

  /** The chain id that the recording states. */
  public OptionalLong chainId() {
    return chainId;
  }

  public Optional<byte[]> block(long number) {
    return Optional.ofNullable(blocks.get(number)).map(StoredBlock::json);
  }

  Optional<Long> numberOf(String hash) {
    return Optional.ofNullable(numberByHash.get(hash));
  }

  public Optional<byte[]> receipts(long number) {
    return Optional.ofNullable(blocks.get(number)).map(b -> receipts.get(b.hash()));
  }

  private static OptionalLong chainId(Path folder) throws IOException {
    Path file = folder.resolve("recording.json");
    if (!Files.exists(file)) {
      return OptionalLong.empty();
    }
    JsonNode id = JSON.readTree(file.toFile()).path("chain_id");
    return id.canConvertToLong() ? OptionalLong.of(id.longValue()) : OptionalLong.empty();
  }

  private static List<Path> files(Path folder) throws IOException {
    List<Path> folders = new ArrayList<>();
    for (String name : List.of("blocks", "receipts")) {
      if (Files.isDirectory(folder.resolve(name))) {
        folders.add(folder.resolve(name));
      }
    }
    List<Path> files = new ArrayList<>();
    for (Path each : folders.isEmpty() ? List.of(folder) : folders) {
      try (Stream<Path> list = Files.list(each)) {
        list.filter(f -> f.getFileName().toString().matches(".+\\.jsonl?(\\.gz)?"))
            .filter(f -> !f.getFileName().toString().equals("recording.json"))
            .sorted()
            .forEach(files::add);
      }
    }
    return files;
  }

  private static InputStream open(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    return file.toString().endsWith(".gz") ? new GZIPInputStream(in, 1 << 16) : in;
  }

  private static void add(
      JsonNode value,
      NavigableMap<Long, StoredBlock> blocks,
      Map<String, List<StoredReceipt>> receiptsOfBlock)
      throws JsonProcessingException {
    if (value.has("jsonrpc") && value.has("result")) {
      add(value.get("result"), blocks, receiptsOfBlock);
    } else if (value.isArray()) {
      for (JsonNode element : value) {
        add(element, blocks, receiptsOfBlock);
      }
    } else if (value.has("transactions") && value.has("number")) {
      // Of several recordings of one height the first file's counts.
      blocks.putIfAbsent(
          quantity(value, "number"),
          new StoredBlock(
              value.get("hash").asText(),
              value.get("transactions").size(),
              JSON.writeValueAsBytes(value)));
    } else if (value.has("transactionHash") && value.has("logs")) {
      receiptsOfBlock
          .computeIfAbsent(value.get("blockHash").asText(), h -> new ArrayList<>())
          .add(
              new StoredReceipt(
                  quantity(value, "transactionIndex"), JSON.writeValueAsBytes(value)));
    }
  }

  private static long quantity(JsonNode node, String field) {
    return Long.decode(node.get(field).asText());
  }
}
