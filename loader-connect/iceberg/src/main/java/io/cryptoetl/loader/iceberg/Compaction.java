package io.cryptoetl.loader.iceberg;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.iceberg.CatalogUtil;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.RewriteFiles;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Catalog;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.SupportsNamespaces;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericFileWriterFactory;
import org.apache.iceberg.data.InternalRecordWrapper;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetReaders;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.OutputFileFactory;
import org.apache.iceberg.io.RollingDataWriter;
import org.apache.iceberg.parquet.Parquet;
import org.apache.iceberg.types.Types;
import org.apache.iceberg.util.StructLikeMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes tables of changelogs: of each partition to which files came it keeps, of each key, the line
 * with the largest offset, drops it if that is a tombstone, and writes the rest in large files.
 * Each partition is one commit, so that a reader sees all of it or nothing, and a crash loses only
 * work. The sink may write meanwhile.
 *
 * <p>Memory: about 100 bytes for each key of a partition.
 *
 * <pre>java -cp 'loader-connect/iceberg/target/plugin/iceberg/*'
 *   io.cryptoetl.loader.iceberg.Compaction CONNECTOR_FILE [TABLE...]</pre>
 */
public final class Compaction {
  private static final Logger LOG = LoggerFactory.getLogger(Compaction.class);
  private static final String CATALOG = "iceberg.catalog.";
  private static final String OFFSET = "_offset";
  private static final String DELETED = "_deleted";

  /** Names of files that a compaction made hold this. */
  private static final String MADE = "compacted-";

  private static final long FILE_BYTES = 256L << 20;
  private static final Pattern VARIABLE = Pattern.compile("\\$\\{env:(\\w+)}");

  private final Table table;
  private final Schema keySchema;

  /**
   * What became of a table.
   *
   * @param partitions that were rewritten
   * @param files of them before
   * @param lines of them before
   * @param rows of them now
   */
  public record Result(int partitions, int files, long lines, long rows) {}

  /** A digest of a key's values. */
  private record Key(long high, long low) {}

  /**
   * A table.
   *
   * @param key columns of its key
   * @throws IllegalArgumentException if it lacks one of them, or is no changelog
   */
  public Compaction(Table table, List<String> key) {
    this.table = table;
    List<String> columns = new ArrayList<>(key);
    columns.add(OFFSET);
    for (String column : columns) {
      if (table.schema().findField(column) == null) {
        throw new IllegalArgumentException(
            "table %s has no column %s; it has %s. Its connector needs the transform Changelog, and its id-columns the fields of the record's key"
                .formatted(
                    table.name(),
                    column,
                    table.schema().columns().stream().map(Types.NestedField::name).toList()));
      }
    }
    keySchema = table.schema().select(columns);
  }

  /** Compacts the tables of a connector's catalogue. */
  public static void main(String[] args) throws IOException {
    if (args.length == 0) {
      System.err.println(
          "usage: Compaction CONNECTOR_FILE [TABLE...]; the file is the connector's, its ${env:...} are taken from the environment");
      System.exit(2);
    }
    Path connector = Path.of(args[0]);
    try (CatalogOf catalog = new CatalogOf(catalogSettings(connector, System.getenv()))) {
      Set<String> wanted = new LinkedHashSet<>(Arrays.asList(args).subList(1, args.length));
      List<TableIdentifier> tables = catalog.tables();
      for (String name : wanted) {
        if (tables.stream().noneMatch(t -> t.toString().equals(name))) {
          throw new IllegalArgumentException(
              "there is no table %s; the catalogue has %s".formatted(name, tables));
        }
      }
      for (TableIdentifier id : tables) {
        // Other tables of the catalogue are somebody else's.
        if (wanted.isEmpty() ? hasKey(connector, id) : wanted.contains(id.toString())) {
          Result done = new Compaction(catalog.catalog.loadTable(id), key(connector, id)).run();
          System.out.printf(
              "%s: %,d partitions, %,d files, %,d lines; %,d rows now%n",
              id, done.partitions(), done.files(), done.lines(), done.rows());
        }
      }
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
    }
  }

  /** A catalogue that is closed. */
  static final class CatalogOf implements AutoCloseable {
    final Catalog catalog;

    CatalogOf(Map<String, String> settings) {
      catalog =
          CatalogUtil.buildIcebergCatalog(
              "iceberg", settings, new org.apache.hadoop.conf.Configuration());
    }

    List<TableIdentifier> tables() {
      List<TableIdentifier> tables = new ArrayList<>();
      for (Namespace namespace : ((SupportsNamespaces) catalog).listNamespaces()) {
        tables.addAll(catalog.listTables(namespace));
      }
      tables.sort(Comparator.comparing(TableIdentifier::toString));
      return tables;
    }

    @Override
    public void close() throws IOException {
      if (catalog instanceof AutoCloseable closeable) {
        try {
          closeable.close();
        } catch (Exception e) {
          throw new IOException("the catalogue cannot be closed", e);
        }
      }
    }
  }

  /**
   * Settings of the catalogue in a connector's file.
   *
   * @throws IllegalArgumentException if the environment lacks a variable
   */
  static Map<String, String> catalogSettings(Path connector, Map<String, String> environment)
      throws IOException {
    JsonNode config = new ObjectMapper().readTree(Files.readString(connector)).path("config");
    Map<String, String> settings = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> each : config.properties()) {
      if (each.getKey().startsWith(CATALOG)) {
        settings.put(
            each.getKey().substring(CATALOG.length()),
            VARIABLE
                .matcher(each.getValue().asText())
                .replaceAll(v -> Matcher.quoteReplacement(variable(environment, v.group(1)))));
      }
    }
    return settings;
  }

  /**
   * Columns of the key of a table, as a connector's file tells them.
   *
   * @throws IllegalArgumentException if it does not
   */
  static List<String> key(Path connector, TableIdentifier table) throws IOException {
    String columns = keySetting(connector, table);
    if (columns.isBlank()) {
      throw new IllegalArgumentException(
          "%s has no iceberg.table.%s.id-columns".formatted(connector, table));
    }
    return Arrays.stream(columns.split(",")).map(String::strip).toList();
  }

  private static boolean hasKey(Path connector, TableIdentifier table) throws IOException {
    return !keySetting(connector, table).isBlank();
  }

  private static String keySetting(Path connector, TableIdentifier table) throws IOException {
    return new ObjectMapper()
        .readTree(Files.readString(connector))
        .path("config")
        .path("iceberg.table." + table + ".id-columns")
        .asText();
  }

  private static String variable(Map<String, String> environment, String name) {
    String value = environment.get(name);
    if (value == null) {
      throw new IllegalArgumentException(
          "the connector's file names ${env:" + name + "}, and " + name + " is not set");
    }
    return value;
  }

  /** Compacts all partitions to which files came since the last time. */
  public Result run() throws IOException {
    table.refresh();
    Snapshot snapshot = table.currentSnapshot();
    if (snapshot == null) {
      return new Result(0, 0, 0, 0);
    }
    Map<Integer, StructLikeMap<List<DataFile>>> partitions = new HashMap<>();
    try (CloseableIterable<FileScanTask> tasks =
        table.newScan().useSnapshot(snapshot.snapshotId()).planFiles()) {
      for (FileScanTask task : tasks) {
        PartitionSpec spec = task.spec();
        partitions
            .computeIfAbsent(spec.specId(), s -> StructLikeMap.create(spec.partitionType()))
            .computeIfAbsent(task.file().partition(), p -> new ArrayList<>())
            .add(task.file().copy());
      }
    }
    if (partitions.size() > 1) {
      throw new IllegalArgumentException(
          "table %s has files of several partition specs, so that lines of one key may stand in two partitions; rewrite them to one spec first"
              .formatted(table.name()));
    }
    Result all = new Result(0, 0, 0, 0);
    for (Map.Entry<Integer, StructLikeMap<List<DataFile>>> spec : partitions.entrySet()) {
      for (List<DataFile> files : spec.getValue().values()) {
        if (!files.stream().allMatch(Compaction::isMade)) {
          Result one = compact(snapshot, table.specs().get(spec.getKey()), files);
          all =
              new Result(
                  all.partitions() + 1,
                  all.files() + one.files(),
                  all.lines() + one.lines(),
                  all.rows() + one.rows());
        }
      }
    }
    return all;
  }

  private static boolean isMade(DataFile file) {
    String location = file.location();
    return location.substring(location.lastIndexOf('/') + 1).contains(MADE);
  }

  private Result compact(Snapshot snapshot, PartitionSpec spec, List<DataFile> files)
      throws IOException {
    Map<Key, Long> latest = new HashMap<>();
    for (DataFile file : files) {
      try (CloseableIterable<Record> lines = read(file, keySchema)) {
        for (Record line : lines) {
          latest.merge(key(line), (Long) line.getField(OFFSET), Math::max);
        }
      }
    }
    long lines = files.stream().mapToLong(DataFile::recordCount).sum();
    List<DataFile> made;
    try (Writer writer = new Writer(spec)) {
      for (DataFile file : files) {
        try (CloseableIterable<Record> whole = read(file, table.schema())) {
          for (Record line : whole) {
            // A line that stands twice is taken once.
            if (latest.remove(key(line), line.getField(OFFSET))
                && !Boolean.TRUE.equals(line.getField(DELETED))) {
              writer.write(line);
            }
          }
        }
      }
      made = writer.end();
    }
    RewriteFiles rewrite = table.newRewrite().validateFromSnapshot(snapshot.snapshotId());
    files.forEach(rewrite::deleteFile);
    made.forEach(rewrite::addFile);
    rewrite.commit();
    long rows = made.stream().mapToLong(DataFile::recordCount).sum();
    LOG.info(
        "event=partition_compacted table={} partition={} files={} lines={} rows={}",
        table.name(),
        spec.partitionToPath(files.get(0).partition()),
        files.size(),
        lines,
        rows);
    return new Result(1, files.size(), lines, rows);
  }

  private CloseableIterable<Record> read(DataFile file, Schema columns) {
    return Parquet.read(table.io().newInputFile(file.location()))
        .project(columns)
        .createReaderFunc(written -> GenericParquetReaders.buildReader(columns, written))
        .build();
  }

  private Key key(Record line) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (Types.NestedField column : keySchema.columns()) {
        if (!column.name().equals(OFFSET)) {
          byte[] value = bytes(line.getField(column.name()));
          digest.update(ByteBuffer.allocate(Integer.BYTES).putInt(value.length).flip());
          digest.update(value);
        }
      }
      ByteBuffer bytes = ByteBuffer.wrap(digest.digest());
      return new Key(bytes.getLong(), bytes.getLong());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }

  private static byte[] bytes(Object value) {
    if (value instanceof ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return bytes;
    }
    return value instanceof byte[] bytes
        ? bytes
        : String.valueOf(value).getBytes(StandardCharsets.UTF_8);
  }

  /** Writes the rows of one partition; nothing until the first row. */
  private final class Writer implements AutoCloseable {
    private final PartitionSpec spec;
    private RollingDataWriter<Record> files;

    Writer(PartitionSpec spec) {
      this.spec = spec;
    }

    void write(Record row) {
      if (files == null) {
        PartitionKey partition = null;
        if (spec.isPartitioned()) {
          partition = new PartitionKey(spec, table.schema());
          partition.partition(new InternalRecordWrapper(table.schema().asStruct()).wrap(row));
        }
        files =
            new RollingDataWriter<>(
                new GenericFileWriterFactory.Builder(table)
                    .dataFileFormat(FileFormat.PARQUET)
                    .build(),
                OutputFileFactory.builderFor(table, 0, 0)
                    .defaultSpec(spec)
                    .format(FileFormat.PARQUET)
                    .operationId(MADE + UUID.randomUUID())
                    .build(),
                table.io(),
                FILE_BYTES,
                spec,
                partition);
      }
      files.write(row);
    }

    List<DataFile> end() throws IOException {
      close();
      return files == null ? List.of() : files.result().dataFiles();
    }

    @Override
    public void close() throws IOException {
      if (files != null) {
        files.close();
      }
    }
  }
}
