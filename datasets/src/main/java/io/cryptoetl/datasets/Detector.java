package io.cryptoetl.datasets;

import io.cryptoetl.datasets.Layout.Column;
import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.raw.RawCsvRows;
import java.time.Instant;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.apache.avro.Schema;

/** Tells the dataset of a file from the names of its columns and its first rows. */
public final class Detector {
  /** What people may have to tell, and what stands for it while layouts are tried. */
  private static final Map<String, String> CONTEXT =
      Map.of("chain_id", "1", "venue", "venue", "symbol", "SYMBOL", "interval", "1d");

  /** Letters of a name from which on others may begin with it. */
  private static final int SHORTEST = 4;

  /** One row of so many must fit: files begin with rows without values, or have damage. */
  private static final int LEAST_SHARE = 20;

  private final Layouts layouts;

  /** A detector that knows some layouts. */
  public Detector(Layouts layouts) {
    this.layouts = layouts;
  }

  /**
   * A layout that fits.
   *
   * @param columns of the file that the layout knows
   * @param spelled those of them that it spells the same
   * @param fitting rows that become rows of a table
   * @param rows that were tried
   * @param needed columns that the layout needs, and the file has
   * @param ofVenue whether it is the layout of the venue that is told
   * @param told fields that the file's name and folders tell
   * @param missing fields that have to be given as parameters
   * @param problem of the first row that does not fit; empty if all do
   * @param leftOut columns of the file of which nothing is made
   * @param looksTaken those of them that are named like a field which nothing fills
   * @param refusal code of why the file is not read so although rows fit: they can be read in more
   *     than one way, or candles are of another length
   * @param conventions of the file that its rows tell, as parameters
   */
  public record Guess(
      String dataset,
      String target,
      int columns,
      int spelled,
      int fitting,
      int rows,
      int needed,
      boolean ofVenue,
      int told,
      List<String> missing,
      String problem,
      List<String> leftOut,
      List<String> looksTaken,
      Optional<String> refusal,
      Map<String, String> conventions) {
    private static final Comparator<Guess> ORDER =
        Comparator.comparingInt(Guess::fitting)
            .thenComparingInt(Guess::needed)
            .thenComparingInt(Guess::columns)
            .thenComparing(Guess::ofVenue)
            .thenComparing(guess -> -guess.missing().size())
            .thenComparingInt(Guess::spelled)
            .thenComparingInt(Guess::told);

    /** Why the layout was chosen, for people. */
    public String why() {
      return "it knows %d columns, and %d of the first %d rows fit%s%s"
          .formatted(columns, fitting, rows, read(), withoutWhat());
    }

    private boolean undecided() {
      return refusal.filter(Values.CONVENTION_UNKNOWN::equals).isPresent();
    }

    /** Which conventions the rows tell, for people. */
    String read() {
      return conventions.isEmpty()
          ? ""
          : ", with "
              + new TreeMap<>(conventions)
                  .entrySet().stream()
                      .map(c -> c.getKey() + "=" + c.getValue())
                      .collect(Collectors.joining(" and "));
    }

    /** Which columns become nothing, for people. */
    String withoutWhat() {
      return leftOut.isEmpty() ? "" : "; left out: " + String.join(", ", leftOut);
    }
  }

  /**
   * What a file is.
   *
   * @param parameters that were given, what its path tells, and the conventions that its rows tell
   */
  public record Reading(String dataset, Map<String, String> parameters) {}

  /**
   * The layouts that at least one row fits, the best first.
   *
   * @param file its name, which may tell fields
   * @param first its first rows
   * @param parameters that are known
   */
  public List<Guess> guesses(
      String file, FileFormat format, Chunk first, Map<String, String> parameters) {
    return tried(file, format, first, parameters).stream().filter(g -> g.fitting() > 0).toList();
  }

  /** All layouts that know columns of the file, the best first. */
  private List<Guess> tried(
      String file, FileFormat format, Chunk first, Map<String, String> parameters) {
    List<Guess> guesses = new ArrayList<>();
    Optional<String> venue = venue(file, format, first, parameters);
    for (Layout layout : layouts.all()) {
      // A layout of one venue is not that of a file of which another one is told.
      if (parameters.keySet().stream().allMatch(layout::takes)
          && venue.filter(v -> !layout.mayBeOf(v)).isEmpty()) {
        guess(layout, file, format, first, parameters).ifPresent(guesses::add);
      }
    }
    guesses.sort(Guess.ORDER.reversed());
    return guesses;
  }

  /** The venue that parameters or the head of the file tell; empty if none does. */
  private static Optional<String> venue(
      String file, FileFormat format, Chunk first, Map<String, String> parameters) {
    if (parameters.containsKey(Layout.VENUE)) {
      return Optional.of(parameters.get(Layout.VENUE));
    }
    try {
      RawCsvRows chunk = first.record("", file, "", format, parameters, Instant.EPOCH);
      return Optional.ofNullable(new RowReader(chunk).told().get(Layout.VENUE));
    } catch (BadRecordException e) {
      // It is said when a layout is tried.
      return Optional.empty();
    }
  }

  /** Whether a format without names within its rows has them before. */
  private static boolean hasHead(FileFormat format) {
    return format.name().equals("jsonl") && format.head().length > 0;
  }

  /** The best guess, if it is better than all others and no chance. */
  public static Optional<Guess> best(List<Guess> guesses) {
    if (guesses.isEmpty()) {
      return Optional.empty();
    }
    Guess best = guesses.getFirst();
    boolean sure =
        best.rows() <= LEAST_SHARE * best.fitting()
            && (guesses.size() == 1 || Guess.ORDER.compare(best, guesses.get(1)) > 0);
    return sure ? Optional.of(best) : Optional.empty();
  }

  /**
   * What a file is, and how it is read.
   *
   * @param given what it shall be, if that is known
   * @throws RefusedException if nobody can tell, there is no such layout, it needs parameters, or
   *     the rows can be read in more than one way
   */
  public Reading reading(
      String file,
      FileFormat format,
      Chunk first,
      Optional<String> given,
      Map<String, String> parameters)
      throws RefusedException {
    try {
      Conventions.NONE.or(parameters);
    } catch (BadRecordException e) {
      throw new RefusedException(e.code(), e.getMessage());
    }
    if (given.isPresent()) {
      Layout layout =
          layouts
              .named(given.get())
              .orElseThrow(
                  () ->
                      new RefusedException(
                          "dataset_unknown",
                          "no dataset is named '%s'; these are: %s"
                              .formatted(given.get(), layouts.names())));
      for (String parameter : parameters.keySet()) {
        if (!layout.takes(parameter)) {
          throw new RefusedException(
              "parameter_unknown",
              "parameter %s is no field of %s".formatted(parameter, layout.targetName()));
        }
      }
      Optional<Guess> fits = guess(layout, file, format, first, parameters);
      if (layout.onlyPositional() && fits.filter(g -> g.fitting() > 0).isEmpty()) {
        throw new RefusedException(
            "layout_mismatch",
            "%s is for rows without names of columns, the first of which fits: %s"
                .formatted(
                    layout.name(), fits.map(Guess::problem).orElse("these rows have names")));
      }
      if (fits.flatMap(Guess::refusal).isPresent()) {
        throw refused(fits.get());
      }
      if (fits.isPresent() && fits.get().fitting() > 0) {
        requireParameters(fits.get());
      }
      return new Reading(given.get(), with(layout.ofPath(file), parameters, fits));
    }
    List<Guess> tried = tried(file, format, first, parameters);
    List<Guess> guesses = tried.stream().filter(g -> g.fitting() > 0).toList();
    int known = guesses.isEmpty() ? 0 : guesses.getFirst().columns();
    int missing = guesses.isEmpty() ? CONTEXT.size() : guesses.getFirst().missing().size();
    Optional<Guess> refused =
        tried.stream()
            .filter(g -> g.undecided() || (g.refusal().isPresent() && g.missing().size() < missing))
            .filter(g -> g.columns() >= known)
            .max(Comparator.comparing(Guess::columns));
    if (refused.isPresent()) {
      throw refused(refused.get());
    }
    Guess best = best(guesses).orElseThrow(() -> unknown(tried, guesses, parameters));
    requireParameters(best);
    if (!best.looksTaken().isEmpty()) {
      throw new RefusedException(
          "column_left_out",
          "%s takes nothing from %s: say --dataset %s if that shall be left out, or write a layout that takes it"
              .formatted(best.dataset(), String.join(" and ", best.looksTaken()), best.dataset()));
    }
    return new Reading(
        best.dataset(),
        with(
            layouts.named(best.dataset()).orElseThrow().ofPath(file),
            parameters,
            Optional.of(best)));
  }

  private static RefusedException refused(Guess guess) {
    return new RefusedException(
        guess.refusal().orElseThrow(),
        guess.undecided()
            ? "the rows can be read in more than one way (%s, %s)"
                .formatted(guess.dataset(), guess.problem())
            : "%s, but %s".formatted(guess.dataset(), guess.problem()));
  }

  private RefusedException unknown(
      List<Guess> tried, List<Guess> guesses, Map<String, String> parameters) {
    if (!guesses.isEmpty()) {
      return new RefusedException(
          "dataset_unknown",
          "the file may be of several datasets: %s; say which one it is"
              .formatted(
                  guesses.stream()
                      .map(g -> g.dataset() + " (" + g.why() + ")")
                      .collect(Collectors.joining(", "))));
    }
    String nearest =
        tried.stream()
            .filter(g -> !g.problem().isEmpty())
            .findFirst()
            .map(g -> " (nearest is %s, %s)".formatted(g.dataset(), g.problem()))
            .orElse("");
    return new RefusedException(
        "dataset_unknown",
        "no layout fits the file%s%s; say which one it has, or write one: %s"
            .formatted(
                parameters.isEmpty()
                    ? ""
                    : " and takes " + String.join(", ", new TreeMap<>(parameters).keySet()),
                nearest,
                layouts.names()));
  }

  private static Map<String, String> with(
      Map<String, String> ofPath, Map<String, String> parameters, Optional<Guess> guess) {
    Map<String, String> all = new HashMap<>(ofPath);
    all.putAll(parameters);
    guess.ifPresent(g -> all.putAll(g.conventions()));
    return Map.copyOf(all);
  }

  private static void requireParameters(Guess guess) throws RefusedException {
    if (!guess.missing().isEmpty()) {
      throw new RefusedException(
          "parameter_missing",
          "%s needs %s, which neither the rows nor the file's name tell: put the file into a folder such as %s, or give it as a parameter"
              .formatted(
                  guess.dataset(),
                  String.join(" and ", guess.missing()),
                  guess.missing().stream()
                      .map(m -> m + "=" + CONTEXT.get(m))
                      .collect(Collectors.joining("/"))));
    }
  }

  private static Optional<Guess> guess(
      Layout layout, String file, FileFormat format, Chunk first, Map<String, String> parameters) {
    try {
      RawCsvRows chunk = chunk(layout, file, format, first, parameters);
      List<String> names = names(layout, chunk);
      if ((names == null && !layout.positional()) || !layout.mayHave(names)) {
        return Optional.empty();
      }
      List<Column> known = known(layout, names);
      Map<Integer, Schema.Field> ownNames = RowMapper.ownNames(layout, names);
      Map<String, String> head = new RowReader(chunk).told();
      if (layout.onlyPositional() && (names != null || hasHead(format))) {
        return Optional.empty();
      }
      Optional<String> venue =
          Optional.ofNullable(parameters.getOrDefault(Layout.VENUE, head.get(Layout.VENUE)));
      Map<String, String> tried = new HashMap<>(parameters);
      List<String> missing = new ArrayList<>();
      CONTEXT.forEach(
          (field, stand) -> {
            if (!isTold(layout, file, known, field)
                && !head.containsKey(field)
                && ownNames.values().stream().noneMatch(f -> f.name().equals(field))
                && !parameters.containsKey(field)) {
              missing.add(field);
              tried.put(field, stand);
            }
          });
      missing.sort(Comparator.naturalOrder());
      Set<String> filled = new HashSet<>(tried.keySet());
      filled.addAll(head.keySet());
      filled.addAll(layout.values().keySet());
      filled.addAll(layout.ofFileName(file).keySet());
      known.forEach(c -> filled.addAll(c.fields()));
      ownNames.values().forEach(f -> filled.add(f.name()));
      List<String> leftOut = leftOut(layout, names, ownNames);
      Sample sample =
          Sample.of(
              layout,
              parameters,
              format,
              conventions -> {
                Map<String, String> all = new HashMap<>(tried);
                all.putAll(conventions);
                return chunk(layout, file, format, first, all);
              },
              Set.copyOf(missing));
      return Optional.of(
          new Guess(
              layout.name(),
              layout.targetName(),
              known.size() + ownNames.size(),
              spelled(known, names),
              // The first line of a file with names is no row of one without.
              layout.onlyPositional() && !sample.firstFits() ? 0 : sample.fitting(),
              sample.rows(),
              layout.needs().size(),
              venue.filter(layout.venues()::contains).isPresent(),
              layout.ofFileName(file).size(),
              missing,
              sample.problem(),
              leftOut,
              looksTaken(layout, leftOut, filled),
              sample.refusal(),
              sample.conventions()));
    } catch (BadRecordException e) {
      if (e.code().equals(Values.CONVENTION_UNKNOWN) || e.code().equals(RowReader.SEVERAL)) {
        return Optional.of(
            new Guess(
                layout.name(),
                layout.targetName(),
                0,
                0,
                0,
                1,
                0,
                false,
                0,
                List.of(),
                e.getMessage(),
                List.of(),
                List.of(),
                Optional.of(e.code()),
                Map.of()));
      }
      // The layout does not fit, for whatever reason: that is the answer.
      return Optional.empty();
    }
  }

  /**
   * What becomes of a column, or where a field without one is from.
   *
   * @param column as the file names it, or what tells the field otherwise
   * @param cell of the first row that fits; empty if there is none
   * @param field that it fills; empty if none
   * @param value that the table gets; of a column that fills nothing what becomes of it
   */
  public record Explained(String column, String cell, String field, String value) {}

  /**
   * How a file is read, column by column, by its first row that fits; empty if none does.
   *
   * @param reading of the file
   */
  public List<Explained> explain(String file, FileFormat format, Chunk first, Reading reading) {
    Layout layout = layouts.named(reading.dataset()).orElseThrow();
    try {
      RawCsvRows chunk = chunk(layout, file, format, first, reading.parameters());
      return ChunkMapper.explain(layout, chunk);
    } catch (BadRecordException e) {
      return List.of();
    }
  }

  private static List<String> leftOut(
      Layout layout, List<String> names, Map<Integer, Schema.Field> ownNames) {
    if (names == null) {
      return List.of();
    }
    BitSet taken = new BitSet();
    ownNames.keySet().forEach(taken::set);
    int[] cells = layout.cells(names);
    for (int i = 0; i < cells.length; i++) {
      Column column = layout.columns().get(i);
      if (cells[i] >= 0 && (!column.fields().isEmpty() || column.agrees().isPresent())) {
        taken.set(cells[i]);
      }
    }
    Set<String> expected =
        layout.expected().keySet().stream().map(Layout::plain).collect(Collectors.toSet());
    List<String> leftOut = new ArrayList<>();
    for (int i = 0; i < names.size(); i++) {
      String name = names.get(i).strip();
      if (!taken.get(i) && !name.isEmpty() && !expected.contains(Layout.plain(name))) {
        leftOut.add(name);
      }
    }
    return leftOut;
  }

  /** Columns that are left out and named like a field that nothing fills, such as Volume BTC. */
  private static List<String> looksTaken(Layout layout, List<String> leftOut, Set<String> filled) {
    List<String> looksTaken = new ArrayList<>();
    for (String name : leftOut) {
      for (Schema.Field field : layout.target().fields()) {
        String plain = Layout.plain(field.name());
        if (plain.length() >= SHORTEST
            && !filled.contains(field.name())
            && Layout.plain(name).startsWith(plain)
            && layout.columns().stream().noneMatch(c -> c.isNamed(name))) {
          looksTaken.add("%s, which is named like %s".formatted(name, field.name()));
          break;
        }
      }
    }
    return looksTaken;
  }

  private static boolean isTold(Layout layout, String file, List<Column> known, String field) {
    return layout.target().field(field).map(Values::isNullable).orElse(true)
        || layout.values().containsKey(field)
        || layout.ofFileName(file).containsKey(field)
        || known.stream().anyMatch(c -> c.fields().contains(field));
  }

  private static int spelled(List<Column> known, List<String> names) {
    return names == null
        ? 0
        : (int)
            known.stream()
                .filter(
                    c ->
                        names.stream()
                            .map(n -> n.strip().toLowerCase(Locale.ROOT))
                            .anyMatch(c.spelled()::contains))
                .count();
  }

  /** The columns of a layout that a file has. */
  private static List<Column> known(Layout layout, List<String> names) {
    int[] cells = names == null ? new int[layout.columns().size()] : layout.cells(names);
    List<Column> known = new ArrayList<>();
    for (int i = 0; i < cells.length; i++) {
      if (cells[i] >= 0 && !layout.columns().get(i).fields().isEmpty()) {
        known.add(layout.columns().get(i));
      }
    }
    return known;
  }

  /**
   * Names of the columns of a file, of JSON objects those of the first one; null if it has none.
   */
  private static List<String> names(Layout layout, RawCsvRows chunk) throws BadRecordException {
    RowReader reader = new RowReader(chunk);
    List<String> head = reader.head().map(Cells::values).filter(layout::hasNames).orElse(null);
    if (head != null) {
      return head;
    }
    List<List<String>> ofRows = new ArrayList<>();
    reader.rows(
        new RowReader.Rows() {
          @Override
          public void row(Cells cells) {
            if (cells.names() != null) {
              ofRows.add(cells.names());
            }
          }

          @Override
          public void bad(long line, byte[] bytes, BadRecordException reason) {
            // It has no names.
          }
        });
    return ofRows.isEmpty() ? null : ofRows.getFirst();
  }

  private static RawCsvRows chunk(
      Layout layout, String file, FileFormat format, Chunk rows, Map<String, String> parameters) {
    return rows.record(layout.name(), file, "", format, parameters, Instant.EPOCH);
  }
}
