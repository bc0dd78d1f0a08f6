package io.cryptoetl.datasets.files;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** The bytes of a file, from the first one or from any. */
public interface FileSource {
  /** All bytes; whoever opens it closes it. */
  InputStream open() throws IOException;

  /** How many there are. */
  long length();

  /** Some of them, exactly so many. */
  byte[] range(long offset, int length) throws IOException;

  /** A file of this machine. */
  static FileSource of(Path file) throws IOException {
    long size = Files.size(file);
    return new FileSource() {
      @Override
      public InputStream open() throws IOException {
        return Files.newInputStream(file);
      }

      @Override
      public long length() {
        return size;
      }

      @Override
      public byte[] range(long offset, int length) throws IOException {
        return FileSource.range(file, offset, length);
      }
    };
  }

  /** A small file, read once. */
  static FileSource of(FileSource file) throws IOException {
    byte[] bytes;
    try (InputStream in = file.open()) {
      bytes = in.readAllBytes();
    }
    return new FileSource() {
      @Override
      public InputStream open() {
        return new ByteArrayInputStream(bytes);
      }

      @Override
      public long length() {
        return bytes.length;
      }

      @Override
      public byte[] range(long offset, int length) throws IOException {
        if (offset + length > bytes.length) {
          throw new EOFException("it ends before byte %,d".formatted(offset + length));
        }
        return Arrays.copyOfRange(bytes, (int) offset, (int) offset + length);
      }
    };
  }

  /** Some bytes of a file of this machine. */
  static byte[] range(Path file, long offset, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    try (SeekableByteChannel channel = Files.newByteChannel(file)) {
      channel.position(offset);
      while (bytes.hasRemaining()) {
        if (channel.read(bytes) < 0) {
          throw new IOException(
              "%s ends before byte %,d".formatted(file.getFileName(), offset + length));
        }
      }
    }
    return bytes.array();
  }
}
