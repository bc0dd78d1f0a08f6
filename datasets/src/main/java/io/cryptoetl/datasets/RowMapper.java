package io.cryptoetl.datasets;

import io.cryptoetl.datasets.Layout.Column;
import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.datasets.values.CandleLength;
import io.cryptoetl.market.Candle;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.DeadLetterCode;
import java.math.BigDecimal;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.avro.Schema;
import org.apache.avro.specific.SpecificRecord;

/**
 * Makes rows of tables of the rows of a chunk, as a layout tells. A field is filled by the chunk's
 * parameters, or else by its column, by the file's name, or by the layout's own value.
 */
final class RowMapper {
  private final Layout layout;
  private final Optional<List<TimeFormat>> dates;
  private final Conventions conventions;
  private final Set<String> standIns;
  private final Map<String, Constant> given = new HashMap<>();
  private final Map<String, Constant> fallback = new HashMap<>();
  private final List<String> names;

  /** Fields of the row in hand that have a value: numbers that have none are 0 in Java. */
  private final BitSet filled = new BitSet();

  /** Whether the open time of the row in hand is when its candle closed. */
  private boolean closes;

  private boolean rounded;

  private final List<List<Schema.Field>> fieldsOfColumns;

  /** What is the same in all rows, by field. */
  private final Map<Schema.Field, Object> same = new LinkedHashMap<>();

  /** Fields without which there is no row. */
  private final BitSet required = new BitSet();

  private Binding binding;

  /** What fills a field in all rows, and what it is called in messages. */
  private record Constant(String what, String text) {}

  /**
   * Which cell is which column.
   *
   * @param names of the cells
   * @param indexes of the cells by column, -1 for none
   * @param conventions by column: the file's, or with the zone that the name of the column tells
   * @param expected texts by index of their cell
   * @param ownNames fields whose cells have their very name, by index of the cell
   */
  private record Binding(
      List<String> names,
      int[] indexes,
      Conventions[] conventions,
      Map<Integer, String> expected,
      Map<Integer, Schema.Field> ownNames) {}

  /**
   * A mapper.
   *
   * @param names of the cells where a row does not have them itself; null if the file has none
   * @param told fields that the head tells of all rows
   * @param dates how the file says that it writes times
   * @param standIns parameters that nobody has told: nothing is concluded from them
   * @throws BadRecordException if no row of the chunk can be mapped
   */
  RowMapper(
      Layout layout,
      RawCsvRows chunk,
      List<String> names,
      Map<String, String> told,
      Optional<TimeFormat> dates,
      Set<String> standIns)
      throws BadRecordException {
    this.layout = layout;
    this.dates = dates.map(List::of);
    this.standIns = standIns;
    this.names = names;
    this.conventions = layout.conventions().or(chunk.getParameters());
    if (conventions.decimals().filter(Conventions.DecimalMark.COMMA::equals).isPresent()
        && !chunk.getFormat().equals("csv")) {
      throw new BadRecordException(
          Values.CONVENTION_UNKNOWN,
          "decimals: comma is told, but the file is JSON, whose numbers have points");
    }
    this.fieldsOfColumns =
        layout.columns().stream().map(c -> c.fields().stream().map(this::field).toList()).toList();
    for (Schema.Field field : layout.target().schema().getFields()) {
      if (!Values.isNullable(field)) {
        required.set(field.pos());
      }
      if (Target.PROVENANCE.contains(field.name())) {
        same.put(
            field,
            switch (field.name()) {
              case "source", "endpoint" -> "";
              case "fetched_at" -> Instant.EPOCH;
              default -> List.of();
            });
      }
    }
    for (Map.Entry<String, String> parameter : chunk.getParameters().entrySet()) {
      if (Conventions.isConvention(parameter.getKey())) {
        continue;
      }
      if (layout.target().field(parameter.getKey()).isEmpty()) {
        throw new BadRecordException(
            DeadLetterCode.PARAMETER_UNKNOWN.code(),
            "parameter %s is no field of %s; these are: %s"
                .formatted(
                    parameter.getKey(),
                    layout.targetName(),
                    layout.target().fields().stream()
                        .map(Schema.Field::name)
                        .collect(Collectors.joining(", "))));
      }
      given.put(
          parameter.getKey(),
          new Constant("parameter " + parameter.getKey(), parameter.getValue()));
    }
    layout.values().forEach((f, text) -> fallback.put(f, new Constant("value " + f, text)));
    layout
        .ofFileName(chunk.getFile())
        .forEach((f, text) -> fallback.put(f, new Constant(f + " in the file's name", text)));
    told.forEach(
        (f, text) -> {
          if (layout.target().field(f).isPresent()) {
            fallback.put(f, new Constant(f + " in the file's head", text));
          }
        });
  }

  /**
   * The row that cells become.
   *
   * @throws BadRecordException if they cannot
   */
  SpecificRecord map(Cells cells) throws BadRecordException {
    List<String> cellNames = cells.names() == null ? names : cells.names();
    Binding bound = bind(cellNames);
    requireWidth(cells, cellNames);
    for (Map.Entry<Integer, String> expected : bound.expected().entrySet()) {
      String text = cells.values().get(expected.getKey()).strip();
      if (!text.equals(expected.getValue())) {
        throw Values.invalid(
            cellNames == null
                ? layout.columns().get(expected.getKey()).name()
                : cellNames.get(expected.getKey()),
            text,
            "'" + expected.getValue() + "'");
      }
    }
    filled.clear();
    closes = false;
    rounded = false;
    SpecificRecord row = layout.target().fresh();
    List<Column> columns = layout.columns();
    for (int i = 0; i < columns.size(); i++) {
      Column column = columns.get(i);
      if (column.fields().isEmpty()) {
        continue;
      }
      String text = bound.indexes()[i] < 0 ? "" : cells.values().get(bound.indexes()[i]);
      String name =
          bound.indexes()[i] < 0 || cellNames == null
              ? column.name()
              : cellNames.get(bound.indexes()[i]).strip();
      fill(row, column, fieldsOfColumns.get(i), name, text.strip(), bound.conventions()[i]);
    }
    for (Map.Entry<Integer, Schema.Field> own : bound.ownNames().entrySet()) {
      String text = cells.values().get(own.getKey()).strip();
      if (!Values.isNothing(text)) {
        String name = cellNames.get(own.getKey()).strip();
        if (!fallback.containsKey(own.getValue().name())) {
          Schema.Field field = own.getValue();
          Object value = Values.of(field, name, text, TimeFormat.GIVEN, conventions, ",");
          rounded |= Values.isRounded(field, value, text, conventions);
          set(row, field, value);
        }
      }
    }
    for (Map.Entry<String, Constant> constant : fallback.entrySet()) {
      Schema.Field field = field(constant.getKey());
      if (!filled.get(field.pos())) {
        put(row, field, constant.getValue());
      }
    }
    for (Map.Entry<String, Constant> constant : given.entrySet()) {
      put(row, field(constant.getKey()), constant.getValue());
    }
    derive(row);
    requireComplete(row, cellNames, bound);
    boolean confirmed = false;
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).agrees().isPresent() && bound.indexes()[i] >= 0) {
        confirmed |=
            requireAgreement(
                row,
                columns.get(i),
                bound.conventions()[i],
                nameOf(i, cellNames, bound),
                cells.values().get(bound.indexes()[i]).strip());
      }
    }
    // After a downtime venues have opened candles between others, and closed them accordingly.
    if (row instanceof Candle candle && !confirmed && !standIns.contains("interval")) {
      requireItsTime(candle, cellNames, bound);
    }
    for (RowCheck check : layout.checks()) {
      check.check(row);
    }
    return row;
  }

  /**
   * What becomes of the cells of a row, and which fields others fill.
   *
   * @throws BadRecordException if there is no row of a table
   */
  List<Detector.Explained> explain(Cells cells) throws BadRecordException {
    SpecificRecord row = map(cells);
    List<String> cellNames = cells.names() == null ? names : cells.names();
    Binding bound = bind(cellNames);
    Map<Integer, Column> columns = new HashMap<>();
    for (int i = 0; i < bound.indexes().length; i++) {
      columns.merge(
          bound.indexes()[i],
          layout.columns().get(i),
          (one, two) -> one.fields().isEmpty() ? two : one);
    }
    List<Detector.Explained> explained = new ArrayList<>();
    Set<String> told = new HashSet<>();
    for (int cell = 0; cell < cells.values().size(); cell++) {
      Column column = columns.get(cell);
      List<String> fields =
          bound.ownNames().containsKey(cell)
              ? List.of(bound.ownNames().get(cell).name())
              : column == null ? List.of() : column.fields();
      told.addAll(fields);
      String name =
          cellNames != null && cell < cellNames.size()
              ? cellNames.get(cell).strip()
              : column == null ? "" : column.name();
      explained.add(
          new Detector.Explained(
              name,
              cells.values().get(cell).strip(),
              String.join(", ", fields),
              fields.isEmpty() ? fate(column, bound.expected().get(cell)) : shown(row, fields)));
    }
    for (Map<String, Constant> constants : List.of(given, fallback)) {
      for (Map.Entry<String, Constant> constant : constants.entrySet()) {
        if (told.add(constant.getKey())) {
          explained.add(
              new Detector.Explained(
                  constant.getValue().what(),
                  constant.getValue().text(),
                  constant.getKey(),
                  shown(row, List.of(constant.getKey()))));
        }
      }
    }
    return explained;
  }

  private static String fate(Column column, String expected) {
    if (expected != null) {
      return "must be " + expected;
    }
    return column != null && column.agrees().isPresent()
        ? "must agree with " + column.agrees().get()
        : "left out";
  }

  private static String shown(SpecificRecord row, List<String> fields) {
    return fields.stream()
        .map(f -> Preview.text(row.get(row.getSchema().getField(f).pos())))
        .collect(Collectors.joining(", "));
  }

  private Schema.Field field(String name) {
    return layout.target().field(name).orElseThrow();
  }

  private void put(SpecificRecord row, Schema.Field field, Constant constant)
      throws BadRecordException {
    set(
        row,
        field,
        Values.of(
            field,
            constant.what(),
            constant.text(),
            TimeFormat.GIVEN,
            Conventions.NONE.in(conventions.zoneOrUtc()),
            ","));
  }

  private void set(SpecificRecord row, Schema.Field field, Object value) {
    row.put(field.pos(), value);
    filled.set(field.pos());
  }

  private void fill(
      SpecificRecord row,
      Column column,
      List<Schema.Field> fields,
      String name,
      String cell,
      Conventions how)
      throws BadRecordException {
    String text = column.remove().isPresent() ? cell.replace(column.remove().get(), "") : cell;
    if (Values.isNothing(text)) {
      return;
    }
    if (column.match().isPresent()) {
      var matcher = column.match().get().matcher(text);
      if (!matcher.find()) {
        throw Values.invalid(name, text, "a text like " + column.match().get());
      }
      text = matcher.group(1);
      if (text == null || Values.isNothing(text)) {
        return;
      }
    }
    List<TimeFormat> times = dates.orElse(column.times());
    if (fields.size() == 1) {
      Schema.Field field = fields.getFirst();
      String meant = layout.meaning(field.name(), text);
      if (Values.isNothing(meant)) {
        return;
      }
      set(row, field, value(column, field, name, meant, times, how));
      closes |= column.closes();
      return;
    }
    List<String> parts = Values.parts(text, column.separator());
    if (parts.size() > fields.size()) {
      throw Values.invalid(name, text, "a list of at most " + fields.size());
    }
    for (int i = 0; i < parts.size(); i++) {
      Schema.Field field = fields.get(i);
      set(row, field, Values.of(field, name, parts.get(i), times, how, column.separator()));
    }
  }

  /** What a cell holds, in the unit that stands behind the number if the column has units. */
  private Object value(
      Column column,
      Schema.Field field,
      String name,
      String text,
      List<TimeFormat> times,
      Conventions how)
      throws BadRecordException {
    for (Map.Entry<String, BigDecimal> unit : column.units().entrySet()) {
      if (text.endsWith(unit.getKey())) {
        String number = text.substring(0, text.length() - unit.getKey().length()).strip();
        Object value = Values.of(field, name, number, times, how, column.separator());
        return Values.of(
            field,
            name,
            new BigDecimal(value.toString()).multiply(unit.getValue()).toPlainString(),
            times,
            Conventions.NONE,
            column.separator());
      }
    }
    Object value = Values.of(field, name, text, times, how, column.separator());
    rounded |= Values.isRounded(field, value, text, how);
    return value;
  }

  /** Whether a value of the last row has fewer digits than its cell. */
  boolean hasRounded() {
    return rounded;
  }

  /**
   * Sets what is the same in all rows, and what follows from other fields. Where a row is from is
   * nothing: copies that say the same are equal.
   */
  private void derive(SpecificRecord row) throws BadRecordException {
    same.forEach((field, value) -> set(row, field, value));
    if (row instanceof Candle candle
        && candle.getOpenTime() != null
        && candle.getInterval() != null) {
      if (closes) {
        // The last second or millisecond of a candle, or the first moment behind it.
        Instant said = candle.getOpenTime();
        Instant minute = said.plusSeconds(1).truncatedTo(ChronoUnit.MINUTES);
        Instant behind = minute.isAfter(said) ? minute : said;
        Optional<Instant> start = CandleLength.start(behind, candle.getInterval());
        if (start.isPresent()) {
          set(row, row.getSchema().getField("open_time"), start.get());
        }
      }
      Instant end =
          CandleLength.end(candle.getOpenTime(), candle.getInterval())
              .orElseThrow(
                  () ->
                      Values.invalid(
                          "interval", candle.getInterval(), "one such as 1m, 4h, 1d or 1M"));
      set(row, row.getSchema().getField("close_time"), end.minusMillis(1));
    }
  }

  /** A candle that opens between two others has a time that was rounded, or is another one's. */
  private void requireItsTime(Candle candle, List<String> cellNames, Binding bound)
      throws BadRecordException {
    if (!CandleLength.mayOpen(candle.getOpenTime(), candle.getInterval())) {
      String name = "open_time";
      for (int i = 0; i < bound.indexes().length; i++) {
        if (layout.columns().get(i).fields().contains(name) && bound.indexes()[i] >= 0) {
          throw offGrid(candle, nameOf(i, cellNames, bound));
        }
      }
      throw offGrid(candle, name);
    }
  }

  private static BadRecordException offGrid(Candle candle, String name) {
    return new BadRecordException(
        DeadLetterCode.CANDLE_INTERVAL.code(),
        name,
        "%s is %s, at which no candle of %s opens: the time was rounded, is when the candle closed, or the interval is another one"
            .formatted(name, candle.getOpenTime(), candle.getInterval()));
  }

  /**
   * A column that says again what another one does.
   *
   * @return whether it confirms when the candle closed
   */
  private boolean requireAgreement(
      SpecificRecord row, Column column, Conventions how, String name, String text)
      throws BadRecordException {
    String field = column.agrees().orElseThrow();
    Schema.Field other = layout.target().schema().getField(field);
    Instant held = (Instant) row.get(other.pos());
    boolean isClose = field.equals("close_time");
    if (held == null || Values.isNothing(text) || (isClose && standIns.contains("interval"))) {
      return false;
    }
    Instant said = (Instant) Values.of(other, name, text, column.times(), how, column.separator());
    // Venues tell the last millisecond of a candle, its last second, or the first moment behind it.
    boolean agrees =
        isClose
            ? !said.isBefore(held.minusMillis(999)) && !said.isAfter(held.plusMillis(1))
            : said.equals(held);
    if (!agrees) {
      throw new BadRecordException(
          DeadLetterCode.ROW_INCONSISTENT.code(),
          name,
          "%s is '%s', but %s is %s by the other columns".formatted(name, text, field, held));
    }
    return isClose;
  }

  private String nameOf(int column, List<String> cellNames, Binding bound) {
    return cellNames == null
        ? layout.columns().get(column).name()
        : cellNames.get(bound.indexes()[column]).strip();
  }

  private void requireComplete(SpecificRecord row, List<String> cellNames, Binding bound)
      throws BadRecordException {
    BitSet missing = (BitSet) required.clone();
    missing.andNot(filled);
    if (!missing.isEmpty()) {
      String field = row.getSchema().getFields().get(missing.nextSetBit(0)).name();
      throw missing(field, cellNames, bound);
    }
  }

  private BadRecordException missing(String field, List<String> cellNames, Binding bound) {
    List<Column> columns = layout.columns();
    for (int i = 0; i < columns.size(); i++) {
      if (columns.get(i).fields().contains(field)) {
        int index = bound.indexes()[i];
        if (index >= 0) {
          String name = nameOf(i, cellNames, bound);
          return new BadRecordException(
              DeadLetterCode.FIELD_MISSING.code(),
              name,
              name + " is empty, and without it there is no row");
        }
        return new BadRecordException(
            DeadLetterCode.LAYOUT_MISMATCH.code(),
            "%s needs a column %s, which the file does not have, or %s as a parameter; the file has %s"
                .formatted(layout.name(), columns.get(i).name(), field, cellNames));
      }
    }
    return new BadRecordException(
        DeadLetterCode.PARAMETER_MISSING.code(),
        "%s needs %s, which neither the rows nor the file's name tell: give it as a parameter"
            .formatted(layout.name(), field));
  }

  private void requireWidth(Cells cells, List<String> cellNames) throws BadRecordException {
    int expected = cellNames == null ? layout.columns().size() : cellNames.size();
    List<String> values = cells.values();
    boolean blankRest =
        values.size() > expected
            && values.subList(expected, values.size()).stream().allMatch(String::isBlank);
    if (values.size() != expected && !blankRest) {
      throw new BadRecordException(
          DeadLetterCode.ROW_RAGGED.code(),
          "the row has %d cells, %d are expected".formatted(values.size(), expected));
    }
  }

  private Binding bind(List<String> cellNames) throws BadRecordException {
    if (binding != null && java.util.Objects.equals(binding.names(), cellNames)) {
      return binding;
    }
    if (cellNames == null ? !layout.positional() : layout.onlyPositional()) {
      throw new BadRecordException(
          DeadLetterCode.LAYOUT_MISMATCH.code(),
          (layout.onlyPositional()
                  ? "the rows have names, and %s is for files without any, whose columns are %s"
                  : "the file has no line with names of columns that %s knows, such as %s")
              .formatted(
                  layout.name(),
                  layout.columns().stream().map(Column::name).collect(Collectors.joining(", "))));
    }
    List<Column> columns = layout.columns();
    int[] indexes = new int[columns.size()];
    Conventions[] how = new Conventions[indexes.length];
    java.util.Arrays.fill(how, conventions);
    Map<Integer, String> expected = new LinkedHashMap<>();
    if (cellNames == null) {
      for (int i = 0; i < indexes.length; i++) {
        indexes[i] = i;
        String text = layout.expected().get(columns.get(i).name());
        if (text != null) {
          expected.put(i, text);
        }
      }
    } else {
      List<String> plain = new ArrayList<>(cellNames.size());
      cellNames.forEach(n -> plain.add(Layout.plain(n)));
      indexes = layout.cells(cellNames);
      for (int i = 0; i < indexes.length; i++) {
        if (indexes[i] >= 0 && !columns.get(i).named().test(plain.get(indexes[i]))) {
          how[i] = conventions.in(ZonedName.of(cellNames.get(indexes[i])).orElseThrow().zone());
        }
      }
      layout
          .expected()
          .forEach(
              (name, text) -> {
                int cell = plain.indexOf(Layout.plain(name));
                if (cell >= 0) {
                  expected.put(cell, text);
                }
              });
    }
    binding = new Binding(cellNames, indexes, how, expected, ownNames(layout, cellNames));
    return binding;
  }

  /** Whether a column of a file is one of the layout. */
  static boolean isKnown(Layout layout, String cellName) {
    return layout.columns().stream().anyMatch(c -> c.isNamed(cellName));
  }

  /**
   * Columns that the layout does not know and that are named like a field which no other column
   * fills: none that the table has is dropped.
   *
   * @param cellNames null if the file has none
   * @return fields by index of their cell
   */
  static Map<Integer, Schema.Field> ownNames(Layout layout, List<String> cellNames) {
    Map<Integer, Schema.Field> own = new LinkedHashMap<>();
    if (cellNames == null) {
      return own;
    }
    List<String> plain = cellNames.stream().map(Layout::plain).toList();
    Set<String> filled = new HashSet<>();
    int[] cells = layout.cells(cellNames);
    for (int i = 0; i < cells.length; i++) {
      // Parts of a list may have columns of their own; what has another name has another meaning.
      Column column = layout.columns().get(i);
      if (column.fields().size() == 1 || cells[i] >= 0) {
        filled.addAll(column.fields());
      }
    }
    Set<String> expected =
        layout.expected().keySet().stream().map(Layout::plain).collect(Collectors.toSet());
    for (int cell = 0; cell < plain.size(); cell++) {
      String name = plain.get(cell);
      if (!expected.contains(name) && !isKnown(layout, cellNames.get(cell))) {
        for (Schema.Field field : layout.target().fields()) {
          if (Layout.plain(field.name()).equals(name)
              && !field.name().equals("standard")
              && filled.add(field.name())) {
            own.put(cell, field);
          }
        }
      }
    }
    return own;
  }
}
