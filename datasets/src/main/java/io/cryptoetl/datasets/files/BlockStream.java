package io.cryptoetl.datasets.files;

import java.io.IOException;
import java.io.InputStream;

/**
 * A stream over another one that sees all that is read of it: single bytes and what is skipped go
 * the same way as blocks.
 */
public abstract class BlockStream extends InputStream {
  /** What is read. */
  protected InputStream in;

  private final byte[] single = new byte[1];

  /** A stream over another one. */
  protected BlockStream(InputStream in) {
    this.in = in;
  }

  @Override
  public final int read() throws IOException {
    return read(single, 0, 1) < 0 ? -1 : single[0] & 0xFF;
  }

  @Override
  public abstract int read(byte[] to, int from, int length) throws IOException;

  @Override
  public void close() throws IOException {
    in.close();
  }
}
