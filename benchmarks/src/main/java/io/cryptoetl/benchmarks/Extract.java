package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Part;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Extraction from an in-memory node to Kafka, with and without verification, beside a bare HTTP
 * client that reads the same replies: interleaved in one run.
 */
@Command(
    name = "extract",
    description = "Measures extraction to Kafka beside a bare HTTP client.",
    mixinStandardHelpOptions = true)
public final class Extract implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int BATCH_BLOCKS = 10;
  private static final int CONCURRENCY = 4;

  /** Rounds until the compilers of all processes have little left to do. */
  private static final int WARM_UP = 10;

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--blocks", defaultValue = "300", description = "Blocks; default 300")
  private int blocks;

  @Option(names = "--txs", defaultValue = "175", description = "Transactions a block; default 175")
  private int transactions;

  @Option(names = "--rounds", defaultValue = "5", description = "Measured rounds; default 5")
  private int rounds;

  @Option(
      names = "--soak",
      paramLabel = "N",
      description = "Instead: extract N blocks at -Xmx256m, and show the extractor's memory")
  private int soak;

  private final Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
  private final Path bench = root.resolve(".pipeline/bench");
  private final HttpClient http =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

  public static void main(String[] args) {
    System.exit(new CommandLine(new Extract()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path recording = Recordings.get(root, bench, blocks, transactions);
    Layout layout = new Layout(root, bench.resolve("run"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    Parts parts = new Parts(layout, Ports.free(), "bench");
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      System.err.println("Starting a fresh pipeline without transformer.");
      Map<String, String> env = new TreeMap<>();
      source(env, "VERIFIED", parts, "true");
      source(env, "UNVERIFIED", parts, "false");
      stack.start(
          List.of(parts.node(recording, List.of())),
          List.of(soak > 0 ? small(parts.extractor("bench", env)) : parts.extractor("bench", env)),
          TopicSettings.defaults());
      print(soak > 0 ? soak(stack, parts) : measure(stack, parts));
    }
    Deletion.deleteTree(layout.data());
    return 0;
  }

  private static void source(Map<String, String> env, String name, Parts parts, String verify) {
    String prefix = "EXTRACTOR_SOURCES_" + name + "_";
    env.put(prefix + "CHAIN_ID", "31337");
    env.put(prefix + "START", "none");
    env.put(prefix + "VERIFY", verify);
    env.put(prefix + "RANGE_SIZE", "100");
    env.put(prefix + "ENDPOINTS_NODE_URL", parts.nodeUrl());
  }

  /** The same part with a small heap. */
  private static Part small(Part part) {
    return new Part(
        part.name(),
        part.title(),
        part.url(),
        part.port(),
        part.prepare(),
        part.command().stream().map(a -> a.startsWith("-Xmx") ? "-Xmx256m" : a).toList(),
        part.environment(),
        part.ready(),
        part.stopTimeout());
  }

  /** Memory of the extractor over many blocks, at each tenth. */
  private ObjectNode soak(LocalStack stack, Parts parts) throws Exception {
    Usage usage = new Usage(stack.children());
    ObjectNode result = JSON.createObjectNode();
    result.put("blocks", soak).put("heap", "256m");
    var resident = result.putArray("rss_mib_at_each_tenth");
    var live = result.putArray("live_heap_mib_at_each_tenth");
    long bytes = 0;
    long began = System.nanoTime();
    int tenth = 0;
    for (int done = 0; done < soak; done += blocks) {
      bytes += extract(parts, "verified");
      if (done + blocks >= soak * (tenth + 1L) / 10) {
        tenth++;
        usage.sample();
        resident.add(usage.residentBytes("extractor") >> 20);
        live.add(liveHeap(parts) >> 20);
        System.err.printf("%d of %d blocks%n", done + blocks, soak);
      }
    }
    result.put("bytes", bytes);
    result.put("mb_per_s", Math.round(bytes / 1e5 / ((System.nanoTime() - began) / 1e9)) / 10.0);
    return result;
  }

  /** What the last collection of the old generation left, as the service tells. */
  private static long liveHeap(Parts parts) throws IOException, InterruptedException {
    return Parts.get(parts.extractorUrl() + "/q/metrics")
        .body()
        .lines()
        .filter(l -> l.startsWith("jvm_gc_live_data_size_bytes"))
        .mapToLong(l -> (long) Double.parseDouble(l.substring(l.lastIndexOf(' ') + 1)))
        .findFirst()
        .orElse(0);
  }

  private ObjectNode measure(LocalStack stack, Parts parts) throws Exception {
    Usage usage = new Usage(stack.children());
    Map<String, List<Double>> seconds = new TreeMap<>();
    Map<String, Map<String, Double>> cpu = new TreeMap<>();
    long bytes = 0;
    for (int round = -WARM_UP; round < rounds; round++) {
      System.err.println(round < 0 ? "Warming up." : "Round " + (round + 1) + " of " + rounds);
      for (String what : List.of("client", "unverified", "verified")) {
        Map<String, Double> before = Map.copyOf(usage.cpuSeconds());
        long began = System.nanoTime();
        long read = what.equals("client") ? read(parts.nodeUrl()) : extract(parts, what);
        double took = (System.nanoTime() - began) / 1e9;
        usage.sample();
        if (round >= 0) {
          seconds.computeIfAbsent(what, _ -> new ArrayList<>()).add(took);
          Map<String, Double> spent = cpu.computeIfAbsent(what, _ -> new TreeMap<>());
          usage
              .cpuSeconds()
              .forEach(
                  (part, now) ->
                      spent.merge(part, now - before.getOrDefault(part, 0.0), Double::sum));
        }
        bytes = what.equals("client") ? bytes : read;
      }
    }
    ObjectNode result = JSON.createObjectNode();
    result.put("blocks", blocks).put("bytes", bytes).put("rounds", rounds);
    Map<String, Double> rates = new TreeMap<>();
    for (Map.Entry<String, List<Double>> each : seconds.entrySet()) {
      List<Double> sorted = each.getValue().stream().sorted().toList();
      rates.put(each.getKey(), bytes / 1e6 / sorted.get(sorted.size() / 2));
      result.put(each.getKey() + "_mb_per_s", Math.round(rates.get(each.getKey()) * 10) / 10.0);
    }
    for (String what : List.of("unverified", "verified")) {
      ObjectNode each = result.putObject(what + "_cpu_ms_per_block_by_process");
      cpu.get(what).forEach((part, spent) -> each.put(part, perBlock(spent)));
      result.put(what + "_cpu_ms_per_block", perBlock(cpu.get(what).get("extractor")));
    }
    result.put("peak_rss_bytes", usage.peakResidentBytes().get("extractor"));
    result.put("unverified_ratio", ratio(rates, "unverified"));
    result.put("ratio", ratio(rates, "verified"));
    return result;
  }

  private double perBlock(double seconds) {
    return Math.round(seconds * 1e6 / rounds / blocks) / 1e3;
  }

  private static double ratio(Map<String, Double> rates, String what) {
    return Math.round(rates.get(what) / rates.get("client") * 1e3) / 1e3;
  }

  /** Extracts the whole recording; returns the bytes published. */
  private long extract(Parts parts, String source) throws IOException, InterruptedException {
    HttpResponse<String> response =
        Parts.post(
            parts.extractorUrl() + "/sources/" + source + "/requests",
            "{\"from\":\"0\",\"to\":\"%d\",\"requestedBy\":\"bench\"}".formatted(blocks - 1));
    if (response.statusCode() != 202) {
      throw new IOException("the extractor refused the range: " + response.body());
    }
    String job = JSON.readTree(response.body()).get("jobId").asText();
    while (true) {
      HttpResponse<String> answer = Parts.get(parts.extractorUrl() + "/jobs/" + job);
      if (answer.statusCode() == 200) {
        JsonNode state = JSON.readTree(answer.body());
        if (state.get("done").asLong() >= blocks) {
          if (state.get("records").asLong() != blocks) {
            throw new IOException("not every block was published: " + state);
          }
          return state.get("bytes").asLong();
        }
      }
      Thread.sleep(20);
    }
  }

  /** Reads the same replies with nothing but an HTTP client; returns their bytes. */
  private long read(String url) throws Exception {
    long bytes = 0;
    try (ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor()) {
      Deque<Future<Long>> inFlight = new ArrayDeque<>();
      for (int from = 0; from < blocks; from += BATCH_BLOCKS) {
        if (inFlight.size() == CONCURRENCY) {
          bytes += inFlight.remove().get();
        }
        int first = from;
        inFlight.add(
            executor.submit(() -> batch(url, first, Math.min(blocks, first + BATCH_BLOCKS))));
      }
      for (Future<Long> future : inFlight) {
        bytes += future.get();
      }
    }
    return bytes;
  }

  private long batch(String url, int from, int to) throws IOException, InterruptedException {
    List<String> calls = new ArrayList<>();
    for (int number = from; number < to; number++) {
      calls.add(
          "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"eth_getBlockByNumber\",\"params\":[\"0x%x\",true]}"
              .formatted(2 * number, number));
      calls.add(
          "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"eth_getBlockReceipts\",\"params\":[\"0x%x\"]}"
              .formatted(2 * number + 1, number));
    }
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString("[" + String.join(",", calls) + "]"))
            .build();
    try (InputStream body = http.send(request, HttpResponse.BodyHandlers.ofInputStream()).body()) {
      return body.readAllBytes().length;
    }
  }

  private void print(ObjectNode result) {
    if (json || soak > 0) {
      System.out.println(result);
      return;
    }
    System.out.printf(
        "%,d blocks, %,.1f MB of JSON, median of %d rounds%n",
        result.get("blocks").asLong(),
        result.get("bytes").asLong() / 1e6,
        result.get("rounds").asInt());
    for (String what : List.of("client", "unverified", "verified")) {
      System.out.printf("%-11s %8.1f MB/s%n", what, result.get(what + "_mb_per_s").asDouble());
    }
    System.out.printf(
        "CPU of the extractor: %.2f ms a block, without verification %.2f%n",
        result.get("verified_cpu_ms_per_block").asDouble(),
        result.get("unverified_cpu_ms_per_block").asDouble());
    System.out.printf(
        "Verified extraction reaches %.3f of the client, unverified %.3f%n",
        result.get("ratio").asDouble(), result.get("unverified_ratio").asDouble());
  }
}
