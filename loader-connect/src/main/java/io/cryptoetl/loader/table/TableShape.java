package io.cryptoetl.loader.table;

import io.cryptoetl.loader.avro.AvroRow;
import io.cryptoetl.schemas.DeadLetterCode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;

/** A table as the database has it. */
public final class TableShape {
  /** Code of records whose schema does not go with their table. */
  private static final String UNFIT = DeadLetterCode.SCHEMA_UNFIT.code();

  private final String name;
  private final Map<String, Column> columns;
  private final Set<String> key;
  private final Set<String> parents;
  private final Map<Object, Fit> fits = new HashMap<>();
  private Object lastSchema;
  private Fit lastFit;

  /**
   * A column.
   *
   * @param required whether a row must have a value
   */
  public record Column(String name, ColumnType type, boolean required) {}

  /** How the records of a schema go with the table. There is one for each schema. */
  public static final class Fit {
    private final List<Column> columns;
    private final Set<String> missing;

    private Fit(List<Column> columns, Set<String> missing) {
      this.columns = columns;
      this.missing = missing;
    }

    /** Columns that the records' fields fill, in the order of the fields. */
    public List<Column> columns() {
      return columns;
    }

    /** Names of fields that the table has no column for. */
    public Set<String> missing() {
      return missing;
    }
  }

  /**
   * A table.
   *
   * @param name {@code schema.table}, which is its topic's
   * @param columns by name, in the order of the table
   * @param key names of the columns of the primary key; empty if there is none
   * @param parents names of the tables that its foreign keys refer to
   */
  public TableShape(
      String name, Map<String, Column> columns, Set<String> key, Set<String> parents) {
    this.name = name;
    this.columns = columns;
    this.key = key;
    this.parents = parents;
  }

  public String name() {
    return name;
  }

  /**
   * Its name as SQL has it.
   *
   * @param quote makes SQL of an identifier
   */
  public String qualified(UnaryOperator<String> quote) {
    int dot = name.indexOf('.');
    return quote.apply(name.substring(0, dot)) + "." + quote.apply(name.substring(dot + 1));
  }

  /** Names of columns. */
  public static List<String> names(List<Column> columns) {
    return columns.stream().map(Column::name).toList();
  }

  /** Whether another look at the table has shown the same. */
  public boolean isLike(TableShape other) {
    return name.equals(other.name)
        && List.copyOf(columns.values()).equals(List.copyOf(other.columns.values()))
        && key.equals(other.key)
        && parents.equals(other.parents);
  }

  /** Names of the tables that its foreign keys refer to. */
  public Set<String> parents() {
    return parents;
  }

  public Map<String, Column> columns() {
    return columns;
  }

  public Set<String> key() {
    return key;
  }

  /** Whether a row replaces the one of the same key; else each record is a row of its own. */
  public boolean keyed() {
    return !key.isEmpty();
  }

  /**
   * How a record goes with the table; settled once for each schema.
   *
   * @throws BadRowException if a field does not go with its column, or a column that must have a
   *     value gets none
   */
  public Fit fit(Object record) {
    Object schema = schemaOf(record);
    // Schemas are costly to compare, and mostly the same object.
    if (schema != lastSchema) {
      lastFit = fits.computeIfAbsent(schema, s -> newFit(record));
      lastSchema = schema;
    }
    return lastFit;
  }

  /** What tells the schemas of records apart. */
  private static Object schemaOf(Object record) {
    return record instanceof AvroRow row ? row.codec() : ((Struct) record).schema();
  }

  private Fit newFit(Object record) {
    Schema schema =
        record instanceof AvroRow row ? row.codec().schema() : ((Struct) record).schema();
    List<Column> found = new ArrayList<>();
    Set<String> missing = new TreeSet<>();
    for (Field field : schema.fields()) {
      Column column = columns.get(field.name());
      if (column == null) {
        missing.add(field.name());
      } else if (column.type().takes(field.schema())) {
        found.add(column);
      } else {
        throw new BadRowException(
            UNFIT,
            "field %s of the records is %s%s, which column %s.%s of type %s cannot take; change the column by a migration, or publish with a schema that fits"
                .formatted(
                    field.name(),
                    field.schema().type(),
                    field.schema().name() == null ? "" : " (" + field.schema().name() + ")",
                    name,
                    column.name(),
                    column.type().name()));
      }
    }
    return new Fit(List.copyOf(found), missing);
  }

  /**
   * Demands that records fill all columns which must have a value.
   *
   * @throws BadRowException if they do not
   */
  public void requireComplete(Fit fit) {
    Set<String> empty =
        columns.values().stream()
            .filter(Column::required)
            .map(Column::name)
            .collect(Collectors.toCollection(TreeSet::new));
    fit.columns().forEach(c -> empty.remove(c.name()));
    if (!empty.isEmpty()) {
      throw new BadRowException(
          UNFIT,
          "table %s demands a value in %s, which the records do not have; give the columns defaults by a migration, or publish with a schema that has them"
              .formatted(name, String.join(", ", empty)));
    }
  }

  /**
   * Demands that records have the table's primary key.
   *
   * @param names of the fields of a record's key
   */
  public void requireKey(List<String> names) {
    if (!new HashSet<>(names).equals(key)) {
      throw new BadRowException(
          UNFIT,
          "the primary key of table %s is %s, the records' key is %s".formatted(name, key, names));
    }
  }
}
