package io.cryptoetl.datasets.files;

import io.cryptoetl.raw.RawCsvRows;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Map;

/**
 * Consecutive whole rows of a file.
 *
 * @param firstLine line in which the first of them begins, from 1; of format json its number
 * @param lines that they take, blank ones too; of format json how many they are
 * @param rows how many they are, blank lines not counted
 * @param bytes of the rows, with their line ends
 * @param charset in which these bytes are text
 * @param closed whether the file is cut in the same way if reading begins behind it; not between
 *     chunks that were parted for their encodings
 */
public record Chunk(
    long firstLine, long lines, long rows, byte[] bytes, String charset, boolean closed) {
  /** Bytes of rows that tell what they mean. */
  private static final int FIRST = FileFormat.SAMPLE / 2;

  /** The first rows of a file whose first bytes are known. */
  public static Chunk first(FileFormat format, byte[] sample) throws IOException {
    int head = format.head().length;
    try {
      return new RowCutter(
              new ByteArrayInputStream(sample, head, sample.length - head),
              format,
              Limits.DEFAULT,
              FIRST)
          .next()
          .orElse(none(format));
    } catch (RefusedException e) {
      // The end is not in the sample.
      return none(format);
    }
  }

  /** What a file without rows has. */
  static Chunk none(FileFormat format) {
    return new Chunk(format.headLines() + 1L, 0, 0, new byte[0], "UTF-8", true);
  }

  /** The chunk as it is published. */
  public RawCsvRows record(
      String dataset,
      String file,
      String version,
      FileFormat format,
      Map<String, String> parameters,
      Instant fetchedAt) {
    return RawCsvRows.newBuilder()
        .setDataset(dataset)
        .setFile(file)
        .setFileVersion(version)
        .setFirstLine(firstLine)
        .setFormat(format.name())
        .setDelimiter(String.valueOf(format.delimiter()))
        .setCharset(charset)
        .setHead(ByteBuffer.wrap(format.head()))
        .setRows(ByteBuffer.wrap(bytes))
        .setParameters(parameters)
        .setFetchedAt(fetchedAt)
        .build();
  }
}
