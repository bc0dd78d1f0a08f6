package io.cryptoetl.datasets.files;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.hardwood.Hardwood;
import dev.hardwood.HardwoodContext;
import dev.hardwood.InputFile;
import dev.hardwood.metadata.ColumnChunk;
import dev.hardwood.metadata.LogicalType;
import dev.hardwood.metadata.RowGroup;
import dev.hardwood.reader.ParquetFileReader;
import dev.hardwood.reader.RowReader;
import dev.hardwood.row.PqList;
import dev.hardwood.row.PqMap;
import dev.hardwood.row.PqStruct;
import dev.hardwood.schema.SchemaNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Rows of a <a href="https://parquet.apache.org/docs/file-format/">Parquet</a> file, page by page.
 * Bytes without a logical type are bytes, never text.
 */
final class ParquetRows implements RecordStream.Rows {
  /**
   * What is kept in memory of each column: some batches ahead and up to 128 MB are the defaults.
   */
  private static final Map<String, Integer> READ_AHEAD =
      Map.of(
          "hardwood.internal.maxOutstanding",
          1,
          "hardwood.internal.maxCoalescedBytes",
          4 * 1024 * 1024,
          "hardwood.internal.sequentialChunkSize",
          1024 * 1024);

  /** Bytes in which the first fields of a page's header are. */
  private static final int PAGE_HEADER = 16;

  /** A page as it is stored, unpacked, decoded, and the next one. */
  private static final int PAGES_IN_MEMORY = 4;

  /** Tenths of the memory that one file may take: two are read at once. */
  private static final int SHARE = 4;

  static {
    READ_AHEAD.forEach(
        (name, value) -> {
          if (System.getProperty(name) == null) {
            System.setProperty(name, String.valueOf(value));
          }
        });
  }

  private final Ranges ranges;
  private final HardwoodContext context;
  private final ParquetFileReader file;
  private final List<SchemaNode> columns;
  private RowReader rows;

  /**
   * Rows of a file.
   *
   * @throws RefusedException if it is damaged, or written in a way that cannot be read
   * @throws IOException of the store
   */
  ParquetRows(FileSource source) throws IOException {
    this.ranges = new Ranges(source);
    // One row after the other is made into text: more threads would only wait for it.
    this.context = HardwoodContext.create(1);
    try {
      this.file = reading(() -> Hardwood.create(context).open(ranges));
      this.columns = file.getFileSchema().getRootNode().children();
      reading(this::requireMemory);
    } catch (IOException e) {
      context.close();
      throw e;
    }
  }

  /**
   * Refuses a file whose pages do not fit into memory: that must not end the service, and the files
   * of others with it.
   */
  private boolean requireMemory() throws IOException {
    Optional<RowGroup> largest =
        file.getFileMetaData().rowGroups().stream()
            .max(Comparator.comparingLong(RowGroup::numRows));
    if (largest.isEmpty()) {
      return true;
    }
    long together = 0;
    for (ColumnChunk column : largest.get().columns()) {
      long at = column.metaData().dataPageOffset();
      ByteBuffer header = ranges.readRange(at, (int) Math.min(PAGE_HEADER, ranges.length() - at));
      together += uncompressedSize(header);
    }
    long needed = together * PAGES_IN_MEMORY;
    long most = Runtime.getRuntime().maxMemory();
    if (needed > most / 10 * SHARE) {
      throw new RefusedException(
          "file_too_large",
          "a page of each column takes %,d MB together, which needs %,d MB of memory, and %,d MB may be used: write the file with smaller row groups or pages, or give the service more memory"
              .formatted(together >> 20, needed >> 20, (most / 10 * SHARE) >> 20));
    }
    return true;
  }

  /**
   * The second field of a <a
   * href="https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift">
   * PageHeader</a> in Thrift's compact protocol; the first is its type.
   */
  private static long uncompressedSize(ByteBuffer header) {
    varint(header.position(header.position() + 1));
    long zigzag = varint(header.position(header.position() + 1));
    return (zigzag >>> 1) ^ -(zigzag & 1);
  }

  private static long varint(ByteBuffer bytes) {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      byte b = bytes.get();
      value |= (long) (b & 0x7F) << shift;
      if (b >= 0) {
        return value;
      }
    }
  }

  @Override
  public List<String> names() {
    return columns.stream().map(SchemaNode::name).toList();
  }

  @Override
  public boolean hasNext() throws IOException {
    return reading(
        () -> {
          if (rows == null) {
            rows = file.rowReader();
          }
          return rows.hasNext();
        });
  }

  @Override
  public void skipTo(long row) throws IOException {
    reading(
        () -> {
          if (rows != null) {
            rows.close();
          }
          rows = file.buildRowReader().skip(row).build();
          return rows;
        });
  }

  @Override
  public void next(JsonGenerator to) throws IOException {
    reading(
        () -> {
          rows.next();
          for (int i = 0; i < columns.size(); i++) {
            value(to, columns.get(i), rows.isNull(i) ? null : rows.getValue(i));
          }
          return true;
        });
  }

  private static void value(JsonGenerator to, SchemaNode node, Object value) throws IOException {
    switch (value) {
      case PqList list -> {
        to.writeStartArray();
        SchemaNode element =
            node instanceof SchemaNode.GroupNode group && group.isList()
                ? group.getListElement()
                : node;
        for (int i = 0; i < list.size(); i++) {
          value(to, element, list.isNull(i) ? null : list.get(i));
        }
        to.writeEndArray();
      }
      case PqStruct struct -> {
        to.writeStartObject();
        List<SchemaNode> children = ((SchemaNode.GroupNode) node).children();
        for (int i = 0; i < children.size(); i++) {
          to.writeFieldName(children.get(i).name());
          value(to, children.get(i), struct.isNull(i) ? null : struct.getValue(i));
        }
        to.writeEndObject();
      }
      case PqMap map -> {
        to.writeStartObject();
        SchemaNode.GroupNode group = (SchemaNode.GroupNode) node;
        for (PqMap.Entry entry : map.getEntries()) {
          to.writeFieldName(String.valueOf(entry.getKey()));
          value(to, group.getMapValue(), entry.isValueNull() ? null : entry.getValue());
        }
        to.writeEndObject();
      }
      case Integer number when isUnsigned(node) -> to.writeNumber(Integer.toUnsignedLong(number));
      case Long number when isUnsigned(node) -> to.writeNumber(Long.toUnsignedString(number));
      case null, default -> RecordStream.write(to, value);
    }
  }

  private static boolean isUnsigned(SchemaNode node) {
    return node instanceof SchemaNode.PrimitiveNode primitive
        && primitive.logicalType() instanceof LogicalType.IntType type
        && !type.isSigned();
  }

  private <T> T reading(RecordStream.Step<T> step) throws IOException {
    return RecordStream.reading("Parquet", () -> ranges.failure, step);
  }

  @Override
  public void close() throws IOException {
    try (context) {
      if (rows != null) {
        rows.close();
      }
      if (file != null) {
        file.close();
      }
    }
  }

  /** The bytes of the file, as they are asked for. */
  private static final class Ranges implements InputFile {
    private final FileSource source;
    private volatile IOException failure;

    Ranges(FileSource source) {
      this.source = source;
    }

    @Override
    public void open() {
      // Each range is asked for by itself.
    }

    @Override
    public ByteBuffer readRange(long offset, int length) throws IOException {
      if (offset < 0 || length < 0 || offset > length() - length) {
        throw new IOException(
            "it tells of bytes %,d to %,d, and has %,d"
                .formatted(offset, offset + length, length()));
      }
      try {
        return ByteBuffer.wrap(source.range(offset, length));
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }

    @Override
    public long length() {
      return source.length();
    }

    @Override
    public String name() {
      return "file";
    }

    @Override
    public void close() {
      // Nothing is open.
    }
  }
}
