package io.cryptoetl.backfill.files;

import io.cryptoetl.datasets.files.BlockStream;
import io.cryptoetl.datasets.files.FileNames;
import io.cryptoetl.datasets.files.RefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.HeadObjectResponse;
import software.amazon.awssdk.services.s3.model.NoSuchKeyException;
import software.amazon.awssdk.services.s3.model.RequestPayer;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/**
 * A prefix of a bucket of S3 or of any server that speaks its protocol. ETag and size tell versions
 * apart, and a version is read with <a
 * href="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html">If-Match</a>, so that
 * what is read is that version or nothing. Checksums that the server has are verified by the SDK.
 */
public final class S3Store implements FileStore {
  private static final String SCHEME = "s3://";

  /** Times that a connection is taken up again that breaks without a further byte. */
  private static final int REOPENS = 5;

  /** Bytes up to which it is cheaper to read them than to ask for what is behind them. */
  private static final long WORTH_READING = 1024 * 1024;

  /** A checksum may be stored so long after its file. */
  private static final Duration CHECKSUM_WITHIN = Duration.ofSeconds(30);

  private static final int PRECONDITION_FAILED = 412;
  private static final int NOT_FOUND = 404;

  private final S3Client s3;
  private final String bucket;
  private final String prefix;

  /** What is said with each request: who pays for it; null for the bucket's owner. */
  private final RequestPayer payer;

  /**
   * A store.
   *
   * @param prefix that keys begin with; may be empty
   * @param requesterPays whether this service pays for its requests
   */
  public S3Store(S3Client s3, String bucket, String prefix, boolean requesterPays) {
    this.s3 = s3;
    this.bucket = bucket;
    this.prefix = prefix;
    this.payer = requesterPays ? RequestPayer.REQUESTER : null;
  }

  @Override
  public void list(Consumer<StoredFile> each) throws IOException {
    // Directory buckets list in no order.
    Neighbours neighbours = new Neighbours(each, !bucket.endsWith("--x-s3"));
    try {
      for (S3Object object :
          s3.listObjectsV2Paginator(r -> r.bucket(bucket).prefix(prefix).requestPayer(payer))
              .contents()) {
        // A key that ends like a folder is one.
        if (!object.key().endsWith("/")) {
          neighbours.add(
              new StoredFile(
                  SCHEME + bucket + "/" + object.key(),
                  object.key().substring(prefix.length()),
                  version(object.eTag(), object.size()),
                  object.size(),
                  object.lastModified(),
                  false));
        }
      }
      neighbours.end();
    } catch (SdkException | UncheckedIOException e) {
      throw failure("listing " + SCHEME + bucket + "/" + prefix, e);
    }
  }

  @Override
  public Optional<StoredFile> find(String name) throws IOException {
    String begin = SCHEME + bucket + "/" + prefix;
    // Servers that keep objects as files refuse keys that lead out of their folder.
    if (!name.startsWith(begin)
        || name.endsWith("/")
        || List.of(name.split("/", -1)).contains("..")) {
      return Optional.empty();
    }
    String key = key(name);
    try {
      HeadObjectResponse head = s3.headObject(r -> r.bucket(bucket).key(key).requestPayer(payer));
      return Optional.of(
          new StoredFile(
              name,
              key.substring(prefix.length()),
              version(head.eTag(), head.contentLength()),
              head.contentLength(),
              head.lastModified(),
              false));
    } catch (NoSuchKeyException e) {
      return Optional.empty();
    } catch (S3Exception e) {
      if (e.statusCode() == NOT_FOUND) {
        return Optional.empty();
      }
      throw failure("looking at " + name, e);
    } catch (SdkException | UncheckedIOException e) {
      throw failure("looking at " + name, e);
    }
  }

  private String key(String name) {
    return name.substring((SCHEME + bucket + "/").length());
  }

  private static String version(String etag, long size) {
    return etag.replace("\"", "") + "-" + size;
  }

  @Override
  public void reach() throws IOException {
    try {
      s3.listObjectsV2(r -> r.bucket(bucket).prefix(prefix).maxKeys(1).requestPayer(payer));
    } catch (SdkException | UncheckedIOException e) {
      throw failure("listing " + SCHEME + bucket + "/" + prefix, e);
    }
  }

  @Override
  public InputStream open(StoredFile file) throws IOException {
    return new ObjectStream(file);
  }

  @Override
  public byte[] range(StoredFile file, long offset, int length) throws IOException {
    byte[] bytes =
        attempt(
            file,
            () ->
                s3.getObjectAsBytes(
                        r ->
                            r.bucket(bucket)
                                .key(key(file.name()))
                                .ifMatch(etag(file))
                                .requestPayer(payer)
                                .range("bytes=%d-%d".formatted(offset, offset + length - 1)))
                    .asByteArray());
    if (bytes.length != length) {
      throw new IOException(
          "%s gave %,d bytes, %,d were asked for: the server, or what is before it, takes no ranges"
              .formatted(file.name(), bytes.length, length));
    }
    return bytes;
  }

  private static String etag(StoredFile file) {
    return "\"" + file.version().substring(0, file.version().lastIndexOf('-')) + "\"";
  }

  private static <T> T attempt(StoredFile file, Supplier<T> call) throws IOException {
    try {
      return call.get();
    } catch (S3Exception e) {
      if (e.statusCode() == PRECONDITION_FAILED || e.statusCode() == NOT_FOUND) {
        RefusedException changed = FileStore.changed(file.name());
        changed.initCause(e);
        throw changed;
      }
      throw failure("reading " + file.name(), e);
    } catch (SdkException | UncheckedIOException e) {
      throw failure("reading " + file.name(), e);
    }
  }

  /** Fails with what is known, and without what the request was signed with. */
  private static IOException failure(String what, RuntimeException e) {
    return new IOException(
        "%s failed: %s"
            .formatted(
                what,
                e instanceof S3Exception s3
                    ? "HTTP %d %s"
                        .formatted(
                            s3.statusCode(),
                            s3.awsErrorDetails() == null ? "" : s3.awsErrorDetails().errorCode())
                    : e.getMessage()),
        e);
  }

  /**
   * Sees which files have no checksum beside them, as a listing comes in the order of keys: behind
   * a file come those first whose names begin with its own. Of a server that lists in another order
   * nothing is known.
   */
  private static final class Neighbours {
    private final Consumer<StoredFile> each;
    private final Deque<StoredFile> open = new ArrayDeque<>();
    private final Set<String> checked = new HashSet<>();
    private final Instant settled = Instant.now().minus(CHECKSUM_WITHIN);
    private String last = "";
    private boolean ordered;

    Neighbours(Consumer<StoredFile> each, boolean ordered) {
      this.each = each;
      this.ordered = ordered;
    }

    void add(StoredFile file) {
      // By bytes of UTF-8, as servers do: surrogates of Java's texts sort otherwise.
      ordered &= Arrays.compareUnsigned(utf8(last), utf8(file.name())) <= 0;
      last = file.name();
      while (!open.isEmpty() && !file.name().startsWith(open.peek().name())) {
        close();
      }
      for (StoredFile before : open) {
        if (FileNames.CHECKSUMS.stream().anyMatch(s -> file.name().equals(before.name() + s))) {
          checked.add(before.name());
        }
      }
      open.push(file);
    }

    private void close() {
      StoredFile file = open.pop();
      boolean isAlone = !checked.remove(file.name()) && ordered;
      each.accept(file.alone(isAlone && file.modified().isBefore(settled)));
    }

    void end() {
      while (!open.isEmpty()) {
        close();
      }
    }

    private static byte[] utf8(String text) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
  }

  /** An object from its first byte to its last; a broken connection is taken up where it broke. */
  private final class ObjectStream extends BlockStream {
    private final StoredFile file;
    private long position;
    private int reopens;

    ObjectStream(StoredFile file) throws IOException {
      super(InputStream.nullInputStream());
      this.file = file;
      this.in = get();
    }

    private InputStream get() throws IOException {
      return attempt(
          file,
          () ->
              s3.getObject(
                  r -> {
                    r.bucket(bucket).key(key(file.name())).ifMatch(etag(file)).requestPayer(payer);
                    if (position > 0) {
                      r.range("bytes=" + position + "-");
                    }
                  }));
    }

    @Override
    public int read(byte[] to, int from, int length) throws IOException {
      while (true) {
        String reason;
        try {
          int read = in.read(to, from, length);
          if (read >= 0) {
            position += read;
            reopens = read > 0 ? 0 : reopens;
            return read;
          }
          if (position >= file.size()) {
            return -1;
          }
          reason = "it ended early";
        } catch (IOException | SdkException | UncheckedIOException e) {
          reason = e.getMessage();
        }
        if (++reopens > REOPENS) {
          throw new IOException(
              "reading %s broke off after %,d of %,d bytes: %s"
                  .formatted(file.name(), position, file.size(), reason));
        }
        in.close();
        in = get();
      }
    }

    @Override
    public long skip(long bytes) throws IOException {
      long skipped = Math.clamp(bytes, 0, file.size() - position);
      if (skipped > WORTH_READING) {
        close();
        position += skipped;
        in = position < file.size() ? get() : InputStream.nullInputStream();
        return skipped;
      }
      return super.skip(bytes);
    }

    @Override
    public void close() throws IOException {
      // An unread rest is not worth being read: the SDK aborts the connection.
      if (in instanceof software.amazon.awssdk.http.Abortable rest && position < file.size()) {
        rest.abort();
      }
      in.close();
    }
  }
}
