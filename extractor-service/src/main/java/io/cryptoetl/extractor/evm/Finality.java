package io.cryptoetl.extractor.evm;

/** Which blocks of a chain count as settled, and may be read. */
public sealed interface Finality {
  /** Blocks that the chain's consensus has finalized. */
  record Finalized() implements Finality {}

  /** Blocks that the chain's consensus calls safe. */
  record Safe() implements Finality {}

  /**
   * Blocks that have this many blocks on top of them.
   *
   * @param blocks not negative
   */
  record Confirmations(int blocks) implements Finality {}

  /**
   * Reads a setting.
   *
   * @throws IllegalArgumentException with what is allowed, if it is something else
   */
  static Finality of(String text) {
    return switch (text) {
      case "finalized" -> new Finalized();
      case "safe" -> new Safe();
      default -> {
        if (!text.matches("[0-9]{1,6}")) {
          throw new IllegalArgumentException(
              "is '" + text + "', allowed are finalized, safe, or a number of confirmations");
        }
        yield new Confirmations(Integer.parseInt(text));
      }
    };
  }
}
