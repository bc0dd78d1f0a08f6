package io.cryptoetl.console.files;

import io.cryptoetl.console.ConsoleConfig;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Instance;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.services.s3.S3Client;

/**
 * The location that people's files are put into: the backfill's inbox, a bucket or a folder. A file
 * is there whole or not at all.
 */
@ApplicationScoped
class Inbox {
  private static final String S3 = "s3://";

  private final Optional<String> url;
  private final Instance<S3Client> s3;

  Inbox(ConsoleConfig config, Instance<S3Client> s3) {
    this.url = config.inboxUrl().map(String::strip).filter(u -> !u.isEmpty());
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
      s3.get()
          .putObject(
              put -> put.bucket(parts[0]).key(key), RequestBody.fromInputStream(bytes, length));
    } catch (SdkException e) {
      throw new IOException("the S3 server did not take it: " + e.getMessage(), e);
    }
    return S3 + parts[0] + "/" + key;
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
