package io.cryptoetl.datasets;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.IOException;
import java.io.InputStream;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
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

  private final String name;
  private final String about;
  private final Target target;
  private final boolean positional;
  private final Conventions conventions;
  private final List<Column> columns;
  private final Map<String, String> values;
  private final Map<String, String> expected;
  private final List<Pattern> fileNames;
  private final List<RowCheck> checks;

  /** The file as it is written. */
  private record Written(
      String about,
      String target,
      boolean positional,
      String dates,
      String decimals,
      String zone,
      List<WrittenColumn> columns,
      Map<String, String> values,
      Map<String, String> expect,
      List<String> file,
      List<RowCheck> checks) {}

  private record WrittenColumn(
      List<String> name,
      List<String> field,
      String agrees,
      List<String> time,
      String remove,
      String match,
      Map<String, String> map,
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
   * @param map texts that stand for others
   * @param units ends of numbers, such as K, and what they multiply by
   * @param separator between the parts of a list
   */
  record Column(
      String name,
      Set<String> spelled,
      Predicate<String> named,
      List<String> fields,
      Optional<String> agrees,
      List<TimeFormat> times,
      Optional<String> remove,
      Optional<Pattern> match,
      Map<String, String> map,
      Map<String, BigDecimal> units,
      String separator) {
    /** Which cell it is, by the cells' names; -1 if it is none. */
    int cell(List<String> names) {
      for (int cell = 0; cell < names.size(); cell++) {
        if (named.test(plain(names.get(cell)))) {
          return cell;
        }
      }
      for (int cell = 0; cell < names.size(); cell++) {
        if (isNamed(names.get(cell))) {
          return cell;
        }
      }
      return -1;
    }

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
    this.positional = written.positional();
    this.conventions = conventions(written);
    this.columns = required("columns", written.columns()).stream().map(this::column).toList();
    this.values = written.values() == null ? Map.of() : Map.copyOf(written.values());
    values.forEach(this::requireValue);
    this.expected = written.expect() == null ? Map.of() : Map.copyOf(written.expect());
    this.fileNames =
        written.file() == null
            ? List.of()
            : written.file().stream().map(p -> pattern("file", p)).toList();
    for (Pattern pattern : fileNames) {
      pattern.namedGroups().keySet().forEach(field -> field("file", fieldOfGroup(field)));
    }
    this.checks = written.checks() == null ? List.of() : List.copyOf(written.checks());
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
        Set.copyOf(names),
        named(names),
        fields,
        agrees,
        isTime ? written.time().stream().map(this::time).toList() : List.of(),
        Optional.ofNullable(written.remove()),
        Optional.ofNullable(written.match()).map(Layout::match),
        written.map() == null ? Map.of() : Map.copyOf(written.map()),
        units(names.getFirst(), fields, written.units()),
        written.separator() == null ? "," : written.separator());
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

  /** Names of groups have no underscores: openTime stands for open_time. */
  private static String fieldOfGroup(String group) {
    return group.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
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
    return positional;
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

  /** Fields that the name of a file tells. */
  Map<String, String> ofFileName(String file) {
    String last = file.substring(file.lastIndexOf('/') + 1);
    List<Map<String, String>> found = new ArrayList<>();
    for (Pattern pattern : fileNames) {
      var matcher = pattern.matcher(last);
      if (matcher.find()) {
        found.add(
            pattern.namedGroups().keySet().stream()
                .filter(group -> matcher.group(group) != null)
                .collect(Collectors.toMap(Layout::fieldOfGroup, matcher::group)));
      }
    }
    return found.isEmpty() ? Map.of() : found.getFirst();
  }
}
