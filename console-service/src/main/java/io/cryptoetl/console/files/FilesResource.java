package io.cryptoetl.console.files;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.console.Problem;
import io.cryptoetl.console.access.Person;
import io.cryptoetl.datasets.Layout;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Preview;
import io.cryptoetl.datasets.files.FileNames;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.smallrye.common.annotation.Blocking;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.HeaderParam;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.PUT;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.QueryParam;
import jakarta.ws.rs.core.MediaType;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Semaphore;
import org.jboss.logging.Logger;

/** Files that people drop: what they would become, and the way into the inbox. */
@Path("/api/files")
@Blocking
@ApplicationScoped
public class FilesResource {
  private static final Logger LOG = Logger.getLogger(FilesResource.class);
  private static final int MAX_NAME = 200;
  private static final int MAX_PROBLEMS = 100;
  private static final int TOGETHER = 4;

  private final Inbox inbox;
  private final Layouts layouts;
  private final Person.Current current;
  private final long maxBytes;
  private final Semaphore free = new Semaphore(TOGETHER);

  FilesResource(Inbox inbox, ConsoleConfig config, Person.Current current) {
    this.inbox = inbox;
    this.current = current;
    this.maxBytes = config.uploadBytes();
    this.layouts =
        config
            .datasetsDir()
            .map(String::strip)
            .filter(dir -> !dir.isEmpty())
            .map(dir -> Layouts.with(java.nio.file.Path.of(dir)))
            .orElseGet(Layouts::defaults);
  }

  /**
   * What may be dropped.
   *
   * @param inbox where it goes; empty if no inbox is set
   * @param datasets what rows may mean
   * @param maxBytes largest file
   */
  public record Place(Optional<String> inbox, List<String> datasets, long maxBytes) {}

  /**
   * What a file would become.
   *
   * @param parts the file, or members of an archive
   * @param refused what cannot be loaded at all
   */
  public record Answer(List<Part> parts, List<Refusal> refused) {}

  /**
   * A file or a member.
   *
   * @param why what tells that it is of the dataset
   * @param rows for the table
   * @param dead rows that would be dead letters
   * @param columns that some of the first rows fill
   * @param first rows
   * @param problems the first ones
   */
  public record Part(
      String name,
      String dataset,
      String why,
      String table,
      long rows,
      long dead,
      List<String> columns,
      List<List<String>> first,
      List<Line> problems) {}

  /** Why a row would be a dead letter; {@code place} says where it is. */
  public record Line(String place, String column, String code, String message) {}

  /** Why something cannot be loaded. */
  public record Refusal(String name, String code, String message) {}

  /** A file that lies in the inbox now. */
  public record Stored(String file) {}

  /** Where files go, and what they may be. */
  @GET
  @Path("inbox")
  public Place place() {
    return new Place(
        inbox.url(), layouts.all().stream().map(Layout::name).sorted().toList(), maxBytes);
  }

  /**
   * Reads a file whole, and tells what its rows would become; nothing is kept.
   *
   * @param name of the file
   * @param dataset of its rows; without it name, header and first rows tell
   * @param set name=value for what neither rows nor name tell
   */
  @POST
  @Path("preview")
  @Consumes(MediaType.APPLICATION_OCTET_STREAM)
  public Answer preview(
      @QueryParam("name") String name,
      @QueryParam("dataset") Optional<String> dataset,
      @QueryParam("set") List<String> set,
      InputStream body)
      throws IOException {
    current.mustBeOperator("load files");
    String file = checked(name);
    Collected collected = new Collected();
    begin();
    try {
      FileReader.read(
          body,
          Limits.DEFAULT,
          new Preview(
              file, layouts, dataset.filter(d -> !d.isEmpty()), parameters(set), true, collected));
    } catch (RefusedException e) {
      collected.refused.add(new Refusal(file, e.code(), e.getMessage()));
    } finally {
      free.release();
    }
    return new Answer(collected.parts, collected.refused);
  }

  /**
   * Puts a file into the inbox, into folders that say what it means.
   *
   * @param name as in {@link #preview}
   * @param dataset as in {@link #preview}
   * @param set as in {@link #preview}
   * @param length of the body, in bytes
   */
  @PUT
  @Consumes(MediaType.APPLICATION_OCTET_STREAM)
  public Stored put(
      @QueryParam("name") String name,
      @QueryParam("dataset") Optional<String> dataset,
      @QueryParam("set") List<String> set,
      @HeaderParam("Content-Length") long length,
      InputStream body) {
    current.mustBeOperator("load files");
    List<String> path =
        FileNames.meaning(
            dataset.filter(d -> !d.isEmpty()).map(this::known), parameters(set), checked(name));
    if (inbox.url().isEmpty()) {
      throw new Problem.Refused(
          409, "no_inbox", "No inbox is set. Set BACKFILL_INBOX_URL, the same as the backfill's.");
    }
    begin();
    try {
      String file = inbox.put(path, body, length);
      LOG.infof(
          "event=file_dropped file=\"%s\" bytes=%d by=\"%s\"",
          file, length, current.person().name());
      return new Stored(file);
    } catch (IOException e) {
      LOG.warnf("event=file_not_stored name=\"%s\" reason=\"%s\"", name, e.getMessage());
      throw new Problem.Refused(
          503,
          "file_not_stored",
          "The file could not be put into %s: %s. Nothing of it was kept; try again."
              .formatted(inbox.url().get(), e.getMessage()));
    } finally {
      free.release();
    }
  }

  /** The name of a dataset that there is. */
  private String known(String dataset) {
    return layouts
        .named(dataset)
        .map(Layout::name)
        .orElseThrow(
            () ->
                new Problem.Refused(
                    400,
                    "dataset_unknown",
                    "There is no dataset '%s'; there are: %s."
                        .formatted(dataset, layouts.names())));
  }

  private void begin() {
    if (!free.tryAcquire()) {
      throw new Problem.Refused(
          429, "too_many_files", "%d files are being read already. Try again.".formatted(TOGETHER));
    }
  }

  /** A name that is one segment of a path, and that the backfill does not pass over. */
  private static String checked(String name) {
    if (name == null
        || name.isBlank()
        || name.length() > MAX_NAME
        || !FileNames.isData(name)
        || name.chars().anyMatch(c -> c == '/' || c == '\\' || c < ' ')) {
      throw new Problem.Refused(
          400,
          "name_odd",
          "The name '%s' cannot be kept: give the file one of 1 to %d characters, without slashes, that begins with neither . nor _ and is not that of an unfinished file or a checksum (.part, .tmp, .sha256)"
              .formatted(name, MAX_NAME));
    }
    return name;
  }

  private static Map<String, String> parameters(List<String> set) {
    Map<String, String> parameters = new TreeMap<>();
    for (String one : set) {
      // A slash is part of names of zones and symbols, and is encoded in names of folders.
      if (!one.matches("[A-Za-z][A-Za-z0-9_]*=[^\\\\\\p{Cntrl}]+") || one.contains("..")) {
        throw new Problem.Refused(
            400, "parameter_odd", "'%s' is no name=value such as chain_id=1.".formatted(one));
      }
      int equals = one.indexOf('=');
      parameters.put(one.substring(0, equals), one.substring(equals + 1));
    }
    return parameters;
  }

  /** Keeps what a preview finds. */
  private static final class Collected implements Preview.Listener {
    private final List<Part> parts = new ArrayList<>();
    private final List<Line> problems = new ArrayList<>();
    private String why = "";
    private final List<Refusal> refused = new ArrayList<>();

    @Override
    public void begun(String name, String dataset, String told) {
      why = told;
      problems.clear();
    }

    @Override
    public void problem(Preview.Problem problem) {
      if (problems.size() < MAX_PROBLEMS) {
        String line = "%s %,d".formatted(problem.isRow() ? "row" : "line", problem.line());
        problems.add(
            new Line(
                problem.onwards() ? "from " + line + " on" : line,
                problem.column().orElse(""),
                problem.why().code(),
                problem.why().getMessage()));
      }
    }

    @Override
    public void ended(Preview.Summary summary) {
      parts.add(
          new Part(
              summary.name(),
              summary.dataset(),
              why,
              summary.table(),
              summary.made(),
              summary.dead(),
              summary.columns(),
              summary.first(),
              List.copyOf(problems)));
    }

    @Override
    public void refused(String member, RefusedException reason) {
      refused.add(new Refusal(member, reason.code(), reason.getMessage()));
    }
  }
}
