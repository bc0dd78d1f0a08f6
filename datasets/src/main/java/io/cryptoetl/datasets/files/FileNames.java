package io.cryptoetl.datasets.files;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** What names of files tell, and of what. */
public final class FileNames {
  /** Ends of the names of files that hold the checksum of another one. */
  public static final List<String> CHECKSUMS = List.of(".CHECKSUM", ".sha256", ".md5");

  /** Ends of the names of files that somebody still writes. */
  private static final List<String> UNFINISHED =
      List.of(".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".swp");

  private FileNames() {}

  /**
   * Whether a file is data: not a marker, hidden, unfinished, or a checksum.
   *
   * @param path within a location, with slashes
   */
  public static boolean isData(String path) {
    String last = path.substring(path.lastIndexOf('/') + 1);
    return Stream.of(path.split("/", -1))
            .noneMatch(part -> part.startsWith(".") || part.startsWith("_"))
        && UNFINISHED.stream().noneMatch(last.toLowerCase(Locale.ROOT)::endsWith)
        && CHECKSUMS.stream().noneMatch(last::endsWith);
  }

  /**
   * Where in a location a file lies whose folders say what it means, as segments of a path.
   *
   * @param dataset of its rows; empty if header and first rows tell
   * @param parameters that neither rows nor name tell
   */
  public static List<String> meaning(
      Optional<String> dataset, Map<String, String> parameters, String name) {
    List<String> path = new ArrayList<>(dataset.stream().toList());
    new TreeMap<>(parameters)
        .forEach(
            (field, value) ->
                path.add(field + "=" + value.replace("%", "%25").replace("/", "%2F")));
    path.add(name);
    return path;
  }

  /**
   * A path at which there is no other file: this one, or one with a folder {@code 2}, {@code 3} and
   * so on before the name.
   *
   * @param taken whether another file is at a path
   */
  public static List<String> free(List<String> path, Predicate<List<String>> taken) {
    List<String> free = path;
    for (int n = 2; taken.test(free); n++) {
      free = new ArrayList<>(path);
      free.add(path.size() - 1, String.valueOf(n));
    }
    return free;
  }

  /**
   * The value of a folder such as {@code symbol=BTC%2FUSDT}, as Hive and Spark write what a name
   * cannot hold; empty for their mark of no value.
   */
  public static Optional<String> partition(String written) {
    if (written.equals("__HIVE_DEFAULT_PARTITION__") || written.isEmpty()) {
      return Optional.empty();
    }
    try {
      return Optional.of(URLDecoder.decode(written.replace("+", "%2B"), StandardCharsets.UTF_8));
    } catch (IllegalArgumentException e) {
      // A percent sign that begins nothing stands for itself.
      return Optional.of(written);
    }
  }
}
