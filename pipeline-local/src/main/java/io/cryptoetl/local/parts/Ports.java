package io.cryptoetl.local.parts;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The port of each part, all on 127.0.0.1. */
public final class Ports {
  /** What listens. */
  public enum Name {
    NODE(18545),
    KAFKA(19092),
    CONTROLLER(19093),
    REGISTRY(18081),
    REGISTRY_MANAGEMENT(18082),
    CONNECT(18083),
    POSTGRES(15432),
    EXTRACTOR(18090),
    TRANSFORMER(18091),
    BACKFILL(18092),
    S3(18093),
    CONSOLE(18094);

    private final int standard;

    Name(int standard) {
      this.standard = standard;
    }

    /** The name as it is written on the command line. */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  private static final int SLICES_FROM = 20_000;
  private static final int SLICES = 48;
  private static final int SLICE = 250;

  private final Map<Name, Integer> ports;

  private Ports(Map<Name, Integer> ports) {
    this.ports = ports;
  }

  /**
   * The standard ports, but for those that are chosen.
   *
   * @param chosen port by name
   * @throws IllegalArgumentException if a name is not known or a port is not one
   */
  public static Ports of(Map<String, Integer> chosen) {
    Map<Name, Integer> ports = new EnumMap<>(Name.class);
    for (Name name : Name.values()) {
      ports.put(name, name.standard);
    }
    chosen.forEach(
        (text, port) -> {
          Name name =
              Stream.of(Name.values())
                  .filter(n -> n.text().equals(text))
                  .findFirst()
                  .orElseThrow(
                      () ->
                          new IllegalArgumentException(
                              "there is no port named '%s', there are: %s"
                                  .formatted(text, names())));
          if (port < 1 || port > 65535) {
            throw new IllegalArgumentException(
                "port %s is %d, allowed is 1 to 65535".formatted(text, port));
          }
          ports.put(name, port);
        });
    return new Ports(ports);
  }

  /**
   * Ports that are free now, of a slice that is this process's own, below those that systems give
   * to outgoing connections: nobody takes one before its part listens.
   */
  public static Ports free() {
    Map<Name, Integer> ports = new EnumMap<>(Name.class);
    int first = SLICES_FROM + (int) (ProcessHandle.current().pid() % SLICES) * SLICE;
    int next = ThreadLocalRandom.current().nextInt(SLICE);
    for (Name name : Name.values()) {
      int tries = 0;
      while (!isFree(first + next)) {
        next = (next + 1) % SLICE;
        if (++tries > SLICE) {
          throw new IllegalStateException(
              "no port from %d to %d is free".formatted(first, first + SLICE));
        }
      }
      ports.put(name, first + next);
      next = (next + 1) % SLICE;
    }
    return new Ports(ports);
  }

  public int get(Name name) {
    return ports.get(name);
  }

  /** Port by name, as {@link #of} takes them. */
  public Map<String, Integer> toMap() {
    return ports.entrySet().stream()
        .collect(Collectors.toMap(e -> e.getKey().text(), Map.Entry::getValue));
  }

  /** Whether nothing listens on the port. */
  public static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static String names() {
    return Stream.of(Name.values()).map(Name::text).collect(Collectors.joining(", "));
  }
}
