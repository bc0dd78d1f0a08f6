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
 */
public record StoredFile(String name, String path, String version, long size, Instant modified) {
  /** The last part of its name. */
  public String lastName() {
    return name.substring(name.lastIndexOf('/') + 1);
  }
}
