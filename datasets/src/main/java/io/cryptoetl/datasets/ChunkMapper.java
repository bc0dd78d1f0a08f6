package io.cryptoetl.datasets;

import io.cryptoetl.datasets.values.BadRecordException;
import io.cryptoetl.raw.RawCsvRows;
import io.cryptoetl.schemas.DeadLetterCode;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.apache.avro.specific.SpecificRecord;

/** Makes rows of tables of the rows of a chunk, as the layout of its dataset tells. */
public final class ChunkMapper {
  private ChunkMapper() {}

  /** Takes what becomes of each row, in the order of the file. */
  public interface Rows {
    /**
     * A row of a table.
     *
     * @param line in which the row begins
     * @param bytes of the row in the file
     */
    void row(long line, ByteBuffer bytes, Target target, SpecificRecord row);

    /**
     * The row of a table that is given next has values with fewer digits than the file: its columns
     * hold no more.
     */
    default void rounded(long line) {}

    /** A row that its layout refuses, or that cannot be split. */
    void bad(long line, byte[] bytes, BadRecordException reason);
  }

  /**
   * Maps a chunk.
   *
   * @throws BadRecordException if no row of it can be mapped: its dataset is not known, or it does
   *     not tell how it can be read
   */
  public static void map(RawCsvRows chunk, Layouts layouts, Rows to) throws BadRecordException {
    map(chunk, layouts, Set.of(), to);
  }

  /**
   * Maps a chunk to see whether a layout fits.
   *
   * @param standIns parameters that nobody has told yet: nothing is concluded from them
   */
  static void map(RawCsvRows chunk, Layouts layouts, Set<String> standIns, Rows to)
      throws BadRecordException {
    Layout layout =
        layouts
            .named(chunk.getDataset())
            .orElseThrow(
                () ->
                    new BadRecordException(
                        DeadLetterCode.DATASET_UNKNOWN.code(),
                        "no layout is named '%s'; these are: %s"
                            .formatted(chunk.getDataset(), layouts.names())));
    split(
        layout,
        chunk,
        standIns,
        mapper ->
            new RowReader.Rows() {
              @Override
              public void row(Cells cells) {
                SpecificRecord row;
                try {
                  row = mapper.map(cells);
                } catch (BadRecordException e) {
                  to.bad(cells.line(), RowReader.bytes(cells.bytes()), e);
                  return;
                }
                if (mapper.hasRounded()) {
                  to.rounded(cells.line());
                }
                to.row(cells.line(), cells.bytes(), layout.target(), row);
              }

              @Override
              public void bad(long line, byte[] bytes, BadRecordException reason) {
                to.bad(line, bytes, reason);
              }
            });
  }

  /** Splits the rows of a chunk for a mapper of its layout. */
  private static void split(
      Layout layout, RawCsvRows chunk, Set<String> standIns, Function<RowMapper, RowReader.Rows> to)
      throws BadRecordException {
    RowReader reader = new RowReader(chunk);
    List<String> names = reader.head().map(Cells::values).filter(layout::hasNames).orElse(null);
    RowReader.Rows rows =
        to.apply(new RowMapper(layout, chunk, names, reader.told(), reader.dateFormat(), standIns));
    // The head of a file without names holds its first row.
    if (names == null && chunk.getFirstLine() == reader.headLines() + 1) {
      reader.headRows(rows);
    }
    reader.rows(rows);
  }

  /**
   * What becomes of the columns of a chunk, by its first row that fits.
   *
   * @throws BadRecordException if it does not tell how it can be read
   */
  static List<Detector.Explained> explain(Layout layout, RawCsvRows chunk)
      throws BadRecordException {
    List<Detector.Explained> explained = new ArrayList<>();
    split(
        layout,
        chunk,
        Set.of(),
        mapper ->
            new RowReader.Rows() {
              @Override
              public void row(Cells cells) {
                if (explained.isEmpty()) {
                  try {
                    explained.addAll(mapper.explain(cells));
                  } catch (BadRecordException e) {
                    // The next row may fit.
                  }
                }
              }

              @Override
              public void bad(long line, byte[] bytes, BadRecordException reason) {
                // The next row may fit.
              }
            });
    return explained;
  }

  /**
   * How many rows a chunk has, whatever they are; 0 if it does not tell how it can be read. A first
   * row that stands in the head is not counted.
   */
  public static long count(RawCsvRows chunk) {
    long[] count = {0};
    try {
      new RowReader(chunk)
          .rows(
              new RowReader.Rows() {
                @Override
                public void row(Cells cells) {
                  count[0]++;
                }

                @Override
                public void bad(long line, byte[] bytes, BadRecordException reason) {
                  count[0]++;
                }
              });
    } catch (BadRecordException e) {
      return 0;
    }
    return count[0];
  }
}
