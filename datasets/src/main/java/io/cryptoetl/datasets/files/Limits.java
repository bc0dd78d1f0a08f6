package io.cryptoetl.datasets.files;

/**
 * What a file may be at most.
 *
 * @param rowBytes bytes of a row; a record of raw.csv.rows takes 16 MiB
 * @param expansion how many times larger than packed a file may be when it is unpacked; the first
 *     64 MiB are free
 * @param members files in an archive
 */
public record Limits(int rowBytes, int expansion, int members) {
  /** What fits files that people have: CSV packs to a tenth, seldom to a fiftieth. */
  public static final Limits DEFAULT = new Limits(8 * 1024 * 1024, 200, 10_000);
}
