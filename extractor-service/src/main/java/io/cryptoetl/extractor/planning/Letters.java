package io.cryptoetl.extractor.planning;

/**
 * Ids of the dead letters of heights. An id is made of the place where something failed, so that a
 * repeat replaces it, and tells the height that it stands for.
 */
public final class Letters {
  private Letters() {}

  /** The id for the answer of an endpoint. */
  public static String id(String feed, long number, String endpoint, String code) {
    return prefix(feed) + number + ":" + endpoint + ":" + code;
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
