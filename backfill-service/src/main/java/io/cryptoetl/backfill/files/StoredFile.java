package io.cryptoetl.backfill.files;

import java.time.Instant;

/**
 * A version of a file in a store.
 *
 * @param name where it is: its s3 URL or its path
 * @param path within its location, with slashes
 * @param version what tells versions under one name apart
 * @param size as it is stored, in bytes
 * @param modified as its store tells
 * @param alone whether it was seen that no checksum is beside it
 */
public record StoredFile(
    String name, String path, String version, long size, Instant modified, boolean alone) {
  /** The same, of which that is known. */
  StoredFile alone(boolean isAlone) {
    return new StoredFile(name, path, version, size, modified, isAlone);
  }

  /** The last part of its name. */
  public String lastName() {
    return name.substring(name.lastIndexOf('/') + 1);
  }
}
