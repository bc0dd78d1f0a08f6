package io.cryptoetl.local.cli;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Shows the lines that are added to a log. */
final class LogFollower {
  private final Path log;
  private final Screen screen;
  private long shown;

  LogFollower(Path log, Screen screen) {
    this.log = log;
    this.screen = screen;
  }

  /** Shows the whole lines that have come since the last call. */
  void show() throws IOException {
    if (!Files.exists(log)) {
      return;
    }
    try (RandomAccessFile file = new RandomAccessFile(log.toFile(), "r")) {
      file.seek(shown);
      byte[] added = new byte[(int) Math.min(Integer.MAX_VALUE - 8, file.length() - shown)];
      file.readFully(added);
      String text = new String(added, StandardCharsets.UTF_8);
      int end = text.lastIndexOf('\n') + 1;
      text.substring(0, end).lines().forEach(screen::line);
      shown += text.substring(0, end).getBytes(StandardCharsets.UTF_8).length;
    }
  }
}
