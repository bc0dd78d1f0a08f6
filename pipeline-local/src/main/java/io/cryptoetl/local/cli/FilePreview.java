package io.cryptoetl.local.cli;

import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.Preview;
import io.cryptoetl.datasets.files.RefusedException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/** Writes to the screen what a file would become. */
final class FilePreview implements Preview.Listener {
  private static final int MOST_WIDE = 24;

  private final String file;
  private final Screen screen;
  private final boolean explain;

  /**
   * A preview of a file.
   *
   * @param explain whether each column is told
   */
  FilePreview(String file, Screen screen, boolean explain) {
    this.file = file;
    this.screen = screen;
    this.explain = explain;
  }

  @Override
  public void begun(String name, String dataset, String why) {
    int member = name.indexOf("!/");
    screen.line(
        "%s%s: dataset %s (%s)"
            .formatted(file, member < 0 ? "" : name.substring(member), dataset, why));
  }

  @Override
  public void problem(Preview.Problem problem) {
    String line = "%s %d".formatted(problem.isRow() ? "row" : "line", problem.line());
    screen.line(
        "  %s%s: %s (%s)"
            .formatted(
                problem.onwards() ? "from " + line + " on" : line,
                problem.column().map(column -> ", column " + column).orElse(""),
                problem.why().getMessage(),
                problem.why().code()));
  }

  @Override
  public void ended(Preview.Summary summary) {
    if (!summary.first().isEmpty()) {
      table(summary).forEach(line -> screen.line("  " + line));
    }
    long bad = summary.dead();
    screen.line(
        "  %,d rows read: %,d for %s, %,d would be dead letters%s%s"
            .formatted(
                summary.made() + bad,
                summary.made(),
                summary.table().isEmpty() ? "no table" : summary.table(),
                bad,
                bad == 0 ? "" : " " + new TreeMap<>(summary.bad()),
                summary.rounded() == 0
                    ? ""
                    : "; %,d hold a value rounded to 18 digits after the point"
                        .formatted(summary.rounded())));
  }

  @Override
  public void refused(String member, RefusedException reason) {
    screen.line("%s!/%s: %s (%s)".formatted(file, member, reason.getMessage(), reason.code()));
  }

  @Override
  public void explained(List<Detector.Explained> columns) {
    if (explain) {
      List<List<String>> cells = new ArrayList<>();
      cells.add(List.of("column", "first cell", "field", "becomes"));
      columns.forEach(
          c -> cells.add(List.of(cut(c.column()), cut(c.cell()), cut(c.field()), cut(c.value()))));
      table(cells).forEach(line -> screen.line("  " + line));
    }
  }

  /** Rows below the names of the columns that some of them fill. */
  private static List<String> table(Preview.Summary summary) {
    List<List<String>> cells = new ArrayList<>();
    cells.add(summary.columns());
    summary.first().forEach(row -> cells.add(row.stream().map(FilePreview::cut).toList()));
    return table(cells);
  }

  /** Lines whose cells stand below each other. */
  static List<String> table(List<List<String>> cells) {
    int[] widths = new int[cells.getFirst().size()];
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

  private static String cut(String text) {
    return text.length() > MOST_WIDE ? text.substring(0, MOST_WIDE - 1) + "…" : text;
  }
}
