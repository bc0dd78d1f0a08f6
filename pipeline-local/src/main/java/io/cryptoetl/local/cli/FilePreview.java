package io.cryptoetl.local.cli;

import io.cryptoetl.datasets.ChunkMapper;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.Target;
import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.IOException;
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
final class FilePreview implements FileReader.Content {
  private static final int MOST_ROWS = 5;
  private static final int MOST_WIDE = 24;

  private final String file;
  private final Layouts layouts;
  private final Optional<String> dataset;
  private final Map<String, String> parameters;
  private final boolean rows;
  private final Screen screen;

  private Part part;
  private boolean problems;

  /** The file or member in hand. */
  private static final class Part {
    private final String name;
    private final FileFormat format;
    private final String dataset;
    private final List<SpecificRecord> first = new ArrayList<>();
    private final Map<String, Long> bad = new TreeMap<>();
    private long made;
    private String table = "";

    Part(String name, FileFormat format, String dataset) {
      this.name = name;
      this.format = format;
      this.dataset = dataset;
    }
  }

  /**
   * A preview.
   *
   * @param file as it will be named
   * @param rows whether all rows are looked at; otherwise only what the file is
   */
  FilePreview(
      String file,
      Layouts layouts,
      Optional<String> dataset,
      Map<String, String> parameters,
      boolean rows,
      Screen screen) {
    this.file = file;
    this.layouts = layouts;
    this.dataset = dataset;
    this.parameters = parameters;
    this.rows = rows;
    this.screen = screen;
  }

  /** Whether something of the file cannot be loaded. */
  boolean hasProblems() {
    return problems;
  }

  @Override
  public boolean begin(Optional<String> member, FileFormat format, byte[] sample)
      throws IOException {
    String name = member.map(m -> file + "!/" + m).orElse(file);
    Chunk first = Chunk.first(format, sample);
    Detector detector = new Detector(layouts);
    String found = detector.dataset(name, format, first, dataset, parameters);
    String why =
        dataset.isPresent()
            ? "as you say"
            : detector.guesses(name, format, first, parameters).getFirst().why();
    screen.line("%s: dataset %s (%s)".formatted(name, found, why));
    part = new Part(name, format, found);
    return rows;
  }

  @Override
  public void chunk(Chunk chunk) {
    try {
      ChunkMapper.map(
          chunk.record(part.dataset, part.name, "", part.format, parameters, Instant.now()),
          layouts,
          new ChunkMapper.Rows() {
            @Override
            public void row(long line, byte[] bytes, Target target, SpecificRecord row) {
              part.made++;
              part.table = target.label();
              if (part.first.size() < MOST_ROWS) {
                part.first.add(row);
              }
            }

            @Override
            public void bad(long line, byte[] bytes, BadRecordException reason) {
              part.bad.merge(reason.code(), 1L, Long::sum);
              screen.line(
                  "  %s %d%s: %s (%s)"
                      .formatted(
                          part.format.name().equals("json") ? "row" : "line",
                          line,
                          reason.column() == null ? "" : ", column " + reason.column(),
                          reason.getMessage(),
                          reason.code()));
            }
          });
    } catch (BadRecordException e) {
      part.bad.merge(e.code(), chunk.rows(), Long::sum);
      screen.line(
          "  from line %d on: %s (%s)".formatted(chunk.firstLine(), e.getMessage(), e.code()));
    }
  }

  @Override
  public void end() {
    if (!part.first.isEmpty()) {
      table(part.first).forEach(line -> screen.line("  " + line));
    }
    long bad = part.bad.values().stream().mapToLong(Long::longValue).sum();
    problems |= bad > 0;
    screen.line(
        "  %,d rows read: %,d for %s, %,d would be dead letters%s"
            .formatted(
                part.made + bad,
                part.made,
                part.table.isEmpty() ? "no table" : part.table,
                bad,
                bad == 0 ? "" : " " + part.bad));
  }

  @Override
  public void refused(String member, RefusedException reason) {
    problems = true;
    screen.line("%s!/%s: %s (%s)".formatted(file, member, reason.getMessage(), reason.code()));
  }

  /** Rows below the names of the columns that some of them fill. */
  private static List<String> table(List<SpecificRecord> rows) {
    List<Schema.Field> columns =
        rows.getFirst().getSchema().getFields().stream()
            .filter(f -> rows.stream().anyMatch(r -> !text(r.get(f.pos())).isEmpty()))
            .toList();
    List<List<String>> cells = new ArrayList<>();
    cells.add(columns.stream().map(Schema.Field::name).toList());
    rows.forEach(r -> cells.add(columns.stream().map(f -> text(r.get(f.pos()))).toList()));
    int[] widths = new int[columns.size()];
    for (List<String> row : cells) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    List<String> lines = new ArrayList<>();
    for (List<String> row : cells) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static String text(Object value) {
    String text =
        switch (value) {
          case null -> "";
          case ByteBuffer bytes -> {
            byte[] copy = new byte[bytes.remaining()];
            bytes.duplicate().get(copy);
            yield "0x" + HexFormat.of().formatHex(copy);
          }
          case java.math.BigDecimal number -> number.stripTrailingZeros().toPlainString();
          case List<?> list when list.isEmpty() -> "";
          default -> value.toString();
        };
    return text.length() > MOST_WIDE ? text.substring(0, MOST_WIDE - 1) + "…" : text;
  }
}
