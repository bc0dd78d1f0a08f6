package io.cryptoetl.datasets;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The layouts that are known, by the name of their dataset. */
public final class Layouts {
  private static final String OWN = "/datasets/";
  private static final String SUFFIX = ".yaml";

  private final TreeMap<String, Layout> layouts = new TreeMap<>();

  private Layouts() {}

  /** The layouts that come with the service. */
  public static Layouts defaults() {
    Layouts known = new Layouts();
    try (InputStream index = Layouts.class.getResourceAsStream(OWN + "index.txt")) {
      List<String> names =
          new String(index.readAllBytes(), StandardCharsets.UTF_8).lines().toList();
      for (String name : names) {
        try (InputStream in = Layouts.class.getResourceAsStream(OWN + name + SUFFIX)) {
          known.layouts.put(name, Layout.read(name, in, name + SUFFIX));
        }
      }
    } catch (IOException e) {
      throw new IllegalStateException("the service's own layouts cannot be read", e);
    }
    return known;
  }

  /**
   * The layouts that come with the service and those of a folder; those of the folder replace
   * others of their name.
   *
   * @throws IllegalArgumentException that tells what is wrong with a file
   */
  public static Layouts with(Path folder) {
    Layouts known = defaults();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(f -> f.toString().endsWith(SUFFIX)).sorted().toList()) {
        String fileName = file.getFileName().toString();
        String name = fileName.substring(0, fileName.length() - SUFFIX.length());
        try (InputStream in = Files.newInputStream(file)) {
          known.layouts.put(name, Layout.read(name, in, file.toString()));
        }
      }
    } catch (IOException e) {
      throw new IllegalArgumentException(
          "TRANSFORMER_DATASETS_DIR names %s, which cannot be read: %s".formatted(folder, e), e);
    }
    return known;
  }

  /** One layout alone. */
  static Layouts only(Layout layout) {
    Layouts known = new Layouts();
    known.layouts.put(layout.name(), layout);
    return known;
  }

  /** A layout by its name. */
  public Optional<Layout> named(String name) {
    return Optional.ofNullable(layouts.get(name));
  }

  /**
   * Whether files may have a parameter.
   *
   * @param dataset whose rows; empty for those of any
   */
  public boolean takes(Optional<String> dataset, String parameter) {
    return layouts.values().stream()
        .filter(layout -> dataset.isEmpty() || dataset.get().equals(layout.name()))
        .anyMatch(layout -> layout.takes(parameter));
  }

  /** Names of all layouts, for people. */
  public String names() {
    return String.join(", ", layouts.keySet());
  }

  /** All layouts, by name. */
  public Collection<Layout> all() {
    return layouts.values();
  }
}
