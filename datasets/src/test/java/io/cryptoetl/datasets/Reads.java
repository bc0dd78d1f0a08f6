package io.cryptoetl.datasets;

import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.datasets.values.BadRecordException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.avro.specific.SpecificRecord;

/** Reads files as the services do: what a file is by its first rows, then all of its rows. */
final class Reads implements FileReader.Content {
  private static final Layouts LAYOUTS = Layouts.defaults();

  final List<SpecificRecord> rows = new ArrayList<>();
  final List<BadRecordException> bad = new ArrayList<>();
  int rounded;
  Detector.Reading reading;

  private final String file;
  private final Map<String, String> parameters;
  private FileFormat format;

  private final Optional<String> dataset;

  private Reads(String file, Map<String, String> parameters, Optional<String> dataset) {
    this.dataset = dataset;
    this.file = file;
    this.parameters = parameters;
  }

  /** Reads a file of this name with these bytes. */
  static Reads of(String file, byte[] bytes, Map<String, String> parameters) throws IOException {
    Reads reads = new Reads(file, parameters, Optional.empty());
    FileReader.read(new ByteArrayInputStream(bytes), Limits.DEFAULT, reads);
    return reads;
  }

  /** Reads a file by the ranges that are asked for. */
  static Reads of(Path file, Map<String, String> parameters) throws IOException {
    return of(file, parameters, Optional.empty());
  }

  /** Reads a file of a dataset. */
  static Reads of(Path file, Map<String, String> parameters, Optional<String> dataset)
      throws IOException {
    Reads reads = new Reads(file.getFileName().toString(), parameters, dataset);
    FileReader.read(FileSource.of(file), Limits.DEFAULT, reads);
    return reads;
  }

  @Override
  public boolean begin(Optional<String> member, FileFormat found, byte[] sample)
      throws IOException {
    format = found;
    reading =
        new Detector(LAYOUTS).reading(file, found, Chunk.first(found, sample), dataset, parameters);
    return true;
  }

  @Override
  public void chunk(Chunk chunk) {
    try {
      ChunkMapper.map(
          chunk.record(reading.dataset(), file, "v", format, reading.parameters(), Instant.EPOCH),
          LAYOUTS,
          new ChunkMapper.Rows() {
            @Override
            public void row(long line, ByteBuffer bytes, Target target, SpecificRecord row) {
              rows.add(row);
            }

            @Override
            public void rounded(long line) {
              rounded++;
            }

            @Override
            public void bad(long line, byte[] bytes, BadRecordException reason) {
              bad.add(reason);
            }
          });
    } catch (BadRecordException e) {
      bad.add(e);
    }
  }

  @Override
  public void end() {
    // All was given.
  }

  @Override
  public void refused(String member, RefusedException reason) throws RefusedException {
    throw reason;
  }
}
