package io.cryptoetl.console.files;

import io.cryptoetl.console.ConsoleConfig;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.UploadPartResponse;

/**
 * The location that people's files are put into: the backfill's inbox, a bucket or a folder. A file
 * is there whole or not at all.
 */
@ApplicationScoped
class Inbox {
  private static final String S3 = "s3://";

  /** Bytes that are held at once, and sent again if need be. */
  private static final long PART = 8L << 20;

  /** What S3 takes of one upload. */
  private static final int MAX_PARTS = 10_000;

  private final Optional<String> url;
  private final Supplier<S3Client> s3;

  @Inject
  Inbox(ConsoleConfig config, Instance<S3Client> s3) {
    this(config.inboxUrl().map(String::strip).filter(u -> !u.isEmpty()), s3::get);
  }

  Inbox(Optional<String> url, Supplier<S3Client> s3) {
    this.url = url;
    this.s3 = s3;
  }

  /** Where it is; empty if none is set. */
  Optional<String> url() {
    return url;
  }

  /**
   * Puts a file into it.
   *
   * @param path within it
   * @param bytes exactly as many as {@code length} says
   * @return its s3 URL or path
   */
  String put(List<String> path, InputStream bytes, long length) throws IOException {
    String base = url.orElseThrow();
    return base.startsWith(S3)
        ? put(base.substring(S3.length()), String.join("/", path), bytes, length)
        : put(Path.of(base), path, bytes, length);
  }

  private String put(String bucketAndPrefix, String path, InputStream bytes, long length)
      throws IOException {
    String[] parts = bucketAndPrefix.split("/", 2);
    String prefix = parts.length == 1 ? "" : parts[1].replaceFirst("/*$", "");
    String key = prefix.isEmpty() ? path : prefix + "/" + path;
    try {
      if (length <= PART) {
        RequestBody whole = RequestBody.fromBytes(next(bytes, length));
        s3.get().putObject(put -> put.bucket(parts[0]).key(key), whole);
      } else {
        putInParts(parts[0], key, bytes, length);
      }
    } catch (SdkException e) {
      throw new IOException("the S3 server did not take it: " + e.getMessage(), e);
    }
    return S3 + parts[0] + "/" + key;
  }

  /** In parts, so that what a connection loses can be sent again: people's bytes come once. */
  private void putInParts(String bucket, String key, InputStream bytes, long length)
      throws IOException {
    S3Client client = s3.get();
    long size = Math.max(PART, Math.ceilDiv(length, MAX_PARTS));
    String upload = client.createMultipartUpload(c -> c.bucket(bucket).key(key)).uploadId();
    try {
      List<CompletedPart> done = new ArrayList<>();
      for (long sent = 0; sent < length; sent += size) {
        int number = done.size() + 1;
        RequestBody part = RequestBody.fromBytes(next(bytes, Math.min(size, length - sent)));
        UploadPartResponse answer =
            client.uploadPart(
                u -> u.bucket(bucket).key(key).uploadId(upload).partNumber(number), part);
        done.add(CompletedPart.builder().partNumber(number).eTag(answer.eTag()).build());
      }
      client.completeMultipartUpload(
          c -> c.bucket(bucket).key(key).uploadId(upload).multipartUpload(m -> m.parts(done)));
    } catch (IOException | SdkException e) {
      try {
        client.abortMultipartUpload(a -> a.bucket(bucket).key(key).uploadId(upload));
      } catch (SdkException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private static byte[] next(InputStream bytes, long length) throws IOException {
    byte[] part = bytes.readNBytes(Math.toIntExact(length));
    if (part.length != length) {
      throw new EOFException("the file ended before the length that it was announced with");
    }
    return part;
  }

  private static String put(Path folder, List<String> path, InputStream bytes, long length)
      throws IOException {
    Path file = folder;
    for (String part : path) {
      file = file.resolve(part);
    }
    Files.createDirectories(file.getParent());
    // Names that begin with a dot are of nobody's interest to the backfill.
    Path unfinished = Files.createTempFile(file.getParent(), ".upload-", "");
    try {
      long copied = Files.copy(bytes, unfinished, StandardCopyOption.REPLACE_EXISTING);
      if (copied != length) {
        throw new IOException("%,d of %,d bytes came".formatted(copied, length));
      }
      Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(unfinished);
    }
    return file.toString();
  }
}
