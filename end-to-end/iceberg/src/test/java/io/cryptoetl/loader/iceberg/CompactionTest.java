package io.cryptoetl.loader.iceberg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileFormat;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.PartitionKey;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.data.GenericFileWriterFactory;
import org.apache.iceberg.data.GenericRecord;
import org.apache.iceberg.data.IcebergGenerics;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.encryption.EncryptedFiles;
import org.apache.iceberg.inmemory.InMemoryCatalog;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.DataWriter;
import org.apache.iceberg.types.Types;
import org.assertj.core.groups.Tuple;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CompactionTest {
  private static final Schema SCHEMA =
      new Schema(
          Types.NestedField.required(1, "chain_id", Types.LongType.get()),
          Types.NestedField.required(2, "hash", Types.BinaryType.get()),
          Types.NestedField.optional(3, "value", Types.LongType.get()),
          Types.NestedField.required(4, "_offset", Types.LongType.get()),
          Types.NestedField.required(5, "_deleted", Types.BooleanType.get()));
  private static final List<String> KEY = List.of("chain_id", "hash");

  private final InMemoryCatalog catalog = new InMemoryCatalog();
  private Table table;
  private int files;

  @BeforeEach
  void createTable() {
    catalog.initialize("test", Map.of());
    catalog.createNamespace(Namespace.of("chain"));
    table =
        catalog.createTable(
            TableIdentifier.of("chain", "things"),
            SCHEMA,
            PartitionSpec.builderFor(SCHEMA).identity("chain_id").build());
  }

  @AfterEach
  void close() throws IOException {
    catalog.close();
  }

  private static Record line(long chain, int hash, Long value, long offset) {
    Record line = GenericRecord.create(SCHEMA);
    line.setField("chain_id", chain);
    line.setField("hash", ByteBuffer.allocate(32).putInt(28, hash));
    line.setField("value", value);
    line.setField("_offset", offset);
    line.setField("_deleted", value == null);
    return line;
  }

  /** Appends a file of lines of one chain. */
  private void append(Record... lines) throws IOException {
    PartitionKey partition = new PartitionKey(table.spec(), SCHEMA);
    partition.partition(lines[0]);
    DataWriter<Record> writer =
        new GenericFileWriterFactory.Builder(table)
            .dataFileFormat(FileFormat.PARQUET)
            .build()
            .newDataWriter(
                EncryptedFiles.plainAsEncryptedOutput(
                    table.io().newOutputFile("compacted-by-nobody/" + files++ + ".parquet")),
                table.spec(),
                partition);
    try (writer) {
      for (Record line : lines) {
        writer.write(line);
      }
    }
    table.newAppend().appendFile(writer.toDataFile()).commit();
  }

  private Compaction.Result compact() throws IOException {
    return new Compaction(table, KEY).run();
  }

  private List<Tuple> rows() throws IOException {
    table.refresh();
    List<Tuple> rows = new ArrayList<>();
    try (CloseableIterable<Record> all = IcebergGenerics.read(table).build()) {
      for (Record row : all) {
        rows.add(
            tuple(
                row.getField("chain_id"),
                ((ByteBuffer) row.getField("hash")).getInt(28),
                row.getField("value")));
      }
    }
    return rows;
  }

  private List<DataFile> dataFiles() throws IOException {
    List<DataFile> all = new ArrayList<>();
    try (CloseableIterable<FileScanTask> tasks = table.newScan().planFiles()) {
      tasks.forEach(task -> all.add(task.file()));
    }
    return all;
  }

  @Test
  void shouldKeepTheLastLineOfEachKeyWhateverTheOrderOfFiles() throws IOException {
    append(line(1, 1, 11L, 5), line(1, 2, null, 6), line(1, 3, 30L, 2));
    append(line(1, 1, 10L, 0), line(1, 2, 20L, 1), line(1, 3, 30L, 2));
    append(line(2, 1, 12L, 9));

    assertThat(compact()).isEqualTo(new Compaction.Result(2, 3, 7, 3));

    assertThat(rows())
        .containsExactlyInAnyOrder(tuple(1L, 1, 11L), tuple(1L, 3, 30L), tuple(2L, 1, 12L));
    assertThat(dataFiles()).hasSize(2);
    assertThat(compact().partitions()).as("nothing came since").isZero();
  }

  @Test
  void shouldGoOnFromWhatItMade() throws IOException {
    append(line(1, 1, 10L, 0), line(1, 2, 20L, 1));
    compact();
    append(line(1, 1, null, 2), line(1, 2, 21L, 3));
    compact();
    assertThat(rows()).containsExactly(tuple(1L, 2, 21L));

    append(line(1, 2, null, 4));
    assertThat(compact()).isEqualTo(new Compaction.Result(1, 2, 2, 0));
    assertThat(rows()).isEmpty();
    assertThat(dataFiles()).isEmpty();
  }

  @Test
  void shouldRefuseATableThatIsNoChangelog() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> new Compaction(table, List.of("no_such_column")))
        .withMessageContaining("no_such_column")
        .withMessageContaining("Changelog");
  }
}
