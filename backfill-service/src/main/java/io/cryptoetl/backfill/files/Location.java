package io.cryptoetl.backfill.files;

import io.cryptoetl.datasets.Layouts;
import io.cryptoetl.datasets.files.FileNames;
import java.nio.file.FileSystems;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;

/**
 * A place where files are dropped, and what they mean there. A folder of the name of a dataset says
 * what the files in it are, and folders like {@code chain_id=1} give parameters; routes say it for
 * files that lie differently.
 *
 * @param name of the location
 * @param url as it is configured
 * @param routes the first one that matches counts
 * @param layouts that are known
 */
public record Location(
    String name, String url, FileStore store, List<Route> routes, Layouts layouts) {
  /**
   * What some files mean.
   *
   * @param glob over paths within the location
   * @param dataset empty if header and first rows shall tell
   */
  public record Route(
      String name, String glob, Optional<String> dataset, Map<String, String> parameters) {
    boolean matches(String path) {
      try {
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + glob);
        return matcher.matches(Path.of(path));
      } catch (InvalidPathException e) {
        return false;
      }
    }
  }

  /**
   * What a file means.
   *
   * @param dataset empty if header and first rows shall tell
   */
  public record Meaning(Optional<String> dataset, Map<String, String> parameters) {}

  /** What a file means by its path. */
  public Meaning meaning(StoredFile file) {
    List<String> folders = List.of(file.path().split("/", -1));
    folders = folders.subList(0, folders.size() - 1);
    Optional<Route> route = routes.stream().filter(r -> r.matches(file.path())).findFirst();
    Optional<String> dataset =
        route
            .flatMap(Route::dataset)
            .or(() -> lastOf(file, name -> layouts.named(name).isPresent()));
    Map<String, String> parameters = new HashMap<>();
    for (String folder : folders) {
      int equals = folder.indexOf('=');
      // Others divide files, as date=2024-01-01 does, and are no fields.
      if (equals > 0 && layouts.takes(dataset, folder.substring(0, equals))) {
        FileNames.partition(folder.substring(equals + 1))
            .ifPresent(value -> parameters.put(folder.substring(0, equals), value));
      }
    }
    route.ifPresent(r -> parameters.putAll(r.parameters()));
    return new Meaning(dataset, Map.copyOf(parameters));
  }

  private static Optional<String> lastOf(StoredFile file, Predicate<String> folder) {
    String[] parts = file.path().split("/", -1);
    for (int i = parts.length - 2; i >= 0; i--) {
      if (folder.test(parts[i])) {
        return Optional.of(parts[i]);
      }
    }
    return Optional.empty();
  }
}
