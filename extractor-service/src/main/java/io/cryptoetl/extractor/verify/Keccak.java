package io.cryptoetl.extractor.verify;

import org.bouncycastle.crypto.digests.KeccakDigest;

/** Keccak-256 as Ethereum uses it. Not safe for use by several threads. */
final class Keccak {
  private final KeccakDigest digest = new KeccakDigest(256);

  byte[] hash(byte[] data) {
    return hash(data, 0, data.length);
  }

  byte[] hash(byte[] data, int from, int length) {
    digest.update(data, from, length);
    byte[] hash = new byte[32];
    digest.doFinal(hash, 0);
    return hash;
  }
}
