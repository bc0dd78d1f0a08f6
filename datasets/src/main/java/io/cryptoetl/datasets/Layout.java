package io.cryptoetl.datasets;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;

/**
 * How the rows of a dataset become rows of a table: which column fills which field, and what
 * neither the columns nor the file's name tell. A layout is a YAML file; docs/datasets.md describes
 * it.
 */
public final class Layout {
  private static final YAMLMapper YAML =
      YAMLMapper.builder()
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.ACCEPT_SINGLE_VALUE_AS_ARRAY)
          .build();

  /** Names of times that are not patterns. */
  private static final Set<String> UNIX = Set.of("unix", "unix_s", "unix_ms", "unix_us", "unix_ns");

  /** Field that tells layouts apart, and a parameter. */
  static final String VENUE = "venue";

  private final String name;
  private final String about;
  private final Target target;
  private final Positional positional;
  private final Conventions conventions;
  private final List<Column> columns;
  private final Map<String, String> values;
  private final Map<String, String> expected;
  private final Set<String> needs;
  private final Map<String, Map<String, String>> map;
  private final List<Pattern> paths;
  private final List<Pattern> fileNames;
  private final List<RowCheck> checks;
  private final Optional<Example> example;

  /** Whether columns may be told by their order. */
  private enum Positional {
    /** Files have names of columns. */
    NEVER,
    /** Files may have none. */
    TRUE,
    /** Files have none. */
    ONLY;

    static Positional of(String written) {
      return switch (written) {
        case null -> NEVER;
        case "false" -> NEVER;
        case "true" -> TRUE;
        case "only" -> ONLY;
        default -> throw invalid("positional", written, "true, only or false");
      };
    }
  }

  /** The file as it is written. */
  private record Written(
      String about,
      String target,
      String positional,
      String dates,
      String decimals,
      String zone,
      List<WrittenColumn> columns,
      Map<String, String> values,
      Map<String, String> expect,
      List<String> needs,
      Map<String, Map<String, String>> map,
      List<String> path,
      List<String> file,
      List<RowCheck> checks,
      Example example) {}

  /**
   * A file of the layout.
   *
   * @param file its name
   * @param set parameters that neither its rows nor its name tell
   * @param content its first lines
   */
  public record Example(String file, Map<String, String> set, String content) {
    /** An example. */
    public Example {
      set = set == null ? Map.of() : Map.copyOf(set);
    }
  }

  private record WrittenColumn(
      List<String> name,
      List<String> field,
      String agrees,
      List<String> time,
      String remove,
      String match,
      boolean closes,
      Map<String, BigDecimal> units,
      String separator) {}

  /**
   * A column.
   *
   * @param name the first of its names, for messages
   * @param spelled its names as the layout writes them
   * @param named whether a plain name is one of its names
   * @param fields that it fills: several ones by the parts of a list, none if it is only skipped
   * @param agrees a field of time that it says again
   * @param times how a time may be written
   * @param remove text that goes away
   * @param match what is taken of it: the first group
   * @param closes whether its time is when a candle closed
   * @param units ends of numbers, such as K, and what they multiply by
   * @param separator between the parts of a list
   */
  record Column(
      String name,
      List<String> spelled,
      Predicate<String> named,
      List<String> fields,
      Optional<String> agrees,
      List<TimeFormat> times,
      Optional<String> remove,
      Optional<Pattern> match,
      boolean closes,
      Map<String, BigDecimal> units,
      String separator) {
    /** Whether a cell has one of its names; that of a time may tell its zone besides. */
    boolean isNamed(String name) {
      return named.test(plain(name))
          || (!times.isEmpty()
              && ZonedName.of(name).filter(z -> named.test(plain(z.name()))).isPresent());
    }
  }

  private Layout(String name, Written written) {
    this.name = name;
    this.about = required("about", written.about());
    this.target =
        Target.of(required("target", written.target()))
            .orElseThrow(() -> invalid("target", written.target(), "one of " + Target.labels()));
    this.positional = Positional.of(written.positional());
    this.conventions = conventions(written);
    this.columns = required("columns", written.columns()).stream().map(this::column).toList();
    this.values = written.values() == null ? Map.of() : Map.copyOf(written.values());
    values.forEach(this::requireValue);
    this.expected = written.expect() == null ? Map.of() : Map.copyOf(written.expect());
    this.needs =
        written.needs() == null
            ? Set.of()
            : written.needs().stream().map(Layout::plain).collect(Collectors.toSet());
    this.map = written.map() == null ? Map.of() : Map.copyOf(written.map());
    map.keySet().forEach(field -> field("map", field));
    this.paths = patterns("path", written.path());
    this.fileNames = patterns("file", written.file());
    this.checks = written.checks() == null ? List.of() : List.copyOf(written.checks());
    this.example = Optional.ofNullable(written.example());
    example.ifPresent(
        e -> {
          required("file of example", e.file());
          required("content of example", e.content());
        });
    if (!checks.isEmpty() && target != Target.CANDLES) {
      throw invalid("checks", checks.toString(), "none: they are for market.candles");
    }
    Set<String> filled = new HashSet<>();
    for (Column column : columns) {
      for (String field : column.fields()) {
        if (!filled.add(field)) {
          throw invalid("columns", field + " twice", "one column for a field");
        }
      }
    }
  }

  /**
   * Reads a layout.
   *
   * @param name of the dataset
   * @param place names the file in messages
   * @throws IllegalArgumentException that tells what is wrong with it
   */
  static Layout read(String name, InputStream in, String place) throws IOException {
    try {
      Written written = YAML.readValue(in, Written.class);
      if (written == null) {
        throw new IllegalArgumentException("the file is empty");
      }
      return new Layout(name, written);
    } catch (JacksonException e) {
      throw new IllegalArgumentException(
          "%s, line %d: %s"
              .formatted(
                  place,
                  e.getLocation() == null ? 0 : e.getLocation().getLineNr(),
                  e.getOriginalMessage()),
          e);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(place + ": " + e.getMessage(), e);
    }
  }

  private List<Pattern> patterns(String key, List<String> written) {
    List<Pattern> patterns =
        written == null ? List.of() : written.stream().map(p -> pattern(key, p)).toList();
    for (Pattern pattern : patterns) {
      pattern.namedGroups().keySet().forEach(group -> field(key, fieldOfGroup(group)));
    }
    return patterns;
  }

  private static Conventions conventions(Written written) {
    Map<String, String> told = new HashMap<>();
    told.put(Conventions.DATES, written.dates());
    told.put(Conventions.DECIMALS, written.decimals());
    told.put(Conventions.ZONE, written.zone());
    told.values().removeIf(Objects::isNull);
    try {
      return Conventions.NONE.or(told);
    } catch (BadRecordException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private Column column(WrittenColumn written) {
    List<String> names = required("name of a column", written.name());
    List<String> fields = written.field() == null ? List.of() : written.field();
    fields.forEach(field -> field("column " + names.getFirst(), field));
    Optional<String> agrees = Optional.ofNullable(written.agrees());
    if (agrees.isPresent()
        && (!fields.isEmpty()
            || Target.PROVENANCE.contains(agrees.get())
            || agrees.map(target.schema()::getField).filter(Values::isTime).isEmpty())) {
      throw invalid(
          "agrees of column " + names.getFirst(),
          agrees.get(),
          "a field that is a time, of a column that fills none,");
    }
    boolean isTime =
        agrees.isPresent()
            || fields.stream().map(f -> target.field(f).orElseThrow()).anyMatch(Values::isTime);
    if (isTime != (written.time() != null)) {
      throw invalid(
          "time of column " + names.getFirst(),
          String.valueOf(written.time()),
          isTime ? "how the time is written" : "none: " + fields + " is no time");
    }
    return new Column(
        names.getFirst(),
        List.copyOf(names),
        named(names),
        fields,
        agrees,
        isTime ? written.time().stream().map(this::time).toList() : List.of(),
        Optional.ofNullable(written.remove()),
        Optional.ofNullable(written.match()).map(Layout::match),
        closes(names.getFirst(), fields, written.closes()),
        units(names.getFirst(), fields, written.units()),
        written.separator() == null ? "," : written.separator());
  }

  private static boolean closes(String column, List<String> fields, boolean closes) {
    if (closes && !fields.equals(List.of("open_time"))) {
      throw invalid("closes of column " + column, "true", "field: open_time beside it");
    }
    return closes;
  }

  private Map<String, BigDecimal> units(
      String column, List<String> fields, Map<String, BigDecimal> written) {
    if (written == null) {
      return Map.of();
    }
    if (fields.size() != 1 || !Values.isNumber(target.field(fields.getFirst()).orElseThrow())) {
      throw invalid("units of column " + column, written.toString(), "none: it is no number");
    }
    return Map.copyOf(written);
  }

  private static Pattern match(String regex) {
    Pattern pattern = pattern("match", regex);
    if (pattern.matcher("").groupCount() == 0) {
      throw invalid("match", regex, "a regular expression with a group, such as ^(.*)$,");
    }
    return pattern;
  }

  private void requireValue(String field, String text) {
    field("values", field);
    try {
      Values.of(
          target.field(field).orElseThrow(),
          "values." + field,
          text,
          TimeFormat.GIVEN,
          Conventions.NONE,
          ",");
    } catch (BadRecordException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static Predicate<String> named(List<String> names) {
    Set<String> plain =
        names.stream()
            .filter(n -> !n.startsWith("~"))
            .map(Layout::plain)
            .collect(Collectors.toUnmodifiableSet());
    List<Pattern> patterns =
        names.stream()
            .filter(n -> n.startsWith("~"))
            .map(n -> pattern("name", n.substring(1)))
            .toList();
    return given ->
        plain.contains(given) || patterns.stream().anyMatch(p -> p.matcher(given).matches());
  }

  private TimeFormat time(String format) {
    if (UNIX.contains(format)) {
      return new TimeFormat.Unix(format);
    }
    if (format.equals(TimeFormat.Iso.NAME)) {
      return new TimeFormat.Iso();
    }
    if (format.equals(TimeFormat.DayAndMonth.NAME)) {
      return new TimeFormat.DayAndMonth();
    }
    try {
      return TimeFormat.Text.of(format);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "time is %s, one of %s, %s, %s or a pattern such as yyyy-MM-dd is expected: %s"
              .formatted(
                  format,
                  TimeFormat.Iso.NAME,
                  TimeFormat.DayAndMonth.NAME,
                  String.join(", ", new TreeSet<>(UNIX)),
                  e.getMessage()),
          e);
    }
  }

  private void field(String key, String field) {
    if (target.field(field).isEmpty()) {
      throw invalid(
          key,
          field,
          "one of "
              + target.fields().stream().map(f -> f.name()).collect(Collectors.joining(", ")));
    }
  }

  private static Pattern pattern(String key, String regex) {
    try {
      return Pattern.compile(regex);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "%s is %s, a regular expression is expected: %s"
              .formatted(key, regex, e.getDescription()),
          e);
    }
  }

  private static <T> T required(String key, T value) {
    if (value == null) {
      throw new IllegalArgumentException(key + " is missing");
    }
    return value;
  }

  private static IllegalArgumentException invalid(String key, String given, String allowed) {
    return new IllegalArgumentException("%s is %s, %s is expected".formatted(key, given, allowed));
  }

  /**
   * Names of groups have no underscores: openTime stands for open_time. A digit at the end tells
   * parts of one field apart.
   */
  private static String fieldOfGroup(String group) {
    return group.replaceAll("[0-9]$", "").replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
  }

  /** What files and layouts mean by a name: small letters and digits only. */
  static String plain(String name) {
    StringBuilder plain = new StringBuilder(name.length());
    name.toLowerCase(Locale.ROOT)
        .chars()
        .filter(Character::isLetterOrDigit)
        .forEach(c -> plain.append((char) c));
    return plain.toString();
  }

  /** Name of the dataset. */
  public String name() {
    return name;
  }

  /** What files it is for, for people. */
  public String about() {
    return about;
  }

  /** Its columns for people: names, fields, and how cells are read; then what other things fill. */
  public List<List<String>> described() {
    List<List<String>> lines = new ArrayList<>();
    for (Column column : columns) {
      List<String> how = new ArrayList<>();
      column.agrees().ifPresent(f -> how.add("must agree with " + f));
      if (!column.times().isEmpty()) {
        how.add(
            "written as "
                + String.join(" or ", column.times().stream().map(TimeFormat::toString).toList()));
      }
      if (column.closes()) {
        how.add("when the candle closed");
      }
      column.remove().ifPresent(r -> how.add("without '" + r + "'"));
      column.match().ifPresent(m -> how.add("what matches " + m));
      if (!column.units().isEmpty()) {
        how.add("times " + new TreeMap<>(column.units()));
      }
      if (column.fields().isEmpty() && column.agrees().isEmpty()) {
        how.add("left out");
      }
      lines.add(
          List.of(
              String.join(" or ", column.spelled()),
              String.join(", ", column.fields()),
              String.join("; ", how)));
    }
    new TreeMap<>(values).forEach((field, text) -> lines.add(List.of("", field, "always " + text)));
    for (Pattern pattern : fileNames) {
      lines.add(
          List.of(
              "",
              pattern.namedGroups().keySet().stream()
                  .map(Layout::fieldOfGroup)
                  .distinct()
                  .sorted()
                  .collect(Collectors.joining(", ")),
              "from the file's name"));
    }
    return lines;
  }

  /** A file of it; those that come along have one. */
  public Optional<Example> example() {
    return example;
  }

  /** The table that rows go to, or receipts. */
  public String targetName() {
    return target.label();
  }

  /** Whether a file of it may have a parameter: a field of its rows, or a convention. */
  public boolean takes(String parameter) {
    return Conventions.isConvention(parameter) || target.field(parameter).isPresent();
  }

  Target target() {
    return target;
  }

  /** Whether a file without names of columns has them in the order of the layout. */
  boolean positional() {
    return positional != Positional.NEVER;
  }

  /** Whether its files never have names of columns. */
  boolean onlyPositional() {
    return positional == Positional.ONLY;
  }

  /** The venues that it may tell; empty if its files do, or nobody. */
  Set<String> venues() {
    if (!values.containsKey(VENUE)) {
      return Set.of();
    }
    Set<String> venues = new HashSet<>(map.getOrDefault(VENUE, Map.of()).values());
    venues.add(values.get(VENUE));
    return venues;
  }

  /** Whether its files may be of a venue. */
  boolean mayBeOf(String venue) {
    return venues().isEmpty() || venues().contains(venue);
  }

  /** Whether some cell is the name of a column, so that the row is no row of a table. */
  boolean hasNames(List<String> cells) {
    return positional != Positional.ONLY
        && cells.stream().anyMatch(name -> columns.stream().anyMatch(c -> c.isNamed(name)));
  }

  /** What it says of all its files. */
  Conventions conventions() {
    return conventions;
  }

  /** Whether the order of day and month matters in its columns. */
  boolean hasOrderOfDates() {
    return columns.stream()
        .anyMatch(c -> c.times().stream().anyMatch(TimeFormat.DayAndMonth.class::isInstance));
  }

  List<Column> columns() {
    return columns;
  }

  Map<String, String> values() {
    return values;
  }

  /** Cells that must hold a certain text, by name of their column. */
  Map<String, String> expected() {
    return expected;
  }

  List<RowCheck> checks() {
    return checks;
  }

  /** Names of columns, plain, without which a file is not of it. */
  Set<String> needs() {
    return needs;
  }

  /** Whether a file whose columns have these names can be of it. */
  boolean mayHave(List<String> names) {
    return names == null
        ? needs.isEmpty()
        : names.stream().map(Layout::plain).collect(Collectors.toSet()).containsAll(needs);
  }

  /** What a text of a field stands for. */
  String meaning(String field, String text) {
    return map.getOrDefault(field, Map.of()).getOrDefault(text, text);
  }

  /**
   * Fields that the name of a file and the folders above it tell: the name by the first pattern
   * that is found, the path by all of them.
   */
  Map<String, String> ofFileName(String file) {
    Map<String, String> told = new HashMap<>();
    String last = file.substring(file.lastIndexOf('/') + 1);
    for (Pattern pattern : fileNames) {
      Map<String, String> found = groups(pattern, last);
      if (!found.isEmpty()) {
        told.putAll(found);
        break;
      }
    }
    told.putAll(ofPath(file));
    return told;
  }

  /** Fields that the folders above a file tell. */
  Map<String, String> ofPath(String file) {
    Map<String, String> told = new HashMap<>();
    paths.forEach(pattern -> groups(pattern, file).forEach(told::putIfAbsent));
    return told;
  }

  private Map<String, String> groups(Pattern pattern, String text) {
    var matcher = pattern.matcher(text);
    Map<String, String> found = new HashMap<>();
    if (matcher.find()) {
      for (String group : new TreeSet<>(pattern.namedGroups().keySet())) {
        if (matcher.group(group) != null) {
          found.merge(fieldOfGroup(group), matcher.group(group), String::concat);
        }
      }
      found.replaceAll(this::meaning);
    }
    return found;
  }

  /**
   * Which cell is which column, by the names of the cells: -1 for none. A name that is a pattern
   * takes no cell that another column has already.
   */
  int[] cells(List<String> names) {
    List<String> plain = names.stream().map(Layout::plain).toList();
    int[] cells = new int[columns.size()];
    BitSet taken = new BitSet();
    for (int i = 0; i < cells.length; i++) {
      cells[i] = cell(columns.get(i), names, plain, taken);
      if (cells[i] >= 0) {
        taken.set(cells[i]);
      }
    }
    return cells;
  }

  private static int cell(Column column, List<String> names, List<String> plain, BitSet taken) {
    // The first of its names counts first.
    for (String name : column.spelled()) {
      int cell = name.startsWith("~") ? -1 : plain.indexOf(plain(name));
      if (cell >= 0) {
        return cell;
      }
    }
    for (int cell = 0; cell < names.size(); cell++) {
      if (!taken.get(cell) && column.isNamed(names.get(cell))) {
        return cell;
      }
    }
    return -1;
  }
}
