package io.cryptoetl.extractor.endpoint;

/**
 * A limit that finds its value: additive up with each success, multiplicative down with each
 * failure. Not safe for use by several threads.
 */
final class Aimd {
  private static final double DOWN = 0.5;

  private final double least;
  private final double most;
  private double value;

  /**
   * A limit.
   *
   * @param start where it begins, within {@code least} and {@code most}
   */
  Aimd(double least, double start, double most) {
    this.least = least;
    this.most = most;
    this.value = Math.clamp(start, least, most);
  }

  int value() {
    return (int) value;
  }

  /** One success of {@code value()} that make a round: a round adds one. */
  void up() {
    value = Math.min(most, value + 1 / value);
  }

  void down() {
    value = Math.max(least, value * DOWN);
  }
}
