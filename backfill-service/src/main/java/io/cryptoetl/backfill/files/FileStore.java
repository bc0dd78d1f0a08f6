package io.cryptoetl.backfill.files;

import io.cryptoetl.datasets.files.RefusedException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.function.Consumer;

/** Files below one place: a prefix of a bucket, or a folder. */
public interface FileStore {
  /** Calls back with every file, a page at a time: there may be more than memory holds. */
  void list(Consumer<StoredFile> each) throws IOException;

  /** The version of a file that is there now; empty if there is none, or it is not below here. */
  Optional<StoredFile> find(String name) throws IOException;

  /** Fails if the store itself does not answer, whatever is in it. */
  void reach() throws IOException;

  /**
   * The bytes of a version, from the first one.
   *
   * @throws RefusedException {@code file_changed} if that version is not there any more, here or
   *     while it is read; {@code file_unreadable} if it must not be read
   */
  InputStream open(StoredFile file) throws IOException;

  /**
   * Some bytes of a version, exactly so many.
   *
   * @throws RefusedException as {@link #open} does
   */
  byte[] range(StoredFile file, long offset, int length) throws IOException;

  /** Whether that version is still there. */
  default boolean isCurrent(StoredFile file) throws IOException {
    return find(file.name()).map(f -> f.version().equals(file.version())).orElse(false);
  }

  /** What is thrown when a version is not there any more. */
  static RefusedException changed(String name) {
    return new RefusedException(
        "file_changed",
        name + " was replaced or removed since; what is there now is read by itself");
  }
}
