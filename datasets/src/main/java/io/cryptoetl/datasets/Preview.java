package io.cryptoetl.datasets;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;

/** Shows what a file would become, and publishes nothing. */
public final class Preview implements FileReader.Content {
  /** Rows that are shown of each file or member. */
  private static final int FIRST_ROWS = 5;

  private static final String AS_YOU_SAY = "as you say";

  private final String file;
  private final Layouts layouts;
  private final Optional<String> dataset;
  private final Map<String, String> parameters;
  private final boolean rows;
  private final Listener listener;

  private Part part;
  private boolean problems;
  private Map<String, String> ofPath = Map.of();

  /** Is told what is found, while the file is read. */
  public interface Listener {
    /**
     * A file or member begins.
     *
     * @param why what tells that it is of the dataset
     */
    void begun(String name, String dataset, String why);

    /** How a file or member is read, column by column. */
    default void explained(List<Detector.Explained> columns) {}

    /** A row, or all rows from a line on, would be a dead letter. */
    void problem(Problem problem);

    /** A file or member has ended. */
    void ended(Summary summary);

    /** A member of an archive cannot be read. */
    void refused(String member, RefusedException reason);
  }

  /**
   * Why a row cannot be loaded.
   *
   * @param line in which the row begins, from 1; of a JSON array the number of the row
   * @param onwards whether that holds for all rows from there on
   * @param isRow whether {@code line} counts rows
   */
  public record Problem(
      long line, boolean isRow, boolean onwards, Optional<String> column, BadRecordException why) {}

  /**
   * What a file or member would become.
   *
   * @param table of its rows; empty if there are none
   * @param made rows for the table
   * @param rounded those of them with a value that has more digits in the file
   * @param bad rows that would be dead letters, by the code of the reason
   * @param columns that some of the first rows fill
   * @param first rows, as texts below the columns
   */
  public record Summary(
      String name,
      String dataset,
      String table,
      long made,
      long rounded,
      Map<String, Long> bad,
      List<String> columns,
      List<List<String>> first) {
    /** Rows that would be dead letters. */
    public long dead() {
      return bad.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  /** The file or member in hand. */
  private static final class Part {
    private final String name;
    private final FileFormat format;
    private final String dataset;
    private final Map<String, String> parameters;
    private final List<SpecificRecord> first = new ArrayList<>();
    private final Map<String, Long> bad = new TreeMap<>();
    private long made;
    private long rounded;
    private String table = "";

    Part(String name, FileFormat format, Detector.Reading reading) {
      this.name = name;
      this.format = format;
      this.dataset = reading.dataset();
      this.parameters = reading.parameters();
    }
  }

  /**
   * A preview.
   *
   * @param file as it will be named
   * @param dataset of its rows; without it name, header and first rows tell
   * @param rows whether all rows are looked at; otherwise only what the file is
   */
  public Preview(
      String file,
      Layouts layouts,
      Optional<String> dataset,
      Map<String, String> parameters,
      boolean rows,
      Listener listener) {
    this.file = file;
    this.layouts = layouts;
    this.dataset = dataset;
    this.parameters = Map.copyOf(parameters);
    this.rows = rows;
    this.listener = listener;
  }

  /** Fields that the folders above the file tell, which it may leave. */
  public Map<String, String> ofPath() {
    return ofPath;
  }

  /** Whether something of the file cannot be loaded. */
  public boolean hasProblems() {
    return problems;
  }

  @Override
  public boolean begin(Optional<String> member, FileFormat format, byte[] sample)
      throws IOException {
    String name = member.map(m -> file + "!/" + m).orElse(file);
    Chunk first = Chunk.first(format, sample);
    Detector detector = new Detector(layouts);
    Detector.Reading found = detector.reading(name, format, first, dataset, parameters);
    String why =
        detector.guesses(name, format, first, parameters).stream()
            .filter(guess -> guess.dataset().equals(found.dataset()))
            .findFirst()
            .map(
                guess ->
                    dataset.isPresent()
                        ? AS_YOU_SAY + guess.read() + guess.withoutWhat()
                        : guess.why())
            .orElse(AS_YOU_SAY);
    ofPath = layouts.named(found.dataset()).orElseThrow().ofPath(file);
    part = new Part(name, format, found);
    listener.begun(name, found.dataset(), why);
    listener.explained(detector.explain(name, format, first, found));
    return rows;
  }

  @Override
  public void chunk(Chunk chunk) {
    boolean isRow = part.format.name().equals("json");
    try {
      ChunkMapper.map(
          chunk.record(part.dataset, part.name, "", part.format, part.parameters, Instant.now()),
          layouts,
          new ChunkMapper.Rows() {
            @Override
            public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
              part.made++;
              part.table = target.label();
              if (part.first.size() < FIRST_ROWS) {
                part.first.add(row);
              }
            }

            @Override
            public void rounded(long line) {
              part.rounded++;
            }

            @Override
            public void bad(long line, byte[] bytes, BadRecordException reason) {
              part.bad.merge(reason.code(), 1L, Long::sum);
              listener.problem(
                  new Problem(line, isRow, false, Optional.ofNullable(reason.column()), reason));
            }
          });
    } catch (BadRecordException e) {
      part.bad.merge(e.code(), chunk.rows(), Long::sum);
      listener.problem(
          new Problem(chunk.firstLine(), isRow, true, Optional.ofNullable(e.column()), e));
    }
  }

  @Override
  public void end() {
    List<Schema.Field> columns =
        part.first.isEmpty()
            ? List.of()
            : part.first.getFirst().getSchema().getFields().stream()
                .filter(f -> !Target.PROVENANCE.contains(f.name()))
                .filter(f -> part.first.stream().anyMatch(r -> !text(r.get(f.pos())).isEmpty()))
                .toList();
    problems |= !part.bad.isEmpty();
    listener.ended(
        new Summary(
            part.name,
            part.dataset,
            part.table,
            part.made,
            part.rounded,
            Map.copyOf(part.bad),
            columns.stream().map(Schema.Field::name).toList(),
            part.first.stream()
                .map(r -> columns.stream().map(f -> text(r.get(f.pos()))).toList())
                .toList()));
  }

  @Override
  public void refused(String member, RefusedException reason) {
    problems = true;
    listener.refused(member, reason);
  }

  /** A value as people read it. */
  static String text(Object value) {
    return switch (value) {
      case null -> "";
      case ByteBuffer bytes -> {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        yield "0x" + HexFormat.of().formatHex(copy);
      }
      case BigDecimal number -> number.stripTrailingZeros().toPlainString();
      case List<?> list when list.isEmpty() -> "";
      default -> value.toString();
    };
  }
}
