package io.cryptoetl.datasets.files;

import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PushbackInputStream;
import java.io.SequenceInputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipInputStream;
import org.apache.commons.compress.compressors.bzip2.BZip2CompressorInputStream;
import org.apache.commons.compress.compressors.gzip.GzipCompressorInputStream;
import org.dhatim.fastexcel.reader.Sheet;
import org.tukaani.xz.MemoryLimitException;
import org.tukaani.xz.XZInputStream;

/**
 * Reads a file from its first byte to its last: unpacks it if it is packed by gzip, zstd, bzip2, xz
 * or zip, tells how it is written, and cuts it into chunks. Checksums that packed files hold are
 * verified on the way. What a file is, its bytes tell, not its name.
 */
public final class FileReader {
  /** Bytes from which on a chunk ends with its row. */
  public static final int CHUNK = 512 * 1024;

  /** Unpacked bytes that are free. */
  private static final long FREE = 64L * 1024 * 1024;

  private static final int BUFFER = 64 * 1024;

  private static final byte[] PARQUET = {'P', 'A', 'R', '1'};

  /** Bytes that tell what a file is. */
  private static final int MAGIC = 6;

  /** Where in an archive the name of its first member is, and some of it. */
  private static final int NAME = 30;

  private static final int FIRST_MEMBER = 64;

  /** Members that documents of Office begin with (ECMA-376, part 2). */
  private static final List<String> OFFICE =
      List.of("[Content_Types].xml", "_rels/.rels", "docProps/", "xl/");

  /** Memory that unpacking xz may take: what its strongest preset needs. */
  private static final int XZ_MEMORY_KB = 70 * 1024;

  private static final String DAMAGED = "file_damaged";
  private static final String EXPANDS = "file_expands";

  /** What is wrong with an archive and not with one of its members. */
  private static final Set<String> WHOLE = Set.of(DAMAGED, EXPANDS);

  private FileReader() {}

  /**
   * A place between two chunks.
   *
   * @param bytes of all chunks before
   * @param line in which the next one begins
   */
  public record Position(long bytes, long line) {}

  /** Takes what is in a file. */
  public interface Content {
    /**
     * The file begins, or a member of an archive.
     *
     * @param member name within the archive; empty if the file is none
     * @param sample the first bytes, {@link FileFormat#SAMPLE} if there are so many
     * @return whether its rows are wanted
     */
    boolean begin(Optional<String> member, FileFormat format, byte[] sample) throws IOException;

    /**
     * Where the rows of what has begun are wanted from: behind a chunk that was given before.
     * Without it all are.
     */
    default Optional<Position> from() {
      return Optional.empty();
    }

    /** The next rows. There is at least one chunk, without rows if there are none. */
    void chunk(Chunk chunk) throws IOException;

    /** All rows of the file or member were given. */
    void end() throws IOException;

    /** The member cannot be read, or not to its end; the others can. */
    void refused(String member, RefusedException reason) throws IOException;
  }

  /**
   * Reads a file.
   *
   * @throws RefusedException if it cannot be read whole, whatever is tried
   * @throws IOException of the source or of the content
   */
  public static void read(FileSource file, Limits limits, Content to) throws IOException {
    byte[] magic;
    try (InputStream in = file.open()) {
      BufferedInputStream buffered = new BufferedInputStream(in, BUFFER);
      buffered.mark(PARQUET.length);
      magic = buffered.readNBytes(PARQUET.length);
      buffered.reset();
      if (!Arrays.equals(magic, PARQUET)) {
        read(buffered, limits, to);
        return;
      }
    }
    parquet(Optional.empty(), file, limits, to);
  }

  private static void parquet(Optional<String> member, FileSource file, Limits limits, Content to)
      throws IOException {
    try (RecordStream rows = new RecordStream(new ParquetRows(file))) {
      content(member, rows, FileFormat::records, limits, to);
    }
  }

  /**
   * Reads a file from its first byte to its last. Parquet, which cannot be, is kept in a temporary
   * file meanwhile.
   *
   * @param file its bytes as they are stored
   * @throws RefusedException if it cannot be read whole, whatever is tried
   * @throws IOException of the stream or of the content
   */
  public static void read(InputStream file, Limits limits, Content to) throws IOException {
    Packed packed = new Packed(file);
    BufferedInputStream in = new BufferedInputStream(packed, BUFFER);
    in.mark(FIRST_MEMBER);
    byte[] magic = in.readNBytes(FIRST_MEMBER);
    in.reset();
    if (begins(magic, 0x1F, 0x8B)) {
      one(
          guarded(
              packed,
              limits,
              packed.unpacked(
                  () ->
                      GzipCompressorInputStream.builder()
                          .setInputStream(in)
                          .setDecompressConcatenated(true)
                          .get())),
          limits,
          to);
    } else if (begins(magic, 0x28, 0xB5, 0x2F, 0xFD)) {
      one(guarded(packed, limits, packed.unpacked(() -> new ZstdInputStream(in))), limits, to);
    } else if (begins(magic, 'B', 'Z', 'h')) {
      one(
          guarded(packed, limits, packed.unpacked(() -> new BZip2CompressorInputStream(in, true))),
          limits,
          to);
    } else if (begins(magic, 0xFD, '7', 'z', 'X', 'Z', 0)) {
      one(
          guarded(packed, limits, packed.unpacked(() -> new XZInputStream(in, XZ_MEMORY_KB))),
          limits,
          to);
    } else if (begins(magic, 'P', 'K', 3, 4)) {
      if (isOffice(magic)) {
        workbook(in, limits, to);
      } else {
        zip(packed, in, limits, to);
      }
    } else if (begins(magic, 0xD0, 0xCF, 0x11, 0xE0)) {
      throw new RefusedException(
          "file_binary",
          "the file is a document of an old Office, or one with a password; save the sheet as xlsx without one, or as CSV");
    } else if (begins(magic, 'P', 'K', 5, 6)) {
      throw new RefusedException("file_empty", "the archive has no members");
    } else {
      one(in, limits, to);
    }
  }

  /** Whether the first member of an archive is one of a document of Office. */
  private static boolean isOffice(byte[] magic) {
    String first = new String(magic, StandardCharsets.ISO_8859_1);
    return OFFICE.stream().anyMatch(name -> first.startsWith(name, NAME));
  }

  private static void workbook(InputStream in, Limits limits, Content to) throws IOException {
    Path copy = Files.createTempFile("workbook", null);
    try {
      Files.copy(in, copy, StandardCopyOption.REPLACE_EXISTING);
      try (Workbook workbook = new Workbook(copy, limits)) {
        List<Sheet> sheets = workbook.sheets();
        if (sheets.isEmpty()) {
          throw new RefusedException("file_empty", "no sheet of the workbook has a row");
        }
        requireMembers(sheets.size(), limits);
        for (Sheet sheet : sheets) {
          // One sheet is the file; several are its members, as those of an archive.
          Optional<String> member =
              sheets.size() == 1 ? Optional.empty() : Optional.of(sheet.getName());
          try (InputStream text = workbook.text(sheet)) {
            content(member, text, FileFormat::of, limits, to);
          } catch (RefusedException e) {
            if (member.isEmpty() || WHOLE.contains(e.code())) {
              throw e;
            }
            to.refused(member.get(), e);
          }
        }
      }
    } finally {
      Files.delete(copy);
    }
  }

  private static boolean begins(byte[] magic, int... bytes) {
    if (magic.length < bytes.length) {
      return false;
    }
    for (int i = 0; i < bytes.length; i++) {
      if (magic[i] != (byte) bytes[i]) {
        return false;
      }
    }
    return true;
  }

  private static void one(InputStream in, Limits limits, Content to) throws IOException {
    member(Optional.empty(), in, limits, to);
    in.transferTo(OutputStream.nullOutputStream());
  }

  private static void zip(Packed packed, InputStream in, Limits limits, Content to)
      throws IOException {
    ZipInputStream zip = new ZipInputStream(in);
    InputStream content = guarded(packed, limits, zip);
    Set<String> names = new HashSet<>();
    long entries = 0;
    while (true) {
      ZipEntry entry = packed.unpacked(() -> nextEntry(zip));
      if (entry == null) {
        break;
      }
      entries++;
      String name = entry.getName();
      if (entry.isDirectory() || isLitter(name)) {
        continue;
      }
      requireMember(name, names, limits);
      try {
        member(Optional.of(name), content, limits, to);
      } catch (RefusedException e) {
        if (WHOLE.contains(e.code())) {
          throw e;
        }
        to.refused(name, e);
      }
      content.transferTo(OutputStream.nullOutputStream());
    }
    in.transferTo(OutputStream.nullOutputStream());
    packed.requireDirectory(entries);
    if (names.isEmpty()) {
      throw new RefusedException("file_empty", "the archive has no members");
    }
  }

  private static ZipEntry nextEntry(ZipInputStream zip) throws IOException {
    try {
      return zip.getNextEntry();
    } catch (ZipException e) {
      if (String.valueOf(e.getMessage()).contains("encrypted")) {
        throw new RefusedException(
            "file_encrypted", "the archive is encrypted; unpack it with its password yourself");
      }
      throw e;
    }
  }

  /** What file managers put into archives beside the files. */
  private static boolean isLitter(String name) {
    return name.startsWith("__MACOSX/")
        || name.substring(name.lastIndexOf('/') + 1).startsWith(".");
  }

  private static void requireMember(String name, Set<String> names, Limits limits)
      throws RefusedException {
    if (name.startsWith("/")
        || name.contains("\\")
        || name.chars().anyMatch(c -> c < ' ')
        || List.of(name.split("/", -1)).contains("..")) {
      throw new RefusedException(
          "member_path",
          "a member of the archive is named %s; names are expected that stay within it"
              .formatted(name.replaceAll("\\p{Cntrl}", "?")));
    }
    if (!names.add(name)) {
      throw new RefusedException(
          "member_twice", "two members of the archive are named %s".formatted(name));
    }
    requireMembers(names.size(), limits);
  }

  private static void requireMembers(int members, Limits limits) throws RefusedException {
    if (members > limits.members()) {
      throw new RefusedException(
          EXPANDS, "the file has more than %d members".formatted(limits.members()));
    }
  }

  private static void member(Optional<String> member, InputStream in, Limits limits, Content to)
      throws IOException {
    PushbackInputStream begun = new PushbackInputStream(in, MAGIC);
    byte[] magic = begun.readNBytes(MAGIC);
    begun.unread(magic);
    if (begins(magic, 'P', 'A', 'R', '1')) {
      Path copy = Files.createTempFile("parquet", null);
      try {
        Files.copy(begun, copy, StandardCopyOption.REPLACE_EXISTING);
        parquet(member, FileSource.of(copy), limits, to);
      } finally {
        Files.delete(copy);
      }
      return;
    }
    if (begins(magic, 'O', 'b', 'j', 1)) {
      content(member, new RecordStream(new AvroRows(begun)), FileFormat::records, limits, to);
      return;
    }
    if (member.isPresent()
        && (begins(magic, 'P', 'K', 3, 4)
            || begins(magic, 0x1F, 0x8B)
            || begins(magic, 'B', 'Z', 'h')
            || begins(magic, 0xFD, '7', 'z', 'X', 'Z', 0)
            || begins(magic, 0x28, 0xB5, 0x2F, 0xFD))) {
      throw new RefusedException(
          "file_packed_twice", "the member is packed itself; pack the files once");
    }
    content(member, begun, FileFormat::of, limits, to);
  }

  /** Tells how a file is written by its first bytes. */
  @FunctionalInterface
  private interface Formats {
    FileFormat of(byte[] sample) throws RefusedException;
  }

  private static void content(
      Optional<String> member, InputStream in, Formats formats, Limits limits, Content to)
      throws IOException {
    byte[] sample = in.readNBytes(FileFormat.SAMPLE);
    FileFormat format = formats.of(sample);
    TickerColumns tickers = member.isPresent() ? null : TickerColumns.of(format);
    if (tickers != null && tickers.isToBeParted()) {
      parted(tickers, behind(sample, format.head().length, in), limits, to);
      return;
    }
    if (!to.begin(member, format, sample)) {
      return;
    }
    Optional<Position> from = to.from();
    RowCutter cutter = cutter(in, sample, format, limits, from);
    Optional<Chunk> chunk = cutter.next();
    if (chunk.isEmpty() && from.isEmpty()) {
      to.chunk(Chunk.none(format));
    }
    while (chunk.isPresent()) {
      to.chunk(chunk.get());
      chunk = cutter.next();
    }
    to.end();
  }

  /** Reads a file that has several instruments side by side: each is a member of it. */
  private static void parted(TickerColumns tickers, InputStream rows, Limits limits, Content to)
      throws IOException {
    requireMembers(tickers.tickers(), limits);
    Path folder = Files.createTempDirectory("tickers");
    try {
      for (Map.Entry<String, Path> ticker : tickers.part(rows, folder).entrySet()) {
        try (InputStream text = Files.newInputStream(ticker.getValue())) {
          content(Optional.of(ticker.getKey()), text, FileFormat::of, limits, to);
        } catch (RefusedException e) {
          to.refused(ticker.getKey(), e);
        }
      }
    } finally {
      try (Stream<Path> files = Files.list(folder)) {
        for (Path file : files.toList()) {
          Files.delete(file);
        }
      }
      Files.delete(folder);
    }
  }

  private static RowCutter cutter(
      InputStream in, byte[] sample, FileFormat format, Limits limits, Optional<Position> from)
      throws IOException {
    int head = format.head().length;
    if (from.isEmpty()) {
      return new RowCutter(behind(sample, head, in), format, limits, CHUNK);
    }
    long bytes = head + from.get().bytes();
    long line = from.get().line();
    InputStream rest = in;
    if (in instanceof RecordStream rows && bytes > sample.length) {
      // Each row is a line, below that of the columns' names.
      rows.skipTo(line - format.headLines() - 1, bytes - sample.length);
    } else if (bytes > sample.length) {
      in.skipNBytes(bytes - sample.length);
    } else {
      rest = behind(sample, (int) bytes, in);
    }
    return new RowCutter(rest, format, limits, CHUNK, line);
  }

  /** The rest of a file whose first bytes were read already. Whoever gave the file closes it. */
  private static InputStream behind(byte[] sample, int from, InputStream rest) {
    return new SequenceInputStream(
        new ByteArrayInputStream(sample, from, sample.length - from),
        new FilterInputStream(rest) {
          @Override
          public void close() {
            // A sequence closes what it has read to the end.
          }
        });
  }

  /** Refuses what becomes too large. */
  static void requireExpansion(long packed, long unpacked, Limits limits) throws RefusedException {
    if (unpacked > FREE && unpacked > limits.expansion() * packed) {
      throw new RefusedException(
          EXPANDS,
          "%,d packed bytes become more than %,d, over %d times as many: this is no file of rows, or a trap; unpack it yourself if it is right"
              .formatted(packed, unpacked, limits.expansion()));
    }
  }

  private static InputStream guarded(Packed packed, Limits limits, InputStream unpacked) {
    return new BlockStream(unpacked) {
      private long bytes;

      @Override
      public int read(byte[] to, int from, int length) throws IOException {
        int read = packed.unpacked(() -> in.read(to, from, length));
        bytes += Math.max(0, read);
        requireExpansion(packed.count, bytes, limits);
        return read;
      }

      @Override
      public void close() {
        // Whoever gave the file closes it.
      }
    };
  }

  @FunctionalInterface
  private interface Unpacking<T> {
    T run() throws IOException;
  }

  /** Counts packed bytes, and tells failures of the store from those of what is stored. */
  private static final class Packed extends BlockStream {
    /** The end of a zip file and the longest comment behind it. */
    private static final int TAIL = 66_000;

    private static final int END = 22;
    private static final int END_64 = 56;

    private final byte[] tail = new byte[TAIL];
    private int tailLength;
    private long count;
    private IOException failure;

    Packed(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      try {
        int read = in.read(to, from, length);
        count += Math.max(0, read);
        keep(to, from, read);
        return read;
      } catch (IOException e) {
        failure = e;
        throw e;
      }
    }

    @Override
    public long skip(long bytes) throws IOException {
      // Only what is not packed is passed over.
      long skipped = in.skip(bytes);
      count += skipped;
      return skipped;
    }

    private void keep(byte[] bytes, int from, int read) {
      int kept = Math.min(read, TAIL);
      if (kept > 0) {
        int stay = Math.min(tailLength, TAIL - kept);
        System.arraycopy(tail, tailLength - stay, tail, 0, stay);
        System.arraycopy(bytes, from + read - kept, tail, stay, kept);
        tailLength = stay + kept;
      }
    }

    /**
     * Refuses an archive that does not end with the directory of all its members, as APPNOTE.TXT of
     * PKWARE has it: its members alone do not tell whether it is whole.
     */
    void requireDirectory(long entries) throws RefusedException {
      ByteBuffer end = ByteBuffer.wrap(tail, 0, tailLength).order(ByteOrder.LITTLE_ENDIAN);
      for (int at = tailLength - END; at >= 0; at--) {
        if (end.getInt(at) == 0x06054b50) {
          long listed = end.getShort(at + 10) & 0xFFFF;
          for (int at64 = at - END_64; listed == 0xFFFF && at64 >= 0; at64--) {
            if (end.getInt(at64) == 0x06064b50) {
              listed = end.getLong(at64 + 32);
            }
          }
          if (listed == entries) {
            return;
          }
          throw damaged(
              "its directory lists %,d members, %,d were found".formatted(listed, entries));
        }
      }
      throw damaged("its directory is missing");
    }

    private RefusedException damaged(String what) {
      return new RefusedException(
          DAMAGED,
          "the packed file is cut off or damaged after %,d bytes (%s); store it again"
              .formatted(count, what));
    }

    /** Runs a step of unpacking; if it fails although the bytes came, they are damaged. */
    <T> T unpacked(Unpacking<T> step) throws IOException {
      try {
        return step.run();
      } catch (RefusedException e) {
        throw e;
      } catch (MemoryLimitException e) {
        throw new RefusedException(
            "file_too_large",
            "unpacking the file needs %,d MB of memory, %,d may be used: pack it with xz -9 or less"
                .formatted(e.getMemoryNeeded() / 1024, XZ_MEMORY_KB / 1024));
      } catch (IOException | IllegalArgumentException e) {
        if (failure != null) {
          throw failure;
        }
        throw damaged(e.getMessage());
      }
    }
  }
}
