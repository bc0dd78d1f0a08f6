package io.cryptoetl.extractor.planning;

/**
 * Ids of the dead letters of heights. An id is made of the place where something failed, so that a
 * repeat replaces it, and tells the height that it stands for.
 */
public final class Letters {
  private Letters() {}

  /**
   * The id for the answer of an endpoint.
   *
   * @param of what of the feed it is of; empty if the feed has one thing at each number
   */
  public static String id(String feed, long number, String of, String endpoint, String code) {
    return prefix(feed) + number + ":" + endpoint + ":" + code + (of.isEmpty() ? "" : ":" + of);
  }

  /** Whether an id that {@link #id} made is of this part of the feed. */
  public static boolean isOf(String id, String of) {
    return of.isEmpty() || id.endsWith(":" + of);
  }

  /** The height of an id that {@link #id} made for this feed. */
  static long number(String feed, String id) {
    String rest = id.substring(prefix(feed).length());
    return Long.parseLong(rest.substring(0, rest.indexOf(':')));
  }

  private static String prefix(String feed) {
    return "extract:" + feed + ":";
  }
}
