package io.cryptoetl.console.files;

import io.cryptoetl.console.ConsoleConfig;
import io.cryptoetl.datasets.files.FileNames;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import jakarta.inject.Inject;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.function.Supplier;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.ContentStreamProvider;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.ChecksumAlgorithm;
import software.amazon.awssdk.services.s3.model.CompleteMultipartUploadRequest;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.NoSuchUploadException;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
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

  /** S3 wants to be told before the first part what parts have. */
  private static final ChecksumAlgorithm CHECKSUM = ChecksumAlgorithm.CRC32;

  private static final int NOT_FOUND = 404;
  private static final String OCTETS = "application/octet-stream";

  /** What S3 takes of one upload. */
  private static final int MAX_PARTS = 10_000;

  /** Keys that are being put. */
  private final Set<String> claimed = ConcurrentHashMap.newKeySet();

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
   * Puts a file into it. It never takes the place of another one of its name, which may not have
   * been read yet: it goes into a folder of its own then.
   *
   * @param path within it
   * @param bytes exactly as many as {@code length} says
   * @return its s3 URL or path
   */
  String put(List<String> path, InputStream bytes, long length) throws IOException {
    String base = url.orElseThrow();
    return base.startsWith(S3)
        ? put(base.substring(S3.length()), path, bytes, length)
        : put(Path.of(base), path, bytes, length);
  }

  private String put(String bucketAndPrefix, List<String> path, InputStream bytes, long length)
      throws IOException {
    String[] parts = bucketAndPrefix.split("/", 2);
    String prefix = parts.length == 1 ? "" : parts[1].replaceFirst("/*$", "");
    String key = "";
    try {
      S3Client client = s3.get();
      byte[] whole = length <= PART ? next(bytes, length) : null;
      key = claim(path, prefix, k -> isTaken(client, parts[0], k, whole));
      if (whole != null) {
        PutObjectRequest put = PutObjectRequest.builder().bucket(parts[0]).key(key).build();
        client.putObject(put, body(whole));
      } else {
        putInParts(parts[0], key, bytes, length);
      }
    } catch (SdkException e) {
      throw new IOException("the S3 server did not take it: " + e.getMessage(), e);
    } finally {
      claimed.remove(key);
    }
    return S3 + parts[0] + "/" + key;
  }

  /** A key at which there is no other file, and to which nobody puts one meanwhile. */
  private String claim(List<String> path, String prefix, Predicate<String> taken) {
    return key(
        prefix,
        FileNames.free(
            path,
            p -> {
              String key = key(prefix, p);
              if (!claimed.add(key)) {
                return true;
              }
              boolean isTaken = true;
              try {
                isTaken = taken.test(key);
              } finally {
                if (isTaken) {
                  claimed.remove(key);
                }
              }
              return isTaken;
            }));
  }

  private static String key(String prefix, List<String> path) {
    String last = String.join("/", path);
    return prefix.isEmpty() ? last : prefix + "/" + last;
  }

  /**
   * Whether there is another file.
   *
   * @param whole the bytes to be put; null if they are too many to be compared
   */
  private static boolean isTaken(S3Client client, String bucket, String key, byte[] whole) {
    try {
      String etag = client.headObject(h -> h.bucket(bucket).key(key)).eTag();
      return whole == null || !etag.replace("\"", "").equals(md5(whole));
    } catch (S3Exception e) {
      if (e.statusCode() == NOT_FOUND) {
        return false;
      }
      throw e;
    }
  }

  /** What S3 calls the ETag of an object that was put at once. */
  private static String md5(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("MD5").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has MD5", e);
    }
  }

  /** In parts, so that what a connection loses can be sent again: people's bytes come once. */
  private void putInParts(String bucket, String key, InputStream bytes, long length)
      throws IOException {
    S3Client client = s3.get();
    long size = Math.max(PART, Math.ceilDiv(length, MAX_PARTS));
    String upload =
        client
            .createMultipartUpload(c -> c.bucket(bucket).key(key).checksumAlgorithm(CHECKSUM))
            .uploadId();
    try {
      List<CompletedPart> done = new ArrayList<>();
      for (long sent = 0; sent < length; sent += size) {
        int number = done.size() + 1;
        RequestBody part = body(next(bytes, Math.min(size, length - sent)));
        UploadPartResponse answer =
            client.uploadPart(
                u ->
                    u.bucket(bucket)
                        .key(key)
                        .uploadId(upload)
                        .partNumber(number)
                        .checksumAlgorithm(CHECKSUM),
                part);
        done.add(
            CompletedPart.builder()
                .partNumber(number)
                .eTag(answer.eTag())
                .checksumCRC32(answer.checksumCRC32())
                .build());
      }
      complete(client, bucket, key, upload, done, length);
    } catch (IOException | SdkException e) {
      try {
        client.abortMultipartUpload(a -> a.bucket(bucket).key(key).uploadId(upload));
      } catch (SdkException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private static void complete(
      S3Client client,
      String bucket,
      String key,
      String upload,
      List<CompletedPart> parts,
      long length) {
    CompleteMultipartUploadRequest request =
        CompleteMultipartUploadRequest.builder()
            .bucket(bucket)
            .key(key)
            .uploadId(upload)
            .multipartUpload(m -> m.parts(parts))
            .build();
    try {
      try {
        client.completeMultipartUpload(request);
      } catch (SdkClientException e) {
        // Its answer came in part: the client does not ask again by itself.
        client.completeMultipartUpload(request);
      }
    } catch (NoSuchUploadException e) {
      // It was asked for before, and is an object by now.
      if (client.headObject(h -> h.bucket(bucket).key(key)).contentLength() != length) {
        throw e;
      }
    }
  }

  /** A body that can be sent again; nobody changes its bytes. */
  private static RequestBody body(byte[] bytes) {
    return RequestBody.fromContentProvider(
        ContentStreamProvider.fromByteArrayUnsafe(bytes), bytes.length, OCTETS);
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
    Files.createDirectories(folder);
    // Names that begin with a dot are of nobody's interest to the backfill.
    Path unfinished = Files.createTempFile(folder, ".upload-", "");
    try {
      long copied = Files.copy(bytes, unfinished, StandardCopyOption.REPLACE_EXISTING);
      if (copied != length) {
        throw new IOException("%,d of %,d bytes came".formatted(copied, length));
      }
      synchronized (Inbox.class) {
        Path file = file(folder, FileNames.free(path, p -> isTaken(file(folder, p), unfinished)));
        Files.createDirectories(file.getParent());
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
        return file.toString();
      }
    } finally {
      Files.deleteIfExists(unfinished);
    }
  }

  private static Path file(Path folder, List<String> path) {
    Path file = folder;
    for (String part : path) {
      file = file.resolve(part);
    }
    return file;
  }

  private static boolean isTaken(Path file, Path other) {
    try {
      return Files.exists(file) && Files.mismatch(file, other) >= 0;
    } catch (IOException e) {
      // What cannot be compared is not replaced.
      return true;
    }
  }
}
