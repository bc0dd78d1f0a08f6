package io.cryptoetl.local.cli;

import com.fasterxml.jackson.databind.JsonNode;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Preview;
import io.cryptoetl.datasets.files.FileNames;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.kafka.Replays;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import io.cryptoetl.local.parts.Layout;
import io.cryptoetl.local.parts.Parts;
import io.cryptoetl.ops.OrderResult;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import me.tongfei.progressbar.ProgressBar;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Loads a file. */
@Command(
    name = "backfill",
    description = {
      "Loads a file of rows: CSV, JSON lines or a JSON array, also packed by gzip, zstd or zip.",
      "A file of this machine is put into the inbox of the running pipeline. What its rows mean is told by its header and first rows, or by --dataset."
    },
    mixinStandardHelpOptions = true)
final class BackfillCommand implements Callable<Integer> {
  private static final long POLL_MS = 500;

  private static final Duration COUNTED_WITHIN = Duration.ofMinutes(1);

  @Parameters(
      paramLabel = "FILE",
      description = "Path of a file, or the s3 URL of one that is in a location of the service")
  private String file;

  @Option(
      names = "--dataset",
      paramLabel = "NAME",
      description = "What its rows mean; docs/datasets.md has the names")
  private String dataset;

  @Option(
      names = "--set",
      paramLabel = "FIELD=VALUE",
      description =
          "What neither rows nor name tell, such as chain_id=1; may be given several times")
  private Map<String, String> parameters = Map.of();

  @Option(
      names = "--dry-run",
      description = "Show the first rows as they would be loaded, and all problems; load nothing")
  private boolean dryRun;

  @Option(names = "--wait", description = "Show progress until its rows are loaded, and a summary")
  private boolean wait;

  @Option(names = "--again", description = "Publish it although that was done before")
  private boolean again;

  @Option(
      names = "--explain",
      description = "Show how the file is read, column by column; load nothing")
  private boolean explain;

  private final Screen screen = Screen.system();

  /** What was given, and what the folders of the file tell, which it leaves. */
  private final Map<String, String> told = new TreeMap<>();

  @Override
  public Integer call() throws Exception {
    boolean remote = file.startsWith("s3://");
    Path path =
        remote
            ? null
            : Path.of(System.getProperty("pipeline.cwd", "."))
                .toAbsolutePath()
                .resolve(file)
                .normalize();
    if (!remote && !Files.isRegularFile(path)) {
      throw new MisuseException(
          "there is no file %s; give the path of a file, or an s3 URL".formatted(path));
    }
    parameters.forEach(BackfillCommand::requireSegment);
    if (dryRun || explain) {
      return preview(path, dryRun) ? PipelineCommand.FAILED : 0;
    }
    Deployment deployment = Deployment.current();
    String name = file;
    if (!remote) {
      preview(path, false);
      name = isInLocation(deployment, path) ? path.toString() : upload(deployment, path);
    }
    OrderResult ordered =
        deployment.give(
            Deployment.order("load", name)
                .setDataset(dataset)
                .setParameters(
                    parameters.entrySet().stream()
                        .map(e -> e.getKey() + "=" + e.getValue())
                        .toList())
                .setAgain(again)
                .build());
    screen.line(ordered.getMessage());
    String request = ordered.getRequestId();
    if (!wait) {
      screen.line("How far %s is:".formatted(name));
      screen.line(
          "  "
              + Deployment.shown(
                  "SELECT file, state, rows, total_rows, reason FROM ops.files WHERE request_id = '%s'"
                      .formatted(request)));
    }
    return wait ? await(deployment, request) : 0;
  }

  private static void requireSegment(String field, String value) {
    if (value.isBlank()) {
      throw new MisuseException("--set %s=: a value is missing".formatted(field));
    }
  }

  /**
   * Says what the file is.
   *
   * @return whether something of it cannot be loaded
   */
  private boolean preview(Path path, boolean rows) throws IOException {
    Layouts layouts = layouts();
    Preview preview =
        new Preview(
            path == null ? file : path.toString(),
            layouts,
            Optional.ofNullable(dataset),
            parameters,
            rows,
            new FilePreview(file, screen, explain));
    try {
      if (path == null) {
        try (InputStream in = remote()) {
          FileReader.read(in, Limits.DEFAULT, preview);
        }
      } else {
        FileReader.read(FileSource.of(path), Limits.DEFAULT, preview);
      }
    } catch (RefusedException e) {
      throw new MisuseException(
          "%s: %s (%s)%s".formatted(file, e.getMessage(), e.code(), hint(e.code())));
    }
    told.putAll(preview.ofPath());
    told.putAll(parameters);
    return preview.hasProblems();
  }

  /** The layouts that come along and those of the project's own folder. */
  static Layouts layouts() throws IOException {
    Layout layout = PipelineCommand.layout();
    Optional<String> own =
        Optional.ofNullable(
                Environment.read(layout.root().resolve(".env")).get("TRANSFORMER_DATASETS_DIR"))
            .filter(d -> !d.isBlank());
    return own.map(d -> Layouts.with(layout.root().resolve(d))).orElseGet(Layouts::defaults);
  }

  private static String hint(String code) {
    return switch (code) {
      case "dataset_unknown" -> "; say it with --dataset NAME";
      case "parameter_missing" -> "; say it with --set FIELD=VALUE";
      case "convention_unknown" ->
          "; say it with --set dates=day_first or month_first, or --set decimals=comma or point";
      default -> "";
    };
  }

  /** A file of the embedded S3 server. */
  private InputStream remote() throws IOException {
    try {
      HttpResponse<InputStream> response =
          HttpClient.newHttpClient()
              .send(
                  HttpRequest.newBuilder(
                          url(PipelineCommand.running().parts(), file.substring("s3://".length())))
                      .build(),
                  HttpResponse.BodyHandlers.ofInputStream());
      if (response.statusCode() != 200) {
        throw new MisuseException(
            "%s cannot be read from the embedded S3 server (HTTP %d); for files elsewhere, use --dry-run with a copy on this machine"
                .formatted(file, response.statusCode()));
      }
      return response.body();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }

  private static URI url(Parts parts, String bucketAndKey) {
    return URI.create(
        parts.s3Url()
            + "/"
            + List.of(bucketAndKey.split("/", -1)).stream()
                .map(s -> URLEncoder.encode(s, StandardCharsets.UTF_8).replace("+", "%20"))
                .collect(Collectors.joining("/")));
  }

  /** Whether the service sees the file where it is. */
  private static boolean isInLocation(Deployment deployment, Path path)
      throws IOException, InterruptedException {
    for (JsonNode locations : deployment.words("backfill")) {
      for (JsonNode location : locations) {
        String url = location.get("url").asText();
        if (!url.startsWith("s3:") && path.startsWith(Path.of(url).normalize())) {
          return true;
        }
      }
    }
    return false;
  }

  /** Puts the file into the inbox, into folders that say what it means; returns its s3 URL. */
  private String upload(Deployment deployment, Path path) throws IOException, InterruptedException {
    Parts parts =
        deployment
            .local()
            .orElseThrow(
                () ->
                    new MisuseException(
                        "%s is in none of the backfill's locations; copy it into one and give its s3 URL, or drop it in the console"
                            .formatted(path)));
    HttpClient http = HttpClient.newHttpClient();
    String etag = "\"" + md5(path) + "\"";
    String name =
        Parts.INBOX
            + "/"
            + String.join(
                "/",
                FileNames.free(
                    FileNames.meaning(
                        Optional.ofNullable(dataset), told, path.getFileName().toString()),
                    p -> isTaken(http, url(parts, Parts.INBOX + "/" + String.join("/", p)), etag)));
    HttpResponse<String> response =
        http.send(
            HttpRequest.newBuilder(url(parts, name))
                .PUT(HttpRequest.BodyPublishers.ofFile(path))
                .build(),
            HttpResponse.BodyHandlers.ofString());
    if (response.statusCode() != 200) {
      throw new IOException(
          "%s could not be put into the inbox: HTTP %d".formatted(path, response.statusCode()));
    }
    return "s3://" + name;
  }

  /** Whether another file of this name is there, which may not have been read yet. */
  private static boolean isTaken(HttpClient http, URI url, String etag) {
    try {
      HttpResponse<Void> head =
          http.send(
              HttpRequest.newBuilder(url)
                  .method("HEAD", HttpRequest.BodyPublishers.noBody())
                  .build(),
              HttpResponse.BodyHandlers.discarding());
      if (head.statusCode() != 200 && head.statusCode() != 404) {
        throw new IOException("HTTP %d".formatted(head.statusCode()));
      }
      if (head.statusCode() != 200 && head.statusCode() != 404) {
        throw new IOException("HTTP %d".formatted(head.statusCode()));
      }
      return head.statusCode() == 200
          && !head.headers().firstValue("ETag").equals(Optional.of(etag));
    } catch (IOException e) {
      throw new UncheckedIOException("looking for " + url, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UncheckedIOException(new IOException("interrupted", e));
    }
  }

  private static String md5(Path path) throws IOException {
    try (InputStream in = Files.newInputStream(path)) {
      MessageDigest digest = MessageDigest.getInstance("MD5");
      in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), digest));
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has MD5", e);
    }
  }

  private int await(Deployment deployment, String request)
      throws IOException, InterruptedException, SQLException {
    List<Part> states;
    try (Connection db = deployment.database().connect();
        ProgressBar progress = screen.bar("Rows", 0)) {
      while (true) {
        states = Part.of(db, request);
        progress.maxHint(states.stream().mapToLong(Part::total).sum());
        long read = 0;
        for (Part part : states) {
          read += Tally.of(db, part).read();
        }
        progress.stepTo(read);
        progress.setExtraMessage(
            states.stream()
                .filter(Part::waits)
                .findFirst()
                .map(s -> " waits: " + s.reason())
                .orElse(" published %,d".formatted(states.stream().mapToLong(Part::rows).sum())));
        boolean published =
            !states.isEmpty() && states.stream().allMatch(s -> s.isDone() || s.isFailed());
        if (published && states.stream().allMatch(s -> s.isCounted(db))) {
          break;
        }
        Thread.sleep(POLL_MS);
      }
      progress.setExtraMessage(" loading");
      try (Replays pipeline = new Replays(deployment.kafka())) {
        pipeline.awaitLoaded();
      }
      awaitCounts(db, states);
    }
    boolean well = true;
    try (Connection db = deployment.database().connect()) {
      for (Part part : states) {
        well &= summarize(db, part);
      }
    }
    return well ? 0 : PipelineCommand.FAILED;
  }

  /** The counts of what is loaded follow the rows within seconds. */
  private static void awaitCounts(Connection db, List<Part> states)
      throws SQLException, InterruptedException {
    long end = System.nanoTime() + COUNTED_WITHIN.toNanos();
    for (Part part : states) {
      while (Tally.of(db, part).onTheWay() > 0 && System.nanoTime() < end) {
        Thread.sleep(POLL_MS);
      }
    }
  }

  private boolean summarize(Connection db, Part part) throws SQLException {
    if (part.isFailed()) {
      screen.line("%s: %s (%s)".formatted(part.file(), part.reason(), part.code()));
      return false;
    }
    if (part.members() > 0) {
      return true;
    }
    Tally tally = Tally.of(db, part);
    screen.line(
        "%s: %,d rows read as %s: %,d loaded, %,d unchanged, %,d in the dead letters."
            .formatted(
                part.file(),
                tally.read(),
                part.dataset(),
                tally.loaded(),
                tally.unchanged(),
                tally.deadLetters()));
    if (tally.rounded() > 0) {
      screen.line(
          "  %,d of them hold a value rounded to 18 digits after the point"
              .formatted(tally.rounded()));
    }
    if (tally.onTheWay() > 0) {
      screen.line("  %,d are not counted yet; how far it is:".formatted(tally.onTheWay()));
      show("SELECT * FROM ops.file_summary WHERE file = '%s'".formatted(quoted(part.file())));
    }
    if (tally.loaded() > 0) {
      screen.line(
          tally.tellsFile() ? "  loaded:" : "  loaded, with what else there is of their blocks:");
      show(tally.select(part));
    }
    if (tally.unchanged() > 0) {
      screen.line(
          tally.part().equals("receipts")
              ? "  unchanged: no file has their transaction yet, or a later file, or a node, says what counts"
              : "  unchanged: the table has the same already, or what a later row, a later file, a venue or a node says");
    }
    for (Map.Entry<String, Long> reason : Tally.reasons(db, part).entrySet()) {
      screen.line("  %,d dead letters %s".formatted(reason.getValue(), reason.getKey()));
      show(
          "SELECT line, column_name, reason FROM ops.dead_letters WHERE file = '%s' AND code = '%s' ORDER BY line"
              .formatted(quoted(part.file()), reason.getKey()));
    }
    return tally.deadLetters() == 0;
  }

  private void show(String sql) {
    screen.line("    " + Deployment.shown(sql));
  }

  private static String quoted(String text) {
    return text.replace("'", "''");
  }

  /** A file, or a member of an archive, as the service tells. */
  private record Part(
      String file,
      String version,
      String state,
      String code,
      String reason,
      String dataset,
      String fetchedAt,
      int members,
      long total,
      long rows,
      long chunks) {
    /** The file of a request, and the members if it is an archive. */
    static List<Part> of(Connection db, String request) throws SQLException {
      List<Part> parts = new ArrayList<>();
      try (PreparedStatement query =
          db.prepareStatement(
              """
              SELECT file, file_version, state, coalesce(code, ''), coalesce(reason, ''),
                     coalesce(dataset, ''), coalesce(fetched_at::text, ''), coalesce(members, 0),
                     coalesce(total_rows, 0), rows, chunks
              FROM ops.files WHERE request_id = ? ORDER BY file
              """)) {
        query.setString(1, request);
        try (ResultSet row = query.executeQuery()) {
          while (row.next()) {
            parts.add(
                new Part(
                    row.getString(1),
                    row.getString(2),
                    row.getString(3),
                    row.getString(4),
                    row.getString(5),
                    row.getString(6),
                    row.getString(7),
                    row.getInt(8),
                    row.getLong(9),
                    row.getLong(10),
                    row.getLong(11)));
          }
        }
      }
      return parts;
    }

    boolean isDone() {
      return state.equals("done");
    }

    boolean isFailed() {
      return state.equals("failed");
    }

    boolean waits() {
      return state.equals("waiting");
    }

    /** Whether the transformer's counts of all chunks are in the database. */
    boolean isCounted(Connection db) {
      try {
        return isFailed() || Tally.of(db, this).chunks() >= chunks;
      } catch (SQLException e) {
        throw new IllegalStateException("the database does not answer: " + e.getMessage(), e);
      }
    }
  }

  /**
   * What became of the rows of a file.
   *
   * @param part table of its rows, or receipts
   * @param chainId null if its rows are of no chain or of several
   * @param firstBlock null if its rows are of no block
   */
  private record Tally(
      String part,
      long chunks,
      long read,
      long loaded,
      long unchanged,
      long deadLetters,
      long rounded,
      long onTheWay,
      Long chainId,
      Long firstBlock,
      Long lastBlock) {
    private static final Tally NOTHING = new Tally("", 0, 0, 0, 0, 0, 0, 0, null, null, null);

    static Tally of(Connection db, Part part) throws SQLException {
      if (part.fetchedAt().isEmpty()) {
        return NOTHING;
      }
      try (PreparedStatement query =
          db.prepareStatement(
              """
              SELECT part, chunks, read, loaded, unchanged, dead_letters, rounded, on_the_way,
                     chain_id, first_block, last_block
              FROM ops.file_summary
              WHERE file = ? AND file_version = ? AND dataset = ? AND fetched_at = ?::timestamptz
              """)) {
        query.setString(1, part.file());
        query.setString(2, part.version());
        query.setString(3, part.dataset());
        query.setString(4, part.fetchedAt());
        try (ResultSet row = query.executeQuery()) {
          return row.next()
              ? new Tally(
                  row.getString("part"),
                  row.getLong("chunks"),
                  row.getLong("read"),
                  row.getLong("loaded"),
                  row.getLong("unchanged"),
                  row.getLong("dead_letters"),
                  row.getLong("rounded"),
                  row.getLong("on_the_way"),
                  row.getObject("chain_id", Long.class),
                  row.getObject("first_block", Long.class),
                  row.getObject("last_block", Long.class))
              : NOTHING;
        }
      }
    }

    String table() {
      return part.equals("receipts") ? "chain.transactions" : part;
    }

    /** Whether rows of its table say which file they are of. */
    boolean tellsFile() {
      return table().equals("market.candles") || table().equals("chain.blocks");
    }

    /** The SQL to look at what was loaded. */
    String select(Part file) {
      return tellsFile()
          ? "SELECT * FROM %s WHERE endpoint = '%s' AND fetched_at = '%s'"
              .formatted(table(), quoted(file.file()), file.fetchedAt())
          : "SELECT * FROM %s WHERE %sblock_number BETWEEN %d AND %d"
              .formatted(
                  table(),
                  chainId == null ? "" : "chain_id = %d AND ".formatted(chainId),
                  firstBlock,
                  lastBlock);
    }

    /** Dead letters of the file by code. */
    static Map<String, Long> reasons(Connection db, Part part) throws SQLException {
      Map<String, Long> reasons = new TreeMap<>();
      try (PreparedStatement query =
          db.prepareStatement(
              "SELECT code, count(*) FROM ops.dead_letters WHERE file = ? AND source = ? GROUP BY code")) {
        query.setString(1, part.file());
        query.setString(2, part.dataset());
        try (ResultSet rows = query.executeQuery()) {
          while (rows.next()) {
            reasons.put(rows.getString(1), rows.getLong(2));
          }
        }
      }
      return reasons;
    }
  }
}
