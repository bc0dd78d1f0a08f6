package io.cryptoetl.backfill.publishing;

import io.cryptoetl.backfill.files.FileStore;
import io.cryptoetl.backfill.files.StoredFile;
import io.cryptoetl.datasets.Detector;
import io.cryptoetl.datasets.files.BlockStream;
import io.cryptoetl.datasets.files.Chunk;
import io.cryptoetl.datasets.files.FileFormat;
import io.cryptoetl.datasets.files.FileNames;
import io.cryptoetl.datasets.files.FileReader;
import io.cryptoetl.datasets.files.FileSource;
import io.cryptoetl.datasets.files.Limits;
import io.cryptoetl.datasets.files.RefusedException;
import io.cryptoetl.ops.FileRequest;
import io.cryptoetl.ops.FileState;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a whole file before anything of it is published: whether it can be read to its end, stays
 * within the limits, is what its checksum says, and what its rows mean.
 */
final class Check implements FileReader.Content {
  /** A checksum file holds the digest first, as sha256sum and Binance write it. */
  private static final Pattern DIGEST = Pattern.compile("\\s*([0-9a-fA-F]{32}|[0-9a-fA-F]{64})\\b");

  private static final int MOST_OF_CHECKSUM_FILE = 4096;
  private static final int MD5_BYTES = 16;

  private final FileRequest request;
  private final Detector detector;
  private final Runnable alive;
  private final Map<String, Part> parts = new LinkedHashMap<>();
  private Part part;

  /** What a file, or a member of an archive, is. */
  static final class Part {
    private final String name;
    private Optional<Detector.Reading> reading = Optional.empty();
    private Optional<RefusedException> refusal = Optional.empty();
    private long rows;
    private long bytes;

    Part(String name) {
      this.name = name;
    }

    /** What the check of a file came to, as its state says that is being published. */
    static Optional<Part> of(FileState state) {
      if (state.getTotalRows() == null
          || state.getTotalBytes() == null
          || state.getDataset() == null) {
        return Optional.empty();
      }
      Part part = new Part(state.getFile());
      part.rows = state.getTotalRows();
      part.bytes = state.getTotalBytes();
      part.reading =
          Optional.of(
              new Detector.Reading(state.getDataset(), Requests.parameters(state.getParameters())));
      return Optional.of(part);
    }

    /** Name of the file; of a member the archive's, !/ and its own. */
    String name() {
      return name;
    }

    /** What it is; empty if it is refused. */
    Optional<Detector.Reading> reading() {
      return reading;
    }

    /** Why it cannot be published. */
    Optional<RefusedException> refusal() {
      return refusal;
    }

    long rows() {
      return rows;
    }

    long bytes() {
      return bytes;
    }
  }

  private Check(FileRequest request, Detector detector, Runnable alive) {
    this.request = request;
    this.detector = detector;
    this.alive = alive;
  }

  /**
   * Checks a file.
   *
   * @param source its bytes
   * @param store where a checksum may be beside it
   * @param alive is called now and then
   * @return what is in it, by name: the file itself, or the members of the archive
   * @throws RefusedException if nothing of the file can be taken
   */
  static Map<String, Part> of(
      FileRequest request,
      StoredFile file,
      FileSource source,
      FileStore store,
      Limits limits,
      Detector detector,
      Runnable alive)
      throws IOException {
    Check check = new Check(request, detector, alive);
    Optional<byte[]> expected = file.alone() ? Optional.empty() : checksum(store, file);
    if (expected.isEmpty()) {
      FileReader.read(source, limits, check);
    } else {
      MessageDigest digest = digest(expected.get().length);
      Digested digested = new Digested(source, digest);
      FileReader.read(digested, limits, check);
      byte[] found = digested.ofAll();
      if (!MessageDigest.isEqual(found, expected.get())) {
        throw new RefusedException(
            "file_checksum",
            "the file's %s is %s, the file beside it says %s: store it again"
                .formatted(
                    digest.getAlgorithm(),
                    HexFormat.of().formatHex(found),
                    HexFormat.of().formatHex(expected.get())));
      }
    }
    return check.parts;
  }

  private static MessageDigest digest(int bytes) {
    try {
      return MessageDigest.getInstance(bytes == MD5_BYTES ? "MD5" : "SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has MD5 and SHA-256", e);
    }
  }

  private static Optional<byte[]> checksum(FileStore store, StoredFile file) throws IOException {
    for (Optional<StoredFile> beside : checksums(store, file)) {
      if (beside.isPresent()) {
        try (InputStream in = open(store, beside.get())) {
          String text =
              new String(in.readNBytes(MOST_OF_CHECKSUM_FILE), StandardCharsets.ISO_8859_1);
          Matcher matcher = DIGEST.matcher(text);
          if (text.isBlank()) {
            throw new IOException(beside.get().name() + " is empty; perhaps it is still written");
          }
          if (!matcher.lookingAt()) {
            throw new RefusedException(
                "file_checksum",
                "%s does not begin with an MD5 or SHA-256 in hex; mend it or remove it"
                    .formatted(beside.get().name()));
          }
          return Optional.of(HexFormat.of().parseHex(matcher.group(1).toLowerCase(Locale.ROOT)));
        }
      }
    }
    return Optional.empty();
  }

  /** Asks for all of them at once: of a small file the answers take longer than its bytes. */
  private static List<Optional<StoredFile>> checksums(FileStore store, StoredFile file)
      throws IOException {
    try (ExecutorService each = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Optional<StoredFile>>> asked =
          FileNames.CHECKSUMS.stream()
              .map(suffix -> each.submit(() -> store.find(file.name() + suffix)))
              .toList();
      List<Optional<StoredFile>> found = new ArrayList<>();
      for (Future<Optional<StoredFile>> answer : asked) {
        found.add(answer.get());
      }
      return found;
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException failure) {
        throw new IOException(failure.getMessage(), failure);
      }
      throw new IllegalStateException(e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted while it asked for checksums");
    }
  }

  /** A checksum that is replaced meanwhile says nothing of its file: it is read again. */
  private static InputStream open(FileStore store, StoredFile checksum) throws IOException {
    try {
      return store.open(checksum);
    } catch (RefusedException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /** Name of a file or of a member of it. */
  static String name(String file, Optional<String> member) {
    return member.map(m -> file + "!/" + m).orElse(file);
  }

  @Override
  public boolean begin(Optional<String> member, FileFormat format, byte[] sample)
      throws IOException {
    part = new Part(name(request.getFile(), member));
    parts.put(part.name(), part);
    part.bytes = format.head().length;
    part.reading =
        Optional.of(
            detector.reading(
                part.name(),
                format,
                Chunk.first(format, sample),
                Optional.ofNullable(request.getDataset()),
                request.getParameters()));
    return true;
  }

  @Override
  public void chunk(Chunk chunk) {
    alive.run();
    part.rows += chunk.rows();
    part.bytes += chunk.bytes().length;
  }

  @Override
  public void end() {
    // The part is whole.
  }

  @Override
  public void refused(String member, RefusedException reason) {
    Part refused = new Part(name(request.getFile(), Optional.of(member)));
    refused.refusal = Optional.of(reason);
    parts.put(refused.name(), refused);
  }

  /** A file of a store; says now and then that reading goes on. */
  record Source(FileStore store, StoredFile file, Runnable alive) implements FileSource {
    @Override
    public InputStream open() throws IOException {
      return new Alive(store.open(file), alive);
    }

    @Override
    public long length() {
      return file.size();
    }

    @Override
    public byte[] range(long offset, int length) throws IOException {
      return store.range(file, offset, length);
    }
  }

  /** A file whose digest is made while it is read from its first byte on. */
  private static final class Digested implements FileSource {
    private final FileSource file;
    private final MessageDigest digest;
    private long bytes;

    Digested(FileSource file, MessageDigest digest) {
      this.file = file;
      this.digest = digest;
    }

    @Override
    public InputStream open() throws IOException {
      digest.reset();
      bytes = 0;
      return new BlockStream(file.open()) {
        @Override
        public int read(byte[] to, int from, int length) throws IOException {
          int read = in.read(to, from, length);
          digest.update(to, from, Math.max(0, read));
          bytes += Math.max(0, read);
          return read;
        }
      };
    }

    @Override
    public long length() {
      return file.length();
    }

    @Override
    public byte[] range(long offset, int length) throws IOException {
      return file.range(offset, length);
    }

    /** The digest of all bytes; reads them if nobody has. */
    byte[] ofAll() throws IOException {
      if (bytes != file.length()) {
        try (InputStream in = open()) {
          in.transferTo(OutputStream.nullOutputStream());
        }
      }
      return digest.digest();
    }
  }

  /** Says now and then that reading goes on. */
  private static final class Alive extends BlockStream {
    private static final long EVERY = 8L * 1024 * 1024;

    private final Runnable alive;
    private long bytes;

    Alive(InputStream in, Runnable alive) {
      super(in);
      this.alive = alive;
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      int read = in.read(to, from, length);
      bytes += Math.max(0, read);
      if (bytes > EVERY) {
        bytes = 0;
        alive.run();
      }
      return read;
    }

    @Override
    public long skip(long bytes) throws IOException {
      return in.skip(bytes);
    }
  }
}
