package io.cryptoetl.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.cryptoetl.kafka.KafkaClients;
import io.cryptoetl.kafka.Provisioner;
import io.cryptoetl.kafka.SchemaRegistry;
import io.cryptoetl.kafka.TopicSettings;
import io.cryptoetl.local.parts.Child;
import io.cryptoetl.local.parts.Database;
import io.cryptoetl.local.parts.Deletion;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.LocalStack;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.local.parts.Ports;
import io.cryptoetl.ops.FileState;
import io.cryptoetl.ops.FileStateKey;
import io.cryptoetl.schemas.Topics;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.avro.specific.SpecificRecord;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Small files of a folder and of a bucket, to Kafka and to their table, beside one file with the
 * same rows; then a bucket with very many keys that are known: what its listing asks and takes, and
 * what memory the service needs.
 */
@Command(name = "files", mixinStandardHelpOptions = true)
public final class ManyFiles implements Callable<Integer> {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Duration LONG = Duration.ofMinutes(10);
  private static final long POLL_MS = 200;

  /** Keys in an answer to a listing, as S3 has it. */
  private static final int PAGE = 1_000;

  private static final Pattern TOKEN = Pattern.compile("continuation-token=([0-9]+)");
  private static final Pattern HEAP =
      Pattern.compile("(?m)^jvm_memory_used_bytes\\{[^}]*area=\"heap\"[^}]*} ([0-9.E]+)$");

  @Option(names = "--json", description = "The last line is one JSON object")
  private boolean json;

  @Option(names = "--files", defaultValue = "2000", description = "Small files; default 2000")
  private int files;

  @Option(names = "--rows", defaultValue = "50", description = "Rows of each; default 50")
  private int rows;

  @Option(
      names = "--keys",
      defaultValue = "1000000",
      description = "Keys of the large bucket; default 1000000, 0 for none")
  private int keys;

  private final ObjectNode result = JSON.createObjectNode();
  private Layout layout;
  private Parts parts;

  public static void main(String[] args) {
    System.exit(new CommandLine(new ManyFiles()).execute(args));
  }

  @Override
  public Integer call() throws Exception {
    Path root = Path.of(System.getProperty("pipeline.root", ".")).toAbsolutePath();
    layout = new Layout(root, root.resolve(".pipeline/bench/files"));
    Deletion.deleteTree(layout.data());
    Files.createDirectories(layout.data());
    small();
    if (keys > 0) {
      Deletion.deleteTree(layout.data());
      Files.createDirectories(layout.data());
      large();
    }
    Deletion.deleteTree(layout.data());
    if (!json) {
      System.out.println(result.toPrettyString());
    }
    System.out.println(result);
    return 0;
  }

  private void small() throws Exception {
    Path folder = Files.createDirectories(layout.data().resolve("files"));
    parts = new Parts(layout, Ports.free(), "bench");
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.start(
          List.of(parts.s3()),
          List.of(
              parts.transformer(Map.of()),
              parts.backfill(
                  Map.of(
                      "BACKFILL_LOCATIONS_FOLDER_URL",
                      folder.toString(),
                      "BACKFILL_SETTLE",
                      "1s",
                      "BACKFILL_EVERY",
                      "1h"))),
          TopicSettings.defaults());
      try (Connection db = parts.connection(Database.PIPELINE)) {
        for (int i = 0; i < files / 4; i++) {
          drop(folder, "warm", i, rows);
        }
        load(db, "folder", "WARM", files / 4, (long) files / 4 * rows);
        for (int i = 0; i < files; i++) {
          drop(folder, "small", i, rows);
        }
        measure(db, "folder", "SMALL", files);
        for (int i = 0; i < files; i++) {
          put("bucket", i);
        }
        measure(db, "inbox", "BUCKET", files);
        drop(folder, "one", 0, files * rows);
        measure(db, "folder", "ONE", 1);
      }
    }
  }

  private void measure(Connection db, String location, String symbol, int count)
      throws IOException, InterruptedException, SQLException {
    double[] seconds = load(db, location, symbol, count, (long) files * rows);
    result
        .putObject(symbol.toLowerCase(java.util.Locale.ROOT))
        .put("files_per_s_to_kafka", Math.round(count / seconds[0] * 10) / 10.0)
        .put("files_per_s_to_table", Math.round(count / seconds[1] * 10) / 10.0)
        .put("rows_per_s_to_table", Math.round(files * (double) rows / seconds[1]));
    System.err.println(symbol + " " + result.get(symbol.toLowerCase(java.util.Locale.ROOT)));
  }

  private String candles(int file, int count) {
    StringBuilder text = new StringBuilder("time,open,high,low,close,volume\n");
    for (int i = 0; i < count; i++) {
      long time = 1_500_000_000L + 60L * (file * (long) rows + i);
      text.append("%d,%d.5,%d.75,%d.25,%d.5,%d%n".formatted(time, i, i, i, i, i));
    }
    return text.toString();
  }

  private static String key(String set, int file) {
    return "ohlcv/venue=bench/interval=1m/symbol=%s/%06d.csv"
        .formatted(set.toUpperCase(java.util.Locale.ROOT), file);
  }

  private void drop(Path folder, String set, int file, int count) throws IOException {
    Path to = folder.resolve(key(set, file));
    Files.createDirectories(to.getParent());
    Files.writeString(to, candles(file, count));
  }

  private void put(String set, int file) throws IOException, InterruptedException {
    HttpResponse<Void> response =
        HttpClient.newHttpClient()
            .send(
                HttpRequest.newBuilder(
                        URI.create(
                            parts.s3Url()
                                + "/"
                                + Parts.INBOX
                                + "/"
                                + key(set, file).replace("=", "%3D")))
                    .PUT(HttpRequest.BodyPublishers.ofString(candles(file, rows)))
                    .build(),
                HttpResponse.BodyHandlers.discarding());
    if (response.statusCode() != 200) {
      throw new IOException("the S3 server answered " + response.statusCode());
    }
  }

  /** Seconds from the first request to the last file that is published, and to its last row. */
  private double[] load(Connection db, String location, String symbol, int count, long allRows)
      throws IOException, InterruptedException, SQLException {
    // Files of a folder have to settle.
    Thread.sleep(1_500);
    long began = System.nanoTime();
    list(location);
    String done =
        " FROM ops.files WHERE state = 'done' AND file LIKE '%%symbol=%s/%%'".formatted(symbol);
    while (EndToEnd.number(db, "SELECT count(*)" + done) < count) {
      requireTime(began);
    }
    String loaded = "SELECT count(*) FROM market.candles WHERE symbol = '%s'".formatted(symbol);
    while (EndToEnd.number(db, loaded) < allRows) {
      requireTime(began);
    }
    double toTable = EndToEnd.seconds(began);
    double toKafka =
        EndToEnd.number(
                db,
                "SELECT 1000 * extract(epoch FROM max(finished_at) - min(seen_at))::numeric" + done)
            / 1e3;
    return new double[] {toKafka, toTable};
  }

  private static void requireTime(long began) throws IOException, InterruptedException {
    if (EndToEnd.seconds(began) > LONG.toSeconds()) {
      throw new IOException("the files did not arrive within " + LONG);
    }
    Thread.sleep(POLL_MS);
  }

  private boolean leads() throws IOException, InterruptedException {
    return Parts.post(parts.backfillUrl() + "/locations/inbox/list", "").statusCode() != 409;
  }

  private JsonNode list(String location) throws IOException, InterruptedException {
    HttpResponse<String> response =
        Parts.post(parts.backfillUrl() + "/locations/" + location + "/list", "");
    if (response.statusCode() != 200) {
      throw new IOException("the location was not listed: " + response.body());
    }
    return JSON.readTree(response.body());
  }

  private void large() throws Exception {
    parts = new Parts(layout, Ports.free(), "bench");
    Bucket bucket = new Bucket(keys);
    try (LocalStack stack = new LocalStack(layout, parts, new LocalStack.Listener() {})) {
      Runtime.getRuntime().addShutdownHook(new Thread(stack::close));
      stack.startPart(parts.postgres());
      parts.database().migrate();
      stack.startPart(parts.broker());
      stack.startPart(parts.registry());
      KafkaClients kafka = parts.kafka();
      Provisioner provisioner = new Provisioner(TopicSettings.defaults());
      try (Admin admin = kafka.admin()) {
        provisioner.topics(admin);
      }
      provisioner.schemas(
          new SchemaRegistry(Map.of("url", parts.registryUrl()), Duration.ofMinutes(1)));
      write(kafka);
      System.err.printf("%,d states are written.%n", keys);
      long began = System.nanoTime();
      Child backfill =
          stack.startPart(
              parts.backfill(
                  Map.of(
                      "BACKFILL_INBOX_URL",
                      "s3://million",
                      "S3_ENDPOINT_URL",
                      bucket.url(),
                      "S3_PATH_STYLE",
                      "true",
                      "AWS_ACCESS_KEY_ID",
                      "bench",
                      "AWS_SECRET_ACCESS_KEY",
                      "bench",
                      "BACKFILL_EVERY",
                      "1h")));
      Usage usage = new Usage(List.of(backfill));
      // A listing is refused until the instance has its partitions.
      while (!leads()) {
        requireTime(began);
      }
      ObjectNode many = result.putObject("large_bucket").put("keys", keys);
      many.put("start_and_first_listing_s", Math.round(EndToEnd.seconds(began) * 10) / 10.0);
      int before = bucket.asked.get();
      began = System.nanoTime();
      JsonNode listing = list("inbox");
      many.put("files", listing.get("files").asLong())
          .put("listing_s", Math.round(EndToEnd.seconds(began) * 10) / 10.0)
          .put("requests", bucket.asked.get() - before);
      usage.sample();
      Matcher matcher = HEAP.matcher(Parts.get(parts.backfillUrl() + "/q/metrics").body());
      double used = 0;
      while (matcher.find()) {
        used += Double.parseDouble(matcher.group(1));
      }
      many.put("heap_used_mib", Math.round(used / (1 << 20)))
          .put("resident_mib", usage.peakResidentBytes().get("backfill") >> 20);
    } finally {
      bucket.close();
    }
  }

  private void write(KafkaClients kafka) {
    Instant now = Instant.now();
    try (Producer<SpecificRecord, SpecificRecord> producer = kafka.producer()) {
      for (int i = 0; i < keys; i++) {
        String name = "s3://million/" + Bucket.key(i);
        producer.send(
            new ProducerRecord<>(
                Topics.OPS_FILES.name(),
                new FileStateKey(name, Bucket.VERSION),
                FileState.newBuilder()
                    .setFile(name)
                    .setFileVersion(Bucket.VERSION)
                    .setState("done")
                    .setRequestId("%024x".formatted(i))
                    .setRequestedBy("schedule")
                    .setLocation("inbox")
                    .setDataset("ohlcv")
                    .setParameters(List.of("interval=1m", "symbol=ETHUSDT", "venue=bench"))
                    .setSize(Bucket.SIZE)
                    .setModifiedAt(now)
                    .setTotalRows(50L)
                    .setTotalBytes((long) Bucket.SIZE)
                    .setRows(50)
                    .setBytes(Bucket.SIZE)
                    .setChunks(1)
                    .setNextLine(52)
                    .setWorker("bench")
                    .setSeenAt(now)
                    .setFetchedAt(now)
                    .setFinishedAt(now)
                    .build()));
      }
    }
  }

  /** Answers listings of a bucket as S3 does; that is all that is asked of files that are known. */
  private static final class Bucket {
    private static final int SIZE = 2_000;
    private static final String ETAG = "0123456789abcdef0123456789abcdef";
    private static final String VERSION = ETAG + "-" + SIZE;

    private final HttpServer server;
    private final int keys;
    private final AtomicInteger asked = new AtomicInteger();

    Bucket(int keys) throws IOException {
      this.keys = keys;
      server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
      server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
      server.createContext("/", this::answer);
      server.start();
    }

    String url() {
      return "http://127.0.0.1:" + server.getAddress().getPort();
    }

    static String key(int number) {
      return "binance/spot/day=%05d/%07d.csv".formatted(number / 200, number);
    }

    private void answer(HttpExchange exchange) {
      asked.incrementAndGet();
      String query = String.valueOf(exchange.getRequestURI().getQuery());
      Matcher token = TOKEN.matcher(query);
      int from = token.find() ? Integer.parseInt(token.group(1)) : 0;
      int to = Math.min(keys, from + PAGE);
      StringBuilder xml =
          new StringBuilder(
              "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>million</Name>");
      xml.append(
          "<KeyCount>%d</KeyCount><IsTruncated>%b</IsTruncated>".formatted(to - from, to < keys));
      if (to < keys) {
        xml.append("<NextContinuationToken>%d</NextContinuationToken>".formatted(to));
      }
      for (int i = from; i < to; i++) {
        xml.append(
            "<Contents><Key>%s</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>"
                .formatted(key(i), ETAG, SIZE));
      }
      byte[] bytes = xml.append("</ListBucketResult>").toString().getBytes(StandardCharsets.UTF_8);
      try (exchange) {
        exchange.getResponseHeaders().set("Content-Type", "application/xml");
        exchange.sendResponseHeaders(200, bytes.length);
        exchange.getResponseBody().write(bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    void close() {
      server.stop(0);
    }
  }
}
