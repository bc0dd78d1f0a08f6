package io.cryptoetl.local.parts;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;

/** Secrets that a data folder keeps for itself, each in a file that its owner alone can read. */
public final class Secrets {
  private static final int RANDOM_BYTES = 32;

  private Secrets() {}

  /** A secret; one is made if there is none. */
  public static String of(Layout layout, String name) throws IOException {
    Path file = Files.createDirectories(layout.data()).resolve(name);
    if (!Files.exists(file)) {
      Path fresh =
          Files.createTempFile(
              layout.data(),
              name,
              "",
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
      Files.writeString(fresh, random());
      try {
        Files.move(fresh, file);
      } catch (FileAlreadyExistsException e) {
        Files.delete(fresh);
      }
    }
    return Files.readString(file);
  }

  static String random() {
    byte[] bytes = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
