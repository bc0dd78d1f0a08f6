package io.cryptoetl.local.cli;

import io.cryptoetl.datasets.Layout;
import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.local.cli.PipelineCommand.MisuseException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code pipeline layouts [NAME]}. */
@Command(
    name = "layouts",
    description = "List the layouts that tell what rows of files mean, or explain one")
final class LayoutsCommand implements Callable<Integer> {
  @Parameters(
      arity = "0..1",
      paramLabel = "NAME",
      description = "A layout: shows which column fills which field, and an example")
  private String name;

  private final Screen screen = Screen.system();

  @Override
  public Integer call() throws IOException {
    Layouts layouts = BackfillCommand.layouts();
    if (name == null) {
      List<List<String>> rows = new ArrayList<>();
      layouts.all().forEach(l -> rows.add(List.of(l.name(), l.targetName(), l.about())));
      FilePreview.table(rows).forEach(screen::line);
      screen.line("./pipeline layouts NAME explains one; docs/datasets.md tells how to write one.");
      return 0;
    }
    Layout layout =
        layouts
            .named(name)
            .orElseThrow(
                () ->
                    new MisuseException(
                        "there is no layout %s; these are: %s".formatted(name, layouts.names())));
    screen.line("%s: %s".formatted(layout.name(), layout.about()));
    screen.line("Rows go to %s.".formatted(layout.targetName()));
    List<List<String>> columns = new ArrayList<>();
    columns.add(List.of("column", "field", "how"));
    columns.addAll(layout.described());
    FilePreview.table(columns).forEach(line -> screen.line("  " + line));
    layout
        .example()
        .ifPresent(
            example -> {
              screen.line(
                  "Such as %s%s:"
                      .formatted(
                          example.file(),
                          example.set().isEmpty() ? "" : ", with --set " + words(example.set())));
              example.content().lines().forEach(line -> screen.line("  " + line));
            });
    return 0;
  }

  private static String words(Map<String, String> set) {
    return String.join(
        " --set ", set.entrySet().stream().map(e -> e.getKey() + "=" + e.getValue()).toList());
  }
}
