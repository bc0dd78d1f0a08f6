package io.cryptoetl.datasets.files;

/**
 * Finds the elements of a JSON array in its bytes by brackets and strings alone, so that a damaged
 * element does not hide those after it.
 */
public final class JsonElements {
  /** The element goes on behind the bytes. */
  public static final int MORE = -1;

  private JsonElements() {}

  /** Where the next element, the end of the array, or the end of the bytes is. */
  public static int start(byte[] bytes, int from, int to) {
    int at = from;
    while (at < to && (bytes[at] == ',' || isSpace(bytes[at]))) {
      at++;
    }
    return at;
  }

  /** Where an element ends that begins at an index; {@link #MORE} if that cannot be seen. */
  public static int end(byte[] bytes, int start, int to) {
    int depth = 0;
    boolean string = false;
    for (int i = start; i < to; i++) {
      byte b = bytes[i];
      if (string) {
        if (b == '\\') {
          i++;
        } else if (b == '"') {
          string = false;
          if (depth == 0) {
            return i + 1;
          }
        }
        continue;
      }
      switch (b) {
        case '"' -> string = true;
        case '[', '{' -> depth++;
        case ']', '}' -> {
          if (depth == 0) {
            return i;
          }
          if (--depth == 0) {
            return i + 1;
          }
        }
        default -> {
          if (depth == 0 && (b == ',' || isSpace(b))) {
            return i;
          }
        }
      }
    }
    return MORE;
  }

  static boolean isSpace(byte b) {
    return b == ' ' || b == '\n' || b == '\r' || b == '\t';
  }
}
